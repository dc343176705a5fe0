//! One pool of a PgBouncer.

use super::names::Called;
use serde::{Deserialize, Serialize};

/// A (database, user) pool whose clients wait for a server connection.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Pool {
    /// The pooler's name in the configuration.
    pub pooler: String,
    /// Database as the pooler calls it.
    pub database: String,
    /// User.
    pub user: String,
    /// Clients waiting for a server connection.
    pub waiting_clients: u32,
    /// How long the oldest of them has waited, in seconds.
    pub max_wait_seconds: f64,
    /// Server connections in use.
    pub active_servers: u32,
    /// Server connections at rest: above zero the pool is not what clients wait for.
    pub idle_servers: u32,
    /// Most server connections this pool may open now.
    pub pool_size: u32,
    /// The database has its own `pool_size`, so `default_pool_size` does not reach it.
    pub own_size: bool,
    /// `default_pool_size` now.
    pub default_pool_size: u32,
    /// Pools that `default_pool_size` reaches, this one included.
    pub pools_by_default: u32,
    /// Sum of the sizes of all pools now (plus `reserve_pool_size` each).
    pub pools_total: u32,
    /// Sessions on the server that do not come from this pooler.
    pub direct_clients: u32,
    /// Connections of the server that ordinary users may have.
    pub usable_connections: u32,
    /// The file that the pooler was started with, as it says itself: tells it from another one at the same place.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub config_file: Option<String>,
}

impl Pool {
    pub(super) fn key(&self) -> String {
        format!("pool:{}:{}:{}", self.pooler, self.database, self.user)
    }

    pub(super) fn title(&self) -> String {
        format!(
            "pool {}/{} on {} ({} clients waiting, the oldest {:.1}s; {} of {} servers in use)",
            self.database,
            self.user,
            self.pooler,
            self.waiting_clients,
            self.max_wait_seconds,
            self.active_servers,
            self.pool_size
        )
    }

    pub(super) fn called(&self) -> Called<'_> {
        Called { database: Some(&self.database), user: Some(&self.user), ..Called::default() }
    }
}
