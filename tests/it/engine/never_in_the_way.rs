//! Never in the way: under locks, among thousands of tables and in a full server pgmedic's looks keep their
//! time, and its maintenance neither ends an autovacuum nor stands before the application.

mod maintenance;
mod onlooker;

use super::remedies::crowd;
use crate::support::{Cluster, Home, PgBouncer, each_major, eventually, target_of};
use onlooker::Onlooker;
use serde_json::Value as Json;
use std::time::Duration;
use tokio_postgres::error::SqlState;
use tokio_postgres::{Client, NoTls};

/// Each finder with its action.
const FINDERS: [(&str, &str); 3] = [
    ("long-queries", "find: {long_queries: {longer_than: 1s}}\ndo: [cancel_backend]"),
    (
        "stale-statistics",
        "find: {stale_statistics: {at_least: 1, limit: 100}}\nguard: {limits: {per_run: 20}}\ndo: [analyze]",
    ),
    ("starved-pools", "find: {starved_pools: {longer_than: 200ms}}\ndo: [set_pool_size]"),
];

/// All finders every second, each once in observe and once in enforce: `observe-long-queries`…
fn home_of(cluster: &Cluster, bouncer: &PgBouncer) -> Home {
    let pooler = format!("    pgbouncer: [{{name: main, dsn: \"{}\"}}]\n", bouncer.dsn("pgmedic", "pgbouncer"));
    let of = |mode: &str, (finder, rest): (&str, &str)| {
        let head = format!("version: 1\nname: {mode}-{finder}\nabout: Looks.\nmode: {mode}\ntargets: all");
        format!("{head}\ntriggers: [{{every: 1s}}]\n{rest}\n")
    };
    let all: Vec<String> = FINDERS.into_iter().flat_map(|f| ["observe", "enforce"].map(|mode| of(mode, f))).collect();
    Home::new(&target_of(cluster, &pooler), &all.iter().map(String::as_str).collect::<Vec<_>>())
}

fn of_playbook(home: &Home, kind: &str, playbook: &str) -> Vec<Json> {
    home.of_kind(kind).into_iter().filter(|r| r["playbook"]["name"] == playbook).collect()
}

/// A playbook's outcomes: the table or session, what became of it, in words.
fn outcomes(home: &Home, playbook: &str) -> Vec<String> {
    let said = |r: &Json| {
        let (of, outcome) = (&r["candidate"], &r["outcome"]);
        let word = |v: &Json| v.as_str().unwrap_or_default().to_owned();
        format!("{}: {}: {}", word(&of["name"]), word(&outcome["status"]), word(&outcome["detail"]))
    };
    of_playbook(home, "outcome", playbook).iter().map(said).collect()
}

/// pgmedic's statements stayed within their time, and no autovacuum was ended.
fn assert_kept_its_time(cluster: &Cluster) {
    let log = cluster.log();
    let ours = |line: &&str| line.contains("] pgmedic@") || line.contains("] pgmedic_act@");
    let late: Vec<&str> = log.lines().filter(ours).filter(|l| l.contains("due to statement timeout")).collect();
    assert!(late.is_empty(), "{late:#?}");
    assert!(!log.contains("canceling autovacuum task"), "{log}");
}

/// The longest of pgmedic's reading statements, in milliseconds, and its beginning.
fn slowest_look(cluster: &Cluster) -> (f64, String) {
    let sql = "SELECT s.max_exec_time, left(s.query, 80) FROM pg_stat_statements s JOIN pg_roles r ON r.oid = s.userid
                WHERE r.rolname = 'pgmedic' ORDER BY 1 DESC LIMIT 1";
    let said = cluster.psql("postgres", sql);
    let (took, query) = said.split_once('|').unwrap_or_default();
    (took.parse().unwrap_or(f64::INFINITY), query.to_owned())
}

/// Statement by statement, each a transaction of its own unless it begins one.
async fn run(client: &Client, statements: &[&str]) {
    for statement in statements {
        client.batch_execute(statement).await.unwrap_or_else(|e| panic!("{statement}: {e:?}"));
    }
}

/// 5,000 tables, one of them partitioned, each stale by as many rows as it has.
async fn thousands_of_tables(app: &Client) {
    let all = "DO $$ BEGIN FOR i IN 1..4991 LOOP
        EXECUTE format('CREATE TABLE t%s AS SELECT 1 AS a', i);
        IF i % 500 = 0 THEN COMMIT; END IF;
    END LOOP; END $$";
    let worst = "DO $$ BEGIN FOR i IN 1..6 LOOP
        EXECUTE format('CREATE TABLE worst%s (a int)', i); EXECUTE format('CREATE INDEX ON worst%s (a)', i);
        EXECUTE format('INSERT INTO worst%s SELECT generate_series(1, 1000)', i);
    END LOOP; END $$";
    let parent = "CREATE TABLE parent (a int) PARTITION BY RANGE (a);
        CREATE TABLE leaf1 PARTITION OF parent FOR VALUES FROM (0) TO (1000); CREATE TABLE leaf2 PARTITION OF parent DEFAULT;
        INSERT INTO parent SELECT generate_series(1, 1999)";
    run(app, &[all, worst, parent]).await;
}

/// What applications and people hold: tables that will be listed, one of them by its index alone, a leaf, a
/// rewrite and much DDL that is not committed.
async fn lock_it(app: &Client) {
    let locks = [
        "BEGIN",
        "LOCK TABLE worst1, worst2, t1, t2 IN ACCESS EXCLUSIVE MODE",
        "LOCK TABLE leaf2 IN ACCESS EXCLUSIVE MODE",
        "TRUNCATE worst3",
        "DROP INDEX worst4_a_idx",
        "ALTER TABLE worst5 ALTER a TYPE bigint",
        "DO $$ BEGIN FOR i IN 1..100 LOOP EXECUTE format('CREATE TABLE new%s (a int PRIMARY KEY)', i); END LOOP; END $$",
    ];
    run(app, &locks).await;
}

const ONLY_PGMEDIC_ANALYZES: &[(&str, &str)] =
    &[("autovacuum", "off"), ("autovacuum_analyze_threshold", "0"), ("autovacuum_analyze_scale_factor", "0")];

each_major!(locks_among_five_thousand_tables, async |cluster: Cluster| {
    let cluster = configured(cluster, ONLY_PGMEDIC_ANALYZES).await;
    let Some(bouncer) = PgBouncer::start(&cluster, &[("default_pool_size", "2")]) else { return };
    cluster.psql("app", "GRANT app TO pgmedic_act");
    thousands_of_tables(&cluster.connect("app", "app").await).await;
    // Not the same session: what one changed is known to others after its last transaction.
    let locker = cluster.connect("app", "app").await;
    lock_it(&locker).await;
    // More than the pool will have when it is grown, so that whoever only observes sees it whenever it looks.
    crowd(&bouncer, 9).await;
    let runaway = cluster.sleeper("app", "app", "SELECT pg_sleep(120)").await;
    let home = home_of(&cluster, &bouncer);
    let onlooker = Onlooker::at(&cluster);
    let _daemon = home.serve();
    assert_eq!(runaway.ended().await, Err(Some("57014".to_owned())));
    let all = || outcomes(&home, "enforce-stale-statistics");
    eventually(async || !of_playbook(&home, "intent", "enforce-starved-pools").is_empty()).await;
    // In two halves, since each has a limit of its own.
    eventually(async || all().len() >= 4).await;
    eventually(async || all().len() >= 7).await;
    let with = |beginning: &str| all().iter().filter(|o| o.contains(beginning)).count();
    assert!(with("lock not available") >= 5 && with(": done: ") >= 1, "{:#?}", all());
    assert_eq!(with("lock timeout"), usize::from(cluster.major() > 13), "the parent of a locked leaf: {:#?}", all());
    onlooker.saw_nobody_in_the_way();
    for finder in ["long-queries", "stale-statistics", "starved-pools"] {
        let observed = of_playbook(&home, "decision", &format!("observe-{finder}"));
        assert!(observed.iter().any(|r| r["verdict"] == "observe"), "{finder}: {observed:?}");
    }
    let unseen =
        |r: &Json| r["reason"].as_str().is_some_and(|w| w.starts_with("unreadable") || w.starts_with("unreachable"));
    let unseen: Vec<Json> = home.records().into_iter().filter(unseen).collect();
    assert!(unseen.is_empty(), "{unseen:#?}");
    // Half of what a look may take.
    let (slowest, look) = slowest_look(&cluster);
    assert!(slowest < 2_500.0, "{slowest} ms: {look}");
    assert_kept_its_time(&cluster);
});

/// Takes every connection that is left for ordinary sessions, also those that pgmedic's work gives back.
async fn fill(cluster: &Cluster, until: impl Fn() -> bool) -> Vec<Client> {
    let mut taken = Vec::new();
    eventually(async || {
        while let Ok((client, connection)) = tokio_postgres::connect(&cluster.dsn("app", "app"), NoTls).await {
            tokio::spawn(connection);
            taken.push(client);
        }
        until()
    })
    .await;
    taken
}

each_major!(a_full_server, async |cluster: Cluster| {
    let cluster = configured(cluster, ONLY_PGMEDIC_ANALYZES).await;
    let Some(bouncer) = PgBouncer::start(&cluster, &[("default_pool_size", "2")]) else { return };
    cluster.psql("app", "GRANT app TO pgmedic_act");
    let home = home_of(&cluster, &bouncer);
    let onlooker = Onlooker::at(&cluster);
    let _daemon = home.serve();
    let standing =
        "SELECT count(*) FROM pg_stat_activity WHERE application_name IN ('pgmedic/reading', 'pgmedic/acting')";
    eventually(async || cluster.psql("postgres", standing) == "2").await;

    let full = |playbook: &str| {
        let reasons = of_playbook(&home, "decision", playbook).into_iter().map(|r| r["reason"].to_string());
        reasons.filter(|why| why.contains("53300")).count() > 0
    };
    let sessions = fill(&cluster, || full("observe-stale-statistics") && full("enforce-stale-statistics")).await;
    run(&sessions[1], &["CREATE TABLE t AS SELECT generate_series(1, 5000) AS a"]).await;
    let runaway = sessions[0].query("SELECT pg_sleep(120)", &[]).await;
    assert_eq!(runaway.err().and_then(|e| e.code().cloned()), Some(SqlState::QUERY_CANCELED));
    assert!(full("observe-stale-statistics"), "{:#?}", home.records());
    drop(sessions);
    eventually(async || outcomes(&home, "enforce-stale-statistics").iter().any(|o| o.starts_with("t: done"))).await;
    onlooker.saw_nobody_in_the_way();
    assert_kept_its_time(&cluster);
});

// VACUUM FULL of a catalog holds such a lock for as long as it takes. No session comes into the database.
each_major!(a_locked_catalog, async |cluster: Cluster| {
    let cluster = configured(cluster, ONLY_PGMEDIC_ANALYZES).await;
    let Some(bouncer) = PgBouncer::start(&cluster, &[("default_pool_size", "2")]) else { return };
    cluster.psql("app", "GRANT app TO pgmedic_act");
    cluster.psql("app", "SET ROLE app; CREATE TABLE t AS SELECT generate_series(1, 5000) AS a");
    let locker = cluster.connect("postgres", "app").await;
    run(&locker, &["BEGIN", "LOCK TABLE pg_class, pg_attribute IN ACCESS EXCLUSIVE MODE"]).await;
    let home = home_of(&cluster, &bouncer);
    let onlooker = Onlooker::at(&cluster);
    let _daemon = home.serve();
    let locked_out = |playbook: &str| {
        let reasons = of_playbook(&home, "decision", playbook).into_iter().map(|r| r["reason"].to_string());
        reasons.filter(|why| why.starts_with("\"unreadable: ") && why.contains("lock timeout")).count() > 0
    };
    eventually(async || locked_out("observe-stale-statistics") && locked_out("enforce-stale-statistics")).await;
    // Some more looks, each of which comes to that lock.
    tokio::time::sleep(Duration::from_millis(1_500)).await;
    run(&locker, &["ROLLBACK"]).await;
    eventually(async || outcomes(&home, "enforce-stale-statistics").iter().any(|o| o.starts_with("t: done"))).await;
    onlooker.saw_nobody_in_the_way();
    assert_kept_its_time(&cluster);
});

/// With other settings than a fresh server has; those that a reload takes.
async fn configured(cluster: Cluster, settings: &[(&str, &str)]) -> Cluster {
    for (name, value) in settings {
        cluster.sql("postgres", &format!("ALTER SYSTEM SET {name} = '{value}'")).await;
    }
    let before = cluster.sql("postgres", "SELECT pg_conf_load_time()").await;
    cluster.sql("postgres", "SELECT pg_reload_conf()").await;
    eventually(async || cluster.sql("postgres", "SELECT pg_conf_load_time()").await != before).await;
    cluster
}
