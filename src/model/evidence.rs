//! The part of the history that a run's decisions rest on, small enough to be recorded with them.

use super::{Class, History};
use std::collections::BTreeMap;

impl History {
    /// What decisions of a playbook on a target about these candidates can ask for: replaying them
    /// needs no more.
    #[must_use]
    pub fn evidence(&self, target: &str, playbook: &str, candidates: &[String]) -> History {
        let wanted = |key: &String| candidates.contains(key);
        History {
            // Maintenance of other runs is limited by what is open, not by what was.
            intents: self.intents.iter().filter(|i| i.class != Class::Maintenance).cloned().collect(),
            open: self.open.iter().filter(|((t, c), _)| t == target && wanted(c)).map(pair).collect(),
            ended: self
                .ended
                .iter()
                .filter(|((t, p, c), _)| t == target && p == playbook && wanted(c))
                .map(pair)
                .collect(),
            pauses: self.pauses.clone(),
            unverified: BTreeMap::new(),
            told: BTreeMap::new(),
            rights: self.rights_of(target),
        }
    }
}

fn pair<K: Clone, V: Clone>((key, value): (&K, &V)) -> (K, V) {
    (key.clone(), value.clone())
}
