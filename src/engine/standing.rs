//! How a target stands, for `pgmedic status`.

use super::api::{RunStatus, TargetStatus};
use super::target::{Live, Standing, Task};
use std::collections::BTreeMap;

impl Task {
    fn state(&self) -> String {
        match (self.health.trouble(), self.privileges.trouble(), self.version_num) {
            (Some(why), _, _) => why.to_owned(),
            (None, Some(what), Some(_)) => format!("up, but {what} is missing"),
            (None, None, Some(_)) => match &self.sibling {
                Some(other) => format!("up, but only observed: target {other} is the same server and acts there"),
                None => "up".to_owned(),
            },
            (None, _, None) => "not looked at yet".to_owned(),
        }
    }

    /// How it stands, for people.
    pub(super) fn standing(&self) -> Standing {
        let mut next = BTreeMap::new();
        for ticker in &self.tickers {
            if let (Some(playbook), Some(at)) = (self.world.playbooks.get(ticker.playbook), ticker.wakes()) {
                let entry = next.entry(playbook.name.clone()).or_insert(at);
                *entry = at.min(*entry);
            }
        }
        let doing = |live: &Live| RunStatus {
            run: live.run.brief.id.clone(),
            playbook: live.run.brief.playbook.name.clone(),
            doing: live.run.doing(),
        };
        let target = TargetStatus {
            name: self.world.target.name.clone(),
            mode: self.world.target.mode,
            state: self.state(),
            version_num: self.version_num,
            role: self.in_recovery.map(|standby| if standby { "standby" } else { "primary" }.to_owned()),
            // The log knows it; whoever asks puts it in.
            right_to_act: None,
            runs: self.runs.values().map(doing).collect(),
        };
        Standing { target, next, last: self.last.clone() }
    }
}
