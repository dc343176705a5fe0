//! What can be done: a candidate becomes a statement that checks itself in the act, and its answer an
//! outcome.
//!
//! One action is one file and one line in [`REGISTRY`].

mod analyze;
mod cancel_backend;
pub mod grants;
mod protection;
mod set_pool_size;
mod signal;
mod terminate_backend;

use crate::model::query::{Act, ActAnswer};
use crate::model::{Candidate, Duration, Outcome, Row, Server};
use crate::playbook::{ActionSpec, Args};
use serde_json::Value as Json;

/// What an action is told to do.
#[derive(Clone, Copy, Debug)]
pub struct Order<'a> {
    /// To what, as just looked at.
    pub candidate: &'a Candidate,
    /// Its arguments, defaults filled in.
    pub args: &'a Args,
    /// The server as just seen.
    pub server: &'a Server,
    /// Run (ULID), for the statement's comment.
    pub run: &'a str,
    /// Playbook, for the statement's comment.
    pub playbook: &'a str,
    /// What is left of the run's time budget and window.
    pub time_left: Duration,
}

/// A statement ready to be sent, and what it changes.
#[derive(Clone, Debug, PartialEq)]
pub struct Deed {
    /// The statement.
    pub act: Act,
    /// The value before, where something is changed.
    pub before: Option<Json>,
    /// The value that it sets.
    pub after: Option<Json>,
}

/// What an answer says about the effect.
#[derive(Clone, Debug, PartialEq)]
pub enum Judgement {
    /// It is known how it ended.
    Ended(Outcome),
    /// The effect is not there yet; should it never come, this is the outcome.
    NotYet(Outcome),
}

/// Does one thing to candidates of one kind.
pub trait Action: Sync {
    /// Its name, kind, class and parameters.
    fn spec(&self) -> &'static ActionSpec;

    /// The statement for a candidate.
    ///
    /// # Errors
    /// Why this action cannot help this candidate: the rung is passed over.
    fn deed(&self, order: &Order) -> Result<Deed, String>;

    /// What came of it: judged right after the statement (`seen` is `None`), and again after each
    /// look of the deed's `confirm`.
    fn judge(&self, order: &Order, answer: &ActAnswer, seen: Option<&[Row]>) -> Judgement;

    /// What became of a statement of which a crash left only the announcement, from one look of the
    /// deed's `confirm`; nothing is sent. `order` is as it was announced, `after` what it was to set.
    fn recall(&self, order: &Order, after: Option<&Json>, seen: &[Row]) -> Judgement;

    /// What a person should know of a refusal beyond the server's own words, by its SQLSTATE.
    fn advice(&self, sqlstate: &str) -> Option<&'static str> {
        let _ = sqlstate;
        None
    }

    /// Whether the statement keeps what it has done when it is cut off in the middle.
    fn in_parts(&self, order: &Order) -> bool {
        let _ = order;
        false
    }

    /// What a statement that was cut off has left done. `outcome` is how it ended, `seen` the last look of the
    /// deed's `confirm`, if one succeeded. Asked only where it is done [`Action::in_parts`].
    fn cut_off(&self, order: &Order, outcome: Outcome, seen: Option<&[Row]>) -> Outcome {
        let _ = (order, seen);
        outcome
    }

    /// What its logins must be granted beyond [`grants::BASE`].
    fn grants(&self) -> &'static [grants::Grant];

    /// The statement that takes it back, from the value before; `None` where it cannot be.
    fn undo(&self, order: &Order, before: &Json) -> Option<Deed> {
        let _ = (order, before);
        None
    }

    /// The value that it changes, as the candidate shows it now: a change that somebody else made since
    /// is not taken back.
    fn current(&self, candidate: &Candidate) -> Option<Json> {
        let _ = candidate;
        None
    }

    /// The command with which a person takes it back; `None` where nothing can be.
    fn by_hand(&self, candidate: &Candidate, before: &Json) -> Option<String> {
        let _ = (candidate, before);
        None
    }

    /// What came of [`Action::undo`], judged as in [`Action::judge`]. Asked only where `undo` gave a deed.
    fn judge_undo(&self, order: &Order, before: &Json, answer: &ActAnswer, seen: Option<&[Row]>) -> Judgement {
        let _ = before;
        self.judge(order, answer, seen)
    }
}

/// All actions, in order of name.
pub static REGISTRY: &[&dyn Action] = &[
    &analyze::Analyze,
    &cancel_backend::CancelBackend,
    &set_pool_size::SetPoolSize,
    &terminate_backend::TerminateBackend,
];

/// The action of a specification that came from the catalogue.
#[must_use]
pub fn of(spec: &ActionSpec) -> Option<&'static dyn Action> {
    by_name(spec.name)
}

/// An action by the name in a record.
#[must_use]
pub fn by_name(name: &str) -> Option<&'static dyn Action> {
    REGISTRY.iter().copied().find(|a| a.spec().name == name)
}

/// The comment that every acting statement carries, so that the server's own log tells who it was.
#[must_use]
pub fn comment(order: &Order) -> String {
    // Playbook names are checked when read, and a run is a ULID: neither can end the comment.
    format!("/* pgmedic run={} playbook={} */", order.run, order.playbook)
}

#[cfg(test)]
mod testing;
