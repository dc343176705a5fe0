//! What was seen of a target in one look: all that decisions may judge by.

use super::{Candidate, Labels, Timestamp};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// One look at a target.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Facts {
    /// Target name.
    pub target: String,
    /// Its labels.
    pub labels: Labels,
    /// When it was looked at, by pgmedic's clock.
    #[serde(with = "super::time::micros")]
    pub looked_at: Timestamp,
    /// The server.
    pub server: Server,
    /// What the finder listed, in its order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub candidates: Vec<Candidate>,
    /// Candidates that were found beyond the finder's `limit`, and only counted.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub beyond_limit: u64,
    /// What could not be read, each in words: a database that refused, a row of an unexpected type.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unreadable: Vec<String>,
}

#[allow(clippy::trivially_copy_pass_by_ref)] // serde wants it so
fn is_zero(n: &u64) -> bool {
    *n == 0
}

/// The server itself.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Server {
    /// `server_version_num`, e.g. 150018.
    pub version_num: i32,
    /// `system_identifier` of `pg_control_system()`.
    pub system_identifier: String,
    /// Timeline of the last checkpoint.
    pub timeline: i64,
    /// A standby.
    pub in_recovery: bool,
    /// Client backends now, pgmedic's own not counted.
    pub client_backends: u32,
    /// `max_connections`.
    pub max_connections: u32,
    /// `superuser_reserved_connections` and, from 16, `reserved_connections`.
    pub reserved_connections: u32,
    /// `deadlock_timeout` in milliseconds: lock waits of maintenance stay below it.
    pub deadlock_timeout_milliseconds: u32,
    /// `ALTER ROLE … SET pgmedic.paused = 'why'` on the role that reads or the one that acts.
    pub paused_by_role: Option<String>,
    /// What pgmedic's roles may do.
    pub privileges: Privileges,
    /// Who holds the right to act.
    pub ownership: Ownership,
    /// Databases in which table and index work looks.
    pub databases: Vec<String>,
    /// Where the consoles of its poolers are, by name: `host:port`, or the path of a socket. Without those of which
    /// the login could not be read.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub poolers: BTreeMap<String, String>,
}

impl Server {
    /// Connections that ordinary users may have.
    #[must_use]
    pub fn usable_connections(&self) -> u32 {
        self.max_connections.saturating_sub(self.reserved_connections)
    }

    /// `server_version_num / 10000`.
    #[must_use]
    pub fn major(&self) -> i32 {
        self.version_num / 10_000
    }
}

/// What pgmedic's roles may do. Without `pg_monitor` the views lie quietly: everything looks healthy.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Privileges {
    /// The reading role has `pg_monitor` (or is superuser).
    pub monitor: bool,
    /// So has the acting one: without it a statement that acts takes what still runs for gone.
    /// Records of before do not say; what was decided then took it for granted.
    #[serde(default = "granted")]
    pub acting_monitor: bool,
    /// The acting role has `pg_signal_backend` (or is superuser).
    pub signal_backend: bool,
}

fn granted() -> bool {
    true
}

/// Who holds the advisory lock that stands for the right to act on a server.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "state", content = "detail")]
pub enum Ownership {
    /// This process.
    Held,
    /// Another pgmedic's session, described in words.
    Elsewhere(String),
    /// Another target of this process, by name: it is the same server, and it came first.
    Sibling(String),
    /// Not this process, and no other that was seen: why it could not be taken, in words.
    Unknown(String),
    /// Nobody asked for it: the target is only observed.
    NotNeeded,
}
