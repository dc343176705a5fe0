//! One connection to a server, set up for its purpose.

use super::Fault;
use super::fault;
use super::login::Login;
use super::settings::{Purpose, statements};
use crate::model::Duration;
use std::future::poll_fn;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use tokio_postgres::error::Severity;
use tokio_postgres::{AsyncMessage, CancelToken, Client};
use tokio_postgres_rustls::MakeRustlsConnect;
use tokio_util::sync::CancellationToken;

/// Most warnings kept of one statement.
const MOST_WARNINGS: usize = 50;
/// A cancel opens a connection of its own; it must not wait longer than this for it.
const CANCEL_TIMEOUT: Duration = Duration::from_secs(2);

/// Settings are taken at once, or the server stands still.
const SET_TIMEOUT: Duration = Duration::from_secs(5);

/// An open session. It ends when it is dropped.
pub struct Session {
    /// To send statements.
    pub client: Client,
    /// Cancelled when the connection is gone, whether or not a statement was under way.
    pub gone: CancellationToken,
    /// Major version of the server.
    pub major: i32,
    purpose: Purpose,
    /// The settings are not (yet) those of the purpose.
    changed: AtomicBool,
    cancel: CancelToken,
    tls: MakeRustlsConnect,
    warnings: Arc<Mutex<Vec<String>>>,
}

impl Session {
    /// Connects and sets the session up, all within the login's connect timeout.
    ///
    /// # Errors
    /// [`Fault::Unreachable`]: who could not come in where, and why.
    pub async fn open(login: &Login, database: &str, purpose: Purpose) -> Result<Session, Fault> {
        let timeout = login.connect_timeout;
        let opened = tokio::time::timeout(timeout, connect(login, database, purpose)).await;
        let why = match opened {
            Ok(Ok(session)) => return Ok(session),
            Ok(Err(why)) => why,
            Err(_) => format!("no answer within {}", crate::model::time::in_words(timeout)),
        };
        Err(Fault::Unreachable(format!("cannot connect to {} as {}: {why}", quoted(database), login.title)))
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
    let mut config = login.config.clone();
    // A start-up setting that only a real server keeps: a pooler refuses it or drops it. Behind a
    // pooler, settings and the advisory lock would leak to other clients.
    config.dbname(database).application_name(purpose.application()).options("-c pgmedic.direct=yes");
    let (client, mut connection) = config.connect(login.tls.clone()).await.map_err(|e| refused(&e))?;
    let major = connection.parameter("server_version").and_then(major).ok_or("the server names no version")?;
    let gone = CancellationToken::new();
    let warnings = Arc::new(Mutex::new(Vec::new()));
    let (kept, ended) = (Arc::clone(&warnings), gone.clone().drop_guard());
    tokio::spawn(async move {
        let _ended = ended;
        while let Some(Ok(message)) = poll_fn(|cx| connection.poll_message(cx)).await {
            if let AsyncMessage::Notice(notice) = message {
                let mut kept = kept.lock().unwrap_or_else(PoisonError::into_inner);
                if notice.parsed_severity() == Some(Severity::Warning) && kept.len() < MOST_WARNINGS {
                    kept.push(notice.message().to_owned());
                }
            }
        }
    });
    let cancel = client.cancel_token();
    let session = Session {
        client,
        gone,
        major,
        purpose,
        changed: AtomicBool::new(true),
        cancel,
        tls: login.tls.clone(),
        warnings,
    };
    set_up(&session).await?;
    Ok(session)
}

async fn set_up(session: &Session) -> Result<(), String> {
    let direct = session.client.query_one("SELECT current_setting('pgmedic.direct', true)", &[]).await;
    let direct: Option<String> = direct.and_then(|row| row.try_get(0)).map_err(|e| fault::words(&e))?;
    if direct.as_deref() != Some("yes") {
        return Err(POOLER.to_owned());
    }
    session.set_back().await.map_err(|e| e.to_string())
}

const POOLER: &str = "this is a connection pooler; pgmedic needs PostgreSQL itself: put the pooler under `pgbouncer` \
                      and the server's own host and port into `dsn`";

/// PgBouncer says `unsupported startup parameter: options` or `… in options: …`.
fn refused(e: &tokio_postgres::Error) -> String {
    let pooler = e.as_db_error().is_some_and(|db| db.message().contains("unsupported startup parameter"));
    if pooler { POOLER.to_owned() } else { fault::words(e) }
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
