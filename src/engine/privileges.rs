//! Whether the roles have what the playbooks need: found at the start, not when a playbook is first due,
//! and told once each way.

use super::health::told;
use super::ownership::Witness;
use super::target::{Mail, Task};
use super::world::World;
use crate::model::record::Draft;
use crate::model::{Kind, Mode, Ownership, Server};
use std::sync::Arc;

/// What was missing when last looked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Privileges {
    missing: Option<Missing>,
}

impl Privileges {
    /// For `pgmedic status`; none when nothing is missing.
    #[must_use]
    pub fn trouble(&self) -> Option<&'static str> {
        self.missing.map(|missing| missing.what)
    }

    /// The server was looked at. The record of it, when people should know.
    pub fn seen(&mut self, world: &World, server: &Server) -> Option<Draft> {
        let now = missing(world, server);
        let before = std::mem::replace(&mut self.missing, now);
        let target = &world.target.name;
        match (before, now) {
            (before, Some(Missing { what, role, why })) if before != now => {
                let lines = vec![why.to_owned(), format!("Run: GRANT {what} TO the role that {role}.")];
                let all = "`pgmedic grants` prints all that its roles need.".to_owned();
                Some(told(target, &format!("target {target}: {what} is missing"), [lines, vec![all]].concat()))
            }
            (Some(Missing { what, .. }), None) => {
                Some(told(target, &format!("target {target}: {what} is there now"), Vec::new()))
            }
            _ => None,
        }
    }
}

impl Task {
    /// A look for no run: so what is missing is known before a playbook is due, and that a target is back.
    pub(super) fn look_at_server(&self) {
        if !self.shared.triggers {
            return;
        }
        let (driver, clock, me) = (self.driving.now(), self.shared.clock.clone(), self.me.clone());
        tokio::spawn(async move {
            let seen = super::look::server(&*driver, &*clock).await;
            drop(me.send(Mail::Seen(driver, seen.map(Box::new))).await);
        });
    }

    /// Such a look ended.
    pub(super) fn seen(&mut self, driver: &Arc<Witness>, seen: Result<Box<Server>, String>) {
        // Where the target was before a reload is no news of where it is now; the reload has begun a look of its own.
        if !self.driving.is_now(driver) {
            return;
        }
        let (target, now) = (self.world.target.name.clone(), self.shared.clock.now());
        let news = match &seen {
            Ok(_) => self.health.succeeded(&target, now),
            Err(why) => self.health.failed(&target, why, now),
        };
        self.tell(news);
        if let Ok(server) = seen {
            self.saw(&server);
        }
    }

    /// What a look says of the server itself is remembered; people are told of what is missing.
    pub(super) fn saw(&mut self, server: &Server) {
        self.version_num = Some(server.version_num);
        self.in_recovery = Some(server.in_recovery);
        self.sibling = match &server.ownership {
            Ownership::Sibling(other) => Some(other.clone()),
            _ => None,
        };
        let news = self.privileges.seen(&self.world, server);
        self.tell(news);
    }
}

/// What is missing: its name, which role lacks it, and what follows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Missing {
    what: &'static str,
    role: &'static str,
    why: &'static str,
}

const MONITOR: Missing = Missing {
    what: "pg_monitor",
    role: "reads",
    why: "The server hides from it what others do, so nothing is concluded or done there.",
};
const ACTING_MONITOR: Missing = Missing {
    what: "pg_monitor",
    role: "acts",
    why: "The server hides from it what others do: it would take what still runs for gone, so nothing is done there.",
};
const SIGNAL: Missing =
    Missing { what: "pg_signal_backend", role: "acts", why: "No session can be cancelled or terminated there." };

fn missing(world: &World, server: &Server) -> Option<Missing> {
    if !server.privileges.monitor {
        return Some(MONITOR);
    }
    let acting = world.playbooks.iter().filter(|p| p.enabled && p.mode > Mode::Observe && world.acts());
    let signals = acting.flat_map(|p| p.rungs()).any(|rung| rung.action.kind == Kind::Backend);
    if signals && !server.privileges.signal_backend {
        return Some(SIGNAL);
    }
    (signals && !server.privileges.acting_monitor).then_some(ACTING_MONITOR)
}
