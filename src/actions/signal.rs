//! What `cancel_backend` and `terminate_backend` share: one statement that finds its victim by full
//! identity, checks what protects it, and signals it, all on one look.

use super::grants::{ANY, Grant, Hand, Needs};
use super::{Deed, Judgement, Order, comment, protection};
use crate::model::query::{Act, ActAnswer, Confirm};
use crate::model::time::in_words;
use crate::model::{Backend, Candidate, Duration, Outcome, OutcomeStatus, Place, Question, Row, Value};

/// Between two looks whether the signal worked.
const EVERY: Duration = Duration::from_millis(100);

/// What both need.
pub(super) static GRANTS: &[Grant] = &[Grant {
    hand: Hand::Acting,
    needs: Needs::Member("pg_signal_backend"),
    from: ANY.0,
    to: ANY.1,
    why: "Without it no session of another user can be cancelled or terminated.",
    also_permits: "cancelling and terminating every session but a superuser's, replication of other roles included: \
                   which of them are left alone is pgmedic's own rule, not the server's.",
}];

/// Which signal, and how its effect is seen.
pub(super) struct Signal {
    /// The server's function, of one argument.
    pub function: &'static str,
    /// For people: `cancel`.
    pub word: &'static str,
    /// How long the effect may take.
    pub within: Duration,
    /// The column of the look that tells whether the harm is still there.
    pub still: &'static str,
    /// What is over when it is not: `query`.
    pub over: &'static str,
}

impl Signal {
    pub(super) fn deed(&self, order: &Order) -> Result<Deed, String> {
        let Candidate::Backend(b) = order.candidate else {
            return Err(format!("only a session can be sent a {}", self.word));
        };
        if b.query_start.is_none() {
            return Err(
                "the server does not show when its statement began, so it cannot be told from the next".to_owned()
            );
        }
        let act = Act {
            place: Place::Acting,
            settings: Vec::new(),
            precondition: None,
            wanted: Vec::new(),
            statement: self.statement(order),
            params: identity(b),
            deadline: Duration::from_secs(5),
            confirm: Some(self.confirm(b)),
        };
        Ok(Deed { act, before: None, after: None })
    }

    fn statement(&self, order: &Order) -> String {
        let Signal { function, .. } = self;
        let (comment, paused) = (comment(order), protection::paused());
        let protected = protection::protected(order.server.major(), "$5::text");
        format!(
            "{comment} WITH victim AS MATERIALIZED (
  SELECT a.pid, {protected} AS protected,
    {paused} AS paused
    FROM pg_stat_activity a LEFT JOIN pg_roles r ON r.oid = a.usesysid
   WHERE a.pid = $1::int4 AND a.backend_start = $2::timestamptz AND a.state = 'active'
     AND a.xact_start IS NOT DISTINCT FROM $3::timestamptz AND a.query_start IS NOT DISTINCT FROM $4::timestamptz
)
SELECT v.protected, v.paused, clock_timestamp() AS sent_at,
       CASE WHEN v.protected IS NULL AND v.paused IS NULL THEN {function}(v.pid) END AS signalled
  FROM victim v"
        )
    }

    fn confirm(&self, b: &Backend) -> Confirm {
        let sql = "SELECT clock_timestamp() AS looked_at, a.state, a.pid IS NOT NULL AS same_session,
       coalesce(a.state = 'active' AND a.query_start IS NOT DISTINCT FROM $3::timestamptz, false) AS same_query
  FROM (SELECT 1) one LEFT JOIN pg_stat_activity a ON a.pid = $1::int4 AND a.backend_start = $2::timestamptz";
        let params = vec![Value::Int4(b.pid), Value::Timestamp(Some(b.backend_start)), Value::Timestamp(b.query_start)];
        let question = Question { name: "still_there", place: Place::Reading, sql: sql.to_owned(), params };
        Confirm { question, every: EVERY, within: self.within }
    }

    pub(super) fn judge(&self, answer: &ActAnswer, seen: Option<&[Row]>) -> Judgement {
        let Signal { word, over, .. } = self;
        let Some(row) = answer.rows.first() else {
            let detail = format!("the query had ended before the {word} was sent; nothing was touched");
            return ended(OutcomeStatus::Gone, detail);
        };
        if let Ok(Some(why)) = row.opt_text("paused") {
            return ended(OutcomeStatus::Refused, protection::paused_words(&why));
        }
        if let Ok(Some(why)) = row.opt_text("protected") {
            return ended(OutcomeStatus::Refused, format!("protected in the act: {why}"));
        }
        let signalled = row.bool("signalled").unwrap_or(false);
        let not_yet = |status, detail: String| Judgement::NotYet(Outcome::new(status, detail));
        let Some(look) = seen.map(|rows| rows.first().and_then(|r| r.bool(self.still).ok().map(|still| (r, still))))
        else {
            let detail = format!("the {word} was sent; whether it worked could not be seen");
            return not_yet(OutcomeStatus::Unknown, detail);
        };
        match look {
            None => {
                not_yet(OutcomeStatus::Unknown, format!("the {word} was sent; whether it worked could not be read"))
            }
            Some((_, true)) if signalled => {
                let within = in_words(self.within);
                let detail = format!("the {word} was sent, but the {over} was still there {within} later");
                not_yet(OutcomeStatus::Failed, detail)
            }
            Some((_, true)) => {
                let said = answer.warnings.join("; ");
                not_yet(OutcomeStatus::Failed, format!("the server could not send the {word}: {said}"))
            }
            Some((_, false)) if !signalled => {
                ended(OutcomeStatus::Gone, format!("the {over} ended in the moment in which the {word} was to be sent"))
            }
            Some((look, false)) => ended(OutcomeStatus::Done, self.done(row, look)),
        }
    }

    /// A session that is still there was not ended. Of one that is gone nobody can say who ended it.
    pub(super) fn recall(&self, seen: &[Row]) -> Judgement {
        let Signal { word, over, .. } = self;
        match seen.first().and_then(|row| row.bool(self.still).ok()) {
            Some(true) => {
                let detail = format!("the {over} is still there: the {word} was not sent, or it did not work");
                Judgement::NotYet(Outcome::new(OutcomeStatus::Refused, detail))
            }
            Some(false) => {
                let detail = format!(
                    "the {over} is over; whether the {word} ended it cannot be known, as pgmedic ended before it could see"
                );
                ended(OutcomeStatus::Unknown, detail)
            }
            None => {
                let detail = format!("whether the {word} was sent cannot be known");
                Judgement::NotYet(Outcome::new(OutcomeStatus::Unknown, detail))
            }
        }
    }

    fn done(&self, sent: &Row, look: &Row) -> String {
        let Signal { word, over, .. } = self;
        let took = match (sent.time("sent_at"), look.time("looked_at")) {
            (Ok(sent), Ok(looked)) => {
                format!("within {} ms of the {word}", crate::model::time::since(looked, sent).as_millis())
            }
            _ => format!("after the {word}"),
        };
        let left = match look.opt_text("state") {
            Ok(Some(state)) if state != "active" => format!("; its session is now {state}"),
            _ => String::new(),
        };
        format!("the {over} ended {took}{left}")
    }
}

fn identity(b: &Backend) -> Vec<Value> {
    vec![
        Value::Int4(b.pid),
        Value::Timestamp(Some(b.backend_start)),
        Value::Timestamp(b.xact_start),
        Value::Timestamp(b.query_start),
        Value::Text(b.progress.clone().filter(|p| p == "copy").unwrap_or_default()),
    ]
}

fn ended(status: OutcomeStatus, detail: String) -> Judgement {
    Judgement::Ended(Outcome::new(status, detail))
}

#[cfg(test)]
mod tests;
