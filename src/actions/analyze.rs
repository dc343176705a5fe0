//! Renews the planner statistics of one table.

mod parts;

use super::grants::{ANY, Grant, Hand, Needs};
use super::{Action, Deed, Judgement, Order, comment, protection};
use crate::model::query::{Act, ActAnswer, Confirm};
use crate::model::time::in_words;
use crate::model::{Candidate, Class, Duration, Kind, Outcome, OutcomeStatus, Place, Question, Row, Table, Value};
use crate::playbook::{ActionSpec, Param, ParamType};
use serde_json::Value as Json;

/// The action.
pub struct Analyze;

static SPEC: ActionSpec = ActionSpec {
    name: "analyze",
    kind: Kind::Table,
    class: Class::Maintenance,
    about: "ANALYZE of one table; a partitioned parent together with its leaves.",
    params: &[Param {
        name: "statement_timeout",
        ty: ParamType::Duration,
        default: Some("10m"),
        required: false,
        about: "Cancelled after so long; never longer than what is left of the run's time budget and window.",
    }],
    danger: "Reads a sample of the table and holds a snapshot meanwhile. Plans may change, mostly for the better. The old statistics cannot be brought back. Functions in index expressions run with search_path = pg_catalog, as under autovacuum: one that names a table or function without its schema fails, and the outcome says so.",
};

static GRANTS: &[Grant] = &[
    Grant {
        hand: Hand::Acting,
        needs: Needs::TableSchemas,
        from: ANY.0,
        to: ANY.1,
        why: "Without it the tables of the schema cannot be named in a statement.",
        also_permits: "naming whatever is in the schema; reading or changing it takes further grants.",
    },
    Grant {
        hand: Hand::Acting,
        needs: Needs::TableOwners,
        from: ANY.0,
        to: 16,
        why: "Below PostgreSQL 17 only a table's owner may ANALYZE it; for others the server skips it with a warning.",
        also_permits: "everything that the owner may: read and change the rows, ALTER and DROP its tables.",
    },
    Grant {
        hand: Hand::Acting,
        needs: Needs::Member("pg_maintain"),
        from: 17,
        to: ANY.1,
        why: "Without it, or MAINTAIN on the table, the server skips ANALYZE with a warning.",
        also_permits: "VACUUM (FULL too), CLUSTER, REINDEX, REFRESH MATERIALIZED VIEW and LOCK TABLE on every table of the \
                       server; not reading or changing rows, ALTER or DROP.",
    },
];

/// SQLSTATEs of a name that is not found: a function or operator, a relation, a type.
const NOT_FOUND: [&str; 3] = ["42883", "42P01", "42704"];

/// Never wait for a lock longer than this: others queue behind a waiter.
const LONGEST_LOCK_WAIT: u32 = 500;

impl Action for Analyze {
    fn spec(&self) -> &'static ActionSpec {
        &SPEC
    }

    fn grants(&self) -> &'static [Grant] {
        GRANTS
    }

    fn deed(&self, order: &Order) -> Result<Deed, String> {
        let Candidate::Table(table) = order.candidate else { return Err("only a table can be analyzed".to_owned()) };
        let wanted = order.args.duration("statement_timeout").unwrap_or(Duration::from_mins(10));
        let timeout = wanted.min(order.time_left);
        if timeout < Duration::from_secs(1) {
            return Err(format!("only {} are left of the run's time", in_words(order.time_left)));
        }
        let act = Act {
            place: Place::WorkIn(table.database.clone()),
            settings: settings(order, timeout),
            precondition: Some(Question {
                name: "same_table",
                place: Place::WorkIn(table.database.clone()),
                sql: format!("SELECT s.* FROM ({}) s WHERE s.same AND NOT s.busy AND s.paused IS NULL", look()),
                params: identity(table),
            }),
            wanted: Vec::new(),
            statement: format!(
                "{} ANALYZE (SKIP_LOCKED) {}.{}",
                comment(order),
                quoted(&table.schema),
                quoted(&table.name)
            ),
            params: Vec::new(),
            // The server's own timeout comes first; this is for a server that does not keep it.
            deadline: timeout + Duration::from_secs(5),
            confirm: Some(Confirm {
                question: Question {
                    name: "analyzed",
                    place: Place::ReadIn(table.database.clone()),
                    sql: if table.partitioned { parts::look() } else { look() },
                    params: if table.partitioned { parts::params(table) } else { identity(table) },
                },
                every: Duration::from_millis(500),
                within: Duration::from_secs(5),
            }),
        };
        Ok(Deed { act, before: None, after: None })
    }

    /// An index expression or extended statistics run functions of the table's owner. The session's `search_path` is
    /// `pg_catalog`, as safe as that of autovacuum (empty since CVE-2018-1058) and of PostgreSQL 17 and later in every
    /// ANALYZE: what fails here fails for autovacuum too, which is why the table is stale.
    fn advice(&self, sqlstate: &str) -> Option<&'static str> {
        NOT_FOUND.contains(&sqlstate).then_some(
            "unless the table was dropped just now, a function that its index expressions or extended statistics call \
             names something without a schema. ANALYZE runs with search_path = pg_catalog, so that nobody can slip \
             another function in; autovacuum does so too, and fails on this table as well. Write the schema in the \
             function's body, or give the function its own path (ALTER FUNCTION … SET search_path = …)",
        )
    }

    fn judge(&self, order: &Order, answer: &ActAnswer, seen: Option<&[Row]>) -> Judgement {
        let Candidate::Table(table) = order.candidate else {
            return ended(OutcomeStatus::Failed, "only a table can be analyzed".to_owned());
        };
        let look = seen.and_then(<[Row]>::first);
        if !answer.sent {
            return not_sent(table, look);
        }
        if !answer.warnings.is_empty() {
            let said = answer.warnings.join("; ");
            return ended(OutcomeStatus::Failed, format!("the server skipped it or part of it: {said}"));
        }
        if table.partitioned && order.server.major() < 14 {
            let detail = "analyzed without a warning; PostgreSQL 13 keeps no time for a partitioned parent";
            return ended(OutcomeStatus::Done, detail.to_owned());
        }
        let analyzed = look.and_then(|row| row.opt_time("analyzed").ok().flatten());
        if analyzed.is_some() && analyzed > table.last_analyzed {
            return ended(OutcomeStatus::Done, done(table, look));
        }
        let detail = "ANALYZE ended without an error, but the server does not show it: last_analyze has not moved";
        Judgement::NotYet(Outcome::new(OutcomeStatus::Failed, detail))
    }

    fn in_parts(&self, order: &Order) -> bool {
        matches!(order.candidate, Candidate::Table(table) if table.partitioned)
    }

    fn cut_off(&self, order: &Order, outcome: Outcome, seen: Option<&[Row]>) -> Outcome {
        match order.candidate {
            Candidate::Table(table) => parts::cut_off(table, order.server.major(), &outcome, seen),
            _ => outcome,
        }
    }

    fn recall(&self, order: &Order, _: Option<&Json>, seen: &[Row]) -> Judgement {
        let unknown = |detail| Judgement::NotYet(Outcome::new(OutcomeStatus::Unknown, detail));
        let (Candidate::Table(table), Some(look)) = (order.candidate, seen.first()) else {
            return unknown("whether it was analyzed could not be seen");
        };
        if table.partitioned && order.server.major() < 14 {
            let detail =
                "whether it was analyzed cannot be known: PostgreSQL 13 keeps no time for a partitioned parent";
            return ended(OutcomeStatus::Unknown, detail.to_owned());
        }
        let analyzed = look.opt_time("analyzed").ok().flatten();
        let moved = analyzed.is_some() && analyzed > table.last_analyzed;
        let left = parts::left(look);
        match (look.bool("same"), look.bool("busy")) {
            (Ok(false), _) => not_sent(table, Some(look)),
            _ if moved && left.is_none() => {
                ended(OutcomeStatus::Done, format!("{}, as last_analyze shows", done(table, Some(look))))
            }
            (Ok(true), Ok(true)) => unknown("a session is still vacuuming or analyzing it"),
            _ if moved => {
                let part = left.unwrap_or_default();
                Judgement::NotYet(Outcome::new(OutcomeStatus::Failed, format!("it was cut off: {part}")))
            }
            _ => {
                let detail = "not analyzed: last_analyze has not moved, so it was not sent or was cut off";
                Judgement::NotYet(Outcome::new(OutcomeStatus::Failed, detail))
            }
        }
    }
}

fn settings(order: &Order, timeout: Duration) -> Vec<(&'static str, String)> {
    // Below deadlock_timeout, or an autovacuum worker in the way would be cancelled for us.
    let lock_wait = LONGEST_LOCK_WAIT.min(order.server.deadlock_timeout_milliseconds / 2).max(1);
    let mut settings = vec![
        ("statement_timeout", timeout.as_millis().to_string()),
        ("lock_timeout", lock_wait.to_string()),
        ("idle_in_transaction_session_timeout", "0".to_owned()),
    ];
    if order.server.major() >= 14 {
        settings.push(("idle_session_timeout", "0".to_owned()));
    }
    if order.server.major() >= 17 {
        settings.push(("transaction_timeout", "0".to_owned()));
    }
    settings
}

/// One row: whether it is still the same table, whether something works on it, and its ANALYZE times.
/// Parameters: oid, schema, name.
fn look() -> String {
    let paused = protection::paused();
    format!(
        "SELECT c.oid IS NOT NULL AS same, {paused} AS paused,
       EXISTS (SELECT FROM pg_stat_progress_vacuum p WHERE p.relid = $1 AND p.datname = current_database())
       OR EXISTS (SELECT FROM pg_stat_progress_analyze p WHERE p.relid = $1 AND p.datname = current_database()) AS busy,
       pg_stat_get_last_analyze_time($1) AS analyzed, pg_stat_get_mod_since_analyze($1) AS modified,
       c.reltuples::float8 AS rows
  FROM (SELECT 1) one LEFT JOIN (pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace)
    ON c.oid = $1::oid AND n.nspname = $2::text AND c.relname = $3::text AND c.relkind IN ('r', 'm', 'p')"
    )
}

fn identity(table: &Table) -> Vec<Value> {
    vec![Value::Oid(table.oid), Value::Text(table.schema.clone()), Value::Text(table.name.clone())]
}

/// The precondition gave no row. It does not say why, but the look that follows does.
fn not_sent(table: &Table, look: Option<&Row>) -> Judgement {
    let Some(row) = look else {
        let detail = "not sent: the table is no longer the same, something works on it, or the acting role is paused";
        return Judgement::NotYet(Outcome::new(OutcomeStatus::Refused, detail));
    };
    if let Ok(Some(why)) = row.opt_text("paused") {
        return ended(OutcomeStatus::Refused, protection::paused_words(&why));
    }
    match (row.bool("same"), row.bool("busy")) {
        (Ok(false), _) => {
            let detail = format!("{}.{} with oid {} is no longer there", table.schema, table.name, table.oid);
            ended(OutcomeStatus::Gone, detail)
        }
        (Ok(true), Ok(true)) => {
            ended(OutcomeStatus::Refused, "it is being vacuumed or analyzed by another session right now".to_owned())
        }
        _ => ended(
            OutcomeStatus::Refused,
            "not sent: another session was working on it a moment ago, or pgmedic.paused is set for the role that acts"
                .to_owned(),
        ),
    }
}

fn done(table: &Table, look: Option<&Row>) -> String {
    let rows = look.and_then(|r| r.float("rows").ok()).filter(|rows| *rows >= 0.0);
    let before = table.modified_rows;
    let changed = match look.and_then(|r| r.int("modified").ok()) {
        Some(now) if !table.partitioned => format!("changed rows since then {now} (before: {before})"),
        _ => format!("before, {before} rows had changed"),
    };
    match rows {
        Some(rows) => format!("analyzed; {rows:.0} rows estimated; {changed}"),
        None => format!("analyzed; {changed}"),
    }
}

/// As `quote_ident` does, but always with quotes.
fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

fn ended(status: OutcomeStatus, detail: String) -> Judgement {
    Judgement::Ended(Outcome::new(status, detail))
}

#[cfg(test)]
mod tests;
