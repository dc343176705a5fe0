//! The three remedies, from trigger to verification, through the program itself.

use super::{LONG_QUERIES, STATISTICS};
use crate::support::{Cluster, Home, PgBouncer, each_major, eventually, target_of};

pub(super) const POOLS: &str = "
version: 1
name: grow-pools
about: Grows starved pools.
mode: enforce
triggers: [{every: 1s}]
targets: all
find: {starved_pools: {longer_than: 500ms}}
do: [set_pool_size]
verify: {within: 3s}
";

pub(super) fn helped(home: &Home, playbook: &str) -> bool {
    let verified = home.of_kind("verification");
    verified.iter().any(|r| r["playbook"]["name"] == playbook && r["outcome"]["status"] == "done")
}

each_major!(all_three_are_remedied_and_then_there_is_nothing_to_do, async |cluster: Cluster| {
    let Some(bouncer) = PgBouncer::start(&cluster, &[("default_pool_size", "2"), ("pool_mode", "transaction")]) else {
        return;
    };
    cluster.psql("app", "GRANT app TO pgmedic_act");
    let table =
        "SET ROLE app; CREATE TABLE t AS SELECT g FROM generate_series(1, 20000) g; ANALYZE t; UPDATE t SET g = g";
    for statement in table.split("; ") {
        // One statement a call: SET ROLE has to hold for the rest.
        cluster.psql("app", &format!("SET ROLE app; {statement}"));
    }
    let pooler = format!("    pgbouncer: [{{name: main, dsn: \"{}\"}}]\n", bouncer.dsn("pgmedic", "pgbouncer"));
    let home = Home::new(&target_of(&cluster, &pooler), &[LONG_QUERIES, STATISTICS, POOLS]);
    let mut waiting = Vec::new();
    for _ in 0..4 {
        let client = bouncer.connect("app", "app").await;
        waiting.push(tokio::spawn(async move { client.batch_execute("SELECT pg_sleep(0.9)").await }));
    }
    let runaway = cluster.sleeper("app", "app", "SELECT pg_sleep(120)").await;
    let daemon = home.serve();
    assert_eq!(runaway.ended().await, Err(Some("57014".to_owned())), "cancelled, not terminated");
    eventually(async || helped(&home, "end-long-queries") && helped(&home, "refresh-statistics")).await;
    let (code, took) = daemon.end("TERM");
    assert_eq!(code, Some(0), "{}", home.log());
    assert!(took.as_secs() < 10, "{took:?}");
    let (code, plan, _) = home.run(&["plan", "--detailed-exitcode"]);
    assert_eq!(code, 0, "after a success there is nothing to do: {plan}");
    let (code, report, _) = home.run(&["audit", "verify"]);
    assert_eq!(code, 0, "{report}");
});

/// Clients that wait until the pool is grown.
pub(super) async fn crowd(bouncer: &PgBouncer, clients: usize) {
    for _ in 0..clients {
        let client = bouncer.connect("app", "app").await;
        tokio::spawn(async move { client.batch_execute("SELECT pg_sleep(60)").await });
    }
}

pub(super) async fn default_pool_size(bouncer: &PgBouncer) -> String {
    let console = bouncer.connect("pgmedic", "pgbouncer").await;
    let messages = console.simple_query("SHOW CONFIG").await.expect("SHOW CONFIG");
    let rows = messages.into_iter().filter_map(|m| match m {
        tokio_postgres::SimpleQueryMessage::Row(row) => Some(row),
        _ => None,
    });
    let mut rows = rows.filter(|r| r.get("key") == Some("default_pool_size"));
    rows.next().and_then(|r| r.get("value").map(str::to_owned)).unwrap_or_default()
}

each_major!(a_starved_pool_is_grown, async |cluster: Cluster| {
    let Some(bouncer) = PgBouncer::start(&cluster, &[("default_pool_size", "2")]) else { return };
    let pooler = format!("    pgbouncer: [{{name: main, dsn: \"{}\"}}]\n", bouncer.dsn("pgmedic", "pgbouncer"));
    let home = Home::new(&target_of(&cluster, &pooler), &[POOLS]);
    crowd(&bouncer, 4).await;
    let _daemon = home.serve();
    eventually(async || helped(&home, "grow-pools")).await;
    assert_eq!(default_pool_size(&bouncer).await, "4");
    let outcome = &home.of_kind("outcome")[0];
    assert_eq!(
        (&outcome["before"]["default_pool_size"], &outcome["after"]["default_pool_size"]),
        (&2.into(), &4.into())
    );
});

#[tokio::test]
async fn a_pool_that_stays_starved_gets_its_old_size_back() {
    let Some(cluster) = Cluster::start(15) else { return };
    let Some(bouncer) = PgBouncer::start(&cluster, &[("default_pool_size", "2")]) else { return };
    let pooler = format!("    pgbouncer: [{{name: main, dsn: \"{}\"}}]\n", bouncer.dsn("pgmedic", "pgbouncer"));
    let home = Home::new(&target_of(&cluster, &pooler), &[POOLS]);
    crowd(&bouncer, 9).await;
    let _daemon = home.serve();
    eventually(async || !home.of_kind("revert").is_empty()).await;
    assert_eq!(home.of_kind("revert")[0]["outcome"]["status"], "done");
    assert_eq!(default_pool_size(&bouncer).await, "2");
}

#[tokio::test]
async fn what_is_not_an_application_query_is_left_alone_and_said_so() {
    let Some(cluster) = Cluster::start(15) else { return };
    cluster.psql("app", "CREATE PROCEDURE nightly() LANGUAGE sql AS 'SELECT pg_sleep(60)'");
    let sessions = [
        ("postgres", "SELECT pg_sleep(60)"),
        ("app", "DO $$ BEGIN PERFORM pg_sleep(60); END $$"),
        ("app", "CREATE TABLE made AS SELECT 1 AS n FROM pg_sleep(60)"),
        ("app", "/* by the scheduler */ CALL nightly()"),
    ];
    cluster.psql("app", "GRANT CREATE ON SCHEMA public TO app");
    let mut sleepers = Vec::new();
    for (user, sql) in sessions {
        sleepers.push(cluster.sleeper(user, "app", sql).await);
    }
    let home = Home::new(&target_of(&cluster, ""), &[LONG_QUERIES]);
    let _daemon = home.serve();
    let skipped = || {
        let decisions = home.of_kind("decision");
        decisions.into_iter().filter(|r| r["verdict"] == "skip" && r["candidate"].is_object()).collect::<Vec<_>>()
    };
    eventually(async || skipped().len() >= sessions.len()).await;
    tokio::time::sleep(std::time::Duration::from_secs(2)).await;
    assert_eq!(home.of_kind("intent"), Vec::<serde_json::Value>::new());
    let reasons: Vec<String> = skipped().iter().map(|r| r["reason"].to_string()).collect();
    let said = reasons.join("\n");
    assert!(said.contains("never_touched") && said.contains("ddl_or_batch"), "{said}");
    assert_eq!(skipped().len(), sessions.len(), "each is said once:\n{said}");
}
