//! When runs begin, and how often people hear of one thing.

use super::long_queries;
use super::records::NOBODY;
use crate::support::{Cluster, Home, eventually, target_of};
use pgmedic::model::Timestamp;
use serde_json::Value as Json;
use std::time::Duration;

fn moment(json: &Json) -> Timestamp {
    json.as_str().unwrap().parse().unwrap()
}

#[tokio::test]
async fn a_window_triggers_when_it_opens() {
    let Some(cluster) = Cluster::start(15) else { return };
    let windows = "windows: {often: [{cron: \"*/2 * * * * *\", lasts: 1s}]}\n";
    let more = "triggers: [{window: often}]\ndo: [cancel_backend]\n";
    let home = Home::new(&format!("{}{windows}", target_of(&cluster, "")), &[&long_queries("observe", more)]);
    let _runaway = cluster.sleeper("app", "app", "SELECT pg_sleep(120)").await;
    let _daemon = home.serve();
    eventually(async || !home.of_kind("decision").is_empty()).await;
    let trigger = home.of_kind("decision")[0]["trigger"].clone();
    assert_eq!((&trigger["kind"], &trigger["detail"]), (&"window".into(), &"often".into()));
    assert_eq!(moment(&trigger["nominal"]).as_second() % 2, 0);
}

/// How long after its nominal time the second run of a playbook began whose first one lasted 3 s.
async fn second_begins(on_overlap: &str) -> Option<f64> {
    let cluster = Cluster::start_with(15, &[("autovacuum", "off")])?;
    // Its ANALYZE would take minutes, so the run gives it up after 3 s.
    crate::engine::slow_table(&cluster);
    let playbook = format!(
        "version: 1\nname: refresh\nmode: enforce\ntargets: all\ntriggers: [{{every: 1s}}]\nfind: stale_statistics\n\
         do: [analyze: {{statement_timeout: 3s}}]\nverify: {{within: 1s}}\non_overlap: {on_overlap}\n"
    );
    let home = Home::new(&target_of(&cluster, ""), &[&playbook]);
    let _daemon = home.serve();
    let whole = || home.of_kind("decision").into_iter().filter(|r| r["trigger"].is_object()).collect::<Vec<_>>();
    eventually(async || whole().len() >= 2).await;
    let second = whole().remove(1);
    let lag = moment(&second["time"]).duration_since(moment(&second["trigger"]["nominal"]));
    Some(lag.as_secs_f64())
}

#[tokio::test]
async fn a_tick_during_a_run_is_dropped_or_waits_as_the_playbook_says() {
    let (skipped, queued) = tokio::join!(second_begins("skip"), second_begins("queue"));
    let (Some(skipped), Some(queued)) = (skipped, queued) else { return };
    assert!(skipped < 1.5, "the tick that runs is a new one: {skipped}");
    assert!(queued > 1.5, "the first tick that came during the run waited for its end: {queued}");
}

#[tokio::test]
async fn one_thing_is_told_once_also_after_a_restart() {
    let Some(cluster) = Cluster::start(15) else { return };
    let more = "triggers: [{every: 1s}]\ndo: [cancel_backend]\n";
    let home = Home::new(&format!("{}{NOBODY}", target_of(&cluster, "")), &[&long_queries("observe", more)]);
    let runaway = cluster.sleeper("app", "app", "SELECT pg_sleep(120)").await;
    let told = || {
        let decisions = home.of_kind("decision");
        decisions.iter().filter(|r| r["notify"].is_array() && r["evidence"]["notice"]["event"] == "observed").count()
    };
    let daemon = home.serve();
    eventually(async || told() == 1).await;
    tokio::time::sleep(Duration::from_millis(1500)).await;
    daemon.end("TERM");
    let before = home.of_kind("decision").len();
    let _daemon = home.serve();
    eventually(async || home.of_kind("decision").len() > before).await;
    assert_eq!(told(), 1, "decided again after the restart, but not told again");
    cluster.psql("postgres", "SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE usename = 'app'");
    assert!(runaway.ended().await.is_err());
    let _another = cluster.sleeper("app", "app", "SELECT pg_sleep(120), 2").await;
    eventually(async || told() == 2).await;
}
