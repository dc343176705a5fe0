//! `stale_statistics`, `analyze`.

use super::hands::{Hands, args_of};
use crate::support::{Cluster, each_major, eventually};
use pgmedic::model::{Candidate, OutcomeStatus, Table};
use pgmedic::playbook::Args;

async fn found(hands: &Hands) -> Vec<Table> {
    let found = hands.find("stale_statistics", &args_of("stale_statistics", &[]), None).await;
    assert_eq!(found.unreadable, Vec::<String>::new());
    let table = |c| if let Candidate::Table(t) = c { Some(t) } else { None };
    found.candidates.into_iter().filter_map(table).collect()
}

async fn names(hands: &Hands) -> Vec<String> {
    let mut names: Vec<String> = found(hands).await.into_iter().map(|t| t.name).collect();
    names.sort();
    names
}

/// Statistics of other sessions come late.
async fn until_found(hands: &Hands, wanted: &[&str]) {
    eventually(async || names(hands).await == wanted).await;
}

async fn analyze(hands: &Hands, table: &Table) -> (OutcomeStatus, String) {
    let args = args_of("analyze", &[]);
    let outcome = hands.carry_out("analyze", &args, &Candidate::Table(table.clone())).await.unwrap();
    (outcome.status, outcome.detail)
}

/// No worker interferes; pgmedic may do what the owner may.
async fn prepare(cluster: &Cluster, sql: &str) {
    cluster.sql("postgres", "ALTER SYSTEM SET autovacuum = off; ").await;
    cluster.sql("postgres", "SELECT pg_reload_conf()").await;
    cluster.sql("postgres", "GRANT app TO pgmedic_act").await;
    cluster.connect("app", "app").await.batch_execute(sql).await.unwrap();
}

each_major!(stale_tables_are_found_and_analyzed, async |cluster: Cluster| {
    let hands = Hands::on(&cluster, None).await;
    prepare(&cluster, "CREATE TABLE \"We\"\"ird\" (a int); INSERT INTO \"We\"\"ird\" SELECT generate_series(1, 5000)")
        .await;
    prepare(&cluster, "CREATE TABLE small (a int); INSERT INTO small SELECT generate_series(1, 900)").await;
    prepare(
        &cluster,
        "CREATE TABLE own (a int) WITH (autovacuum_analyze_threshold = 6000, autovacuum_enabled = off);
        INSERT INTO own SELECT generate_series(1, 5000)",
    )
    .await;
    until_found(&hands, &["We\"ird"]).await;
    let table = found(&hands).await.remove(0);
    assert_eq!((table.owner.as_str(), table.database.as_str(), table.modified_rows), ("app", "app", 5000));
    assert_eq!((table.never_analyzed, table.autovacuum_off, table.last_analyzed), (Some(true), false, None));

    let (status, detail) = analyze(&hands, &table).await;
    assert_eq!(status, OutcomeStatus::Done, "{detail}");
    assert_eq!(detail, "analyzed; 5000 rows estimated; changed rows since then 0 (before: 5000)");
    assert!(names(&hands).await.is_empty(), "after a success there is nothing to do");

    prepare(&cluster, "INSERT INTO \"We\"\"ird\" SELECT generate_series(1, 900)").await;
    prepare(&cluster, "INSERT INTO \"We\"\"ird\" SELECT generate_series(1, 500); ALTER TABLE own RESET (autovacuum_analyze_threshold)").await;
    until_found(&hands, &["We\"ird", "own"]).await;
    let again = found(&hands).await;
    assert!(again[0].name == "own" && again[0].autovacuum_off, "never analyzed ones come first");
    assert_eq!((again[1].modified_rows, again[1].never_analyzed), (1400, Some(false)));
    assert!((again[1].threshold_rows - 1000.0).abs() < 1e-9, "50 + 10 % is below at_least");
});

each_major!(partitioned_parents_are_found_until_they_are_analyzed, async |cluster: Cluster| {
    let hands = Hands::on(&cluster, None).await;
    prepare(
        &cluster,
        "CREATE TABLE p (a int) PARTITION BY RANGE (a);
        CREATE TABLE p_low PARTITION OF p FOR VALUES FROM (0) TO (10000) PARTITION BY RANGE (a);
        CREATE TABLE p_low_all PARTITION OF p_low DEFAULT; CREATE TABLE p_high PARTITION OF p DEFAULT",
    )
    .await;
    prepare(&cluster, "INSERT INTO p SELECT generate_series(5000, 14999)").await;
    until_found(&hands, &["p", "p_high", "p_low_all"]).await;
    let parent = found(&hands).await.into_iter().find(|t| t.partitioned).unwrap();
    assert_eq!((parent.name.as_str(), parent.modified_rows), ("p", 10_000));
    assert_eq!(parent.never_analyzed, (cluster.major() >= 14).then_some(true));

    let (status, detail) = analyze(&hands, &parent).await;
    assert_eq!(status, OutcomeStatus::Done, "{detail}");
    until_found(&hands, &[]).await;

    prepare(&cluster, "INSERT INTO p SELECT 20000 FROM generate_series(1, 3000)").await;
    until_found(&hands, &["p", "p_high"]).await;
    let parent = found(&hands).await.into_iter().find(|t| t.partitioned).unwrap();
    assert_eq!((parent.modified_rows, parent.last_analyzed.is_some()), (3_000, cluster.major() >= 14));
});

each_major!(a_leaf_that_autovacuum_analyzed_still_counts, async |cluster: Cluster| {
    let hands = Hands::on(&cluster, None).await;
    prepare(&cluster, "CREATE TABLE p (a int) PARTITION BY RANGE (a); CREATE TABLE p_all PARTITION OF p DEFAULT").await;
    prepare(&cluster, "INSERT INTO p SELECT generate_series(1, 20000)").await;
    until_found(&hands, &["p", "p_all"]).await;
    let parent = found(&hands).await.into_iter().find(|t| t.partitioned).unwrap();
    assert_eq!(analyze(&hands, &parent).await.0, OutcomeStatus::Done);
    until_found(&hands, &[]).await;
    // One threshold of the leaf (50 + 10 %) is known to have changed; the parent's own is as large, so one
    // more row makes it stale.
    prepare(&cluster, "INSERT INTO p SELECT generate_series(1, 5000)").await;
    cluster.sql("postgres", "ALTER SYSTEM SET autovacuum_naptime = '1s'; ").await;
    cluster.sql("postgres", "ALTER SYSTEM SET autovacuum = on; ").await;
    cluster.sql("postgres", "SELECT pg_reload_conf()").await;
    let analyzed = "SELECT 1 FROM pg_stat_user_tables WHERE last_autoanalyze IS NOT NULL AND relname = 'p_all'";
    eventually(async || !cluster.sql("app", analyzed).await.is_empty()).await;
    prepare(&cluster, "INSERT INTO p SELECT generate_series(1, 100)").await;
    until_found(&hands, &["p"]).await;
    assert!(found(&hands).await[0].leaf_last_analyzed > parent.leaf_last_analyzed);
});

each_major!(what_lies_beyond_the_limit_is_counted, async |cluster: Cluster| {
    let hands = Hands::on(&cluster, None).await;
    for name in ["a", "b", "c"] {
        prepare(&cluster, &format!("CREATE TABLE {name} (a int)")).await;
        prepare(&cluster, &format!("INSERT INTO {name} SELECT generate_series(1, 5000)")).await;
    }
    until_found(&hands, &["a", "b", "c"]).await;
    let args = args_of("stale_statistics", &[("limit", pgmedic::playbook::Arg::Count(1))]);
    let found = hands.find("stale_statistics", &args, None).await;
    assert_eq!((found.candidates.len(), found.beyond_limit), (1, 2));
});

each_major!(without_the_right_it_fails_in_the_servers_words, async |cluster: Cluster| {
    let hands = Hands::on(&cluster, None).await;
    prepare(&cluster, "CREATE TABLE t (a int); INSERT INTO t SELECT generate_series(1, 5000)").await;
    cluster.sql("postgres", "REVOKE app FROM pgmedic_act").await;
    until_found(&hands, &["t"]).await;
    let table = found(&hands).await.remove(0);
    let (status, detail) = analyze(&hands, &table).await;
    assert_eq!(status, OutcomeStatus::Failed);
    assert!(detail.contains("permission denied") || detail.contains("only table or database owner"), "{detail}");
});

each_major!(what_is_no_longer_the_same_or_paused_is_left_alone, async |cluster: Cluster| {
    let hands = Hands::on(&cluster, None).await;
    prepare(&cluster, "CREATE TABLE t (a int); INSERT INTO t SELECT generate_series(1, 5000)").await;
    until_found(&hands, &["t"]).await;
    let table = found(&hands).await.remove(0);
    cluster.sql("postgres", "ALTER ROLE ALL SET pgmedic.paused = 'stand still'").await;
    let (status, detail) = analyze(&hands, &table).await;
    assert_eq!(
        (status, detail.as_str()),
        (OutcomeStatus::Refused, "pgmedic.paused is set for the role that acts: stand still")
    );
    cluster.sql("postgres", "ALTER ROLE ALL RESET pgmedic.paused").await;
    prepare(&cluster, "ALTER TABLE t RENAME TO old; CREATE TABLE t (a int)").await;
    let (status, detail) = analyze(&hands, &table).await;
    assert_eq!(status, OutcomeStatus::Gone, "{detail}");
    assert_eq!(
        cluster.sql("app", "SELECT count(*) FROM pg_stat_user_tables WHERE last_analyze IS NOT NULL").await,
        ["0"]
    );
});

each_major!(a_locked_table_stalls_neither_finder_nor_action, async |cluster: Cluster| {
    let hands = Hands::on(&cluster, None).await;
    prepare(&cluster, "CREATE TABLE t (a int); INSERT INTO t SELECT generate_series(1, 5000)").await;
    until_found(&hands, &["t"]).await;
    let locker = cluster.connect("app", "app").await;
    locker.batch_execute("BEGIN; LOCK TABLE t").await.unwrap();
    let table = found(&hands).await.remove(0);
    let outcome = hands.carry_out("analyze", &Args::default(), &Candidate::Table(table)).await.unwrap();
    assert_eq!(outcome.status, OutcomeStatus::Failed);
    assert!(outcome.detail.contains("lock not available"), "{}", outcome.detail);
});

each_major!(odd_tables_are_judged_and_foreign_ones_left_alone, async |cluster: Cluster| {
    let hands = Hands::on(&cluster, None).await;
    let foreign = "CREATE FOREIGN DATA WRAPPER nothing; CREATE SERVER far FOREIGN DATA WRAPPER nothing;
        GRANT USAGE ON FOREIGN SERVER far TO app";
    cluster.sql("app", foreign).await;
    prepare(&cluster, "CREATE TABLE p (a int) PARTITION BY RANGE (a); CREATE TABLE p_near PARTITION OF p FOR VALUES FROM (0) TO (9000);
        CREATE FOREIGN TABLE p_far PARTITION OF p DEFAULT SERVER far").await;
    prepare(&cluster, "INSERT INTO p SELECT generate_series(1, 5000)").await;
    prepare(
        &cluster,
        "CREATE TABLE zero (a int) WITH (autovacuum_analyze_threshold = 0, autovacuum_analyze_scale_factor = 0);
        INSERT INTO zero SELECT generate_series(1, 1000)",
    )
    .await;
    prepare(&cluster, "CREATE MATERIALIZED VIEW mv AS SELECT generate_series(1, 5000) AS a").await;
    prepare(&cluster, "CREATE TEMPORARY TABLE short AS SELECT generate_series(1, 5000) AS a; SELECT pg_sleep(1)").await;
    until_found(&hands, &["mv", "p_near", "zero"]).await;
    let mv = found(&hands).await.into_iter().find(|t| t.name == "mv").unwrap();
    assert_eq!(analyze(&hands, &mv).await.0, OutcomeStatus::Done);
});
