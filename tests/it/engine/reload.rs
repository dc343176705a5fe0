//! Reloading: what is under way goes on as it began, what widens is told, targets have their own word.

use super::{LONG_QUERIES, STATISTICS, crash::slow_table};
use crate::support::{Cluster, Daemon, Gate, Home, Sleeper, eventually, target_of};
use serde_json::Value as Json;
use std::time::Duration;

const CHANNEL: &str = "notify: [ops]
channels:
  - {name: ops, webhook: {url: \"http://127.0.0.1:9/\", secret: \"whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw\"}, allow_private: true}
";

/// A ladder that rests long enough for somebody to change their mind.
fn slow_ladder() -> String {
    LONG_QUERIES.replace("wait: 2s", "wait: 5s").replace("mode: enforce", "mode: enforce\nguard: {include: [batch]}")
}

/// A session that no cancel ends.
async fn stubborn(cluster: &Cluster) -> Sleeper {
    let sql =
        "DO $$ BEGIN LOOP BEGIN PERFORM pg_sleep(60); EXCEPTION WHEN query_canceled THEN NULL; END; END LOOP; END $$";
    cluster.sleeper("app", "app", sql).await
}

async fn cancelled(home: &Home) {
    eventually(async || home.outcomes().iter().any(|o| o.starts_with("cancel_backend"))).await;
}

#[tokio::test]
async fn a_run_in_flight_keeps_the_playbook_it_began_with() {
    let Some(cluster) = Cluster::start(15) else { return };
    let home = Home::new(&target_of(&cluster, ""), &[&slow_ladder()]);
    let _daemon = home.serve();
    let session = stubborn(&cluster).await;
    cancelled(&home).await;
    let run = home.of_kind("intent")[0]["run"].clone();
    home.write("playbooks/0.yaml", &slow_ladder().replace("mode: enforce", "mode: observe"));
    let (code, _, said) = home.run(&["reload"]);
    assert_eq!(code, 0, "{said}");
    assert_eq!(session.ended().await, Err(Some("57P01".to_owned())), "the ladder goes on to its end");
    let intents = home.of_kind("intent");
    assert!(intents.len() == 2 && intents.iter().all(|i| i["run"] == run), "{intents:?}");
    assert_eq!(intents[0]["playbook"]["digest"], intents[1]["playbook"]["digest"]);
}

fn analyzing(cluster: &Cluster) -> bool {
    cluster.psql("app", "SELECT count(*) FROM pg_stat_progress_analyze") == "1"
}

/// Analyzes a table for minutes, and does nothing about long queries yet.
async fn busy(cluster: &Cluster) -> (Home, Daemon) {
    slow_table(cluster);
    let patient = LONG_QUERIES.replace("longer_than: 1s", "longer_than: 1h");
    let home = Home::new(&target_of(cluster, ""), &[&patient, STATISTICS]);
    let daemon = home.serve();
    eventually(async || analyzing(cluster)).await;
    (home, daemon)
}

/// A reload while the analyze goes on: the other playbook works by its new text at once.
async fn others_go_on(cluster: &Cluster, home: &Home) {
    home.write("playbooks/0.yaml", LONG_QUERIES);
    let (code, _, said) = home.run(&["reload"]);
    assert_eq!(code, 0, "{said}");
    let runaway = cluster.sleeper("app", "app", "SELECT pg_sleep(120)").await;
    assert_eq!(runaway.ended().await, Err(Some("57014".to_owned())));
    eventually(async || home.outcomes() == ["cancel_backend done"]).await;
    assert!(analyzing(cluster), "what was under way goes on");
    let changes = home.of_kind("intent").iter().filter(|i| i["action"]["name"] == "analyze").count();
    assert_eq!(changes, 1, "one change at a time, and once on its candidate");
}

#[tokio::test]
async fn other_playbooks_go_on_under_the_new_configuration_while_a_run_is_under_way() {
    let Some(cluster) = Cluster::start_with(15, &[("autovacuum", "off")]) else { return };
    let (home, daemon) = busy(&cluster).await;
    others_go_on(&cluster, &home).await;
    assert_eq!(daemon.end("TERM").0, Some(0));
    assert_eq!(home.outcomes(), ["cancel_backend done", "analyze timed_out"]);
}

#[tokio::test]
async fn a_password_changed_while_a_run_is_under_way_keeps_nobody_from_acting() {
    let Some(cluster) = Cluster::start_with(15, &[("autovacuum", "off")]) else { return };
    slow_table(&cluster);
    let patient = LONG_QUERIES.replace("longer_than: 1s", "longer_than: 1h");
    let config = target_of(&cluster, "    password: \"${file:password}\"\n")
        .replace("{user: pgmedic_act}", "{user: pgmedic_act, password: \"${file:password}\"}");
    let home = Home::new(&config, &[&patient, STATISTICS]);
    home.write("password", "as it was");
    let daemon = home.serve();
    eventually(async || analyzing(&cluster)).await;
    home.write("password", "rotated");
    others_go_on(&cluster, &home).await;
    assert_eq!(daemon.end("TERM").0, Some(0));
}

#[tokio::test]
async fn other_playbooks_go_on_while_what_a_crash_cut_off_is_looked_up() {
    // A server below 14 does not notice that its client is gone, and goes on.
    let Some(cluster) = Cluster::start_with(13, &[("autovacuum", "off")]) else { return };
    let (home, daemon) = busy(&cluster).await;
    daemon.end("KILL");
    let _daemon = home.serve();
    others_go_on(&cluster, &home).await;
    let end = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_progress_analyze";
    assert_eq!(cluster.psql("app", end), "1");
    eventually(async || home.outcomes() == ["cancel_backend done", "analyze failed"]).await;
    let run = |kind: &str| {
        let of = |r: &Json| r["action"]["name"] == "analyze";
        home.of_kind(kind).into_iter().find(of).map(|r| r["run"].clone())
    };
    assert_eq!(run("intent"), run("outcome"), "it is the run that was cut off");
}

/// Killed between the announcement of a cancel and the cancel itself, and started again while the target is out of
/// reach. The section of the target by its name and port, too.
async fn cut_off_and_out_of_reach(cluster: &Cluster, gate: &Gate) -> (Home, Daemon, Sleeper) {
    let home = Home::new(&at(gate.port(), "orders"), &[LONG_QUERIES]);
    gate.hold_question("pg_cancel_backend(", 1);
    let daemon = home.serve();
    let runaway = cluster.sleeper("app", "app", "SELECT pg_sleep(120)").await;
    eventually(async || gate.caught()).await;
    daemon.end("KILL");
    gate.lead_to(1);
    let daemon = home.serve();
    home.turns(1).await;
    assert_eq!(home.outcomes(), [""; 0]);
    (home, daemon, runaway)
}

fn at(port: u16, name: &str) -> String {
    let dsn = format!("postgresql://pgmedic@127.0.0.1:{port}/postgres?sslmode=disable");
    format!(
        "{CHANNEL}mode: enforce\ntargets: [{{name: {name}, dsn: \"{dsn}\", act_as: {{user: pgmedic_act}}, mode: enforce}}]\n"
    )
}

fn reconfigured(home: &Home, config: &str) {
    home.configure(config);
    let (code, _, said) = home.run(&["reload"]);
    assert_eq!(code, 0, "{said}");
}

#[tokio::test]
async fn what_a_renamed_target_left_open_gets_its_end_and_people_are_told() {
    let Some(cluster) = Cluster::start(15) else { return };
    let gate = Gate::to(cluster.port());
    let (home, _daemon, runaway) = cut_off_and_out_of_reach(&cluster, &gate).await;
    reconfigured(&home, &at(gate.port(), "shop"));
    assert_eq!(home.outcomes(), ["cancel_backend unknown"], "before the reload is answered");
    let outcome = home.of_kind("outcome").remove(0);
    assert_eq!((&outcome["target"], &outcome["notify"]), (&"orders".into(), &serde_json::json!(["ops"])));
    assert_eq!(outcome["run"], home.of_kind("intent")[0]["run"]);
    gate.lead_to(cluster.port());
    assert_eq!(runaway.ended().await, Err(Some("57014".to_owned())), "by its new name it is remedied");
    eventually(async || home.outcomes().len() == 2).await;
    // Back again: nothing stands in its way.
    reconfigured(&home, &at(gate.port(), "orders"));
    let another = cluster.sleeper("app", "app", "SELECT pg_sleep(120), 2").await;
    assert_eq!(another.ended().await, Err(Some("57014".to_owned())));
    eventually(async || home.outcomes().len() == 3).await;
    let (code, report, _) = home.run(&["audit", "verify"]);
    assert_eq!(code, 0, "{report}");
}

#[tokio::test]
async fn what_a_crash_cut_off_is_looked_up_where_a_reload_says_the_target_is() {
    let Some(cluster) = Cluster::start(15) else { return };
    let gate = Gate::to(cluster.port());
    let (home, _daemon, runaway) = cut_off_and_out_of_reach(&cluster, &gate).await;
    reconfigured(&home, &at(cluster.port(), "orders"));
    eventually(async || !home.outcomes().is_empty()).await;
    assert_eq!(home.outcomes()[0], "cancel_backend refused", "the query was seen to run on");
    assert_eq!(home.of_kind("outcome")[0]["run"], home.of_kind("intent")[0]["run"]);
    drop(runaway);
}

#[tokio::test]
async fn a_pause_stops_a_run_in_flight() {
    let Some(cluster) = Cluster::start(15) else { return };
    let home = Home::new(&target_of(&cluster, ""), &[&slow_ladder()]);
    let _daemon = home.serve();
    let _session = stubborn(&cluster).await;
    cancelled(&home).await;
    assert_eq!(home.run(&["pause", "--reason", "wait"]).0, 0);
    tokio::time::sleep(Duration::from_secs(7)).await;
    assert_eq!(home.of_kind("intent").len(), 1, "{:?}", home.outcomes());
    let stopped = |r: &Json| r["reason"].as_str().is_some_and(|w| w.starts_with("paused:"));
    assert!(home.of_kind("decision").iter().any(stopped));
}

fn widened(record: &Json) -> Vec<String> {
    let lines = record["evidence"]["widened"].as_array().cloned().unwrap_or_default();
    lines.iter().filter_map(|l| l.as_str().map(str::to_owned)).collect()
}

#[tokio::test]
async fn what_widens_is_recorded_and_told_each_time() {
    let Some(cluster) = Cluster::start(15) else { return };
    let config = |mode: &str| format!("{CHANNEL}{}", target_of(&cluster, "").replace("    mode: enforce", mode));
    let home = Home::new(&config("    mode: observe"), &[LONG_QUERIES]);
    let daemon = home.serve();
    let set = |mode: &str, lines: usize| {
        home.configure(&config(mode));
        let (code, said, trouble) = home.run(&["reload"]);
        assert_eq!(code, 0, "{trouble}");
        let record = home.of_kind("config").pop().unwrap();
        assert_eq!(widened(&record).len(), lines, "{record:#}");
        (said + &trouble, record)
    };
    let (said, first) = set("    mode: enforce", 2);
    assert_eq!(
        widened(&first),
        [
            "the target's mode: enforce instead of observe (at orders)",
            "playbook end-long-queries in effect: enforce instead of observe (at orders)"
        ]
    );
    assert!(said.contains("may now do more than before"), "{said}");
    let (_, narrowed) = set("    mode: observe", 0);
    assert!(narrowed["notify"].is_null() || narrowed["notify"] == serde_json::json!([]), "{narrowed:#}");
    let (_, again) = set("    mode: enforce", 2);
    for record in [&first, &again] {
        assert_eq!(record["notify"], serde_json::json!(["ops"]), "{record:#}");
    }
    let incident = |r: &Json| r["evidence"]["notice"]["incident"].clone();
    assert!(incident(&first).is_string() && incident(&first) != incident(&again), "each is its own incident");
    let lines = &first["evidence"]["notice"]["lines"];
    assert_eq!(lines, &first["evidence"]["widened"], "people are told all of it");
    set("    mode: observe", 0);
    daemon.end("TERM");

    // While it was down, too: what was live is in the log.
    home.configure(&config("    mode: approve"));
    let daemon = home.serve();
    let records = home.of_kind("config");
    let last = records.last().unwrap();
    assert!(widened(last).iter().any(|l| l.contains("approve instead of observe")), "{last:#}");
    daemon.end("TERM");
    let _daemon = home.serve();
    assert_eq!(home.of_kind("config").len(), records.len(), "nothing changed since");
}

#[tokio::test]
async fn a_target_has_its_own_word() {
    let Some(cluster) = Cluster::start(15) else { return };
    let own = "    vars: {long: 1s}\n    overrides: {end-*: {mode: observe}}\n";
    let book = LONG_QUERIES
        .replace("{longer_than: 1s}", "{longer_than: \"${var:long}\"}")
        .replace("mode: enforce", "mode: enforce\nvars: {long: 1h}");
    let config = target_of(&cluster, own);
    let home = Home::new(&format!("{config}target_files: [fleet.yaml]\n"), &[&book]);
    home.write("fleet.yaml", "- {name: far, dsn: 'host=127.0.0.1 port=1', password: hunter2, vars: {long: 2s}}\n");
    let _daemon = home.serve();
    let _runaway = cluster.sleeper("app", "app", "SELECT pg_sleep(120)").await;
    eventually(async || home.of_kind("decision").iter().any(|r| r["verdict"] == "observe")).await;
    assert_eq!(home.of_kind("intent").len(), 0);
    let config = home.of_kind("config").remove(0);
    let (file, text) = (&config["evidence"]["target_files"][0], config.to_string());
    assert!(file["text"].as_str().is_some_and(|t| t.contains("name: far")) && !text.contains("hunter2"), "{file:#}");
    let versions = config["evidence"]["changed"].as_array().unwrap();
    let changed = versions.iter().find(|v| v["targets"] == serde_json::json!(["orders"])).unwrap();
    assert_eq!(versions.len(), 2, "{versions:?}");
    assert_eq!((&changed["name"], &changed["mode"]), (&"end-long-queries".into(), &"observe".into()), "{config:#}");
    assert_eq!(
        (&changed["targets"], &changed["changes"]["vars"]["long"]),
        (&serde_json::json!(["orders"]), &"1s".into())
    );
    let decision = home.of_kind("decision").into_iter().find(|r| r["target"] == "orders").unwrap();
    assert_eq!(decision["playbook"]["digest"], changed["digest"], "{decision:#}");
    assert_ne!(config["evidence"]["playbooks"][0]["digest"], changed["digest"]);
    let (_, status, _) = home.run(&["status"]);
    assert!(status.contains("observe *"), "{status}");
    let (_, why, _) = home.run(&["why", "end-long-queries", "--target", "orders"]);
    assert!(why.contains("observe"), "{why}");
}
