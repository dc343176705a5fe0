//! The right to act on a server: an advisory lock, kept by the acting connection and lost with it.

use super::Fault;
use super::session::Session;
use super::statement::{Limits, run};
use crate::model::{Duration, Ownership, Row, Value};
use sha2::{Digest, Sha256};

/// For each of the few short statements here.
const DEADLINE: Duration = Duration::from_secs(5);

/// How often it is tried when others come at the same moment.
const ATTEMPTS: u8 = 4;

/// Holders of the lock in any database: the same key can be locked once in each. One look at `pg_locks`: a session
/// that ends in between must not be seen with one of its two locks.
const HOLDERS: &str = "SELECT l.pid, l.pid = pg_backend_pid() AS mine, l.same_log, a.usename AS user, \
     a.datname AS database, coalesce(a.application_name, '') AS application, a.client_addr \
     FROM (SELECT pid, bool_or(classid = $3 AND objid = $4 AND mode = 'ShareLock') AS same_log FROM pg_catalog.pg_locks \
            WHERE locktype = 'advisory' AND objsubid = 1 AND granted \
              AND (classid = $1 AND objid = $2 OR classid = $3 AND objid = $4) \
            GROUP BY pid HAVING bool_or(classid = $1 AND objid = $2)) AS l \
     LEFT JOIN pg_catalog.pg_stat_activity a ON a.pid = l.pid ORDER BY l.pid";

/// The lock's key: the same for every pgmedic that looks at this server, and for its copies.
pub fn key(system_identifier: &str) -> i64 {
    digest(&format!("pgmedic:{system_identifier}"))
}

/// The key of a second, shared lock that the holder takes beside it: whose log it writes. A daemon that lost its
/// connection, or was started again, knows by it its own earlier session.
pub fn log_key(log: &str) -> i64 {
    digest(&format!("pgmedic-log:{log}"))
}

fn digest(text: &str) -> i64 {
    let digest = Sha256::digest(text);
    digest.iter().take(8).fold(0, |key: i64, byte| (key << 8) | i64::from(*byte))
}

/// The claim of one session to the right to act.
#[derive(Clone, Copy, Debug)]
pub struct Claim {
    /// [`key`] of the server.
    key: i64,
    /// [`log_key`] of the log, if there is one.
    log: Option<i64>,
    /// After locking it, nobody else was seen to hold it.
    sure: bool,
}

impl Claim {
    /// A claim that is not made yet.
    pub fn new(system_identifier: &str, log: Option<i64>) -> Claim {
        Claim { key: key(system_identifier), log, sure: false }
    }

    /// Whether the session was seen to hold the right, and nobody else.
    pub fn is_sure(&self) -> bool {
        self.sure
    }
}

/// Takes the lock, or looks whether it is still held.
///
/// # Errors
/// When the acting connection fails. If the claim is not sure then, the session must be dropped: it may have
/// locked what it could not look at.
pub async fn hold(session: &Session, claim: &mut Claim) -> Result<Ownership, Fault> {
    let mut attempt = 1;
    loop {
        let seen = match try_once(session, claim).await? {
            Tried::Settled(ownership) => return Ok(ownership),
            Tried::Collided(seen) => seen,
        };
        if attempt == ATTEMPTS {
            return Ok(seen);
        }
        tokio::time::sleep(jitter(session, attempt).await?).await;
        attempt += 1;
    }
}

enum Tried {
    Settled(Ownership),
    /// Somebody came at the same moment; who, if all yield.
    Collided(Ownership),
}

async fn try_once(session: &Session, claim: &mut Claim) -> Result<Tried, Fault> {
    let before = holders(session, claim).await?;
    let mine = before.iter().any(is_mine);
    // Whoever holds it was alone when it looked after locking; one that comes later yields.
    if mine && claim.sure {
        return Ok(Tried::Settled(Ownership::Held));
    }
    claim.sure = false;
    if mine {
        release(session).await?;
    }
    if let Some(other) = foremost(&before) {
        return Ok(Tried::Settled(held_by(other)));
    }
    // Its log first: whoever sees the second lock must see the first.
    if let Some(log) = claim.log {
        ask(session, "SELECT pg_try_advisory_lock_shared($1)", &[Value::Int8(log)]).await?;
    }
    let rows = ask(session, "SELECT pg_try_advisory_lock($1) AS locked", &[Value::Int8(claim.key)]).await?;
    let locked = rows.first().is_some_and(|row| row.bool("locked") == Ok(true));
    let after = holders(session, claim).await?;
    let other = foremost(&after);
    if locked && other.is_none() {
        claim.sure = true;
        return Ok(Tried::Settled(Ownership::Held));
    }
    // Two came at once in two databases: both see the other, and both yield.
    release(session).await?;
    let gone = || Ownership::Elsewhere("a session that has just let go".to_owned());
    Ok(Tried::Collided(other.map_or_else(gone, held_by)))
}

/// Nothing else that the acting session runs takes advisory locks.
async fn release(session: &Session) -> Result<(), Fault> {
    // Its own type, void, cannot be read.
    ask(session, "SELECT pg_advisory_unlock_all() IS NULL AS released", &[]).await.map(drop)
}

/// Different for sessions of one server, so that two that collided do not collide again.
async fn jitter(session: &Session, attempt: u8) -> Result<Duration, Fault> {
    let rows = ask(session, "SELECT pg_backend_pid() AS pid", &[]).await?;
    let pid = rows.first().and_then(|row| row.int("pid").ok()).unwrap_or_default();
    let random = digest(&format!("{pid} {attempt}")).cast_unsigned() % 400;
    Ok(Duration::from_millis(20 + random))
}

async fn holders(session: &Session, claim: &Claim) -> Result<Vec<Row>, Fault> {
    // Without a log nobody's is the same.
    let log = claim.log.unwrap_or(claim.key);
    let params = [halves(claim.key), halves(log)].concat();
    ask(session, HOLDERS, &params.into_iter().map(Value::Oid).collect::<Vec<_>>()).await
}

async fn ask(session: &Session, sql: &str, params: &[Value]) -> Result<Vec<Row>, Fault> {
    run(session, sql, params, &Limits::deadline(DEADLINE)).await
}

/// Of those who hold it beside this session, one with another log if there is one.
fn foremost(holders: &[Row]) -> Option<&Row> {
    holders.iter().filter(|row| !is_mine(row)).min_by_key(|row| same_log(row))
}

fn same_log(row: &Row) -> bool {
    row.bool("same_log") == Ok(true)
}

fn held_by(other: &Row) -> Ownership {
    let who = describe(other);
    if !same_log(other) {
        return Ownership::Elsewhere(who);
    }
    Ownership::Unknown(format!(
        "another session of this same pgmedic holds it ({who}): an earlier one, which the server has not noticed to \
         be gone (that takes up to half a minute), or that of a run that began before the configuration changed"
    ))
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
        assert_ne!(log_key("7000000000000000000"), expected);
        assert_eq!(halves(-1), [u32::MAX, u32::MAX]);
        assert_eq!(halves((7 << 32) | 9), [7, 9]);
    }
}
