//! One connection to a server, set up for its purpose.

use super::Fault;
use super::fault;
use super::login::Login;
use super::reach::{Opening, POOLER, Reached, Seat, no_answer, reach};
use super::settings::{Purpose, statements};
use crate::model::Duration;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use tokio::time::timeout_at;
use tokio_postgres::{CancelToken, Client};
use tokio_postgres_rustls::MakeRustlsConnect;
use tokio_util::sync::CancellationToken;

/// A cancel opens a connection of its own; it must not wait longer than this for it.
const CANCEL_TIMEOUT: Duration = Duration::from_secs(2);

/// Settings are taken at once, or the server stands still.
const SET_TIMEOUT: Duration = Duration::from_secs(5);

/// One running server, whatever way leads there: the moment it started, to the microsecond, and its port.
/// Copies of a server share their system identifier, and addresses may be a balancer's.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Instance {
    /// Seconds since 1970, as bits, since it is only compared.
    started: u64,
    port: String,
}

#[cfg(test)]
impl Instance {
    /// One that started then, on the usual port.
    pub fn test(started: u64) -> Instance {
        Instance { started, port: "5432".to_owned() }
    }
}

/// An open session. It ends when it is dropped.
pub struct Session {
    /// To send statements.
    pub client: Client,
    /// Cancelled when the connection is gone, whether or not a statement was under way.
    pub gone: CancellationToken,
    /// Major version of the server.
    pub major: i32,
    /// Which of the login's places it is.
    pub seat: Seat,
    /// Which server answered there.
    pub server: Instance,
    /// The backend that serves it.
    pub pid: i32,
    purpose: Purpose,
    /// The settings are not (yet) those of the purpose.
    changed: AtomicBool,
    cancel: CancelToken,
    tls: MakeRustlsConnect,
    warnings: Arc<Mutex<Vec<String>>>,
}

impl Session {
    /// Connects and sets the session up; each attempt within the login's connect timeout.
    ///
    /// # Errors
    /// [`Fault::Unreachable`]: who could not come in where, and why.
    pub async fn open(login: &Login, database: &str, purpose: Purpose) -> Result<Session, Fault> {
        let opened = connect(login, database, purpose).await;
        opened.map_err(|why| {
            Fault::Unreachable(format!("cannot connect to {} as {}: {why}", quoted(database), login.title()))
        })
    }

    /// Whether the connection is gone.
    pub fn is_gone(&self) -> bool {
        self.gone.is_cancelled() || self.client.is_closed()
    }

    /// Asks the server to cancel what this session runs. Best effort: whether it worked shows in the
    /// statement's own end.
    pub async fn cancel(&self) {
        let asked = self.cancel.cancel_query(self.tls.clone());
        if let Ok(Err(e)) = tokio::time::timeout(CANCEL_TIMEOUT, asked).await {
            tracing::warn!(error = %fault::words(&e), "a statement could not be cancelled");
        }
    }

    /// The warnings since they were last taken.
    pub fn take_warnings(&self) -> Vec<String> {
        std::mem::take(&mut *self.warnings.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Settings for the statements to come, until [`Session::set_back`].
    ///
    /// # Errors
    /// As [`fault::before`].
    pub async fn set(&self, settings: &[(&'static str, String)]) -> Result<(), Fault> {
        if settings.is_empty() {
            return Ok(());
        }
        self.changed.store(true, Ordering::Relaxed);
        let sql = statements(settings.iter().map(|(name, value)| (*name, value.as_str())));
        self.execute(&sql).await
    }

    /// The session's own settings again, if they were changed.
    ///
    /// # Errors
    /// As [`fault::before`].
    pub async fn set_back(&self) -> Result<(), Fault> {
        if !self.changed.load(Ordering::Relaxed) {
            return Ok(());
        }
        let sql = statements(self.purpose.settings(self.major));
        self.execute(&sql).await?;
        self.changed.store(false, Ordering::Relaxed);
        Ok(())
    }

    /// A server that stands still must not hold the session's user for ever: after the timeout the session
    /// is of no use.
    async fn execute(&self, sql: &str) -> Result<(), Fault> {
        let Ok(done) = tokio::time::timeout(SET_TIMEOUT, self.client.batch_execute(sql)).await else {
            let after = crate::model::time::in_words(SET_TIMEOUT);
            return Err(Fault::Unreachable(format!("the server did not take a setting within {after}")));
        };
        done.map_err(|e| fault::before(&e))
    }
}

async fn connect(login: &Login, database: &str, purpose: Purpose) -> Result<Session, String> {
    // A start-up setting that only a real server keeps: a pooler refuses it or drops it. Behind a
    // pooler, settings and the advisory lock would leak to other clients. And a lock_timeout from the first
    // moment on: a session that begins while its database's catalog is locked waits for that, deaf to our
    // hanging up, and each attempt would leave one more behind until the server is full.
    let options = Some("-c pgmedic.direct=yes -c lock_timeout=250ms");
    let reached = reach(login, &Opening { database, application: purpose.application(), options }).await?;
    let until = reached.until;
    let ready = timeout_at(until, set_up(reached, login.tls.clone(), purpose)).await;
    ready.unwrap_or_else(|_| Err(no_answer(login.connect_timeout)))
}

async fn set_up(reached: Reached, tls: MakeRustlsConnect, purpose: Purpose) -> Result<Session, String> {
    let Reached { client, gone, warnings, version, seat, .. } = reached;
    let major = version.as_deref().and_then(major).ok_or("the server names no version")?;
    // Every name is written out: the role's own search_path still holds.
    let sql = "SELECT pg_catalog.current_setting('pgmedic.direct', true), \
               pg_catalog.date_part('epoch', pg_catalog.pg_postmaster_start_time()), \
               pg_catalog.current_setting('port'), pg_catalog.pg_backend_pid()";
    let row = client.query_one(sql, &[]).await.map_err(|e| fault::words(&e))?;
    let direct: Option<String> = row.try_get(0).map_err(|e| fault::words(&e))?;
    if direct.as_deref() != Some("yes") {
        return Err(POOLER.to_owned());
    }
    let started: f64 = row.try_get(1).map_err(|e| fault::words(&e))?;
    let port: String = row.try_get(2).map_err(|e| fault::words(&e))?;
    let pid: i32 = row.try_get(3).map_err(|e| fault::words(&e))?;
    let (cancel, changed) = (client.cancel_token(), AtomicBool::new(true));
    let server = Instance { started: started.to_bits(), port };
    let session = Session { client, gone, major, seat, server, pid, purpose, changed, cancel, tls, warnings };
    session.set_back().await.map_err(|e| e.to_string())?;
    Ok(session)
}

/// `15.18 (Debian 15.18-0+deb12u1)`, `18beta1`.
fn major(version: &str) -> Option<i32> {
    let digits = version.find(|c: char| !c.is_ascii_digit()).unwrap_or(version.len());
    version[..digits].parse().ok()
}

fn quoted(database: &str) -> String {
    format!("database \"{database}\"")
}

#[cfg(test)]
mod tests {
    #[test]
    fn versions_of_every_form_have_a_major() {
        for (version, major) in [("15.18 (Debian 15.18-0+deb12u1)", 15), ("18beta1", 18), ("13.23", 13)] {
            assert_eq!(super::major(version), Some(major));
        }
        assert_eq!(super::major("PgBouncer"), None);
    }
}
