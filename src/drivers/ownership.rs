//! The right to act on a server: an advisory lock, kept by the acting connection and lost with it.

use super::Fault;
use super::session::Session;
use super::statement::{Limits, run};
use crate::model::{Duration, Ownership, Row, Value};
use sha2::{Digest, Sha256};

/// For each of the few short statements here.
const DEADLINE: Duration = Duration::from_secs(5);

/// Holders of the lock in any database: the same key can be locked once in each.
const HOLDERS: &str = "SELECT l.pid = pg_backend_pid() AS mine, l.pid, a.usename AS user, a.datname AS database, \
     coalesce(a.application_name, '') AS application, a.client_addr \
     FROM pg_catalog.pg_locks l LEFT JOIN pg_catalog.pg_stat_activity a ON a.pid = l.pid \
     WHERE l.locktype = 'advisory' AND l.objsubid = 1 AND l.granted AND l.classid = $1 AND l.objid = $2 \
     ORDER BY l.pid";

/// The lock's key: the same for every pgmedic that looks at this server, and for its copies.
pub fn key(system_identifier: &str) -> i64 {
    let digest = Sha256::digest(format!("pgmedic:{system_identifier}"));
    digest.iter().take(8).fold(0, |key: i64, byte| (key << 8) | i64::from(*byte))
}

/// Takes the lock, or looks whether it is still held.
///
/// # Errors
/// When the acting connection fails.
pub async fn hold(session: &Session, key: i64) -> Result<Ownership, Fault> {
    let before = holders(session, key).await?;
    // Whoever holds it was alone when it looked after locking; one that comes later yields.
    if before.iter().any(is_mine) {
        return Ok(Ownership::Held);
    }
    if let Some(other) = before.first() {
        return Ok(Ownership::Elsewhere(describe(other)));
    }
    let rows = ask(session, "SELECT pg_try_advisory_lock($1) AS locked", &[Value::Int8(key)]).await?;
    let locked = rows.first().is_some_and(|row| row.bool("locked") == Ok(true));
    let after = holders(session, key).await?;
    let other = after.iter().find(|row| !is_mine(row));
    match other {
        None if locked => Ok(Ownership::Held),
        // Two came at once in two databases: both see the other, and both yield.
        Some(other) => {
            if locked {
                ask(session, "SELECT pg_advisory_unlock($1)", &[Value::Int8(key)]).await?;
            }
            Ok(Ownership::Elsewhere(describe(other)))
        }
        None => Ok(Ownership::Elsewhere("a session that has just let go".to_owned())),
    }
}

async fn holders(session: &Session, key: i64) -> Result<Vec<Row>, Fault> {
    let [high, low] = halves(key);
    ask(session, HOLDERS, &[Value::Oid(high), Value::Oid(low)]).await
}

async fn ask(session: &Session, sql: &str, params: &[Value]) -> Result<Vec<Row>, Fault> {
    run(session, sql, params, &Limits::deadline(DEADLINE)).await
}

/// `pg_locks` shows a key of 64 bits as two of 32.
fn halves(key: i64) -> [u32; 2] {
    let bits = key.cast_unsigned();
    // Cut to 32 bits each, which is what is left of them.
    #[allow(clippy::cast_possible_truncation)]
    [(bits >> 32) as u32, bits as u32]
}

fn is_mine(row: &Row) -> bool {
    row.bool("mine") == Ok(true)
}

fn describe(row: &Row) -> String {
    let text = |column: &str| row.text(column).unwrap_or_else(|_| "?".to_owned());
    let from = row.text("client_addr").unwrap_or_else(|_| "a local socket".to_owned());
    let pid = row.int("pid").unwrap_or_default();
    format!("{} of {} in {} from {from}, pid {pid}", text("application"), text("user"), text("database"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_key_is_the_documented_one() {
        // printf 'pgmedic:7000000000000000000' | sha256sum
        let hex = hex::encode(Sha256::digest("pgmedic:7000000000000000000"));
        let expected = u64::from_str_radix(&hex[..16], 16).unwrap().cast_signed();
        assert_eq!(key("7000000000000000000"), expected);
        assert_eq!(halves(-1), [u32::MAX, u32::MAX]);
        assert_eq!(halves((7 << 32) | 9), [7, 9]);
    }
}
