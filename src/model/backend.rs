//! One client session of a server.

use super::Timestamp;
use super::names::Called;
use serde::{Deserialize, Serialize};

/// A session as `pg_stat_activity` showed it. The identity of a long query is
/// (`pid`, `backend_start`, `xact_start`, `query_start`).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Backend {
    /// Process id.
    pub pid: i32,
    /// When the session began.
    #[serde(with = "super::time::micros")]
    pub backend_start: Timestamp,
    /// When its transaction began.
    pub xact_start: Option<Timestamp>,
    /// When its current or last statement began.
    pub query_start: Option<Timestamp>,
    /// `active`, `idle in transaction`…
    pub state: String,
    /// `client backend`, `walsender`…
    pub backend_type: String,
    /// Session user.
    pub user: String,
    /// Database.
    pub database: String,
    /// `application_name`.
    pub application: String,
    /// Client address; none for a Unix socket.
    pub client_addr: Option<String>,
    /// The session user is a superuser.
    pub superuser: bool,
    /// The session user has REPLICATION.
    pub replication: bool,
    /// `wait_event_type/wait_event`.
    pub wait: Option<String>,
    /// What a `pg_stat_progress_*` view shows the session doing: `vacuum`, `create index`…
    pub progress: Option<String>,
    /// Relation locks that its transaction holds: a dump holds one per table.
    pub relation_locks: i64,
    /// How long the statement has been running, by the server's clock, in seconds.
    pub running_seconds: f64,
    /// The limit it passed, in seconds.
    pub limit_seconds: f64,
    /// Query text as recorded: literals are `$n` unless `audit.query_text: full`.
    pub query: String,
    /// `query_id` of the server, or a hash of the redacted text; equal for repeats of one query.
    pub fingerprint: String,
}

impl Backend {
    pub(super) fn key(&self) -> String {
        let start = |t: Option<Timestamp>| t.map_or_else(|| "-".to_owned(), |t| t.as_microsecond().to_string());
        format!("backend:{}:{}:{}", self.pid, self.backend_start.as_microsecond(), start(self.query_start))
    }

    pub(super) fn title(&self) -> String {
        let running = super::time::in_words(std::time::Duration::from_secs_f64(self.running_seconds.clamp(0.0, 1e10)));
        format!("pid {} ({}@{}, {}), running {running}", self.pid, self.user, self.database, named(&self.application))
    }

    pub(super) fn called(&self) -> Called<'_> {
        Called {
            database: Some(&self.database),
            user: Some(&self.user),
            application: Some(&self.application),
            client_addr: self.client_addr.as_deref(),
            query: Some(&self.query),
            ..Called::default()
        }
    }
}

fn named(application: &str) -> &str {
    if application.is_empty() { "no application name" } else { application }
}
