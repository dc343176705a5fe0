//! What was expected beside what came, as people read it.

use super::expect::{self, GuardSaid, Said};
use super::stage;
use crate::decide::Decision;
use crate::model::time::in_words;
use crate::model::verdict::GuardVerdict;
use crate::model::{GuardReport, Verdict};

/// What was expected and did not come, and what came instead.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Diff {
    pub missing: Vec<String>,
    pub unexpected: Vec<String>,
}

impl Diff {
    fn differs(&mut self, wanted: String, came: String) {
        self.missing.push(wanted);
        self.unexpected.push(came);
    }

    /// Two words must be equal.
    pub fn equal(&mut self, what: &str, wanted: &str, came: &str) {
        if wanted != came {
            self.differs(format!("{what} {wanted}"), format!("{what} {came}"));
        }
    }

    /// A part must occur in a text.
    pub fn contains(&mut self, what: &str, part: &str, came: &str) {
        if !came.contains(part) {
            self.differs(format!("{what} with {part:?}"), format!("{what} {came:?}"));
        }
    }
}

/// Compares a decision.
pub(super) fn said(wanted: &Said, came: &Decision) -> Diff {
    let mut diff = Diff::default();
    if let Some(wanted) = wanted.verdict
        && wanted != came.verdict
    {
        diff.differs(verdict(wanted), decision(came));
    }
    if let Some(mode) = wanted.mode {
        diff.equal("mode", mode.word(), came.mode.word());
    }
    if let Some(reason) = &wanted.reason {
        diff.contains("reason", reason, &came.reason);
    }
    for guard in &wanted.guards {
        self::guard(guard, &came.guards, &mut diff);
    }
    diff
}

fn guard(wanted: &GuardSaid, all: &[GuardReport], diff: &mut Diff) {
    let name = &wanted.name;
    let Some(came) = all.iter().find(|report| report.name == *name) else {
        if let Some(verdict) = wanted.verdict {
            let told = format!("guard {name}: {}", answer(verdict));
            diff.differs(told, format!("guard {name}: nothing to say"));
        }
        return;
    };
    let told = format!("guard {name}: {}: {}", answer(came.verdict), came.detail);
    match (wanted.verdict, &wanted.detail) {
        (None, _) => diff.differs(format!("guard {name}: nothing to say"), told),
        (Some(verdict), _) if verdict != came.verdict => {
            diff.differs(format!("guard {name}: {}", answer(verdict)), told);
        }
        (Some(verdict), Some(part)) if !came.detail.contains(part) => {
            diff.differs(format!("guard {name}: {} with {part:?}", answer(verdict)), told);
        }
        _ => {}
    }
}

fn answer(verdict: GuardVerdict) -> String {
    verdict.into()
}

/// `verdict act`
pub(super) fn verdict(verdict: Verdict) -> String {
    format!("verdict {}", verdict.word())
}

fn decision(came: &Decision) -> String {
    format!("verdict {} ({})", came.verdict.word(), came.reason)
}

/// A decision that nobody expected.
pub(super) fn whole(candidate: &str, came: &Decision) -> String {
    format!("candidate {candidate}: {}", decision(came))
}

/// Compares the statements that were sent, in their order.
pub(super) fn sent(wanted: &[expect::Sent], came: &[stage::Sent]) -> Diff {
    let mut diff = Diff::default();
    for i in 0..wanted.len().max(came.len()) {
        let (wanted, came) = (wanted.get(i), came.get(i));
        if let (Some(wanted), Some(came)) = (wanted, came)
            && is(wanted, came)
        {
            continue;
        }
        diff.missing.extend(wanted.map(|wanted| {
            let after = wanted.after.map_or(String::new(), |after| format!(" after {}", in_words(after)));
            let statement = wanted.statement.as_ref().map_or(String::new(), |part| format!(" with {part:?}"));
            format!("{}. {}{after}{statement}", i + 1, step(wanted.action, &wanted.candidate, wanted.takes_back))
        }));
        diff.unexpected.extend(came.map(|came| {
            let step = step(came.action, &came.candidate, came.takes_back);
            // A statement is long: it is shown to whoever asked for a part of it.
            let asked = wanted.is_some_and(|wanted| wanted.statement.is_some());
            let statement = if asked { format!(": {}", came.statement) } else { String::new() };
            format!("{}. {step} after {}{statement}", i + 1, in_words(came.after))
        }));
    }
    diff
}

fn is(wanted: &expect::Sent, came: &stage::Sent) -> bool {
    wanted.candidate == came.candidate
        && wanted.action == came.action
        && wanted.takes_back == came.takes_back
        && wanted.after.is_none_or(|after| after == came.after)
        && wanted.statement.as_ref().is_none_or(|part| came.statement.contains(part))
}

fn step(action: &str, candidate: &str, takes_back: bool) -> String {
    let back = if takes_back { " taken back" } else { "" };
    format!("{action} on {candidate}{back}")
}

/// `acted, failed`, or `nothing`.
pub(super) fn list(words: &[impl AsRef<str>]) -> String {
    let words: Vec<&str> = words.iter().map(AsRef::as_ref).collect();
    if words.is_empty() { "nothing".to_owned() } else { words.join(", ") }
}
