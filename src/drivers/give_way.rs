//! Work gives way. A session that waits for a lock which a work session holds makes all others queue up
//! behind it, for as long as the work takes. The server cancels an autovacuum worker that stands in the way
//! so; nobody does that for pgmedic, so it looks for such sessions itself.

use super::Fault;
use super::live::LiveTarget;
use super::statement::{Limits, run};
use crate::model::query::RowError;
use crate::model::{Duration, Row, Value};
use std::sync::OnceLock;
use tokio_util::sync::CancellationToken;

/// Between two looks. With the time that a cancel takes this stays below the longest lock wait of pgmedic's
/// own: nobody waits longer for pgmedic than pgmedic for anybody.
const EVERY: Duration = Duration::from_millis(200);

/// For one look.
const LOOK: Duration = Duration::from_secs(5);

/// $1 is the backend that works. `pg_blocking_pids` stops all locking for a moment: in a storm of waiters it
/// is asked only for those that wait for something which the worker holds, and `pg_locks` is read only when
/// somebody waits at all. A role without `pg_monitor` is not shown that, nor what kind of session another's is;
/// `pg_locks` and `pg_blocking_pids` it may ask: then every session that is hidden may be one that waits.
const WAITING: &str = "WITH waiting AS MATERIALIZED (
  SELECT a.pid, coalesce(a.backend_type, 'session') AS backend_type, coalesce(a.usename::text, '') AS user,
         coalesce(a.datname::text, '') AS database, coalesce(a.application_name, '') AS application
    FROM pg_stat_activity a
   WHERE a.wait_event_type = 'Lock' OR a.query = '<insufficient privilege>'
), lock AS MATERIALIZED (
  SELECT l.pid, l.granted, l.locktype, l.database, l.relation, l.page, l.tuple, l.virtualxid, l.transactionid
    FROM pg_locks l WHERE EXISTS (SELECT FROM waiting) AND (l.pid = $1) = l.granted
), near AS MATERIALIZED (
  SELECT w.* FROM waiting w WHERE w.pid IN (
    SELECT l.pid FROM lock l JOIN lock h ON NOT l.granted AND h.granted
       AND (l.locktype, l.database, l.relation, l.page, l.tuple, l.virtualxid, l.transactionid) IS NOT DISTINCT FROM
           (h.locktype, h.database, h.relation, h.page, h.tuple, h.virtualxid, h.transactionid))
)
SELECT n.* FROM near n WHERE $1 = ANY (pg_blocking_pids(n.pid)) LIMIT 1";

/// Whether one statement must give way, and to whom.
#[derive(Debug, Default)]
pub struct Way {
    to: OnceLock<String>,
    wanted: CancellationToken,
}

impl Way {
    /// Waits until somebody wants it; who that is, in words.
    pub async fn wanted(&self) -> &str {
        self.wanted.cancelled().await;
        self.to.get().map_or("", String::as_str)
    }

    /// Looks for somebody who waits for the work of this backend, by the acting connection, until there is
    /// one. A look that fails says nothing: the next one may, and without that connection the work ends anyway.
    pub async fn watch(&self, target: &LiveTarget, worker: i32) {
        loop {
            tokio::time::sleep(EVERY).await;
            if let Ok(Some(who)) = waiting(target, worker).await {
                self.to.get_or_init(|| who);
                self.wanted.cancel();
                return;
            }
        }
    }
}

async fn waiting(target: &LiveTarget, worker: i32) -> Result<Option<String>, Fault> {
    let mut acting = target.acting.lock().await;
    let rows = run(acting.owner()?, WAITING, &[Value::Int4(worker)], &Limits::deadline(LOOK)).await;
    let rows = acting.check(rows)?;
    rows.first().map(describe).transpose().map_err(|e| Fault::Lost(e.to_string()))
}

fn describe(row: &Row) -> Result<String, RowError> {
    let [kind, user, database, application] =
        ["backend_type", "user", "database", "application"].map(|column| row.text(column));
    let (kind, user, database, application) = (kind?, user?, database?, application?);
    let pid = row.int("pid")?;
    Ok(format!("{kind} {pid} (user \"{user}\", database \"{database}\", application \"{application}\")"))
}
