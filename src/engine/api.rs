//! What the engine tells and is told: the same types over the Unix socket, in the foreground and, one
//! day, over HTTP.

use crate::audit::query::{Filter, Listing, QueryError, Visit};
use crate::model::candidate::Named;
use crate::model::history::{Pause, Scope};
use crate::model::right::Right;
use crate::model::{GuardReport, Mode, Timestamp, Verdict};
use async_trait::async_trait;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// What would be done now for one playbook on one target, and why not.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PlanReport {
    /// Target.
    pub target: String,
    /// Playbook.
    pub playbook: String,
    /// The playbook's own sentence about itself.
    pub about: String,
    /// The mode in force after all ceilings.
    pub mode: Mode,
    /// The run as a whole.
    pub verdict: Verdict,
    /// Why, in words.
    pub reason: String,
    /// How the guards answered for the run as a whole.
    pub guards: Vec<GuardReport>,
    /// Each candidate, in the order in which it would be acted on.
    pub candidates: Vec<CandidateReport>,
    /// How many more were found beyond the finder's `limit`.
    #[serde(default)]
    pub beyond_limit: u64,
    /// What could not be read, each in words.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unreadable: Vec<String>,
}

impl PlanReport {
    /// Whether anything would be done.
    #[must_use]
    pub fn would_act(&self) -> bool {
        self.candidates.iter().any(|c| c.verdict == Verdict::Act)
    }
}

/// One candidate of a plan.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CandidateReport {
    /// What it is.
    pub candidate: Named,
    /// What would be done about it.
    pub verdict: Verdict,
    /// Why, in words; a skip's begins with the guard's name.
    pub reason: String,
    /// How the guards answered.
    pub guards: Vec<GuardReport>,
    /// The ladder as it would be climbed: `cancel_backend`, `wait 30s`…
    pub ladder: Vec<String>,
    /// The first rung's statement as it would be sent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub statement: Option<String>,
}

/// Asks for one run by hand.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RunRequest {
    /// Playbook.
    pub playbook: String,
    /// Target.
    pub target: String,
    /// Lowers the mode for this run; never raises it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mode: Option<Mode>,
}

/// How a run ended.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RunReport {
    /// The run (ULID): `pgmedic audit show RUN` tells its story.
    pub run: String,
    /// The run as a whole.
    pub verdict: Verdict,
    /// In words.
    pub summary: String,
    /// Candidates acted on.
    pub acted: u32,
    /// Candidates whose harm was seen to be gone.
    pub helped: u32,
    /// Actions that failed, timed out or ended unknown.
    pub failed: u32,
    /// Candidates that wait for a person.
    pub held: u32,
}

/// `pgmedic pause` and `resume`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PauseRequest {
    /// What it covers.
    #[serde(flatten)]
    pub scope: Scope,
    /// In seconds; none: until resumed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub for_seconds: Option<u64>,
    /// Why.
    #[serde(default)]
    pub reason: String,
    /// Also stop what is under way.
    #[serde(default)]
    pub abort: bool,
}

/// What is going on.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Status {
    /// pgmedic's version.
    pub version: String,
    /// When this process started.
    pub started: Timestamp,
    /// The daemon's ceiling.
    pub mode: Mode,
    /// Orders to stand still.
    pub pauses: Vec<PauseStatus>,
    /// The file `PAUSED` is there: what it says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub paused_by_file: Option<String>,
    /// The log.
    pub audit: AuditStatus,
    /// Messages that have not reached their channel.
    pub messages_waiting: usize,
    /// Targets.
    pub targets: Vec<TargetStatus>,
    /// Playbooks.
    pub playbooks: Vec<PlaybookStatus>,
}

/// The state of the log.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AuditStatus {
    /// Records in the log.
    pub size: u64,
    /// Root of its Merkle tree, in hex.
    pub root: String,
    /// Why nothing can be written, if so: then nothing is done either.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trouble: Option<String>,
}

/// The state of one target.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TargetStatus {
    /// Name.
    pub name: String,
    /// Its ceiling.
    pub mode: Mode,
    /// `up`, or why it cannot be reached.
    pub state: String,
    /// `server_version_num`, when it was reached.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version_num: Option<i32>,
    /// `primary` or `standby`, when it was reached.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role: Option<String>,
    /// The right to act, if another pgmedic has it or it was taken over from one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub right_to_act: Option<Right>,
    /// Runs under way.
    pub runs: Vec<RunStatus>,
}

/// A run under way.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunStatus {
    /// The run (ULID).
    pub run: String,
    /// Its playbook.
    pub playbook: String,
    /// What it is doing.
    pub doing: String,
}

/// An order to stand still, and what it covers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PauseStatus {
    /// What it covers.
    #[serde(flatten)]
    pub scope: Scope,
    /// Who said so, why, since when.
    #[serde(flatten)]
    pub pause: Pause,
}

/// The state of one playbook.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PlaybookStatus {
    /// Name.
    pub name: String,
    /// Its sentence about itself.
    pub about: String,
    /// Its own ceiling.
    pub mode: Mode,
    /// Whether its triggers run.
    pub enabled: bool,
    /// Targets that it selects.
    pub targets: Vec<String>,
    /// What it is at targets whose variables or overrides change it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub changed: Vec<ChangedAt>,
    /// When it is next due, by target.
    pub next: BTreeMap<String, Timestamp>,
    /// How its last run ended, by target.
    pub last: BTreeMap<String, String>,
}

/// A playbook at one target that changes it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ChangedAt {
    /// The target.
    pub target: String,
    /// The playbook's own ceiling there.
    pub mode: Mode,
    /// Whether its triggers run there.
    pub enabled: bool,
}

/// `pgmedic why`: in words.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct WhyReport {
    /// What would be done now.
    pub plan: PlanReport,
    /// Further lines: when it is next due, what it did last, what would have to change.
    pub lines: Vec<String>,
}

/// Asks what would be done now.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct PlanRequest {
    /// These playbooks; empty: all.
    #[serde(default)]
    pub playbooks: Vec<String>,
    /// Only on this target.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target: Option<String>,
}

/// An order that could not be carried out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(tag = "type", content = "detail", rename_all = "snake_case")]
pub enum Refusal {
    /// No such playbook, target or window; says what there is.
    #[error("{0}")]
    Unknown(String),
    /// The target cannot be reached, or the log cannot be written.
    #[error("{0}")]
    Unavailable(String),
    /// The request itself is wrong, or the new configuration has faults (all of them, rendered).
    #[error("{0}")]
    Invalid(String),
    /// The caller's role does not allow it.
    #[error("{0}")]
    Forbidden(String),
}

/// What people and programs may ask of the engine. `actor` is who asks: `user:alice`.
#[async_trait]
pub trait Control: Send + Sync {
    /// What is going on.
    async fn status(&self) -> Status;

    /// What would be done now and why not; touches nothing and records nothing.
    ///
    /// # Errors
    /// [`Refusal::Unknown`] for a name that is not there. A target that cannot be reached is a plan
    /// with verdict `skip` and reason `unreachable: …`.
    async fn plan(&self, request: PlanRequest) -> Result<Vec<PlanReport>, Refusal>;

    /// One run by hand, to its end.
    ///
    /// # Errors
    /// Unknown names, an unreachable target, a log that cannot be written.
    async fn run(&self, request: RunRequest, actor: &str) -> Result<RunReport, Refusal>;

    /// Why a playbook acts on a target or does not, in words.
    ///
    /// # Errors
    /// As [`Control::plan`].
    async fn why(&self, playbook: &str, target: &str) -> Result<WhyReport, Refusal>;

    /// Stands still within a scope. Deciding and recording go on.
    ///
    /// # Errors
    /// Unknown names; a log that cannot be written.
    async fn pause(&self, request: PauseRequest, actor: &str) -> Result<(), Refusal>;

    /// Ends a pause of exactly that scope.
    ///
    /// # Errors
    /// When there is none, or the log cannot be written.
    async fn resume(&self, scope: Scope, actor: &str) -> Result<(), Refusal>;

    /// Shows records of the log. Blocks.
    ///
    /// # Errors
    /// As [`crate::audit::query::list`].
    fn records(&self, filter: &Filter, visit: Visit) -> Result<Listing, QueryError>;

    /// Reads configuration and playbooks again: all or nothing. Returns what changed, in words.
    ///
    /// # Errors
    /// [`Refusal::Invalid`] with every fault; the old state goes on.
    async fn reload(&self, actor: &str) -> Result<String, Refusal>;
}
