//! What one target task works with; a reload replaces it as a whole.

use super::load::Loaded;
use crate::channels;
use crate::config::{Channel, Policy, Target};
use crate::model::Draft;
use crate::playbook::Playbook;
use crate::schedule::Plan;
use std::sync::Arc;

/// One target's configuration, its playbooks and when they are due.
#[derive(Clone)]
pub struct World {
    /// The target.
    pub target: Target,
    /// What holds on it.
    pub policy: Arc<Policy>,
    /// Playbooks that select it, as the target's variables and overrides make them.
    pub playbooks: Vec<Arc<Playbook>>,
    /// Channels of playbooks that name none.
    pub notify: Vec<String>,
    /// All channels, to know which of them want a message.
    pub channels: Arc<Vec<Channel>>,
    /// Triggers of enabled playbooks: index into `playbooks`, the trigger as a record shows it, its plan.
    pub triggers: Vec<(usize, crate::model::record::Trigger, Plan)>,
}

impl World {
    /// The world of each target of a configuration, in its order.
    ///
    /// # Errors
    /// A trigger that cannot be planned; the loader's checks make that a fault in the check.
    pub fn of(loaded: &Loaded) -> Result<Vec<World>, String> {
        let channels = Arc::new(loaded.config.channels.clone());
        let playbooks: Vec<Arc<Playbook>> = loaded.playbooks.iter().cloned().map(Arc::new).collect();
        let of_target = |target: &Target| {
            // An override may also change where a playbook runs.
            let here = playbooks.iter().map(|p| loaded.at(&target.name, p));
            let selected: Vec<Arc<Playbook>> =
                here.filter(|p| p.targets.selects(&target.name, &target.labels)).cloned().collect();
            let policy = loaded.config.policy(target);
            let triggers = triggers(&selected, &policy, &target.name)?;
            Ok(World {
                target: target.clone(),
                policy: Arc::new(policy),
                playbooks: selected,
                notify: loaded.config.notify.clone(),
                channels: channels.clone(),
                triggers,
            })
        };
        loaded.config.targets.iter().map(of_target).collect()
    }

    /// A playbook that selects this target.
    #[must_use]
    pub fn playbook(&self, name: &str) -> Option<&Arc<Playbook>> {
        self.playbooks.iter().find(|p| p.name == name)
    }

    /// Whether anything here may ever act, so that the right to act is asked for.
    #[must_use]
    pub fn acts(&self) -> bool {
        self.policy.daemon_mode.min(self.target.mode) > crate::model::Mode::Observe
    }

    /// Channels that hear of a playbook.
    #[must_use]
    pub fn notify(&self, playbook: &Playbook) -> Vec<String> {
        playbook.notify.clone().unwrap_or_else(|| self.notify.clone())
    }
}

fn triggers(
    playbooks: &[Arc<Playbook>],
    policy: &Policy,
    target: &str,
) -> Result<Vec<(usize, crate::model::record::Trigger, Plan)>, String> {
    let mut all = Vec::new();
    for (i, playbook) in playbooks.iter().enumerate().filter(|(_, p)| p.enabled) {
        for trigger in &playbook.triggers {
            let key = format!("{}@{target}", playbook.name);
            let plan = Plan::new(trigger, &policy.windows, &policy.timezone, &key)
                .map_err(|why| format!("{}: {why}", playbook.name))?;
            all.push((i, named(trigger), plan));
        }
    }
    Ok(all)
}

fn named(trigger: &crate::playbook::Trigger) -> crate::model::record::Trigger {
    use crate::playbook::Trigger;
    let (kind, detail) = match trigger {
        Trigger::Every { every, .. } => ("every", crate::model::time::in_words(*every)),
        Trigger::Cron { expression, .. } => ("cron", expression.clone()),
        Trigger::Window { name, .. } => ("window", name.clone()),
    };
    crate::model::record::Trigger { kind: kind.to_owned(), detail, nominal: None }
}

/// Leaves in a draft's `notify` only the channels that want its message.
pub fn address(channels: &[Channel], draft: &mut Draft) {
    let notice = draft.notice();
    let wants = |name: &String| {
        let channel = channels.iter().find(|c| c.name == *name);
        matches!((channel, &notice), (Some(channel), Some(notice)) if channels::wants(channel, notice))
    };
    draft.notify.retain(wants);
}
