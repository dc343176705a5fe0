//! Commands on a real server: their exit codes, and what they leave behind.

use super::long_queries;
use crate::support::{Cluster, Home, target_of};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

#[tokio::test]
async fn exit_codes_tell_would_act_held_and_failed() {
    let Some(cluster) = Cluster::start_with(15, &[("autovacuum", "off")]) else { return };
    cluster.psql("app", "CREATE TABLE t AS SELECT g FROM generate_series(1, 20000) g");
    let held = long_queries("approve", "do: [cancel_backend]\n").replace("end-long-queries", "held");
    let acting = long_queries("enforce", "do: [cancel_backend]\n");
    let failing = "version: 1\nname: failing\nmode: enforce\ntargets: all\nfind: stale_statistics\ndo: [analyze]\nverify: {within: 500ms}\n";
    let home = Home::new(&target_of(&cluster, ""), &[&held, &acting, failing]);
    let runaway = cluster.sleeper("app", "app", "SELECT pg_sleep(120)").await;
    tokio::time::sleep(Duration::from_millis(1200)).await;
    let code = |args: &[&str]| home.run(args).0;
    assert_eq!(code(&["plan", "end-long-queries", "--detailed-exitcode"]), 2, "it would act");
    assert_eq!(code(&["plan", "end-long-queries"]), 0);
    assert_eq!(home.of_kind("intent").len(), 0, "a plan touches nothing");
    assert_eq!(code(&["run", "held", "--target", "orders"]), 3, "held for approval");
    assert_eq!(code(&["run", "held", "--target", "orders", "--mode", "enforce"]), 3, "--mode never raises");
    assert_eq!(code(&["run", "failing", "--target", "orders"]), 1, "a failed action");
    assert_eq!(code(&["run", "end-long-queries", "--target", "orders"]), 0);
    assert_eq!(runaway.ended().await, Err(Some("57014".to_owned())));
}

#[tokio::test]
async fn a_plan_without_any_configuration_looks_and_leaves_nothing() {
    let Some(cluster) = Cluster::start_with(15, &[("autovacuum", "off")]) else { return };
    cluster.psql("app", "CREATE TABLE t AS SELECT g FROM generate_series(1, 20000) g");
    let folder = tempfile::tempdir().unwrap();
    let began = Instant::now();
    let mut plan = Command::new(env!("CARGO_BIN_EXE_pgmedic"));
    plan.args(["plan", "--dsn", &cluster.dsn("pgmedic", "postgres")]).current_dir(folder.path()).env_clear();
    let output = plan.stdin(Stdio::null()).output().unwrap();
    assert!(began.elapsed() < Duration::from_secs(10), "{:?}", began.elapsed());
    let said = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(0), "{said}");
    for shipped in ["cancel-long-queries", "grow-starved-pools", "refresh-statistics"] {
        assert!(said.contains(shipped), "{said}");
    }
    assert!(said.contains("table public.t in app") && said.contains("would only record (observe)"), "{said}");
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0, "nothing is written");
    let analyzed = "SELECT count(*) FROM pg_stat_user_tables WHERE last_analyze IS NOT NULL";
    assert_eq!(cluster.sql("app", analyzed).await, ["0"]);
}

#[test]
fn the_log_is_read_without_any_secret_of_the_configuration() {
    let home = Home::new(
        "targets:\n  - {name: orders, dsn: \"${env:NO_SUCH_DSN}\", password: \"${file:no-such-file}\"}\n",
        &[],
    );
    assert_eq!(home.run(&["pause", "--reason", "moving house"]).0, 0);
    for args in [&["audit", "list"][..], &["audit", "verify"], &["audit", "list", "--kind", "control", "--limit", "1"]]
    {
        let said = home.run(args);
        assert_eq!(said.0, 0, "{args:?}: {said:?}");
    }
    let copy = home.path("copy");
    assert!(Command::new("cp").arg("-r").arg(home.path("data")).arg(&copy).status().unwrap().success());
    let mut list = Command::new(env!("CARGO_BIN_EXE_pgmedic"));
    let output = list.args(["audit", "list", "-o", "json", "--dir"]).arg(&copy).current_dir("/").output().unwrap();
    let stored = std::fs::read(home.path("data/audit/00000000000000000001.jsonl")).unwrap();
    assert_eq!((output.status.code(), output.stdout), (Some(0), stored));
}
