//! When everything looks sick, assume that the observer is.

use super::{Answer, Guard, Scene, Scope, limits};
use crate::model::{Class, Kind};

/// One in so many client sessions may be disrupted by one run.
const ONE_IN: u32 = 10;

/// The guard `blast_radius`.
pub(super) struct BlastRadius;

impl Guard for BlastRadius {
    fn name(&self) -> &'static str {
        "blast_radius"
    }

    fn about(&self) -> &'static str {
        "One run ends at most 10 % of a server's client sessions (rounded down, at least 1), whatever the limits say: \
         when everything looks sick, the observer is."
    }

    fn scope(&self) -> Scope {
        Scope::Candidate
    }

    fn check(&self, scene: &Scene) -> Option<Answer> {
        let rung = scene.rung?;
        let key = scene.candidate?.key();
        if rung.action.class == Class::Maintenance || rung.action.kind != Kind::Backend {
            return None;
        }
        let sessions = scene.facts.server.client_backends;
        let limit = (sessions / ONE_IN).max(1);
        let n = limits::in_run(scene);
        let figures = format!("{n} of {limit} this run ({sessions} client sessions, at most one in {ONE_IN})");
        let paid = scene.history.counted(&scene.facts.target, scene.run, &key, rung.action.class);
        Some(if n < limit || paid { Answer::Pass(figures) } else { Answer::Stop(figures) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::guards::fixture::{RUN, World, backend};
    use crate::model::{Candidate, OutcomeStatus};

    #[test]
    fn a_tenth_of_the_sessions_rounded_down_and_at_least_one() {
        let mut world = World::of_a_query();
        world.facts.server.client_backends = 29;
        world.let_through = 1;
        assert_eq!(world.passed(&BlastRadius), "1 of 2 this run (29 client sessions, at most one in 10)");
        world.let_through = 2;
        assert_eq!(world.stopped(&BlastRadius), "2 of 2 this run (29 client sessions, at most one in 10)");
        world.facts.server.client_backends = 3;
        world.let_through = 0;
        assert_eq!(world.passed(&BlastRadius), "0 of 1 this run (3 client sessions, at most one in 10)");
        world.let_through = 1;
        world.stopped(&BlastRadius);
    }

    #[test]
    fn what_the_log_shows_counts_and_a_second_rung_does_not() {
        let mut world = World::of_a_query();
        world.facts.server.client_backends = 10;
        let other = Candidate::Backend(crate::model::Backend { pid: 5000, ..backend() });
        world.acted_on(&other, RUN, 0, Some(OutcomeStatus::Done));
        world.stopped(&BlastRadius);
        let mut world = World::of_a_query();
        world.facts.server.client_backends = 10;
        world.acted(RUN, 0, Some(OutcomeStatus::Done));
        world.passed(&BlastRadius);
    }

    #[test]
    fn maintenance_ends_no_sessions() {
        assert_eq!(World::of_a_table().check(&BlastRadius), None);
    }
}
