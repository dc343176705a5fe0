//! Never two actions on one thing at once.

use super::{Answer, Guard, Scene, Scope};
use crate::model::time::{in_words, since};

/// The guard `open_intent`.
pub(super) struct OpenIntent;

impl Guard for OpenIntent {
    fn name(&self) -> &'static str {
        "open_intent"
    }

    fn about(&self) -> &'static str {
        "An action on this candidate was announced and its outcome is not known yet: it is under way, or pgmedic \
         crashed and recovery has not settled it. Nothing is done to it twice at once."
    }

    fn scope(&self) -> Scope {
        Scope::Candidate
    }

    fn check(&self, scene: &Scene) -> Option<Answer> {
        let key = (scene.facts.target.clone(), scene.candidate?.key());
        Some(match scene.history.open.get(&key) {
            Some(open) => Answer::Stop(told(open, scene.now)),
            None => Answer::Pass("no action on it is under way".to_owned()),
        })
    }
}

/// An open intent in words.
#[must_use]
pub fn told(open: &crate::model::history::OpenIntent, now: crate::model::Timestamp) -> String {
    let action = open.draft.action.as_ref().map_or("an action", |a| a.name.as_str());
    let ago = in_words(since(now, open.at));
    format!("record {} announced {action} on it {ago} ago, and its outcome is not known yet", open.seq)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::guards::fixture::World;
    use crate::model::OutcomeStatus;

    #[test]
    fn an_announced_action_without_outcome_stops_until_it_has_one() {
        let mut world = World::of_a_query();
        assert_eq!(world.passed(&OpenIntent), "no action on it is under way");
        world.acted("01OTHER", 3, None);
        insta::assert_snapshot!(world.stopped(&OpenIntent), @"record 7 announced cancel_backend on it 3m ago, and its outcome is not known yet");
        world.acted("01OTHER", 2, Some(OutcomeStatus::Done));
        assert_eq!(world.passed(&OpenIntent), "no action on it is under way");
    }
}
