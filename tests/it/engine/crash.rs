//! Ends that nobody chose: kill -9, a server that goes away, a second daemon, an end in mid-action.

use super::{LONG_QUERIES, STATISTICS, ownership};
use crate::support::{Clock, Cluster, Home, eventually, target_of};
use std::time::Duration;

/// A table whose ANALYZE takes long: its index expression sleeps for each sampled row.
pub fn slow_table(cluster: &Cluster) {
    cluster.psql("app", "GRANT app TO pgmedic_act; GRANT CREATE ON SCHEMA public TO app");
    let slow = "SET ROLE app;
        CREATE FUNCTION slow(g int) RETURNS int IMMUTABLE LANGUAGE plpgsql AS
            'BEGIN IF current_setting(''application_name'') LIKE ''pgmedic%'' THEN PERFORM pg_sleep(0.01); END IF; RETURN g; END';
        CREATE TABLE t (g int);
        CREATE INDEX ON t (slow(g));
        INSERT INTO t SELECT generate_series(1, 20000)";
    cluster.psql("app", slow);
}

fn analyzing(cluster: &Cluster) -> bool {
    cluster.psql("app", "SELECT count(*) FROM pg_stat_progress_analyze").trim() == "1"
}

#[tokio::test]
async fn a_stop_cancels_what_is_under_way_and_records_its_outcome() {
    let Some(cluster) = Cluster::start_with(15, &[("autovacuum", "off")]) else { return };
    slow_table(&cluster);
    let home = Home::new(&target_of(&cluster, ""), &[STATISTICS]);
    let daemon = home.serve();
    eventually(async || analyzing(&cluster)).await;
    let (code, took) = daemon.end("TERM");
    assert_eq!(code, Some(0), "{}", home.log());
    assert!(took < Duration::from_secs(10), "{took:?}");
    assert_eq!(home.outcomes(), ["analyze timed_out"]);
    assert!(!analyzing(&cluster), "the server let go of it");
    let last = home.records().pop().unwrap_or_default();
    assert!(last["reason"].as_str().is_some_and(|r| r.starts_with("stopped")), "{last}");
}

#[tokio::test]
async fn kill_9_in_mid_action_is_looked_up_and_told_to_whom_the_playbook_tells() {
    let Some(cluster) = Cluster::start_with(15, &[("autovacuum", "off")]) else { return };
    slow_table(&cluster);
    let channel = "channels: [{name: ops, slack: {webhook_url: \"http://127.0.0.1:9/x\"}, allow_private: true}]\n";
    let told = format!("{STATISTICS}notify: [ops]\nowner: dba-team\n");
    let home = Home::new(&format!("{}{channel}", target_of(&cluster, "")), &[&told]);
    let daemon = home.serve();
    eventually(async || analyzing(&cluster)).await;
    daemon.end("KILL");
    let _daemon = home.serve();
    eventually(async || home.outcomes().first().is_some_and(|o| o == "analyze failed")).await;
    eventually(async || !home.of_kind("verification").is_empty()).await;
    let cut_off = &home.of_kind("verification")[0];
    assert_eq!(cut_off["run"], home.of_kind("intent")[0]["run"], "it is the same run");
    assert_eq!(cut_off["notify"], serde_json::json!(["ops"]));
    assert_eq!(cut_off["evidence"]["notice"]["owner"], "dba-team");
    let started = home.of_kind("lifecycle");
    assert!(started[1]["reason"].as_str().is_some_and(|r| r.contains("after a crash")), "{started:?}");
    let verified = home.run(&["audit", "verify"]);
    assert_eq!(verified.0, 0, "{verified:?}");
}

#[tokio::test]
async fn a_server_that_goes_away_is_said_once_and_taken_up_again() {
    let Some(mut cluster) = Cluster::start(15) else { return };
    let home = Home::new(&target_of(&cluster, ""), &[LONG_QUERIES]);
    let _daemon = home.serve();
    cluster.stop();
    let blind = || {
        home.of_kind("decision")
            .iter()
            .filter(|r| r["reason"].as_str().is_some_and(|w| w.starts_with("unreachable")))
            .count()
    };
    eventually(async || blind() == 1).await;
    home.turns(3).await;
    assert_eq!(blind(), 1, "the same trouble is counted, not repeated");
    cluster.restart();
    let runaway = cluster.sleeper("app", "app", "SELECT pg_sleep(120)").await;
    assert_eq!(runaway.ended().await, Err(Some("57014".to_owned())));
}

#[tokio::test]
async fn a_second_daemon_on_the_same_data_is_turned_away_in_one_line() {
    let target = "targets: [{name: far, dsn: \"postgresql://pgmedic@127.0.0.1:1/postgres\"}]\n";
    // One that acts and tells nobody would be warned of in a line of its own.
    let home = Home::new(target, &[&LONG_QUERIES.replace("mode: enforce", "mode: observe")]);
    let _daemon = home.serve();
    let (code, _, err) = home.run(&["serve"]);
    assert_eq!(code, 1, "{err}");
    assert!(err.contains("another pgmedic") && err.trim().lines().count() == 1, "{err}");
}

#[tokio::test]
async fn two_daemons_with_their_own_data_never_both_act() {
    let Some(cluster) = Cluster::start(15) else { return };
    let first = Home::new(&target_of(&cluster, ""), &[LONG_QUERIES]);
    let mut second = Home::new(&target_of(&cluster, ""), &[LONG_QUERIES]);
    let Some(clock) = Clock::start() else { return };
    second.set_clock(&clock);
    let daemon = first.serve();
    // The right to act is taken with the first look.
    eventually(async || ownership::holder(&cluster).is_some()).await;
    let _other = second.serve();
    let runaway = cluster.sleeper("app", "app", "SELECT pg_sleep(120)").await;
    assert_eq!(runaway.ended().await, Err(Some("57014".to_owned())));
    eventually(async || first.outcomes().len() == 1).await;
    assert_eq!(second.of_kind("intent").len(), 0);
    drop(daemon);
    let runaway = cluster.sleeper("app", "app", "SELECT pg_sleep(120), 2").await;
    eventually(async || ownership::changes(&second) == ["stands_by", "took_over"]).await;
    eventually(async || ownership::refused(&second, "takeover: took over from another pgmedic")).await;
    assert!(runaway.still_runs(), "it does not know what the first one did a moment before");
    clock.show(Duration::from_mins(6));
    assert_eq!(runaway.ended().await, Err(Some("57014".to_owned())), "the second takes over");
    eventually(async || second.outcomes().len() == 1).await;
    assert_eq!(first.of_kind("intent").len(), 1);
}
