//! What happens to targets in a month: one stalls, one is full, one fails over, one is upgraded. Each is said, the others go
//! on, and all come back by themselves.

use super::LONG_QUERIES;
use crate::support::{Cluster, Gate, Home, Proxy, at_last, eventually};
use pgmedic::model::Timestamp;
use serde_json::Value as Json;
use std::time::Duration;
use tokio_postgres::{Client, NoTls};

pub(super) fn acting_on(targets: &[(&str, &str)]) -> String {
    let target = |(name, dsn): &(&str, &str)| {
        format!("  - {{name: {name}, dsn: \"{dsn}\", act_as: {{user: pgmedic_act}}, mode: enforce}}\n")
    };
    format!("mode: enforce\ntargets:\n{}", targets.iter().map(target).collect::<String>())
}

pub(super) fn through(port: u16) -> String {
    format!("postgresql://pgmedic@127.0.0.1:{port}/postgres?sslmode=disable")
}

/// What people were told of a target, in order.
pub(super) fn told(home: &Home, target: &str) -> Vec<String> {
    let of = |r: &Json| r["target"] == target && r["reason"].as_str().is_some_and(|w| w.starts_with("target "));
    let lifecycle = home.of_kind("lifecycle").into_iter().filter(of);
    lifecycle.map(|r| r["reason"].as_str().unwrap_or_default().to_owned()).collect()
}

/// Each `n` is another query, so that none is a repetition.
pub(super) async fn is_remedied(home: &Home, cluster: &Cluster, n: usize) {
    let runaway = cluster.sleeper("app", "app", &format!("SELECT pg_sleep(60){}", ", 1".repeat(n))).await;
    assert_eq!(runaway.ended().await, Err(Some("57014".to_owned())), "{n}: {}", home.log());
}

#[tokio::test]
async fn a_target_that_stalls_is_told_and_holds_up_no_other() {
    let (Some(stalled), Some(fine)) = (Cluster::start(15), Cluster::start(15)) else { return };
    let way = Proxy::start(stalled.port()).await;
    let (slow, quick) = (through(way.port()), through(fine.port()));
    let home = Home::new(&acting_on(&[("stalled", &slow), ("fine", &quick)]), &[LONG_QUERIES]);
    let daemon = home.serve();
    is_remedied(&home, &stalled, 0).await;
    way.stall();
    at_last(async || told(&home, "stalled") == ["target stalled cannot be reached"]).await;
    let (before, lines) = (daemon.cpu_time(), home.log().lines().count());
    for n in 1..4 {
        is_remedied(&home, &fine, n).await;
    }
    let (busy, said) = (daemon.cpu_time().saturating_sub(before), home.log().lines().count() - lines);
    assert!(busy.as_secs() < 5 && said < 20, "no busy loop, and not the same line again: {busy:?}, {said} lines");
    assert_eq!(told(&home, "fine"), [""; 0]);
    way.server_notices();
    way.mend();
    at_last(async || told(&home, "stalled").last().is_some_and(|w| w == "target stalled answers again")).await;
    is_remedied(&home, &stalled, 9).await;
}

/// Sessions in all the places that are left for ordinary users.
async fn all_places(cluster: &Cluster) -> Vec<Client> {
    let mut taken = Vec::new();
    while let Ok((client, connection)) = tokio_postgres::connect(&cluster.dsn("app", "app"), NoTls).await {
        tokio::spawn(connection);
        taken.push(client);
    }
    taken
}

/// When the full server refused pgmedic, by its own clock.
fn refusals(full: &Cluster) -> Vec<Timestamp> {
    let log = full.log();
    let refused = log.lines().filter(|l| l.contains("pgmedic@postgres FATAL:  remaining connection slots"));
    // `2026-11-25 04:20:26.123 UTC [7] …`; only distances matter.
    refused.map(|l| format!("{}Z", &l[..23]).parse().unwrap()).collect()
}

#[tokio::test]
async fn a_server_that_is_full_is_told_in_its_words_tried_more_seldom_and_found_again() {
    let (Some(full), Some(fine)) = (Cluster::start_with(15, &[("max_connections", "8")]), Cluster::start(15)) else {
        return;
    };
    let waiting = full.sleeper("app", "app", "SELECT pg_sleep(120)").await;
    let taken = all_places(&full).await;
    let home =
        Home::new(&acting_on(&[("full", &through(full.port())), ("fine", &through(fine.port()))]), &[LONG_QUERIES]);
    let _daemon = home.serve();
    eventually(async || told(&home, "full") == ["target full cannot be reached"]).await;
    is_remedied(&home, &fine, 1).await;
    let words = "remaining connection slots are reserved for non-replication superuser connections (SQLSTATE 53300)";
    let about_full = || home.of_kind("lifecycle").into_iter().filter(|r| r["target"] == "full").collect::<Vec<Json>>();
    let why = about_full()[0]["evidence"]["notice"]["lines"][0].clone();
    assert!(why.as_str().is_some_and(|w| w.contains(words)), "{why}");
    let (_, status, _) = home.run(&["status", "-o", "json"]);
    let status: Json = serde_json::from_str(&status).unwrap();
    let state = |name: &str| {
        let targets = status["targets"].as_array().unwrap();
        targets.iter().find(|t| t["name"] == name).map(|t| t["state"].clone())
    };
    assert_eq!((state("full"), state("fine")), (Some(why), Some("up".into())));
    eventually(async || refusals(&full).len() >= 3).await;
    // It rests for a second after the first look and for two after the second, less a quarter at most.
    let at = refusals(&full);
    let rest = |n: usize| Duration::try_from(at[n + 1].duration_since(at[n])).unwrap();
    assert!(rest(0) > Duration::from_millis(700) && rest(1) > Duration::from_millis(1_400), "{at:?}");
    assert!(waiting.still_runs());

    drop(taken);
    assert_eq!(waiting.ended().await, Err(Some("57014".to_owned())), "{}", home.log());
    eventually(async || told(&home, "full").len() == 2).await;
    assert_eq!(told(&home, "full")[1], "target full answers again");
    assert_eq!(told(&home, "fine"), [""; 0]);
}

#[tokio::test]
async fn after_a_failover_it_acts_on_the_new_primary() {
    let Some(mut primary) = Cluster::start(15) else { return };
    primary.admit("local all all trust\nhost all all all trust\nhost replication postgres all trust\n").await;
    let standby = primary.standby();
    let dsn = format!(
        "postgresql://pgmedic@127.0.0.1:{},127.0.0.1:{}/postgres?sslmode=disable&target_session_attrs=read-write",
        primary.port(),
        standby.port()
    );
    let home = Home::new(&acting_on(&[("orders", &dsn)]), &[LONG_QUERIES]);
    let _daemon = home.serve();
    is_remedied(&home, &primary, 0).await;
    eventually(async || standby.psql("postgres", "SELECT count(*) FROM pg_stat_wal_receiver") == "1").await;
    primary.stop();
    at_last(async || !told(&home, "orders").is_empty()).await;
    assert_eq!(standby.psql("postgres", "SELECT pg_promote()"), "t");
    is_remedied(&home, &standby, 1).await;
    assert_eq!(told(&home, "orders"), ["target orders cannot be reached", "target orders answers again"]);
    eventually(async || home.outcomes().len() == 2).await;
}

#[tokio::test]
async fn a_server_that_turned_into_a_standby_is_only_acted_on_as_one() {
    let Some(mut primary) = Cluster::start(15) else { return };
    primary.admit("local all all trust\nhost all all all trust\nhost replication postgres all trust\n").await;
    let standby = primary.standby();
    let gate = Gate::to(primary.port());
    primary.psql("app", "GRANT app TO pgmedic_act");
    primary.psql("app", "SET ROLE app; CREATE TABLE t AS SELECT g FROM generate_series(1, 20000) g");
    let home = Home::new(&acting_on(&[("orders", &through(gate.port()))]), &[LONG_QUERIES, super::STATISTICS]);
    let _daemon = home.serve();
    eventually(async || home.outcomes().iter().any(|o| o == "analyze done")).await;
    // The address leads to the standby from now on, as after a switch-over.
    gate.lead_to(standby.port());
    primary.psql("app", "SET ROLE app; UPDATE t SET g = g + 1");
    let end = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE application_name LIKE 'pgmedic/%'";
    primary.psql("postgres", end);
    let skipped = |r: &Json| r["playbook"]["name"] == "refresh-statistics" && r["reason"].to_string().contains("role:");
    at_last(async || home.of_kind("decision").iter().any(skipped)).await;
    let outcomes = home.outcomes().len();
    home.turns(3).await;
    assert_eq!(home.outcomes().len(), outcomes, "what writes is not tried on a standby");
}

#[tokio::test]
async fn a_server_upgraded_under_its_hands_is_asked_in_its_own_words() {
    let (Some(mut old), Some(new)) = (Cluster::start(13), Cluster::start(18)) else { return };
    let gate = Gate::to(old.port());
    let home = Home::new(&acting_on(&[("orders", &through(gate.port()))]), &[LONG_QUERIES]);
    let _daemon = home.serve();
    is_remedied(&home, &old, 0).await;
    let version = || {
        let status: Json = serde_json::from_str(&home.run(&["status", "-o", "json"]).1).unwrap_or_default();
        status["targets"][0]["version_num"].as_i64().unwrap_or_default() / 10_000
    };
    assert_eq!(version(), 13);
    gate.lead_to(new.port());
    old.stop();
    is_remedied(&home, &new, 1).await;
    eventually(async || version() == 18).await;
    eventually(async || home.outcomes() == ["cancel_backend done", "cancel_backend done"]).await;
    let (code, report, _) = home.run(&["audit", "verify"]);
    assert_eq!(code, 0, "{report}");
}
