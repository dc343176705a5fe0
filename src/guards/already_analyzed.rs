//! Partitioned parents on PostgreSQL 13, of which the server does not keep when they were analyzed.

use super::{Answer, Guard, Scene, Scope};
use crate::model::history::Ended;
use crate::model::{Candidate, History, OutcomeStatus};

/// The guard `already_analyzed`.
pub(super) struct AlreadyAnalyzed;

impl Guard for AlreadyAnalyzed {
    fn name(&self) -> &'static str {
        "already_analyzed"
    }

    fn about(&self) -> &'static str {
        "PostgreSQL 13 does not say whether a partitioned parent was ever analyzed. Such a parent is left alone when \
         pgmedic's own log shows an `analyze` of it that is newer than the last ANALYZE of any of its leaves, and not \
         more rows than the threshold have changed since."
    }

    fn scope(&self) -> Scope {
        Scope::Candidate
    }

    fn check(&self, scene: &Scene) -> Option<Answer> {
        let Some(candidate @ Candidate::Table(table)) = scene.candidate else { return None };
        if !table.partitioned || table.never_analyzed.is_some() {
            return None;
        }
        let Some(own) = last_analyze(scene.history, &scene.facts.target, &candidate.key()) else {
            return Some(Answer::Pass("pgmedic's log shows no ANALYZE of it".to_owned()));
        };
        let when = own.at.strftime("%Y-%m-%d %H:%M UTC");
        let figures = format!("{} rows changed, threshold {:.0}", table.modified_rows, table.threshold_rows);
        let newer = table.leaf_last_analyzed.is_none_or(|leaf| own.at > leaf);
        #[allow(clippy::cast_precision_loss)] // compared with an estimate
        let few = table.modified_rows as f64 <= table.threshold_rows;
        Some(if newer && few {
            Answer::Stop(format!("pgmedic analyzed it at {when}, after any of its leaves ({figures})"))
        } else {
            Answer::Pass(format!("pgmedic analyzed it at {when}, but it has changed since ({figures})"))
        })
    }
}

/// The newest ANALYZE of pgmedic's own that worked, by any playbook.
fn last_analyze<'a>(history: &'a History, target: &str, candidate: &str) -> Option<&'a Ended> {
    let of_it = history.ended.iter().filter(|((t, _, c), _)| t == target && c == candidate);
    let done = of_it.map(|(_, ended)| ended).filter(|e| e.action == "analyze" && e.status == OutcomeStatus::Done);
    done.max_by_key(|ended| ended.at)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::guards::fixture::{World, at};

    fn parent() -> World {
        let mut world = World::of_a_table();
        let table = world.table();
        table.partitioned = true;
        table.never_analyzed = None;
        table.modified_rows = 10;
        table.leaf_last_analyzed = Some(at("2026-11-24T01:00:00Z"));
        world
    }

    #[test]
    fn only_parents_of_which_the_server_knows_nothing_are_asked() {
        assert_eq!(World::of_a_table().check(&AlreadyAnalyzed), None);
        let mut world = parent();
        assert_eq!(world.passed(&AlreadyAnalyzed), "pgmedic's log shows no ANALYZE of it");
        world.table().never_analyzed = Some(true);
        assert_eq!(world.check(&AlreadyAnalyzed), None);
    }

    #[test]
    fn an_own_analyze_newer_than_any_leafs_is_enough() {
        let mut world = parent();
        world.acted("01OLD", 30, Some(OutcomeStatus::Done));
        insta::assert_snapshot!(world.stopped(&AlreadyAnalyzed), @"pgmedic analyzed it at 2026-11-24 01:30 UTC, after any of its leaves (10 rows changed, threshold 100050)");
    }

    #[test]
    fn an_older_or_failed_one_or_many_changes_are_not() {
        let mut world = parent();
        world.acted("01OLD", 90, Some(OutcomeStatus::Done));
        assert!(world.passed(&AlreadyAnalyzed).contains("has changed since"));
        let mut world = parent();
        world.acted("01OLD", 30, Some(OutcomeStatus::TimedOut));
        assert_eq!(world.passed(&AlreadyAnalyzed), "pgmedic's log shows no ANALYZE of it");
        let mut world = parent();
        world.acted("01OLD", 30, Some(OutcomeStatus::Done));
        world.table().modified_rows = 200_000;
        assert!(world.passed(&AlreadyAnalyzed).contains("200000 rows changed"));
    }
}
