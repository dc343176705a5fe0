//! Maintenance beside a real autovacuum worker and an application that wants the table.

use super::super::STATISTICS;
use super::{assert_kept_its_time, configured, home_of, onlooker::Onlooker, outcomes, run};
use crate::support::{Cluster, Home, PgBouncer, driver, each_major, eventually, target, target_of};
use pgmedic::actions::{Order, by_name};
use pgmedic::config::Login;
use pgmedic::drivers::Fault;
use pgmedic::model::Candidate;
use pgmedic::model::query::Act;
use pgmedic::playbook::Args;
use serde_json::json;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// A worker comes at once and then works for minutes: it rests 100 ms after each page.
const SLOW_WORKERS: &[(&str, &str)] =
    &[("autovacuum_naptime", "1s"), ("autovacuum_vacuum_cost_delay", "100ms"), ("autovacuum_vacuum_cost_limit", "1")];

/// Two partitioned tables, which no worker ever analyzes. On the leaf of `worked` a worker is busy; ANALYZE
/// of `slow` takes minutes when it is pgmedic's, since an index expression sleeps for each sampled row.
const TABLES: [&str; 6] = [
    "CREATE FUNCTION sleepy(g int) RETURNS int IMMUTABLE LANGUAGE plpgsql AS
         'BEGIN IF current_setting(''application_name'') LIKE ''pgmedic%'' THEN PERFORM pg_sleep(0.02); END IF; RETURN g; END'",
    "CREATE TABLE slow (g int) PARTITION BY RANGE (g);
     CREATE TABLE slow_leaf PARTITION OF slow DEFAULT WITH (autovacuum_enabled = off);
     CREATE INDEX ON slow_leaf (sleepy(g))",
    "INSERT INTO slow SELECT generate_series(1, 20000)",
    "CREATE TABLE worked (g int) PARTITION BY RANGE (g); CREATE TABLE worked_leaf PARTITION OF worked DEFAULT",
    "INSERT INTO worked SELECT generate_series(1, 50000)",
    "UPDATE worked SET g = g + 1",
];

/// The worker that vacuums `worked_leaf`: its pid and the moment it began.
const WORKER: &str = "SELECT a.pid, a.backend_start FROM pg_stat_progress_vacuum p JOIN pg_stat_activity a USING (pid)
     WHERE p.relid = 'worked_leaf'::regclass AND a.backend_type = 'autovacuum worker'";

async fn with_a_worker(cluster: Cluster) -> (Cluster, String) {
    let cluster = configured(cluster, SLOW_WORKERS).await;
    cluster.psql("app", "GRANT app TO pgmedic_act");
    run(&cluster.connect("app", "app").await, &TABLES).await;
    eventually(async || !cluster.psql("app", WORKER).is_empty()).await;
    let worker = cluster.psql("app", WORKER);
    (cluster, worker)
}

/// `slow` had its parent analyzed and not its leaf: that is no refusal, and the words say which part is done.
fn gave_way(cluster: &Cluster, outcome: &str, to: &str) -> bool {
    let part = if cluster.major() < 14 {
        "; none of 1 leaves was analyzed before; of the parent PostgreSQL 13 does not show it"
    } else {
        "; the parent was analyzed before, and none of 1 leaves"
    };
    outcome.starts_with(&format!("slow: failed: cancelled to give way: {to} ")) && outcome.ends_with(part)
}

each_major!(a_worker_is_left_alone_and_the_application_goes_first, async |cluster: Cluster| {
    let (cluster, worker) = with_a_worker(cluster).await;
    let Some(bouncer) = PgBouncer::start(&cluster, &[("default_pool_size", "2")]) else { return };
    let home = home_of(&cluster, &bouncer);
    let onlooker = Onlooker::at(&cluster);
    let daemon = home.serve();
    let at_work = "SELECT 1 FROM pg_stat_progress_analyze p JOIN pg_stat_activity a USING (pid)
         WHERE p.relid = 'slow_leaf'::regclass AND a.application_name = 'pgmedic/work'";
    eventually(async || !cluster.psql("app", at_work).is_empty()).await;
    let app = cluster.connect("app", "app").await;
    run(&app, &["SET lock_timeout = '5s'", "TRUNCATE slow_leaf"]).await;
    let all = || outcomes(&home, "enforce-stale-statistics");
    eventually(async || all().len() >= 2).await;
    let gave_way = |o: &String| gave_way(&cluster, o, "client backend");
    assert!(all().iter().any(gave_way), "{:#?}", all());
    assert!(
        all().iter().any(|o| o.starts_with("worked: ")),
        "the parent was worked on beside the worker: {:#?}",
        all()
    );
    onlooker.saw_nobody_in_the_way();
    drop(daemon);
    assert_eq!(cluster.psql("app", WORKER), worker, "it is the same worker, still at it");
    assert_kept_its_time(&cluster);
});

each_major!(a_worker_that_came_in_between_outlives_the_statement, async |cluster: Cluster| {
    let (cluster, worker) = with_a_worker(cluster).await;
    // Whoever waits so long for the worker's lock has it cancelled. pgmedic's reading login is told of another.
    cluster.psql("postgres", "ALTER ROLE pgmedic_act SET deadlock_timeout = '200ms'");
    let mut orders = target(&cluster.dsn("pgmedic", "postgres"));
    orders.act_as = Some(Login { user: "pgmedic_act".to_owned(), password: None });
    let driver = driver(&orders, true);
    let server = driver.server().await.expect("the server");
    let table = json!({"kind": "table", "database": "app", "schema": "public", "name": "worked_leaf",
        "oid": 0, "owner": "app", "partitioned": false, "rows": 50000.0, "modified_rows": 50000,
        "threshold_rows": 5050.0, "last_analyzed": null, "leaf_last_analyzed": null, "never_analyzed": true,
        "autovacuum_off": false});
    let candidate: Candidate = serde_json::from_value(table).expect("a table");
    let time_left = Duration::from_mins(10);
    let order =
        Order { candidate: &candidate, args: &Args::default(), server: &server, run: "R", playbook: "p", time_left };
    let deed = by_name("analyze").expect("the action").deed(&order).expect("a deed");
    let analyze = Act { precondition: None, ..deed.act };
    let sent = driver.act(&analyze, &CancellationToken::new()).await.expect("an answer");
    assert!(sent.warnings.iter().any(|w| w.contains("lock not available")), "{sent:?}");

    // What cannot skip a lock must stop waiting in time.
    for statement in ["VACUUM public.worked_leaf", "ALTER TABLE public.worked_leaf SET (fillfactor = 90)"] {
        let waiting = Act { statement: statement.to_owned(), ..analyze.clone() };
        let refused = driver.act(&waiting, &CancellationToken::new()).await;
        assert!(matches!(&refused, Err(Fault::Refused { sqlstate, .. }) if sqlstate == "55P03"), "{refused:?}");
    }
    assert_eq!(cluster.psql("app", WORKER), worker, "it is the same worker, still at it");
    assert_kept_its_time(&cluster);
});

each_major!(a_role_that_is_not_shown_who_waits_gives_way_all_the_same, async |cluster: Cluster| {
    let cluster = configured(cluster, &[("autovacuum", "off")]).await;
    cluster.psql("app", "GRANT app TO pgmedic_act");
    cluster.psql("app", "REVOKE pg_monitor FROM pgmedic_act");
    run(&cluster.connect("app", "app").await, &TABLES[..3]).await;
    let home = Home::new(&target_of(&cluster, ""), &[STATISTICS]);
    let _daemon = home.serve();
    let at_work = "SELECT 1 FROM pg_stat_progress_analyze p JOIN pg_stat_activity a USING (pid)
         WHERE p.relid = 'slow_leaf'::regclass AND a.application_name = 'pgmedic/work'";
    eventually(async || !cluster.psql("app", at_work).is_empty()).await;
    // A session of the tables' owner it would see, where it is a member of that role.
    let other = cluster.connect("postgres", "app").await;
    run(&other, &["SET lock_timeout = '5s'", "TRUNCATE slow_leaf"]).await;
    let all = || outcomes(&home, "refresh-statistics");
    // Which of the two it is at, the parent's leaf or the leaf by itself, is the finder's choice.
    let way = |o: &String| {
        gave_way(&cluster, o, "session") || o.starts_with("slow_leaf: refused: cancelled to give way: session ")
    };
    eventually(async || all().iter().any(way)).await;
});

each_major!(a_part_that_is_done_is_said_to_be, async |cluster: Cluster| {
    let cluster = configured(cluster, &[("autovacuum", "off")]).await;
    cluster.psql("app", "GRANT app TO pgmedic_act");
    let parts = [
        TABLES[0],
        "CREATE TABLE parts (g int) PARTITION BY RANGE (g);
         CREATE TABLE quick PARTITION OF parts FOR VALUES FROM (0) TO (10);
         CREATE TABLE slow_leaf PARTITION OF parts DEFAULT",
        "CREATE INDEX ON slow_leaf (sleepy(g))",
        "INSERT INTO parts SELECT g % 20 FROM generate_series(1, 20000) g",
    ];
    run(&cluster.connect("app", "app").await, &parts).await;
    let home = Home::new(&target_of(&cluster, ""), &[&STATISTICS.replace("find: stale_statistics", PARENT)]);
    let _daemon = home.serve();
    let at_work = "SELECT 1 FROM pg_stat_progress_analyze WHERE relid = 'slow_leaf'::regclass";
    eventually(async || !cluster.psql("app", at_work).is_empty()).await;
    let app = cluster.connect("app", "app").await;
    run(&app, &["SET lock_timeout = '5s'", "TRUNCATE slow_leaf"]).await;
    eventually(async || outcomes(&home, "refresh-statistics").len() == 1).await;
    let said = outcomes(&home, "refresh-statistics").remove(0);
    let part = "; the parent and 1 of 2 leaves were analyzed before, and stay so";
    assert!(
        said.starts_with("parts: failed: cancelled to give way: client backend ") && said.ends_with(part),
        "{said}"
    );
});

/// The parent alone.
const PARENT: &str = "find: {stale_statistics: {only: {tables: [parts]}}}";
