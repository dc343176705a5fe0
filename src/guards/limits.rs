//! Budgets by class: how much may be done in a run, in an hour, at once.
//!
//! The counting is one place for two that ask: the guard, when a candidate is judged, and the log's
//! writer, at the moment at which the intent is appended.

use super::takeover::{self, Spent};
use super::{Answer, Guard, Scene, Scope};
use crate::config::Limits;
use crate::model::{Class, Duration, History, Timestamp, history};

const HOUR: Duration = Duration::from_hours(1);
/// No run lasts longer, and no intent is remembered longer.
const DAY: Duration = Duration::from_hours(24);

/// The guard `limits`.
pub(super) struct Budgets;

impl Guard for Budgets {
    fn name(&self) -> &'static str {
        "limits"
    }

    fn about(&self) -> &'static str {
        "Budgets of `policy.limits`. Disruptive and irreversible actions: `per_run` (a playbook's `guard.limits.per_run` \
         can only lower it), `per_playbook_hour`, `per_target_hour`, `fleet_hour`. Maintenance: `per_run`, \
         `at_once_per_target`, `at_once_fleet`. A ladder counts as one action, on its first rung. The log's writer \
         counts again when it appends the intent, so the limits are exact across targets and restarts. For an hour after a \
         takeover (see `takeover`) half of each hourly limit counts as spent, rounded up: of a limit of 1 nothing is \
         left. `per_playbook_hour` and `per_target_hour` count so for the target that was taken over, `fleet_hour` \
         for all."
    }

    fn scope(&self) -> Scope {
        Scope::Candidate
    }

    fn check(&self, scene: &Scene) -> Option<Answer> {
        let key = scene.candidate?.key();
        let class = scene.rung?.action.class;
        let paid = scene.history.counted(&scene.facts.target, scene.run, &key, class);
        let counts = spending(scene, class).counts(paid);
        if let Some(count) = counts.iter().find(|count| count.exhausted()) {
            return Some(Answer::Stop(count.in_words(class)));
        }
        let mut figures: Vec<String> = counts.iter().map(Count::figures).collect();
        if paid {
            figures.insert(0, "the first rung of this ladder was counted".to_owned());
        }
        Some(Answer::Pass(figures.join(", ")))
    }
}

/// What one more action would be counted against.
#[derive(Clone, Copy, Debug)]
pub struct Spending<'a> {
    /// What was done before.
    pub history: &'a History,
    /// Policy's budgets.
    pub limits: &'a Limits,
    /// The playbook's own `per_run`; the smaller holds.
    pub own_per_run: Option<u32>,
    /// Target.
    pub target: &'a str,
    /// Playbook.
    pub playbook: &'a str,
    /// Run.
    pub run: &'a str,
    /// Class of the action.
    pub class: Class,
    /// Candidates that this run let through and that are not in the history yet.
    pub coming: u32,
    /// Now.
    pub now: Timestamp,
}

/// One budget and what was spent of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Count {
    /// What it bounds: `this run`, `all targets in an hour`…
    pub what: &'static str,
    /// Spent.
    pub n: u32,
    /// At most.
    pub limit: u32,
    /// The part of `n` that stands for what another pgmedic did before a takeover.
    pub takeover: Option<Spent>,
}

impl Count {
    /// Whether nothing is left.
    #[must_use]
    pub fn exhausted(&self) -> bool {
        self.n >= self.limit
    }

    /// Why nothing more is done.
    #[must_use]
    pub fn in_words(&self, class: Class) -> String {
        let half = self.takeover.map_or("", |_| {
            "; what another pgmedic did before is not known here, so half of each hourly limit counts as spent until an \
             hour after the takeover"
        });
        format!("no {} action is left: {}{half}", class.word(), self.figures())
    }

    fn figures(&self) -> String {
        let part = self.takeover.map_or(String::new(), |spent| format!(" ({} of them {})", spent.n, spent.counts()));
        format!("{} of {} {}{part}", self.n, self.limit, self.what)
    }

    /// A budget of an hour, half of it spent after a takeover `ago`.
    fn of_an_hour(what: &'static str, n: u32, limit: u32, ago: Option<Duration>) -> Count {
        let takeover = takeover::spent(ago, limit, HOUR);
        Count { what, n: n.saturating_add(takeover.map_or(0, |spent| spent.n)), limit, takeover }
    }

    fn plain(what: &'static str, n: u32, limit: u32) -> Count {
        Count { what, n, limit, takeover: None }
    }
}

impl Spending<'_> {
    /// Every budget of the class; of a ladder that was counted on an earlier rung, what is under way at once.
    #[must_use]
    pub fn counts(&self, counted: bool) -> Vec<Count> {
        match self.class {
            Class::Disruptive | Class::Irreversible if counted => Vec::new(),
            Class::Disruptive | Class::Irreversible => self.disruptive(),
            Class::Maintenance if counted => self.maintenance().split_off(1),
            Class::Maintenance => self.maintenance(),
        }
    }

    fn disruptive(&self) -> Vec<Count> {
        let (h, l) = (self.history, self.limits);
        let disrupts = |c: Class| c != Class::Maintenance;
        let within = |period, wanted: &dyn Fn(&history::PastIntent) -> bool| {
            h.count(self.now, period, |i| disrupts(i.class) && wanted(i)).saturating_add(self.coming)
        };
        let here = |i: &history::PastIntent| i.target == self.target;
        let (taken, any) = (h.took_over(self.target, self.now).map(|(_, ago)| ago), h.last_takeover(self.now));
        let of_playbook = within(HOUR, &|i| here(i) && i.playbook == self.playbook);
        vec![
            Count::plain("this run", within(DAY, &|i| i.run == self.run), self.per_run(l.disruptive_per_run)),
            Count::of_an_hour("this playbook here in an hour", of_playbook, l.disruptive_per_playbook_hour, taken),
            Count::of_an_hour("this target in an hour", within(HOUR, &here), l.disruptive_per_target_hour, taken),
            Count::of_an_hour("all targets in an hour", within(HOUR, &|_| true), l.disruptive_fleet_hour, any),
        ]
    }

    fn maintenance(&self) -> Vec<Count> {
        let l = self.limits;
        let run = self.history.count(self.now, DAY, |i| i.run == self.run && i.class == Class::Maintenance);
        let here = self.at_once(|target| target == self.target);
        vec![
            Count::plain("this run", run.saturating_add(self.coming), self.per_run(l.maintenance_per_run)),
            Count::plain("this target at once", here, l.maintenance_at_once_per_target),
            Count::plain("all targets at once", self.at_once(|_| true), l.maintenance_at_once_fleet),
        ]
    }

    fn per_run(&self, policy: u32) -> u32 {
        self.own_per_run.map_or(policy, |own| own.min(policy))
    }

    fn at_once(&self, wanted: impl Fn(&str) -> bool) -> u32 {
        let maintains =
            |o: &history::OpenIntent| o.draft.action.as_ref().is_some_and(|a| a.class == Class::Maintenance);
        let n = self.history.open.iter().filter(|((t, _), o)| wanted(t) && maintains(o)).count();
        u32::try_from(n).unwrap_or(u32::MAX)
    }
}

/// Candidates of this run that were acted on or let through before this one.
pub(super) fn in_run(scene: &Scene) -> u32 {
    announced(scene).max(scene.let_through)
}

fn announced(scene: &Scene) -> u32 {
    scene.history.count(scene.now, DAY, |i| i.run == scene.run && i.target == scene.facts.target)
}

fn spending<'a>(scene: &Scene<'a>, class: Class) -> Spending<'a> {
    Spending {
        history: scene.history,
        limits: &scene.policy.limits,
        own_per_run: scene.playbook.guard.per_run,
        target: &scene.facts.target,
        playbook: &scene.playbook.name,
        run: scene.run,
        class,
        coming: scene.let_through.saturating_sub(announced(scene)),
        now: scene.now,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::guards::fixture::{RUN, World, backend, table};
    use crate::model::{Backend, Candidate, OutcomeStatus, Table};

    fn disrupted(world: &mut World, run: &str, times: i32) {
        for n in 0..times {
            let other = Candidate::Backend(Backend { pid: 5000 + n, ..backend() });
            world.acted_on(&other, run, 10, Some(OutcomeStatus::Done));
        }
    }

    #[test]
    fn all_budgets_are_shown_when_there_is_something_left() {
        let mut world = World::of_a_query();
        disrupted(&mut world, RUN, 2);
        insta::assert_snapshot!(world.passed(&Budgets), @"2 of 5 this run, 2 of 20 this playbook here in an hour, 2 of 30 this target in an hour, 2 of 100 all targets in an hour");
    }

    #[test]
    fn a_run_counts_what_it_let_through_and_what_it_announced_once() {
        let mut world = World::of_a_query();
        world.let_through = 4;
        disrupted(&mut world, RUN, 2);
        assert!(world.passed(&Budgets).starts_with("4 of 5 this run"));
        world.let_through = 5;
        assert_eq!(world.stopped(&Budgets), "no disruptive action is left: 5 of 5 this run");
        world.let_through = 2;
        world.playbook.guard.per_run = Some(2);
        assert_eq!(world.stopped(&Budgets), "no disruptive action is left: 2 of 2 this run");
        world.playbook.guard.per_run = Some(99);
        assert!(world.passed(&Budgets).starts_with("2 of 5 this run"), "a playbook never widens policy");
    }

    #[test]
    fn hours_are_counted_per_playbook_target_and_fleet() {
        let mut world = World::of_a_query();
        disrupted(&mut world, "01OTHER", 3);
        world.policy.limits.disruptive_per_playbook_hour = 3;
        assert!(world.stopped(&Budgets).contains("3 of 3 this playbook here in an hour"));
        world.playbook.name = "another".to_owned();
        world.policy.limits.disruptive_per_target_hour = 3;
        assert!(world.stopped(&Budgets).contains("3 of 3 this target in an hour"));
        world.facts.target = "crm".to_owned();
        world.policy.limits.disruptive_fleet_hour = 3;
        assert!(world.stopped(&Budgets).contains("3 of 3 all targets in an hour"));
        world.now = world.now.checked_add(jiff::SignedDuration::from_mins(50)).unwrap();
        world.passed(&Budgets);
    }

    #[test]
    fn after_a_takeover_half_of_each_hourly_limit_is_spent_and_it_says_so() {
        let mut world = World::of_a_query();
        world.took_over("orders", 12);
        disrupted(&mut world, "01OTHER", 9);
        insta::assert_snapshot!(world.passed(&Budgets), @"0 of 5 this run, 19 of 20 this playbook here in an hour (10 of them count for the takeover 12m ago), 24 of 30 this target in an hour (15 of them count for the takeover 12m ago), 59 of 100 all targets in an hour (50 of them count for the takeover 12m ago)");
        disrupted(&mut world, "01OTHER", 10);
        insta::assert_snapshot!(world.stopped(&Budgets), @"no disruptive action is left: 20 of 20 this playbook here in an hour (10 of them count for the takeover 12m ago); what another pgmedic did before is not known here, so half of each hourly limit counts as spent until an hour after the takeover");
        world.now = world.now.checked_add(jiff::SignedDuration::from_mins(48)).unwrap();
        assert!(!world.passed(&Budgets).contains("takeover"), "an hour after it is over");
        let mut world = World::of_a_query();
        world.took_over("crm", 12);
        insta::assert_snapshot!(world.passed(&Budgets), @"0 of 5 this run, 0 of 20 this playbook here in an hour, 0 of 30 this target in an hour, 50 of 100 all targets in an hour (50 of them count for the takeover 12m ago)");
        world.took_over("orders", 12);
        world.policy.limits.disruptive_per_target_hour = 1;
        insta::assert_snapshot!(world.stopped(&Budgets), @"no disruptive action is left: 1 of 1 this target in an hour (1 of them count for the takeover 12m ago); what another pgmedic did before is not known here, so half of each hourly limit counts as spent until an hour after the takeover");
    }

    #[test]
    fn maintenance_is_limited_per_run_and_at_once() {
        let mut world = World::of_a_table();
        world.let_through = 200;
        assert_eq!(world.stopped(&Budgets), "no maintenance action is left: 200 of 200 this run");
        world.let_through = 0;
        let other = Candidate::Table(Table { oid: 1, ..table() });
        world.acted_on(&other, "01OTHER", 1, None);
        assert_eq!(world.stopped(&Budgets), "no maintenance action is left: 1 of 1 this target at once");
        world.facts.target = "crm".to_owned();
        insta::assert_snapshot!(world.passed(&Budgets), @"0 of 200 this run, 0 of 1 this target at once, 1 of 10 all targets at once");
    }

    #[test]
    fn a_later_rung_was_paid_for_by_the_first() {
        let mut world = World::of_a_query();
        world.policy.limits.disruptive_per_target_hour = 1;
        world.acted(RUN, 1, Some(OutcomeStatus::Done));
        assert_eq!(world.passed(&Budgets), "the first rung of this ladder was counted");
    }
}
