//! What the actions' tests are ordered with.

use super::Order;
pub use crate::model::testing::{row, server};
use crate::model::{Backend, Candidate, Duration, Pool, Server, Table, Timestamp, testing};
use crate::playbook::Args;

pub fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
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
    Pool { pools_by_default: 3, pools_total: 12, direct_clients: 10, ..testing::pool() }
}
