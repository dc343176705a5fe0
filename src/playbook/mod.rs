//! What a playbook says, after it was read and found sound.
//!
//! [`catalogue`] lists the words a playbook may use.

pub mod args;
pub mod catalogue;
pub mod changed;
mod conditions;
mod guarding;
mod ladder;
mod later;
mod params;
pub mod places;
pub mod read;
pub mod reference;
pub mod references;
pub mod schema;
mod triggers;
pub mod useless;

pub use args::{Arg, Args};
pub use catalogue::{ActionSpec, Catalogue, FinderSpec, Param, ParamType};
pub use changed::{Changes, Reading, Written, read_changed};
pub use read::read;
pub use references::{NamedAt, Refers, references};

use crate::model::{Duration, Labels, Matcher, Mode, Protect, Role};
use std::collections::BTreeMap;

/// A playbook, ready to be decided on.
#[derive(Clone, Debug)]
pub struct Playbook {
    /// Unique name.
    pub name: String,
    /// What it is for, in a sentence.
    pub about: String,
    /// Who answers for it.
    pub owner: Option<String>,
    /// Carried into messages.
    pub severity: Option<String>,
    /// Carried into messages.
    pub runbook_url: Option<String>,
    /// Carried into messages.
    pub labels: Labels,
    /// As written, or as the target's own replace them.
    pub vars: Vars,
    /// A disabled playbook has no triggers and refuses to run.
    pub enabled: bool,
    /// Its own ceiling.
    pub mode: Mode,
    /// What asks for a run.
    pub triggers: Vec<Trigger>,
    /// Where it runs.
    pub targets: TargetSelector,
    /// What must hold before it looks; empty: nothing.
    pub when: Vec<Condition>,
    /// What it looks for.
    pub find: Find,
    /// What stops it.
    pub guard: Guard,
    /// What it does, in order; empty: it only tells people.
    pub steps: Vec<Step>,
    /// Default 2 minutes: how long after the ladder the acted candidates may still be there.
    pub verify_within: Duration,
    /// Channels; `None`: those of the configuration.
    pub notify: Option<Vec<String>>,
    /// What a tick does while the last run still goes on.
    pub on_overlap: OnOverlap,
    /// What a missed tick does.
    pub on_missed: OnMissed,
    /// SHA-256 in hex: of `text`, or where a target changes it, of that digest and the changes.
    pub digest: String,
    /// The file as read, without what a target changes.
    pub text: String,
    /// Where it came from, for messages.
    pub file: String,
    /// What a target changes, for the record; `None`: nothing.
    pub changes: Option<serde_json::Value>,
}

/// What asks for a run by itself.
#[derive(Clone, Debug, PartialEq)]
pub enum Trigger {
    /// At fixed distances.
    Every {
        /// The distance.
        every: Duration,
        /// Spread, stable per playbook and target.
        jitter: Duration,
    },
    /// On a calendar.
    Cron {
        /// 5 fields, or 6 with seconds first, as written.
        expression: String,
        /// IANA zone; `None`: that of the configuration.
        timezone: Option<String>,
        /// Spread, stable per playbook and target.
        jitter: Duration,
    },
    /// When a window opens.
    Window {
        /// Its name in the configuration.
        name: String,
        /// Spread, stable per playbook and target.
        jitter: Duration,
    },
}

/// Where a playbook runs.
#[derive(Clone, Debug, Default)]
pub enum TargetSelector {
    /// Not written: every target, in observe only.
    #[default]
    Unwritten,
    /// `all`.
    All,
    /// By name.
    Names(Vec<String>),
    /// By labels, all of which must match.
    Matchers(Vec<Matcher>),
}

impl TargetSelector {
    /// Whether a target is meant.
    #[must_use]
    pub fn selects(&self, name: &str, labels: &Labels) -> bool {
        match self {
            TargetSelector::Unwritten | TargetSelector::All => true,
            TargetSelector::Names(names) => names.iter().any(|n| n == name),
            TargetSelector::Matchers(matchers) => !matchers.is_empty() && matchers.iter().all(|m| m.matches(labels)),
        }
    }
}

/// Something that must hold before a playbook looks for candidates.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Condition {
    /// For messages.
    pub name: String,
    /// An expression: it holds while this yields anything.
    pub promql: String,
    /// It counts only after it has held for so long.
    pub hold: Duration,
    /// It still counts for so long when it no longer holds.
    pub keep_firing: Duration,
}

/// What a playbook looks for.
#[derive(Clone, Debug)]
pub struct Find {
    /// The finder.
    pub finder: &'static FinderSpec,
    /// Its arguments, defaults filled in.
    pub args: Args,
}

/// What a playbook adds to policy to stop itself.
#[derive(Clone, Debug, Default)]
pub struct Guard {
    /// The replication role that the target must have.
    pub role: Role,
    /// Most candidates acted on in one run; policy's if smaller.
    pub per_run: Option<u32>,
    /// Per candidate, from its ladder's end. Default 5 minutes.
    pub cooldown: Duration,
    /// Windows of which one must be open; empty: any time.
    pub allow_in: Vec<String>,
    /// Windows none of which may be open.
    pub not_in: Vec<String>,
    /// The run starts nothing new after so long.
    pub time_budget: Option<Duration>,
    /// Adds to policy's.
    pub protect: Protect,
    /// Lets DDL or batch commands be candidates.
    pub include: Vec<Include>,
}

/// What is left alone unless a playbook includes it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Include {
    /// CREATE, ALTER, DROP, REFRESH, VACUUM, REINDEX…
    Ddl,
    /// DO, CALL, COPY.
    Batch,
}

impl Include {
    /// All with the word users write.
    pub const ALL: [(&'static str, Include); 2] = [("ddl", Include::Ddl), ("batch", Include::Batch)];
}

/// One rung of the ladder, or a rest between two.
#[derive(Clone, Debug)]
pub enum Step {
    /// Do something to each candidate that is still there.
    Act(ActStep),
    /// Let the last rung work.
    Wait(Duration),
}

/// One rung.
#[derive(Clone, Debug)]
pub struct ActStep {
    /// The action.
    pub action: &'static ActionSpec,
    /// Its arguments, defaults filled in.
    pub args: Args,
    /// The rung's own ceiling.
    pub mode: Option<Mode>,
}

/// What a tick does while the last run still goes on.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OnOverlap {
    /// It is dropped, and counted.
    #[default]
    Skip,
    /// One waits.
    Queue,
}

/// What a tick does that should have come while pgmedic was not there.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OnMissed {
    /// It is dropped, and counted.
    #[default]
    Skip,
    /// One run makes up for all of them, within the start deadline.
    Once,
}

impl Playbook {
    /// The action steps in order.
    pub fn rungs(&self) -> impl Iterator<Item = &ActStep> {
        self.steps.iter().filter_map(|s| match s {
            Step::Act(act) => Some(act),
            Step::Wait(_) => None,
        })
    }
}

/// A playbook's variables as written.
pub type Vars = BTreeMap<String, String>;
