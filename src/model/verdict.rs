//! What was concluded, why, and what came of it.

use super::Mode;
use serde::{Deserialize, Serialize};

/// What a decision concludes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// Go on to the action.
    Act,
    /// A person must say yes first.
    Hold,
    /// Would act; the mode forbids it.
    Observe,
    /// A guard stopped it.
    Skip,
    /// Concluded nothing new; only counted.
    Quiet,
}

impl Verdict {
    /// All verdicts with their word.
    pub const ALL: [(&'static str, Verdict); 5] = [
        ("act", Verdict::Act),
        ("hold", Verdict::Hold),
        ("observe", Verdict::Observe),
        ("skip", Verdict::Skip),
        ("quiet", Verdict::Quiet),
    ];

    /// The word in records.
    #[must_use]
    pub fn word(self) -> &'static str {
        Self::ALL.iter().find(|(_, v)| *v == self).map_or("", |(word, _)| word)
    }
}

/// How one guard answered, with the figures it judged by.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GuardReport {
    /// The guard.
    pub name: String,
    /// Its answer.
    pub verdict: GuardVerdict,
    /// Why, for a tired person: figures and where the limit comes from.
    pub detail: String,
}

/// A guard's answer.
///
/// In records one word: `pass`, `stop`, `at_most_observe`, `at_most_approve` or `at_most_enforce`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub enum GuardVerdict {
    /// Nothing against it.
    Pass,
    /// Must not be done.
    Stop,
    /// May be done at most in this mode.
    Cap(Mode),
}

impl From<GuardVerdict> for String {
    fn from(verdict: GuardVerdict) -> String {
        match verdict {
            GuardVerdict::Pass => "pass".to_owned(),
            GuardVerdict::Stop => "stop".to_owned(),
            GuardVerdict::Cap(mode) => format!("at_most_{}", mode.word()),
        }
    }
}

impl TryFrom<String> for GuardVerdict {
    type Error = String;

    fn try_from(word: String) -> Result<GuardVerdict, String> {
        let cap = || {
            let mode = word.strip_prefix("at_most_")?;
            Mode::ALL.iter().find(|(name, _)| *name == mode).map(|(_, mode)| GuardVerdict::Cap(*mode))
        };
        match word.as_str() {
            "pass" => Ok(GuardVerdict::Pass),
            "stop" => Ok(GuardVerdict::Stop),
            _ => cap().ok_or_else(|| format!("`{word}` is no answer of a guard")),
        }
    }
}

/// How an action ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OutcomeStatus {
    /// The effect was seen.
    Done,
    /// The candidate was no longer what was decided on; nothing was touched.
    Gone,
    /// The server or the statement's own predicate refused, or somebody waited for its lock and it gave way:
    /// nothing of it took effect.
    Refused,
    /// It was tried and did not work, or only a part of it did: the words say which.
    Failed,
    /// Its deadline passed; what it had begun was cancelled.
    TimedOut,
    /// It cannot be known (connection lost, crash).
    Unknown,
}

impl OutcomeStatus {
    /// The word in records.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            OutcomeStatus::Done => "done",
            OutcomeStatus::Gone => "gone",
            OutcomeStatus::Refused => "refused",
            OutcomeStatus::Failed => "failed",
            OutcomeStatus::TimedOut => "timed_out",
            OutcomeStatus::Unknown => "unknown",
        }
    }

    /// Whether the harm can be taken as over for this candidate.
    #[must_use]
    pub fn settles(self) -> bool {
        matches!(self, OutcomeStatus::Done | OutcomeStatus::Gone)
    }
}

/// How an action ended, and the words for it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outcome {
    /// The ending.
    pub status: OutcomeStatus,
    /// What was seen, or the server's own error.
    pub detail: String,
}

impl Outcome {
    /// An ending with its words.
    #[must_use]
    pub fn new(status: OutcomeStatus, detail: impl Into<String>) -> Outcome {
        Outcome { status, detail: detail.into() }
    }
}
