//! A client that repeats a query as often as it is ended.

use super::{Answer, Guard, Scene, Scope, takeover};
use crate::config;
use crate::model::time::in_words;
use crate::model::{Class, History, Timestamp, history};

/// The guard `same_query`.
pub(super) struct SameQuery;

impl Guard for SameQuery {
    fn name(&self) -> &'static str {
        "same_query"
    }

    fn about(&self) -> &'static str {
        "A client often repeats an ended query at once, under a new pid. After `policy.limits.same_query` (default 3 \
         within 1h) of the same query (by query id or redacted text, user and database) were ended on this \
         target, a person must look: ending it again only adds load. Other targets do not count: their clients are \
         others, and `fleet_hour` bounds what is ended on all of them. After a takeover (see `takeover`) half of them, \
         rounded up, count as done for that period."
    }

    fn scope(&self) -> Scope {
        Scope::Candidate
    }

    fn check(&self, scene: &Scene) -> Option<Answer> {
        let candidate = scene.candidate?;
        let query = history::same_query(candidate)?;
        let class = scene.rung.map_or(Class::Disruptive, |rung| rung.action.class);
        if scene.history.counted(&scene.facts.target, scene.run, &candidate.key(), class) {
            return Some(Answer::Pass("the first rung of this ladder was counted".to_owned()));
        }
        let limit = scene.policy.limits.same_query;
        Some(match repeats(scene.history, limit, &query, &scene.facts.target, scene.now) {
            Ok(figures) => Answer::Pass(figures),
            Err(why) => Answer::Stop(why),
        })
    }
}

/// How often a query ([`history::same_query`]) was ended on `target` within the limit's period, in words. Elsewhere it
/// is another client's, and its id another query's: ids depend on a server's own oids.
///
/// # Errors
/// When that is as often as it may be, in words.
pub fn repeats(
    history: &History,
    limit: config::SameQuery,
    query: &str,
    target: &str,
    now: Timestamp,
) -> Result<String, String> {
    let n = history.count(now, limit.per, |i| i.target == target && i.same_query.as_deref() == Some(query));
    let before = takeover::spent(history.took_over(target, now).map(|(_, ago)| ago), limit.max, limit.per);
    let (per, max) = (in_words(limit.per), limit.max);
    let more = before.map_or(String::new(), |spent| format!("; {} more {}", spent.n, spent.counts()));
    if n.saturating_add(before.map_or(0, |spent| spent.n)) < max {
        return Ok(format!("ended {n} of {max} times within {per}{more}"));
    }
    Err(format!(
        "the same query was ended {n} {} within {per} (limit {max}{more}): its client repeats it, and a person must \
         look",
        if n == 1 { "time" } else { "times" }
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::guards::fixture::{RUN, World, backend};
    use crate::model::{Candidate, OutcomeStatus};

    /// The same query ended `times` times under other pids.
    fn ended(times: i32) -> World {
        let mut world = World::of_a_query();
        for n in 0..times {
            let mut other = backend();
            other.pid = 5000 + n;
            world.acted_on(&Candidate::Backend(other), "01OTHER", 10, Some(OutcomeStatus::Done));
        }
        world
    }

    #[test]
    fn a_query_that_comes_back_is_ended_only_so_often() {
        assert_eq!(ended(2).passed(&SameQuery), "ended 2 of 3 times within 1h");
        insta::assert_snapshot!(ended(3).stopped(&SameQuery), @"the same query was ended 3 times within 1h (limit 3): its client repeats it, and a person must look");
    }

    #[test]
    fn after_a_takeover_half_count_as_done() {
        let mut world = ended(0);
        world.took_over("orders", 10);
        insta::assert_snapshot!(world.passed(&SameQuery), @"ended 0 of 3 times within 1h; 2 more count for the takeover 10m ago");
        let mut world = ended(1);
        world.took_over("orders", 10);
        insta::assert_snapshot!(world.stopped(&SameQuery), @"the same query was ended 1 time within 1h (limit 3; 2 more count for the takeover 10m ago): its client repeats it, and a person must look");
    }

    #[test]
    fn another_query_another_hour_or_another_rung_does_not_count() {
        let mut world = ended(3);
        world.backend().fingerprint = "f2".to_owned();
        assert_eq!(world.passed(&SameQuery), "ended 0 of 3 times within 1h");
        let mut world = ended(3);
        world.now = world.now.checked_add(jiff::SignedDuration::from_mins(51)).unwrap();
        assert_eq!(world.passed(&SameQuery), "ended 0 of 3 times within 1h");
        let mut world = ended(2);
        world.acted(RUN, 0, Some(OutcomeStatus::Done));
        assert_eq!(world.passed(&SameQuery), "the first rung of this ladder was counted");
    }

    #[test]
    fn a_fleet_does_not_share_the_limit() {
        let mut world = ended(3);
        world.facts.target = "crm".to_owned();
        assert_eq!(world.passed(&SameQuery), "ended 0 of 3 times within 1h");
        world.acted_on(&Candidate::Backend(backend()), "01OTHER", 10, Some(OutcomeStatus::Done));
        assert_eq!(world.passed(&SameQuery), "ended 1 of 3 times within 1h", "its own do count");
        world.facts.target = "orders".to_owned();
        assert!(world.stopped(&SameQuery).starts_with("the same query was ended 3 times"));
    }
}
