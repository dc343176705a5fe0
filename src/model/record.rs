//! The audit record: one JSON object a line, the same fields for every kind.

mod stored;

use super::candidate::Named;
use super::{GuardReport, Mode, Outcome, Timestamp, Verdict};
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;

/// What a record tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RecordKind {
    /// Something asked for a run and was accepted.
    Trigger,
    /// A run's or a candidate's decision.
    Decision,
    /// A person's yes or no.
    Approval,
    /// An action is about to be sent.
    Intent,
    /// What came of it.
    Outcome,
    /// Whether it helped.
    Verification,
    /// A change was taken back.
    Revert,
    /// A breaker opened or closed.
    Breaker,
    /// A message was delivered or given up.
    Notification,
    /// A person's judgement of a run.
    Review,
    /// Configuration or playbooks were loaded.
    Config,
    /// Pause, resume and other orders of people.
    Control,
    /// Somebody was refused or let in.
    Access,
    /// The daemon started, stopped, or fell ill.
    Lifecycle,
    /// Counts of what concluded nothing new.
    Quiet,
    /// The folded state at the start of a segment.
    Snapshot,
}

impl RecordKind {
    /// All kinds with their word.
    pub const ALL: [(&'static str, RecordKind); 16] = [
        ("trigger", RecordKind::Trigger),
        ("decision", RecordKind::Decision),
        ("approval", RecordKind::Approval),
        ("intent", RecordKind::Intent),
        ("outcome", RecordKind::Outcome),
        ("verification", RecordKind::Verification),
        ("revert", RecordKind::Revert),
        ("breaker", RecordKind::Breaker),
        ("notification", RecordKind::Notification),
        ("review", RecordKind::Review),
        ("config", RecordKind::Config),
        ("control", RecordKind::Control),
        ("access", RecordKind::Access),
        ("lifecycle", RecordKind::Lifecycle),
        ("quiet", RecordKind::Quiet),
        ("snapshot", RecordKind::Snapshot),
    ];

    /// The word in records.
    #[must_use]
    pub fn word(self) -> &'static str {
        Self::ALL.iter().find(|(_, k)| *k == self).map_or("", |(word, _)| word)
    }
}

/// A record as stored. Fields that do not apply are left out.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(from = "stored::Stored")]
pub struct Record {
    /// Position in the log, from 1, without gaps.
    pub seq: u64,
    /// When it was appended, never before its predecessor.
    #[serde(with = "super::time::micros")]
    pub time: Timestamp,
    /// All else.
    #[serde(flatten)]
    pub body: Draft,
}

/// A record before the log's writer gives it its place and time.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Draft {
    /// What it tells.
    pub kind: RecordKind,
    /// The run it belongs to (ULID).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run: Option<String>,
    /// Target name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target: Option<String>,
    /// The playbook and the exact text of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub playbook: Option<PlaybookRef>,
    /// What asked for the run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trigger: Option<Trigger>,
    /// Who asked: `daemon`, `user:alice`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub actor: Option<String>,
    /// The mode in force after all ceilings.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mode: Option<Mode>,
    /// What was concluded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub verdict: Option<Verdict>,
    /// Why, in words; a skip's begins with the guard's name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The thing it is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub candidate: Option<Named>,
    /// How each guard answered.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub guards: Vec<GuardReport>,
    /// What is done to it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub action: Option<ActionRef>,
    /// The value before, where something is changed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<Json>,
    /// The value after.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<Json>,
    /// What came of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outcome: Option<Outcome>,
    /// What was judged by, and what the kind has to say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub evidence: Option<Json>,
    /// Channels this record must reach.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub notify: Vec<String>,
    /// `revision` of the configuration that was live; the log's writer puts it in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revision: Option<String>,
}

impl Draft {
    /// An empty draft of a kind.
    #[must_use]
    pub fn new(kind: RecordKind) -> Draft {
        Draft {
            kind,
            run: None,
            target: None,
            playbook: None,
            trigger: None,
            actor: None,
            mode: None,
            verdict: None,
            reason: None,
            candidate: None,
            guards: Vec::new(),
            action: None,
            before: None,
            after: None,
            outcome: None,
            evidence: None,
            notify: Vec::new(),
            revision: None,
        }
    }

    /// The message that the record carries for its channels, if it is one that people are told.
    #[must_use]
    pub fn notice(&self) -> Option<Notice> {
        let notice = self.evidence.as_ref()?.get("notice")?;
        serde_json::from_value(notice.clone()).ok()
    }

    /// Puts the message into the evidence, where its channels find it.
    pub fn set_notice(&mut self, notice: &Notice) {
        // Strings and lists of strings always serialise.
        let json = serde_json::to_value(notice).unwrap_or_default();
        match self.evidence.get_or_insert_with(|| Json::Object(serde_json::Map::new())) {
            Json::Object(map) => drop(map.insert("notice".to_owned(), json)),
            other => *other = serde_json::json!({"value": other.clone(), "notice": json}),
        }
    }
}

/// Which playbook, and which text of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlaybookRef {
    /// Name.
    pub name: String,
    /// SHA-256 of its text in hex.
    pub digest: String,
}

/// What asked for a run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Trigger {
    /// `every`, `cron`, `window`, `manual`.
    pub kind: String,
    /// As written: `30s`, `0 */2 * * *`, the window's name.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub detail: String,
    /// The nominal moment that it stands for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nominal: Option<Timestamp>,
}

/// What is done.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ActionRef {
    /// The action.
    pub name: String,
    /// disruptive, maintenance or irreversible: limits count by it.
    pub class: super::Class,
    /// Its arguments as resolved.
    #[serde(default, skip_serializing_if = "Json::is_null")]
    pub arguments: Json,
    /// The statement as sent.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub statement: String,
}

/// What people are told: `acted`, `held`, `failed`, `reverted`, `unknown`, `breaker`, `daemon`, `observed`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Notice {
    /// One of the events above; channels subscribe by it.
    pub event: String,
    /// Equal for all messages about one incident: (playbook, target, what is wrong).
    pub incident: String,
    /// One line: what was wrong and what was done.
    pub headline: String,
    /// Further lines, each complete in itself: evidence, what was done, whether it helped, what to do now.
    pub lines: Vec<String>,
    /// Carried over from the playbook.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub severity: Option<String>,
    /// Carried over from the playbook.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner: Option<String>,
    /// Carried over from the playbook.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub runbook_url: Option<String>,
    /// Labels of the target, for a channel's `match`.
    #[serde(default, skip_serializing_if = "super::Labels::is_empty")]
    pub labels: super::Labels,
}
