//! Somebody said to stand still.

use super::{Answer, Guard, Scene, Scope};
use crate::model::history::PAUSED_FILE;

/// The guard `paused`.
pub(super) struct Paused;

impl Guard for Paused {
    fn name(&self) -> &'static str {
        "paused"
    }

    fn about(&self) -> &'static str {
        "Nothing is done while `pgmedic pause` covers this playbook on this target, or while pgmedic's role on the \
         server has `pgmedic.paused` set (`ALTER ROLE … SET pgmedic.paused = 'why'`; `RESET` lets it go on). The file \
         `PAUSED` in the data directory stops every action as well: the log's writer looks for it before each one."
    }

    fn scope(&self) -> Scope {
        Scope::Run
    }

    fn check(&self, scene: &Scene) -> Option<Answer> {
        if let Some(pause) = scene.history.paused(&scene.facts.target, &scene.playbook.name, scene.now) {
            return Some(Answer::Stop(told(pause)));
        }
        let why = scene.facts.server.paused_by_role.as_ref()?;
        Some(Answer::Stop(format!("`pgmedic.paused` is set on pgmedic's role in the server: {why}")))
    }
}

/// A pause in words.
#[must_use]
pub fn told(pause: &crate::model::history::Pause) -> String {
    let by_file = pause.actor == PAUSED_FILE;
    let until = pause.until.map_or_else(
        || if by_file { "until it is removed" } else { "until `pgmedic resume`" }.to_owned(),
        |until| format!("until {}", until.strftime("%Y-%m-%d %H:%M UTC")),
    );
    let reason = if pause.reason.is_empty() { "no reason given" } else { &pause.reason };
    format!("paused by {} since {}, {until}: {reason}", pause.actor, pause.since.strftime("%Y-%m-%d %H:%M UTC"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::guards::fixture::{World, at};
    use crate::model::history::{Pause, Scope as Covers};

    fn paused(target: Option<&str>, until: Option<&str>) -> World {
        let mut world = World::of_a_query();
        let scope = Covers { target: target.map(str::to_owned), playbook: None };
        let pause = Pause {
            actor: "user:alice".to_owned(),
            reason: "migration".to_owned(),
            since: at("2026-11-24T01:00:00Z"),
            until: until.map(at),
        };
        world.history.pauses.insert(scope, pause);
        world
    }

    #[test]
    fn a_pause_says_who_why_and_until_when() {
        insta::assert_snapshot!(paused(None, None).stopped(&Paused), @"paused by user:alice since 2026-11-24 01:00 UTC, until `pgmedic resume`: migration");
        let until = paused(Some("orders"), Some("2026-11-24T04:00:00Z"));
        assert!(until.stopped(&Paused).contains("until 2026-11-24 04:00 UTC"));
    }

    #[test]
    fn another_targets_or_an_ended_pause_stops_nothing() {
        assert_eq!(paused(Some("crm"), None).check(&Paused), None);
        assert_eq!(paused(None, Some("2026-11-24T02:00:00Z")).check(&Paused), None);
    }

    #[test]
    fn any_dba_can_pause_through_the_role() {
        let mut world = World::of_a_query();
        world.facts.server.paused_by_role = Some("failover drill".to_owned());
        assert!(world.stopped(&Paused).ends_with("failover drill"));
    }
}
