//! What tests of several floors begin with.

use super::{Ownership, Pool, Privileges, Row, Server, query::Cell};

/// A primary that is well, and ours to act on.
pub fn server(version_num: i32) -> Server {
    Server {
        version_num,
        system_identifier: "1".to_owned(),
        timeline: 1,
        in_recovery: false,
        client_backends: 10,
        max_connections: 100,
        reserved_connections: 3,
        deadlock_timeout_milliseconds: 1_000,
        paused_by_role: None,
        privileges: Privileges { monitor: true, acting_monitor: true, signal_backend: true },
        ownership: Ownership::Held,
        databases: vec!["shop".to_owned()],
        poolers: std::collections::BTreeMap::new(),
    }
}

/// Four connections wide, the only one of its pooler.
pub fn pool() -> Pool {
    Pool {
        pooler: "main".to_owned(),
        database: "shop".to_owned(),
        user: "app".to_owned(),
        waiting_clients: 5,
        max_wait_seconds: 9.0,
        active_servers: 4,
        idle_servers: 0,
        pool_size: 4,
        own_size: false,
        default_pool_size: 4,
        pools_by_default: 1,
        pools_total: 4,
        direct_clients: 3,
        usable_connections: 97,
        config_file: None,
    }
}

pub fn row<const N: usize>(cells: [(&str, Cell); N]) -> Row {
    Row(cells.map(|(column, cell)| (column.to_owned(), cell)).into())
}
