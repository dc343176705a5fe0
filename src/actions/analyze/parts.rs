//! A partitioned table is analyzed in parts: first the parent, then leaf by leaf, each committed before the
//! next begins. What cuts the statement off takes nothing of that back.

use super::{identity, look as plain_look};
use crate::model::{Outcome, OutcomeStatus, Row, Table, Value};

/// As the look at a plain table. Busy is the table too while a leaf is; `leaves`, and how many of them were
/// analyzed since the table was found. Not by `pg_partition_tree`: that locks every leaf, and somebody may be
/// waiting for one. Parameters: as there, then the newest ANALYZE of a leaf when it was found.
pub(super) fn look() -> String {
    let plain = plain_look();
    format!(
        "WITH RECURSIVE part AS (
    SELECT i.inhrelid AS oid FROM pg_inherits i WHERE i.inhparent = $1::oid
    UNION ALL SELECT i.inhrelid FROM pg_inherits i JOIN part ON i.inhparent = part.oid
), leaf AS (
    SELECT c.oid FROM part JOIN pg_class c ON c.oid = part.oid AND c.relkind = 'r'
)
SELECT whole.same, whole.paused, whole.analyzed, whole.modified, whole.rows, whole.busy
       OR EXISTS (SELECT FROM pg_stat_progress_vacuum p JOIN leaf ON leaf.oid = p.relid WHERE p.datname = current_database())
       OR EXISTS (SELECT FROM pg_stat_progress_analyze p JOIN leaf ON leaf.oid = p.relid WHERE p.datname = current_database())
       AS busy,
       (SELECT count(*) FROM leaf) AS leaves,
       (SELECT count(*) FROM leaf
         WHERE pg_stat_get_last_analyze_time(leaf.oid) > coalesce($4::timestamptz, '-infinity')) AS leaves_analyzed
  FROM ({plain}) AS whole"
    )
}

pub(super) fn params(table: &Table) -> Vec<Value> {
    let mut params = identity(table);
    params.push(Value::Timestamp(table.leaf_last_analyzed));
    params
}

/// How much of it a look shows to be done, when that is not all.
pub(super) fn left(look: &Row) -> Option<String> {
    let (done, of) = counts(look)?;
    (done < of).then(|| format!("the parent and {done} of {of} leaves were analyzed and stay so"))
}

/// How many leaves were analyzed, and how many there are.
fn counts(look: &Row) -> Option<(i64, i64)> {
    Some((look.int("leaves_analyzed").ok()?, look.int("leaves").ok()?))
}

/// What was cut off is refused only if nothing of it was done: a part of it is a failure.
pub(super) fn cut_off(table: &Table, major: i32, outcome: &Outcome, seen: Option<&[Row]>) -> Outcome {
    let partly = |part: &str| {
        let refused = outcome.status == OutcomeStatus::Refused;
        let status = if refused { OutcomeStatus::Failed } else { outcome.status };
        Outcome::new(status, format!("{}; {part}", outcome.detail))
    };
    let look = seen.and_then(<[Row]>::first);
    let Some((look, (done, of))) = look.and_then(|look| Some((look, counts(look)?))) else {
        return partly("how much of it was analyzed before could not be seen");
    };
    let analyzed = look.opt_time("analyzed").ok().flatten();
    match done {
        // The parent comes first.
        1.. => partly(&format!("the parent and {done} of {of} leaves were analyzed before, and stay so")),
        _ if major < 14 => {
            partly(&format!("none of {of} leaves was analyzed before; of the parent PostgreSQL 13 does not show it"))
        }
        _ if analyzed.is_some() && analyzed > table.last_analyzed => {
            partly(&format!("the parent was analyzed before, and none of {of} leaves"))
        }
        _ => Outcome::new(outcome.status, format!("{}; nothing of it was analyzed", outcome.detail)),
    }
}
