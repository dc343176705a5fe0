//! Runs a test and compares what came of it with what it expects.

use super::compare::{self, Diff};
use super::expect::Decided;
use super::stage::{self, Played};
use super::{Test, names};
use crate::actions::{self, Order};
use crate::decide::{Decision, Plan, plan};
use crate::model::{Candidate, Duration};
use crate::rules::unit::Check;

/// What is left of a run's time when nothing else ends it, for the statement of the first rung.
const TIME_LEFT: Duration = Duration::from_hours(1);

/// Runs a test of a file; `stop` ends it.
#[must_use]
pub fn run(file: &str, test: &Test, stop: &dyn Fn() -> bool) -> Vec<Check> {
    let mut checks = Checks { file, test, all: Vec::new() };
    let expected = &test.expected;
    match (&test.idle, expected.runs) {
        (None, true) => {}
        (Some(why), true) => {
            checks.error(expected.line, "the run", why.clone());
            return checks.all;
        }
        (idle, false) => {
            let unexpected = if idle.is_some() { Vec::new() } else { vec!["the playbook runs on it".to_owned()] };
            checks.diff(expected.line, "the run", Diff { missing: Vec::new(), unexpected });
            return checks.all;
        }
    }
    match test.series.held(&test.playbook, stop).map(|held| held.stops()) {
        Ok(None) => {}
        Ok(Some(decision)) => {
            checks.not_begun(&decision);
            return checks.all;
        }
        Err(why) => {
            checks.error(expected.line, "the conditions", why);
            return checks.all;
        }
    }
    let plan = plan(&test.playbook, &test.policy, &test.history, &test.facts, test.requested, test.at);
    checks.diff(expected.line, "the run", compare::said(&expected.run, &plan.decision));
    checks.decisions(&plan);
    checks.rows();
    if expected.plays() {
        match stage::play(test, stop) {
            Ok(played) => checks.played(&played),
            Err(why) => checks.error(expected.line, "the ladder", why),
        }
    }
    checks.all
}

struct Checks<'a> {
    file: &'a str,
    test: &'a Test,
    all: Vec<Check>,
}

impl Checks<'_> {
    fn push(&mut self, line: usize, what: &str, error: Option<String>, diff: Diff) {
        self.all.push(Check {
            file: self.file.to_owned(),
            line,
            test: self.test.name.clone(),
            what: what.to_owned(),
            passed: error.is_none() && diff.missing.is_empty() && diff.unexpected.is_empty(),
            error,
            missing: diff.missing,
            unexpected: diff.unexpected,
        });
    }

    fn diff(&mut self, line: usize, what: &str, diff: Diff) {
        self.push(line, what, None, diff);
    }

    fn error(&mut self, line: usize, what: &str, why: String) {
        self.push(line, what, Some(why), Diff::default());
    }

    /// A run whose conditions do not hold looks at no row and sends nothing.
    fn not_begun(&mut self, decision: &Decision) {
        let expected = &self.test.expected;
        let mut diff = compare::said(&expected.run, decision);
        diff.missing.extend(expected.decisions.iter().map(|wanted| format!("candidate {}", wanted.candidate)));
        diff.missing.extend(expected.not_listed.iter().map(|name| format!("{name} is looked at and not listed")));
        self.diff(expected.line, "the run", diff);
        if expected.plays() {
            self.played(&Played::default());
        }
    }

    fn decisions(&mut self, plan: &Plan) {
        let test = self.test;
        for wanted in &test.expected.decisions {
            let what = format!("candidate {}", wanted.candidate);
            let came = plan.candidates.iter().find(|(candidate, _)| names::of(candidate) == wanted.candidate);
            let diff = match came {
                Some((candidate, decision)) => self.decided(wanted, candidate, decision),
                None => Diff {
                    missing: wanted.said.verdict.map(compare::verdict).into_iter().collect(),
                    unexpected: vec![self.unlisted(&wanted.candidate)],
                },
            };
            self.diff(wanted.line, &what, diff);
        }
        let expected = |name: &str| test.expected.decisions.iter().any(|wanted| wanted.candidate == name);
        let others = plan.candidates.iter().filter(|(candidate, _)| !expected(&names::of(candidate)));
        let others: Vec<String> = others.map(|(c, d)| compare::whole(&names::of(c), d)).collect();
        if !others.is_empty() {
            self.diff(test.expected.line, "no other candidate", Diff { missing: Vec::new(), unexpected: others });
        }
    }

    fn decided(&self, wanted: &Decided, candidate: &Candidate, decision: &Decision) -> Diff {
        let mut diff = compare::said(&wanted.said, decision);
        let rung = self.test.playbook.rungs().next();
        if let Some(action) = wanted.action {
            let came = rung.map_or("no action: it only tells people", |rung| rung.action.name);
            diff.equal("action", action, came);
        }
        if let Some(part) = &wanted.statement {
            let order = rung.map(|rung| Order {
                candidate,
                args: &rung.args,
                server: &self.test.facts.server,
                run: "(plan)",
                playbook: &self.test.playbook.name,
                time_left: TIME_LEFT,
            });
            let deed = rung.zip(order).and_then(|(rung, order)| Some(actions::of(rung.action)?.deed(&order)));
            let came = match deed {
                Some(Ok(deed)) => deed.act.statement,
                Some(Err(why)) => format!("none: {why}"),
                None => "none".to_owned(),
            };
            diff.contains("statement", part, &came);
        }
        diff
    }

    fn unlisted(&self, name: &str) -> String {
        let why = self.test.unlisted.iter().find(|(row, _)| row == name).map_or("", |(_, why)| why);
        format!("not listed: {why}")
    }

    /// Rows that are no candidates must be expected not to be: a test of nothing would always pass.
    fn rows(&mut self) {
        let test = self.test;
        let mut diff = Diff::default();
        for name in &test.expected.not_listed {
            if !test.unlisted.iter().any(|(row, _)| row == name) {
                diff.missing.push(format!("{name} is not listed"));
                diff.unexpected.push(format!("{name} is listed"));
            }
        }
        let named = |name: &String| {
            test.expected.not_listed.contains(name) || test.expected.decisions.iter().any(|d| d.candidate == *name)
        };
        for (name, why) in test.unlisted.iter().filter(|(name, _)| !named(name)) {
            diff.unexpected.push(format!("{name} is not listed: {why}"));
        }
        if !diff.unexpected.is_empty() || !test.expected.not_listed.is_empty() {
            self.diff(test.expected.line, "what the finder lists", diff);
        }
    }

    fn played(&mut self, played: &Played) {
        let expected = &self.test.expected;
        let line = expected.line;
        if let Some(wanted) = &expected.actions {
            self.diff(line, "the actions", compare::sent(wanted, &played.sent));
        }
        if let Some(told) = &expected.told {
            let mut diff = Diff::default();
            diff.equal("people are told", &compare::list(told), &compare::list(&played.told));
            self.diff(line, "what people are told", diff);
        }
        if expected.ends.is_empty() {
            return;
        }
        let mut diff = Diff::default();
        for (key, wanted) in &expected.ends {
            let came = played.end.as_ref().map_or(0, |end| match *key {
                "acted" => end.acted,
                "helped" => end.helped,
                "failed" => end.failed,
                _ => end.held,
            });
            diff.equal(key, &wanted.to_string(), &came.to_string());
        }
        self.diff(line, "the end", diff);
    }
}
