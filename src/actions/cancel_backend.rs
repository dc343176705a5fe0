//! Ends a statement and leaves its session.

use super::grants::Grant;
use super::signal::{self, Signal};
use super::{Action, Deed, Judgement, Order};
use crate::model::query::ActAnswer;
use crate::model::{Class, Duration, Kind, Row};
use crate::playbook::ActionSpec;
use serde_json::Value as Json;

/// The action.
pub struct CancelBackend;

static SPEC: ActionSpec = ActionSpec {
    name: "cancel_backend",
    kind: Kind::Backend,
    class: Class::Disruptive,
    about: "Cancels the statement that a session is running, if it is still the same statement.",
    params: &[],
    danger: "The statement's work is lost and its client sees error 57014; the session stays. It cannot be taken back.",
};

const SIGNAL: Signal = Signal {
    function: "pg_cancel_backend",
    word: "cancel",
    within: Duration::from_secs(3),
    still: "same_query",
    over: "query",
};

impl Action for CancelBackend {
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
