//! The wall clock leaps ahead and is set back: it is said, nothing runs in a storm, and it still does its work.

use super::LONG_QUERIES;
use super::remedies::{POOLS, crowd};
use crate::support::{Clock, Cluster, Home, PgBouncer, at_last, target_of};
use serde_json::Value as Json;
use std::time::Duration;

const HOURS: Duration = Duration::from_hours(3);

fn jumps(home: &Home) -> Vec<String> {
    let reason = |r: &Json| r["reason"].as_str().unwrap_or_default().to_owned();
    home.of_kind("lifecycle").iter().map(reason).filter(|r| r.starts_with("clock: ")).collect()
}

#[tokio::test]
async fn a_clock_that_leaps_and_is_set_back_is_told_and_costs_no_work() {
    let Some(cluster) = Cluster::start(15) else { return };
    let Some(clock) = Clock::start() else { return };
    let mut home = Home::new(&target_of(&cluster, ""), &[LONG_QUERIES]);
    home.set_clock(&clock);
    let daemon = home.serve();
    for (n, (ahead, jumped)) in [(Duration::ZERO, 0), (HOURS, 1), (Duration::ZERO, 2)].into_iter().enumerate() {
        clock.show(ahead);
        at_last(async || jumps(&home).len() == jumped).await;
        let runaway = cluster.sleeper("app", "app", &format!("SELECT pg_sleep(120), {n}")).await;
        assert_eq!(runaway.ended().await, Err(Some("57014".to_owned())), "{ahead:?} ahead: {}", home.log());
        at_last(async || home.outcomes().len() == n + 1).await;
    }
    // A little less than three hours, or just those.
    let said = jumps(&home).join("\n").replace("2h 59m", "3h");
    assert_eq!(said, "clock: the clock went ahead by 3h\nclock: the clock went back by 3h");
    let busy = daemon.cpu_time();
    assert!(busy < Duration::from_secs(10), "no storm of ticks: {busy:?}");
    daemon.end("TERM");
    let times: Vec<String> = home.records().iter().map(|r| r["time"].as_str().unwrap_or_default().to_owned()).collect();
    assert!(times.is_sorted(), "the log's time never goes back");
    let (code, report, _) = home.run(&["audit", "verify"]);
    assert_eq!(code, 0, "{report}");
}

#[tokio::test]
async fn a_clock_that_is_set_back_meanwhile_does_not_put_off_taking_back() {
    let Some(cluster) = Cluster::start(15) else { return };
    let Some(clock) = Clock::start() else { return };
    let Some(bouncer) = PgBouncer::start(&cluster, &[("default_pool_size", "2")]) else { return };
    let pooler = format!("    pgbouncer: [{{name: main, dsn: \"{}\"}}]\n", bouncer.dsn("pgmedic", "pgbouncer"));
    let mut home = Home::new(&target_of(&cluster, &pooler), &[POOLS]);
    home.set_clock(&clock);
    clock.show(HOURS);
    crowd(&bouncer, 9).await;
    let _daemon = home.serve();
    at_last(async || home.outcomes().len() == 1).await;
    clock.show(Duration::ZERO);
    at_last(async || !home.of_kind("revert").is_empty()).await;
    assert_eq!(home.of_kind("revert")[0]["outcome"]["status"], "done");
}
