//! Who else had the right to act on a target, as the log remembers it: what another pgmedic did there is in no
//! log of ours.

use super::record::{Draft, Record};
use super::time::{before, since};
use super::{Duration, History, Ownership, Timestamp, history};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value as Json};
use std::collections::BTreeMap;

/// What was last seen of the right to act on a target that another pgmedic has or had.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "state")]
pub enum Right {
    /// Another session holds it.
    StandsBy {
        /// Who, in words.
        holder: String,
        /// Since when this pgmedic stands by.
        since: Timestamp,
    },
    /// This pgmedic took it over.
    TookOver {
        /// From whom, in words.
        from: String,
        /// When.
        at: Timestamp,
    },
}

/// A change of hands, as the evidence of a `lifecycle` record names it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "change")]
pub enum Change {
    /// Another session was seen to hold the right to act.
    StandsBy {
        /// Who, in words.
        holder: String,
    },
    /// It was free again, and this pgmedic has it now.
    TookOver {
        /// From whom, in words.
        holder: String,
    },
}

/// The name of a change of hands in a record's evidence.
const EVIDENCE: &str = "right_to_act";

/// What a look says of the right to act that is news after what was known. A session of its own that was lost and
/// opened again changes no hands.
#[must_use]
pub fn change(known: Option<&Right>, seen: &Ownership) -> Option<Change> {
    match (known, seen) {
        (None | Some(Right::TookOver { .. }), Ownership::Elsewhere(holder)) => {
            Some(Change::StandsBy { holder: holder.clone() })
        }
        (Some(Right::StandsBy { holder, .. }), Ownership::Held) => Some(Change::TookOver { holder: holder.clone() }),
        _ => None,
    }
}

impl Change {
    /// Puts it into a record's evidence beside its message, from where it is folded.
    pub fn put_into(&self, draft: &mut Draft) {
        // Two words and a text always serialise.
        let json = serde_json::to_value(self).unwrap_or_default();
        if let Json::Object(map) = draft.evidence.get_or_insert_with(|| Json::Object(Map::new())) {
            map.insert(EVIDENCE.to_owned(), json);
        }
    }

    /// What it makes of what was known, at a moment.
    #[must_use]
    pub fn right(self, at: Timestamp) -> Right {
        match self {
            Change::StandsBy { holder } => Right::StandsBy { holder, since: at },
            Change::TookOver { holder } => Right::TookOver { from: holder, at },
        }
    }
}

/// Folds a `lifecycle` record in, if it tells of a change of hands.
pub(super) fn fold(rights: &mut BTreeMap<String, Right>, record: &Record) {
    let told = record.body.evidence.as_ref().and_then(|evidence| evidence.get(EVIDENCE));
    let change = told.and_then(|json| serde_json::from_value::<Change>(json.clone()).ok());
    if let (Some(target), Some(change)) = (&record.body.target, change) {
        rights.insert(target.clone(), change.right(record.time));
    }
}

/// Drops takeovers for which no playbook can wait any more.
pub(super) fn forget(rights: &mut BTreeMap<String, Right>, now: Timestamp) {
    let oldest = before(now, history::LONGEST_COOLDOWN);
    rights.retain(|_, right| !matches!(right, Right::TookOver { at, .. } if *at < oldest));
}

impl History {
    /// From whom this pgmedic took the target over, and how long ago.
    #[must_use]
    pub fn took_over(&self, target: &str, now: Timestamp) -> Option<(&str, Duration)> {
        match self.rights.get(target)? {
            Right::TookOver { from, at } => Some((from, since(now, *at))),
            Right::StandsBy { .. } => None,
        }
    }

    /// The target's own, and the last takeover of any: what a decision on the target can ask for.
    pub(super) fn rights_of(&self, target: &str) -> BTreeMap<String, Right> {
        let moment = |right: &Right| match right {
            Right::TookOver { at, .. } => Some(*at),
            Right::StandsBy { .. } => None,
        };
        let last = self.rights.iter().filter(|(_, right)| moment(right).is_some()).max_by_key(|(_, r)| moment(r));
        let own = self.rights.get_key_value(target);
        last.into_iter().chain(own).map(|(name, right)| (name.clone(), right.clone())).collect()
    }

    /// How long ago the last takeover was, of any target.
    #[must_use]
    pub fn last_takeover(&self, now: Timestamp) -> Option<Duration> {
        self.rights.keys().filter_map(|target| self.took_over(target, now)).map(|(_, ago)| ago).min()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::RecordKind;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(1_790_000_000 + second).unwrap()
    }

    fn elsewhere() -> Ownership {
        Ownership::Elsewhere("pid 7".to_owned())
    }

    /// Folds what each look in turn says, one a second.
    fn after(looks: &[Ownership]) -> (History, Vec<Change>) {
        let (mut history, mut changes) = (History::default(), Vec::new());
        for (second, seen) in (0..).zip(looks) {
            let Some(change) = change(history.rights.get("orders"), seen) else { continue };
            let mut body = Draft { target: Some("orders".to_owned()), ..Draft::new(RecordKind::Lifecycle) };
            change.put_into(&mut body);
            history.apply(&Record { seq: 1, time: at(second), body });
            changes.push(change);
        }
        (history, changes)
    }

    #[test]
    fn only_what_another_was_seen_to_hold_is_taken_over() {
        use Ownership::{Held, NotNeeded, Unknown};
        let unknown = || Unknown("connection refused".to_owned());
        let (history, changes) = after(&[Held, unknown(), Held, NotNeeded, Held]);
        assert_eq!((history, changes), (History::default(), Vec::new()));
        let (history, changes) = after(&[unknown(), elsewhere(), unknown(), elsewhere(), Held, Held]);
        let holder = || "pid 7".to_owned();
        assert_eq!(changes, [Change::StandsBy { holder: holder() }, Change::TookOver { holder: holder() }]);
        assert_eq!(history.took_over("orders", at(64)), Some(("pid 7", Duration::from_mins(1))));
        assert_eq!(history.took_over("crm", at(64)), None);
        assert_eq!(history.last_takeover(at(64)), Some(Duration::from_mins(1)));
    }

    #[test]
    fn whoever_loses_it_stands_by_again_and_takes_over_again() {
        let (history, changes) = after(&[elsewhere(), Ownership::Held, elsewhere(), Ownership::Held]);
        assert_eq!(changes.len(), 4);
        assert_eq!(history.took_over("orders", at(3)), Some(("pid 7", Duration::ZERO)));
    }

    #[test]
    fn a_takeover_is_forgotten_when_no_cooldown_is_that_long() {
        let (mut history, _) = after(&[elsewhere(), Ownership::Held]);
        let later = |hours: i64| Record { seq: 2, time: at(hours * 3600), body: Draft::new(RecordKind::Trigger) };
        history.apply(&later(167));
        assert_eq!(history.rights.len(), 1);
        history.apply(&later(169));
        assert_eq!(history.rights.len(), 0);
        let (mut history, _) = after(&[elsewhere()]);
        history.apply(&later(1000));
        assert_eq!(history.rights.len(), 1, "one that stands by does so until it sees the right free");
    }
}
