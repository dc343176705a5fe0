//! One daemon acts on a target at a time.

use super::{Answer, Guard, Scene, Scope};
use crate::model::Ownership;

/// The guard `ownership`.
pub(super) struct Owner;

impl Guard for Owner {
    fn name(&self) -> &'static str {
        "ownership"
    }

    fn about(&self) -> &'static str {
        "One daemon acts on a target at a time: the one that holds an advisory lock on the server. While another \
         session holds it, this one stands by. A target that is only observed needs no lock."
    }

    fn scope(&self) -> Scope {
        Scope::Run
    }

    fn check(&self, scene: &Scene) -> Option<Answer> {
        Some(match &scene.facts.server.ownership {
            Ownership::Held => Answer::Pass("this pgmedic holds the right to act".to_owned()),
            Ownership::NotNeeded => {
                Answer::Pass("no right to act was asked for: the target is only observed".to_owned())
            }
            Ownership::Elsewhere(holder) => {
                Answer::Stop(format!("another session holds the right to act: {holder}; this pgmedic stands by"))
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::guards::fixture::World;

    #[test]
    fn a_lock_held_elsewhere_stops_and_names_its_holder() {
        let mut world = World::of_a_query();
        assert_eq!(world.passed(&Owner), "this pgmedic holds the right to act");
        world.facts.server.ownership = Ownership::NotNeeded;
        assert!(world.passed(&Owner).contains("only observed"));
        world.facts.server.ownership = Ownership::Elsewhere("pid 99 from 10.0.0.2".to_owned());
        assert!(world.stopped(&Owner).contains("pid 99 from 10.0.0.2"));
    }
}
