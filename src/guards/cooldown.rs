//! What was acted on is left alone for a while, so that the effect can show.

use super::{Answer, Guard, Scene, Scope};
use crate::model::time::in_words;
use crate::model::{Duration, OutcomeStatus};

/// Of what was refused nothing was touched: it is tried again sooner, but not at every tick.
const AFTER_REFUSAL: Duration = Duration::from_mins(1);

/// The guard `cooldown`.
pub(super) struct Cooldown;

impl Guard for Cooldown {
    fn name(&self) -> &'static str {
        "cooldown"
    }

    fn about(&self) -> &'static str {
        "After a playbook's ladder ended for a candidate, however it ended, the same playbook leaves that candidate \
         alone for `guard.cooldown` (default 5m); when it was refused, so that nothing was touched, for at most 1m. The rungs of one ladder do not hold each other back, and a restart \
         forgets nothing."
    }

    fn scope(&self) -> Scope {
        Scope::Candidate
    }

    fn check(&self, scene: &Scene) -> Option<Answer> {
        let key = scene.candidate?.key();
        let cooldown = scene.playbook.guard.cooldown;
        let last = scene.history.ended(&scene.facts.target, &scene.playbook.name, &key, scene.now);
        let Some((ended, ago)) = last.filter(|(ended, _)| ended.run != scene.run) else {
            return Some(Answer::Pass("this playbook has not acted on it before".to_owned()));
        };
        let what = format!("{} ended `{}` {} ago", ended.action, ended.status.word(), in_words(ago));
        let refused = ended.status == OutcomeStatus::Refused;
        let cooldown = if refused { cooldown.min(AFTER_REFUSAL) } else { cooldown };
        let of = in_words(cooldown);
        let left = cooldown.saturating_sub(ago);
        Some(if left.is_zero() {
            Answer::Pass(format!("{what}, the cooldown of {of} is over"))
        } else {
            Answer::Stop(format!("{what}; it is left alone for another {} (cooldown {of})", in_words(left)))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::guards::fixture::{RUN, World, at};
    use crate::model::OutcomeStatus;

    #[test]
    fn an_ended_ladder_holds_until_its_cooldown_is_over() {
        let mut world = World::of_a_query();
        assert_eq!(world.passed(&Cooldown), "this playbook has not acted on it before");
        world.acted("01OTHER", 3, Some(OutcomeStatus::Failed));
        insta::assert_snapshot!(world.stopped(&Cooldown), @"cancel_backend ended `failed` 3m ago; it is left alone for another 2m (cooldown 5m)");
        world.now = at("2026-11-24T02:02:00Z");
        insta::assert_snapshot!(world.passed(&Cooldown), @"cancel_backend ended `failed` 5m ago, the cooldown of 5m is over");
    }

    #[test]
    fn the_rungs_of_one_run_and_other_playbooks_do_not_count() {
        let mut world = World::of_a_query();
        world.acted(RUN, 0, Some(OutcomeStatus::Done));
        assert_eq!(world.passed(&Cooldown), "this playbook has not acted on it before");
        world.acted("01OTHER", 0, Some(OutcomeStatus::Done));
        world.playbook.name = "another".to_owned();
        assert_eq!(world.passed(&Cooldown), "this playbook has not acted on it before");
    }

    #[test]
    fn what_was_refused_is_tried_again_after_a_minute() {
        let mut world = World::of_a_table();
        world.playbook.guard.cooldown = Duration::from_hours(24);
        world.acted("01OTHER", 0, Some(OutcomeStatus::Refused));
        insta::assert_snapshot!(world.stopped(&Cooldown), @"analyze ended `refused` 0s ago; it is left alone for another 1m (cooldown 1m)");
        world.now = at("2026-11-24T02:01:00Z");
        assert!(world.passed(&Cooldown).contains("is over"));
    }

    #[test]
    fn a_clock_set_back_does_not_shorten_it() {
        let mut world = World::of_a_query();
        world.acted("01OTHER", 0, Some(OutcomeStatus::Done));
        world.now = at("2026-11-24T01:00:00Z");
        assert!(world.stopped(&Cooldown).contains("another 5m"));
    }
}
