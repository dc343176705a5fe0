//! What stops a run or a candidate, each with a reason that a tired person understands.
//!
//! One guard is one file and one line in [`REGISTRY`]; their order there is the order in records, and
//! the first that stops gives the reason.

mod allow_in;
mod already_analyzed;
mod blast_radius;
mod cooldown;
mod ddl_or_batch;
mod dump_like;
mod freeze;
pub mod limits;
mod mode;
mod never_touched;
mod not_in;
pub mod open_intent;
mod owner_choice;
mod ownership;
pub mod paused;
mod privilege;
mod protected;
mod role;
pub mod same_query;
pub mod takeover;

#[cfg(test)]
pub(crate) mod fixture;

use crate::config::Policy;
use crate::model::verdict::GuardVerdict;
use crate::model::{Candidate, Facts, GuardReport, History, Mode, Timestamp};
use crate::playbook::{ActStep, Playbook};

/// All that a guard may judge by.
#[derive(Clone, Copy, Debug)]
pub struct Scene<'a> {
    /// The playbook.
    pub playbook: &'a Playbook,
    /// What holds on the target.
    pub policy: &'a Policy,
    /// What was done before.
    pub history: &'a History,
    /// What was just seen of the target.
    pub facts: &'a Facts,
    /// The candidate; `None` while the run as a whole is judged.
    pub candidate: Option<&'a Candidate>,
    /// The rung that is next; `None` for a playbook that only tells people.
    pub rung: Option<&'a ActStep>,
    /// How many candidates of this run were let through before this one.
    pub let_through: u32,
    /// The run (ULID): its own earlier rungs do not count against it.
    pub run: &'a str,
    /// pgmedic's clock.
    pub now: Timestamp,
}

/// A guard's answer, with the figures it judged by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// Nothing against it.
    Pass(String),
    /// Must not be done.
    Stop(String),
    /// May be done at most in this mode.
    Cap(Mode, String),
}

/// What a guard is asked about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// The run as a whole, and again before each candidate.
    Run,
    /// Each candidate.
    Candidate,
}

/// One reason not to act.
pub trait Guard: Sync {
    /// The word that a skip's reason begins with.
    fn name(&self) -> &'static str;
    /// What it stops and why, for its reference page.
    fn about(&self) -> &'static str;
    /// What it is asked about.
    fn scope(&self) -> Scope;
    /// Its answer; `None` where it has nothing to say (another kind, nothing configured).
    fn check(&self, scene: &Scene) -> Option<Answer>;
}

/// All guards, in the order in which they are asked: first how far a run may go, then what stops it as
/// a whole; of a candidate first what must never be touched, then what is only too early or too much.
pub static REGISTRY: &[&dyn Guard] = &[
    &mode::Ceilings,
    &freeze::Freezes,
    &paused::Paused,
    &privilege::Privilege,
    &ownership::Owner,
    &takeover::Takeover,
    &role::ReplicationRole,
    &allow_in::AllowIn,
    &not_in::NotIn,
    &never_touched::NeverTouched,
    &protected::Protected,
    &dump_like::DumpLike,
    &ddl_or_batch::DdlOrBatch,
    &owner_choice::OwnerChoice,
    &open_intent::OpenIntent,
    &already_analyzed::AlreadyAnalyzed,
    &cooldown::Cooldown,
    &same_query::SameQuery,
    &blast_radius::BlastRadius,
    &limits::Budgets,
];

/// Asks the guards of a scope, in order, all of them: the record shows every answer.
#[must_use]
pub fn ask(scene: &Scene, scope: Scope) -> Vec<GuardReport> {
    let asked = REGISTRY.iter().filter(|g| g.scope() == scope);
    asked.filter_map(|g| g.check(scene).map(|answer| report(g.name(), answer))).collect()
}

/// The reference page of all guards, in Markdown.
#[must_use]
pub fn reference() -> String {
    let mut page = String::from(
        "# Guards\n\n<!-- Generated from src/guards: PGMEDIC_BLESS=1 cargo test --test it tidy -->\n\n\
        A guard lets a run or a candidate through, stops it with a reason, or lowers the mode. All guards of a \
        scope are asked, in this order, and the record shows every answer; a skip's reason begins with the name \
        of the first that stopped.\n",
    );
    let scopes = [
        (Scope::Run, "\n## Asked about the run, and again before each candidate\n"),
        (Scope::Candidate, "\n## Asked about each candidate, again before each rung\n"),
    ];
    for (scope, heading) in scopes {
        page.push_str(heading);
        for guard in REGISTRY.iter().filter(|g| g.scope() == scope) {
            page.extend(["\n### `", guard.name(), "`\n\n", guard.about(), "\n"]);
        }
    }
    page
}

fn report(name: &str, answer: Answer) -> GuardReport {
    let (verdict, detail) = match answer {
        Answer::Pass(detail) => (GuardVerdict::Pass, detail),
        Answer::Stop(detail) => (GuardVerdict::Stop, detail),
        Answer::Cap(mode, detail) => (GuardVerdict::Cap(mode), detail),
    };
    GuardReport { name: name.to_owned(), verdict, detail }
}

#[cfg(test)]
mod tests {
    use super::*;
    use fixture::World;

    #[test]
    fn nothing_stops_or_lowers_an_ordinary_candidate() {
        for world in [World::of_a_query(), World::of_a_table()] {
            for guard in REGISTRY {
                let answer = world.check(*guard);
                assert!(matches!(answer, None | Some(Answer::Pass(_))), "{}: {answer:?}", guard.name());
            }
        }
    }

    #[test]
    fn the_run_is_judged_without_a_candidate() {
        let mut world = World::of_a_query();
        world.candidate = None;
        for guard in REGISTRY {
            let answered = world.check(*guard).is_some();
            assert!(guard.scope() == Scope::Run || !answered, "{} answers about no candidate", guard.name());
        }
    }

    #[test]
    fn run_guards_come_first_and_each_has_its_own_name() {
        assert!(REGISTRY.is_sorted_by_key(|guard| guard.scope() == Scope::Candidate));
        let names: std::collections::BTreeSet<&str> = REGISTRY.iter().map(|guard| guard.name()).collect();
        assert_eq!(names.len(), REGISTRY.len());
        assert!(names.iter().all(|name| reference().contains(&format!("### `{name}`"))));
    }
}
