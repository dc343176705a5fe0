//! One daemon acts on a target at a time.

use super::{Answer, Guard, Scene, Scope, mode};
use crate::model::right::Right;
use crate::model::time::{in_words, since};
use crate::model::{Mode, Ownership};

/// The guard `ownership`.
pub(super) struct Owner;

impl Guard for Owner {
    fn name(&self) -> &'static str {
        "ownership"
    }

    fn about(&self) -> &'static str {
        "One daemon acts on a target at a time: the one that holds an advisory lock on the server. While another \
         session holds it, this one stands by. Of two targets that are one server only the one that came first acts. A \
         target that is only observed needs no lock."
    }

    fn scope(&self) -> Scope {
        Scope::Run
    }

    fn check(&self, scene: &Scene) -> Option<Answer> {
        Some(match &scene.facts.server.ownership {
            Ownership::Held => Answer::Pass("this pgmedic holds the right to act".to_owned()),
            Ownership::NotNeeded => match stands_by(scene) {
                Some(why) => Answer::Stop(why),
                None => Answer::Pass("no right to act was asked for: the target is only observed".to_owned()),
            },
            Ownership::Elsewhere(holder) => {
                Answer::Stop(format!("another session holds the right to act: {holder}; this pgmedic stands by"))
            }
            Ownership::Sibling(other) => Answer::Stop(format!(
                "target {other} is the same server, and only {other} acts there; this one observes"
            )),
            Ownership::Unknown(why) => {
                Answer::Stop(format!("the right to act could not be taken: {why}; this pgmedic stands by"))
            }
        })
    }
}

/// A plan takes no lock: what the log says of it stands in for a look.
fn stands_by(scene: &Scene) -> Option<String> {
    let Right::StandsBy { holder, since: begun } = scene.history.rights.get(&scene.facts.target)? else { return None };
    let acts = mode::allowed(scene) > Mode::Observe;
    let ago = in_words(since(scene.now, *begun));
    acts.then(|| format!("another session holds the right to act: {holder}; this pgmedic has stood by for {ago}"))
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
        world.facts.server.ownership = Ownership::Sibling("crm".to_owned());
        insta::assert_snapshot!(world.stopped(&Owner), @"target crm is the same server, and only crm acts there; this one observes");
        world.facts.server.ownership = Ownership::Unknown("connection refused".to_owned());
        assert!(world.stopped(&Owner).contains("could not be taken: connection refused"));
    }

    #[test]
    fn a_plan_of_one_that_stands_by_says_so() {
        let mut world = World::of_a_query();
        world.facts.server.ownership = Ownership::NotNeeded;
        let since = crate::guards::fixture::at("2026-11-24T01:00:00Z");
        world.history.rights.insert("orders".to_owned(), Right::StandsBy { holder: "pid 99".to_owned(), since });
        insta::assert_snapshot!(world.stopped(&Owner), @"another session holds the right to act: pid 99; this pgmedic has stood by for 1h");
        world.playbook.mode = Mode::Observe;
        assert!(world.passed(&Owner).contains("only observed"), "observing needs no lock");
    }
}
