//! Counting what concludes nothing new: one `quiet` record per target, when something changes and at
//! least hourly.

use crate::model::record::{Draft, RecordKind};
use crate::model::time::since;
use crate::model::{Duration, Timestamp, Verdict};
use serde::Serialize;
use std::collections::BTreeMap;

/// Counts are recorded at least so often.
pub const AT_LEAST_EVERY: Duration = Duration::from_hours(1);

/// The counts of one target since the last record of them.
#[derive(Clone, Debug)]
pub struct Quiet {
    since: Timestamp,
    counts: BTreeMap<String, Counts>,
}

/// What one playbook concluded that was nothing new.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
struct Counts {
    /// Runs that left no record of their own.
    #[serde(skip_serializing_if = "is_zero")]
    runs: u32,
    /// Decisions equal to the last one for the same candidate.
    #[serde(skip_serializing_if = "is_zero")]
    decisions: u32,
    /// Ticks dropped because the last run still went on.
    #[serde(skip_serializing_if = "is_zero")]
    overlaps: u32,
    /// Ticks that came while pgmedic was not there.
    #[serde(skip_serializing_if = "is_zero")]
    missed: u32,
}

#[allow(clippy::trivially_copy_pass_by_ref)] // serde wants a reference
fn is_zero(n: &u32) -> bool {
    *n == 0
}

impl Quiet {
    /// Nothing counted yet.
    #[must_use]
    pub fn new(now: Timestamp) -> Quiet {
        Quiet { since: now, counts: BTreeMap::new() }
    }

    fn of(&mut self, playbook: &str) -> &mut Counts {
        self.counts.entry(playbook.to_owned()).or_default()
    }

    /// A run ended that left no record.
    pub fn run(&mut self, playbook: &str) {
        self.of(playbook).runs += 1;
    }

    /// Decisions that were equal to the last ones.
    pub fn decisions(&mut self, playbook: &str, n: u32) {
        if n > 0 {
            self.of(playbook).decisions += n;
        }
    }

    /// A tick was dropped because the last run still went on.
    pub fn overlap(&mut self, playbook: &str) {
        self.of(playbook).overlaps += 1;
    }

    /// Ticks were missed.
    pub fn missed(&mut self, playbook: &str, n: u32) {
        if n > 0 {
            self.of(playbook).missed += n;
        }
    }

    /// When the counts have to be recorded at the latest.
    #[must_use]
    pub fn due(&self) -> Option<Timestamp> {
        (!self.counts.is_empty()).then(|| crate::model::time::after(self.since, AT_LEAST_EVERY))
    }

    /// The record of the counts so far, which begin anew; `None` when there are none.
    pub fn take(&mut self, target: &str, now: Timestamp) -> Option<Draft> {
        let counts = std::mem::take(&mut self.counts);
        let from = std::mem::replace(&mut self.since, now);
        if counts.is_empty() {
            return None;
        }
        let sum = |of: fn(&Counts) -> u32| counts.values().map(of).sum::<u32>();
        let figures = [
            (sum(|c| c.runs), "runs", "concluded nothing new"),
            (sum(|c| c.decisions), "decisions", "equal to the last"),
            (sum(|c| c.overlaps), "ticks", "dropped while the last run went on"),
            (sum(|c| c.missed), "ticks", "missed"),
        ];
        let words = figures
            .iter()
            .filter(|(n, ..)| *n > 0)
            .map(|(n, what, how)| format!("{n} {} {how}", if *n == 1 { what.trim_end_matches('s') } else { *what }));
        let words: Vec<String> = words.collect();
        let evidence = serde_json::json!({
            "from": crate::model::time::rfc3339_micros(from),
            "until": crate::model::time::rfc3339_micros(now),
            "playbooks": counts,
        });
        Some(Draft {
            target: Some(target.to_owned()),
            verdict: Some(Verdict::Quiet),
            reason: Some(format!("in {}: {}", crate::model::time::in_words(since(now, from)), words.join(", "))),
            evidence: Some(evidence),
            ..Draft::new(RecordKind::Quiet)
        })
    }
}
