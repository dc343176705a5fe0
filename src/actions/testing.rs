//! What the actions' tests are ordered with.

use super::Order;
use crate::model::{
    Backend, Candidate, Duration, Ownership, Pool, Row, Server, Table, Timestamp, facts::Privileges, query::Cell,
};
use crate::playbook::Args;

pub fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

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

pub fn order<'a>(candidate: &'a Candidate, args: &'a Args, server: &'a Server) -> Order<'a> {
    let time_left = Duration::from_hours(1);
    Order { candidate, args, server, run: "01JDQ0000000000000000000RN", playbook: "test", time_left }
}

pub fn backend() -> Backend {
    Backend {
        pid: 42,
        backend_start: at("2026-11-24T20:00:00Z"),
        xact_start: Some(at("2026-11-24T20:01:00Z")),
        query_start: Some(at("2026-11-24T20:02:00Z")),
        state: "active".to_owned(),
        backend_type: "client backend".to_owned(),
        user: "app".to_owned(),
        database: "shop".to_owned(),
        application: "web".to_owned(),
        client_addr: None,
        superuser: false,
        replication: false,
        wait: None,
        progress: None,
        relation_locks: 1,
        running_seconds: 400.0,
        limit_seconds: 300.0,
        query: "SELECT $1".to_owned(),
        fingerprint: "1".to_owned(),
    }
}

pub fn table() -> Table {
    Table {
        database: "shop".to_owned(),
        schema: "public".to_owned(),
        name: "we\"ird".to_owned(),
        oid: 16_384,
        owner: "app".to_owned(),
        partitioned: false,
        rows: 5_000.0,
        modified_rows: 4_000,
        threshold_rows: 1_000.0,
        last_analyzed: Some(at("2026-11-24T20:00:00Z")),
        leaf_last_analyzed: None,
        never_analyzed: Some(false),
        autovacuum_off: false,
    }
}

/// Four connections wide, on a server with room for 88 in all.
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
        pools_by_default: 3,
        pools_total: 12,
        direct_clients: 10,
        usable_connections: 97,
        config_file: None,
    }
}

pub fn row<const N: usize>(cells: [(&str, Cell); N]) -> Row {
    Row(cells.map(|(column, cell)| (column.to_owned(), cell)).into())
}
