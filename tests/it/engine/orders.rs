//! What people order: pause in all its forms, runs by hand, reload, and what is going on.

use super::LONG_QUERIES;
use crate::support::{Cluster, Home, eventually, target_of};
use std::time::Duration;

fn stopped_by_pause(home: &Home) -> bool {
    let by_pause = |r: &serde_json::Value| r["reason"].as_str().is_some_and(|w| w.starts_with("paused:"));
    home.of_kind("decision").iter().any(by_pause)
}

/// Under a pause nothing is sent, and its end lets the remedy through.
async fn pause_holds(cluster: &Cluster, home: &Home, begin: impl FnOnce(), end: impl FnOnce()) {
    begin();
    let runaway = cluster.sleeper("app", "app", "SELECT pg_sleep(120)").await;
    eventually(async || stopped_by_pause(home)).await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(home.of_kind("intent").len(), 0, "nothing is acted on while paused");
    end();
    assert_eq!(runaway.ended().await, Err(Some("57014".to_owned())));
}

#[tokio::test]
async fn the_command_pauses_and_resumes() {
    let Some(cluster) = Cluster::start(15) else { return };
    let home = Home::new(&target_of(&cluster, ""), &[LONG_QUERIES]);
    let _daemon = home.serve();
    let order = |args: &[&str]| {
        let said = home.run(args);
        assert_eq!(said.0, 0, "{said:?}");
    };
    let pause = || order(&["pause", "--reason", "moving house"]);
    pause_holds(&cluster, &home, pause, || order(&["resume"])).await;
    let control = home.of_kind("control");
    assert_eq!(control[0]["reason"], "moving house");
    assert!(control[0]["actor"].as_str().is_some_and(|a| a.starts_with("user:")), "{control:?}");
    let nothing = home.run(&["resume"]);
    assert_ne!(nothing.0, 0, "there is nothing to resume: {nothing:?}");
    let unknown = home.run(&["pause", "--target", "ordres"]);
    assert_eq!(unknown.0, 2, "{unknown:?}");
    assert!(unknown.2.contains("did you mean `orders`"), "{unknown:?}");
}

#[tokio::test]
async fn the_file_pauses() {
    let Some(cluster) = Cluster::start(15) else { return };
    let home = Home::new(&target_of(&cluster, ""), &[LONG_QUERIES]);
    let _daemon = home.serve();
    let file = home.path("data/PAUSED");
    let begin = || std::fs::write(&file, "the auditors are here\n").unwrap();
    pause_holds(&cluster, &home, begin, || std::fs::remove_file(&file).unwrap()).await;
}

#[tokio::test]
async fn any_dba_pauses_by_a_setting_of_the_role() {
    let Some(cluster) = Cluster::start(15) else { return };
    let home = Home::new(&target_of(&cluster, ""), &[LONG_QUERIES]);
    let _daemon = home.serve();
    let set = |sql: &str| drop(cluster.psql("postgres", sql));
    let begin = || set("ALTER ROLE pgmedic_act SET pgmedic.paused = 'restoring a backup'");
    pause_holds(&cluster, &home, begin, || set("ALTER ROLE pgmedic_act RESET pgmedic.paused")).await;
}

#[tokio::test]
async fn a_run_by_hand_works_with_and_without_a_daemon() {
    let Some(cluster) = Cluster::start(15) else { return };
    let by_hand = LONG_QUERIES.replace("triggers: [{every: 1s}]", "triggers: []");
    let home = Home::new(&target_of(&cluster, ""), &[&by_hand]);
    let run = ["run", "end-long-queries", "--target", "orders"];
    let quiet = home.run(&run);
    assert_eq!(quiet.0, 0, "{quiet:?}");

    let runaway = cluster.sleeper("app", "app", "SELECT pg_sleep(120)").await;
    tokio::time::sleep(Duration::from_millis(1200)).await;
    let lowered = home.run(&[&run[..], &["--mode", "observe"]].concat());
    assert_eq!(lowered.0, 0, "{lowered:?}");
    assert_eq!(home.of_kind("intent").len(), 0);
    let acted = home.run(&run);
    assert_eq!(acted.0, 0, "{acted:?}");
    assert_eq!(runaway.ended().await, Err(Some("57014".to_owned())));

    let runaway = cluster.sleeper("app", "app", "SELECT pg_sleep(120), 1").await;
    tokio::time::sleep(Duration::from_millis(1200)).await;
    let _daemon = home.serve();
    let acted = home.run(&run);
    assert_eq!(acted.0, 0, "{acted:?}");
    assert_eq!(runaway.ended().await, Err(Some("57014".to_owned())));
    let unknown = home.run(&["run", "end-long-query", "--target", "orders"]);
    assert_eq!(unknown.0, 2, "{unknown:?}");
}

#[tokio::test]
async fn a_reload_is_all_or_nothing() {
    let Some(cluster) = Cluster::start(15) else { return };
    let observing = LONG_QUERIES.replace("mode: enforce", "mode: observe");
    let home = Home::new(&target_of(&cluster, ""), &[&observing]);
    let daemon = home.serve();
    let runaway = cluster.sleeper("app", "app", "SELECT pg_sleep(120)").await;
    eventually(async || home.of_kind("decision").iter().any(|r| r["verdict"] == "observe")).await;

    home.write("playbooks/0.yaml", &LONG_QUERIES.replace("long_queries", "long_querys"));
    let refused = home.run(&["reload"]);
    assert_eq!(refused.0, 1, "{refused:?}");
    assert!(refused.2.contains("did you mean"), "{refused:?}");
    assert_eq!(home.of_kind("intent").len(), 0, "the old state goes on");

    home.write("playbooks/0.yaml", LONG_QUERIES);
    daemon.signal("HUP");
    assert_eq!(runaway.ended().await, Err(Some("57014".to_owned())));
    let config = home.of_kind("config");
    assert_eq!(config.len(), 2, "{config:?}");
    assert!(config[1]["reason"].as_str().is_some_and(|r| r.contains("playbook end-long-queries changed")));
}

#[tokio::test]
async fn quiet_runs_are_counted_and_not_recorded_one_by_one() {
    let Some(cluster) = Cluster::start(15) else { return };
    let home = Home::new(&target_of(&cluster, ""), &[LONG_QUERIES]);
    let daemon = home.serve();
    tokio::time::sleep(Duration::from_secs(5)).await;
    assert!(home.records().len() <= 4, "{:#?}", home.records());
    daemon.end("TERM");
    let quiet = home.of_kind("quiet");
    assert_eq!(quiet.len(), 1);
    let runs = quiet[0]["evidence"]["playbooks"]["end-long-queries"]["runs"].as_u64().unwrap_or_default();
    assert!(runs >= 3, "{quiet:?}");
}

#[tokio::test]
async fn why_says_what_stands_against_it() {
    let Some(cluster) = Cluster::start(15) else { return };
    let home = Home::new(&target_of(&cluster, ""), &[&LONG_QUERIES.replace("mode: enforce", "mode: observe")]);
    let _daemon = home.serve();
    let _runaway = cluster.sleeper("app", "app", "SELECT pg_sleep(120)").await;
    tokio::time::sleep(Duration::from_millis(1500)).await;
    let (code, why, _) = home.run(&["why", "end-long-queries", "--target", "orders"]);
    assert_eq!(code, 0, "{why}");
    assert!(why.contains("playbook end-long-queries") && why.contains("observe") && why.contains("Next due"), "{why}");
}

#[tokio::test]
async fn a_plan_without_a_daemon_counts_in_what_was_done_before() {
    let Some(cluster) = Cluster::start(15) else { return };
    let home = Home::new(&target_of(&cluster, ""), &[LONG_QUERIES]);
    let _runaway = cluster.sleeper("app", "app", "SELECT pg_sleep(120)").await;
    tokio::time::sleep(Duration::from_millis(1200)).await;
    let (code, plan, _) = home.run(&["plan", "--detailed-exitcode"]);
    assert_eq!(code, 2, "it would act: {plan}");
    let paused = home.run(&["pause", "--reason", "moving house"]);
    assert_eq!(paused.0, 0, "{paused:?}");
    let (code, plan, _) = home.run(&["plan", "--detailed-exitcode"]);
    assert_eq!(code, 0, "{plan}");
    assert!(plan.contains("moving house"), "{plan}");
}

#[tokio::test]
async fn the_revision_of_the_configuration_goes_into_every_record() {
    let Some(cluster) = Cluster::start(15) else { return };
    let home = Home::new(&format!("revision: abc123\n{}", target_of(&cluster, "")), &[LONG_QUERIES]);
    let daemon = home.serve();
    let runaway = cluster.sleeper("app", "app", "SELECT pg_sleep(120)").await;
    assert_eq!(runaway.ended().await, Err(Some("57014".to_owned())));
    daemon.end("TERM");
    let records = home.records();
    let config = records.iter().position(|r| r["kind"] == "config").unwrap();
    let missing: Vec<_> = records[config..].iter().filter(|r| r["revision"] != "abc123").collect();
    assert!(missing.is_empty(), "{missing:?}");
    assert_eq!(home.run(&["audit", "verify"]).0, 0);
}
