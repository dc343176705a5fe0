//! What pgmedic's roles may see and do. Too little makes a server look healthy.

use super::{Answer, Guard, Scene, Scope, mode};
use crate::model::{Class, Kind, Mode};

/// The guard `privilege`.
pub(super) struct Privilege;

impl Guard for Privilege {
    fn name(&self) -> &'static str {
        "privilege"
    }

    fn about(&self) -> &'static str {
        "Without `pg_monitor` PostgreSQL hides what other users' sessions do, so every finder would say that all is \
         well: nothing is concluded from that. Cancelling and terminating sessions needs `pg_signal_backend` and `pg_monitor` \
         for the role that acts; a playbook that only observes does not."
    }

    fn scope(&self) -> Scope {
        Scope::Run
    }

    fn check(&self, scene: &Scene) -> Option<Answer> {
        let has = scene.facts.server.privileges;
        if !has.monitor {
            let why = "without pg_monitor every finder would say that all is well: GRANT pg_monitor TO the role that \
                       reads";
            return Some(Answer::Stop(why.to_owned()));
        }
        let signals = |class: Class, kind: Kind| kind == Kind::Backend && class != Class::Maintenance;
        let needed = scene.playbook.rungs().any(|rung| signals(rung.action.class, rung.action.kind));
        if !needed {
            return Some(Answer::Pass("pg_monitor is granted".to_owned()));
        }
        let observes = mode::allowed(scene) == Mode::Observe;
        Some(match (has.signal_backend, observes) {
            (false, true) => Answer::Pass(
                "pg_monitor is granted; pg_signal_backend is not, which observing does not need".to_owned(),
            ),
            (false, false) => Answer::Stop(
                "without pg_signal_backend no session can be cancelled: GRANT pg_signal_backend TO the role that acts"
                    .to_owned(),
            ),
            (true, false) if !has.acting_monitor => Answer::Stop(
                "without pg_monitor the role that acts cannot see what others' sessions do, and would take what still \
                 runs for gone: GRANT pg_monitor TO the role that acts"
                    .to_owned(),
            ),
            (true, _) => Answer::Pass("pg_monitor and pg_signal_backend are granted".to_owned()),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::guards::fixture::World;

    #[test]
    fn without_pg_monitor_nothing_is_concluded() {
        let mut world = World::of_a_table();
        assert_eq!(world.passed(&Privilege), "pg_monitor is granted");
        world.facts.server.privileges.monitor = false;
        assert!(world.stopped(&Privilege).contains("GRANT pg_monitor TO the role that reads"));
    }

    #[test]
    fn signals_need_pg_signal_backend_and_observing_does_not() {
        let mut world = World::of_a_query();
        assert_eq!(world.passed(&Privilege), "pg_monitor and pg_signal_backend are granted");
        world.facts.server.privileges.signal_backend = false;
        assert!(world.stopped(&Privilege).contains("GRANT pg_signal_backend"));
        world.policy.target_mode = Mode::Observe;
        assert!(world.passed(&Privilege).contains("observing does not need"));
    }

    #[test]
    fn whoever_signals_must_see_whom() {
        let mut world = World::of_a_query();
        world.facts.server.privileges.acting_monitor = false;
        assert!(world.stopped(&Privilege).contains("GRANT pg_monitor TO the role that acts"));
        world.policy.target_mode = Mode::Observe;
        world.passed(&Privilege);
    }
}
