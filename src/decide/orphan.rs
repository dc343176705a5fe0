//! What a resumed run looks up before it looks whether anything helped.

use super::run::{Prepared, Unwritten};
use crate::model::{Draft, Duration, Timestamp};
use crate::playbook::ActStep;
use std::collections::VecDeque;

/// Statements of which a crash left only the announcement, the next one first.
#[derive(Clone, Debug)]
pub struct Resuming {
    /// Those whose end is not recorded yet.
    pub orphans: VecDeque<Orphan>,
    /// How far the first of them is.
    pub stage: ResumeStage,
    /// What could not be looked up by then is recorded as unknown; a moment of [`super::run::Event::elapsed`].
    pub give_up: Duration,
}

/// A statement that was announced, and perhaps sent.
#[derive(Clone, Debug)]
pub struct Orphan {
    /// Whose.
    pub climber: usize,
    /// Index into the playbook's steps.
    pub step: usize,
    /// Its announcement.
    pub intent: Draft,
    /// When that was.
    pub announced: Timestamp,
}

/// How far the looking up of one orphan is.
#[derive(Clone, Debug)]
pub enum ResumeStage {
    /// Not begun.
    New,
    /// The target is looked at.
    Looking,
    /// It could not be looked at; between two tries.
    Resting,
    /// Its effect is looked for.
    Recalling,
    /// What was found is being recorded.
    Recording(Unwritten),
}

/// A statement whose effect is looked for, and nothing else.
#[derive(Clone, Debug)]
pub struct Recall {
    /// The action, to judge what is seen.
    pub action: &'static str,
    /// The rung's arguments.
    pub step: ActStep,
    /// The deed as it was announced.
    pub prepared: Prepared,
    /// Looked for so long: the server lets go of the statement before.
    pub patience: Duration,
}
