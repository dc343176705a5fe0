//! Ends a session that is running a statement.

use super::grants::Grant;
use super::signal::{self, Signal};
use super::{Action, Deed, Judgement, Order};
use crate::model::query::ActAnswer;
use crate::model::{Class, Duration, Kind, Row};
use crate::playbook::ActionSpec;
use serde_json::Value as Json;

/// The action.
pub struct TerminateBackend;

static SPEC: ActionSpec = ActionSpec {
    name: "terminate_backend",
    kind: Kind::Backend,
    class: Class::Disruptive,
    about: "Ends the session of a statement, if it is still running the same statement.",
    params: &[],
    danger: "The session's transaction is rolled back and its client is disconnected with error 57P01. It cannot be taken back.",
};

const SIGNAL: Signal = Signal {
    function: "pg_terminate_backend",
    word: "terminate",
    within: Duration::from_secs(5),
    still: "same_session",
    over: "session",
};

impl Action for TerminateBackend {
    fn spec(&self) -> &'static ActionSpec {
        &SPEC
    }

    fn grants(&self) -> &'static [Grant] {
        signal::GRANTS
    }

    fn deed(&self, order: &Order) -> Result<Deed, String> {
        SIGNAL.deed(order)
    }

    fn judge(&self, _: &Order, answer: &ActAnswer, seen: Option<&[Row]>) -> Judgement {
        SIGNAL.judge(answer, seen)
    }

    fn recall(&self, _: &Order, _: Option<&Json>, seen: &[Row]) -> Judgement {
        SIGNAL.recall(seen)
    }
}
