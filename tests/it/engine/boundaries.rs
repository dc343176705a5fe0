//! kill -9 at each boundary between intent, action, outcome and verification: nothing is lost, nothing is
//! done twice, what was announced is looked up, what was done is looked after.

use super::remedies::{POOLS, crowd, default_pool_size};
use super::{LONG_QUERIES, STATISTICS, crash::slow_table};
use crate::support::{Cluster, Gate, Home, PgBouncer, eventually};
use serde_json::Value as Json;
use std::time::Duration;
use tokio_postgres::SimpleQueryMessage;

/// Runs by hand only, so that the messages of the one run can be counted.
fn by_hand(playbook: &str) -> String {
    let lines: Vec<&str> = playbook.lines().filter(|line| !line.starts_with("triggers:")).collect();
    lines.join("\n")
}

fn config(port: u16, more: &str) -> String {
    format!(
        "mode: enforce\ntargets:\n  - name: orders\n    dsn: postgresql://pgmedic@127.0.0.1:{port}/postgres?sslmode=disable\n    \
         act_as: {{user: pgmedic_act}}\n    mode: enforce\n{more}"
    )
}

fn home(port: u16, more: &str, playbook: &str) -> Home {
    Home::new(&config(port, more), &[&by_hand(playbook)])
}

/// Runs the playbook until the gate has caught the message, kills the daemon there, and starts it again.
async fn killed_at_the_gate(home: &Home, gate: &Gate, playbook: &str) -> crate::support::Daemon {
    cut_off_at_the_gate(home, gate, playbook).await;
    home.serve()
}

async fn cut_off_at_the_gate(home: &Home, gate: &Gate, playbook: &str) {
    let daemon = home.serve();
    let mut asker = home.command(&["run", playbook, "--target", "orders"]).spawn().expect("the program");
    eventually(async || gate.caught()).await;
    daemon.end("KILL");
    let code = asker.wait().expect("its end").code();
    assert_ne!(code, Some(0), "whoever asked is told that it did not end well");
}

/// What the log says of the run, told by kind and ending, and that it balances.
async fn told(home: &Home) -> String {
    let closed = || home.of_kind("verification").iter().any(|r| !r["evidence"]["notice"].is_null());
    eventually(async || closed()).await;
    let (code, report, _) = home.run(&["audit", "verify"]);
    assert_eq!(code, 0, "{report}");
    let text = |v: &Json| v.as_str().unwrap_or_default().to_owned();
    let lines = home.records().into_iter().filter_map(|r| {
        let kind = text(&r["kind"]);
        let of_run = ["intent", "outcome", "revert", "verification"].contains(&kind.as_str());
        let outcome = &r["outcome"];
        let told = r["evidence"]["notice"]["event"].as_str().map_or(String::new(), |event| format!(" [{event}]"));
        of_run.then(|| format!("{kind} {} {}{told}", text(&outcome["status"]), text(&outcome["detail"])))
    });
    lines.collect::<Vec<_>>().join("\n")
}

/// How often the server ran it.
fn sent(cluster: &Cluster, statement: &str) -> usize {
    let ran = |line: &&str| line.contains(statement) && !line.contains("STATEMENT:");
    cluster.log().lines().filter(ran).count()
}

/// What the playbook takes for too long.
const LONG: Duration = Duration::from_secs(1);

const LOGGED: [(&str, &str); 2] = [("log_statement", "all"), ("autovacuum", "off")];

#[tokio::test]
async fn between_intent_and_cancel_the_session_is_seen_to_run_on() {
    let Some(cluster) = Cluster::start_with(15, &LOGGED) else { return };
    let gate = Gate::to(cluster.port());
    let home = home(gate.port(), "", LONG_QUERIES);
    let runaway = cluster.sleeper("app", "app", "SELECT pg_sleep(120)").await;
    cluster.ran_for(&runaway, LONG).await;
    gate.hold_question("pg_cancel_backend(", 1);
    let _daemon = killed_at_the_gate(&home, &gate, "end-long-queries").await;
    insta::assert_snapshot!(told(&home).await);
    assert!(runaway.still_runs());
    assert_eq!(sent(&cluster, "pg_cancel_backend("), 0);
}

#[tokio::test]
async fn between_cancel_and_outcome_its_end_is_unknown_and_the_harm_is_seen_to_be_gone() {
    let Some(cluster) = Cluster::start_with(15, &LOGGED) else { return };
    let gate = Gate::to(cluster.port());
    let home = home(gate.port(), "", LONG_QUERIES);
    let runaway = cluster.sleeper("app", "app", "SELECT pg_sleep(120)").await;
    cluster.ran_for(&runaway, LONG).await;
    gate.hold_answer("pg_cancel_backend(", "SELECT 1");
    let _daemon = killed_at_the_gate(&home, &gate, "end-long-queries").await;
    assert_eq!(runaway.ended().await, Err(Some("57014".to_owned())));
    insta::assert_snapshot!(told(&home).await);
    assert_eq!(sent(&cluster, "pg_cancel_backend("), 1);
}

#[tokio::test]
async fn between_outcome_and_verification_it_is_looked_after() {
    let Some(cluster) = Cluster::start_with(15, &LOGGED) else { return };
    let gate = Gate::to(cluster.port());
    let home = home(gate.port(), "", LONG_QUERIES);
    let runaway = cluster.sleeper("app", "app", "SELECT pg_sleep(120)").await;
    cluster.ran_for(&runaway, LONG).await;
    // Found, looked at again; the third look is the verification's.
    gate.hold_question("WITH long AS MATERIALIZED", 3);
    let _daemon = killed_at_the_gate(&home, &gate, "end-long-queries").await;
    assert_eq!(runaway.ended().await, Err(Some("57014".to_owned())));
    let told = told(&home).await;
    let lines: Vec<&str> = told.lines().collect();
    let [_, outcome, verification] = lines[..] else { panic!("{told}") };
    assert!(outcome.starts_with("outcome done the query ended within"), "{told}");
    assert_eq!(verification, "verification done looked at again: the harm is gone [acted]");
    assert_eq!(sent(&cluster, "pg_cancel_backend("), 1);
}

#[tokio::test]
async fn between_analyze_and_outcome_the_server_shows_that_it_was_done() {
    let Some(cluster) = Cluster::start_with(15, &LOGGED) else { return };
    cluster.psql("app", "GRANT app TO pgmedic_act");
    cluster.psql("app", "SET ROLE app; CREATE TABLE t AS SELECT g FROM generate_series(1, 20000) g");
    let gate = Gate::to(cluster.port());
    let home = home(gate.port(), "", STATISTICS);
    gate.hold_answer("ANALYZE (SKIP_LOCKED)", "ANALYZE\0");
    let _daemon = killed_at_the_gate(&home, &gate, "refresh-statistics").await;
    insta::assert_snapshot!(told(&home).await);
    assert_eq!(sent(&cluster, "ANALYZE (SKIP_LOCKED)"), 1);
}

#[tokio::test]
async fn in_mid_analyze_it_waits_until_the_server_has_let_go_and_sees_that_it_was_cut_off() {
    let Some(cluster) = Cluster::start_with(15, &LOGGED) else { return };
    slow_table(&cluster);
    let gate = Gate::to(cluster.port());
    let home = home(gate.port(), "", STATISTICS);
    let daemon = home.serve();
    let mut asker = home.command(&["run", "refresh-statistics", "--target", "orders"]).spawn().expect("the program");
    let analyzing = || cluster.psql("app", "SELECT count(*) FROM pg_stat_progress_analyze") == "1";
    eventually(async || analyzing()).await;
    daemon.end("KILL");
    asker.wait().expect("its end");
    let _daemon = home.serve();
    insta::assert_snapshot!(told(&home).await);
    assert_eq!(sent(&cluster, "ANALYZE (SKIP_LOCKED)"), 1);
}

/// Waits until the pool's first client has waited for longer than the playbook bears.
async fn starves(bouncer: &PgBouncer) {
    let console = bouncer.connect("pgmedic", "pgbouncer").await;
    let waited = async || {
        let messages = console.simple_query("SHOW POOLS").await.expect("SHOW POOLS");
        messages.iter().any(|message| match message {
            SimpleQueryMessage::Row(row) => {
                let number = |column| row.get(column).and_then(|n| n.parse::<u64>().ok()).unwrap_or_default();
                number("maxwait") * 1_000_000 + number("maxwait_us") > 600_000
            }
            _ => false,
        })
    };
    eventually(waited).await;
}

/// A starved pool behind a gate, and a home that grows it.
async fn starved(cluster: &Cluster, clients: usize) -> Option<(PgBouncer, Gate, Home)> {
    let bouncer = PgBouncer::start(cluster, &[("default_pool_size", "2")])?;
    let gate = Gate::to(bouncer.port());
    let dsn = format!("postgresql://pgmedic@127.0.0.1:{}/pgbouncer", gate.port());
    let home = home(cluster.port(), &format!("    pgbouncer: [{{name: main, dsn: \"{dsn}\"}}]\n"), POOLS);
    crowd(&bouncer, clients).await;
    starves(&bouncer).await;
    Some((bouncer, gate, home))
}

#[tokio::test]
async fn between_intent_and_a_pools_new_size_it_is_seen_to_be_as_before() {
    let Some(cluster) = Cluster::start(15) else { return };
    let Some((bouncer, gate, home)) = starved(&cluster, 4).await else { return };
    gate.hold_question("SET default_pool_size", 1);
    let _daemon = killed_at_the_gate(&home, &gate, "grow-pools").await;
    insta::assert_snapshot!(told(&home).await);
    assert_eq!(default_pool_size(&bouncer).await, "2");
}

#[tokio::test]
async fn between_a_pools_new_size_and_its_outcome_it_is_seen_to_be_set() {
    let Some(cluster) = Cluster::start(15) else { return };
    let Some((bouncer, gate, home)) = starved(&cluster, 4).await else { return };
    gate.hold_answer("SET default_pool_size", "SET default_pool_size=");
    let _daemon = killed_at_the_gate(&home, &gate, "grow-pools").await;
    insta::assert_snapshot!(told(&home).await);
    assert_eq!(default_pool_size(&bouncer).await, "4");
}

#[tokio::test]
async fn a_pool_that_nobody_looked_after_gets_its_old_size_back() {
    let Some(cluster) = Cluster::start(15) else { return };
    let Some((bouncer, gate, home)) = starved(&cluster, 9).await else { return };
    // Found, looked at again; the third look is the verification's.
    gate.hold_question("SHOW POOLS", 3);
    let _daemon = killed_at_the_gate(&home, &gate, "grow-pools").await;
    insta::assert_snapshot!(told(&home).await);
    assert_eq!(default_pool_size(&bouncer).await, "2");
}

#[tokio::test]
async fn taking_back_that_a_kill_cut_off_is_done_once() {
    for (held, back) in [("question", 2), ("answer", 1)] {
        let Some(cluster) = Cluster::start(15) else { return };
        let Some((bouncer, gate, home)) = starved(&cluster, 9).await else { return };
        match held {
            "question" => gate.hold_question("SET default_pool_size = 2", 1),
            _ => gate.hold_answer("SET default_pool_size = 2", "SET default_pool_size="),
        }
        let _daemon = killed_at_the_gate(&home, &gate, "grow-pools").await;
        let told = told(&home).await;
        assert_eq!(default_pool_size(&bouncer).await, "2", "{held}: {told}");
        let reverts: Vec<String> = home.of_kind("revert").iter().map(|r| r["outcome"]["status"].to_string()).collect();
        assert_eq!(reverts.len(), back, "{held}: {told}");
        assert_eq!(reverts.last().map(String::as_str), Some("\"done\""), "{held}: {told}");
        assert!(told.ends_with("[reverted]"), "{held}: {told}");
    }
}

#[tokio::test]
async fn what_one_pooler_was_given_is_not_taken_from_another_that_came_to_bear_its_name() {
    let Some(cluster) = Cluster::start(15) else { return };
    let Some((bouncer, gate, home)) = starved(&cluster, 9).await else { return };
    // Its size is what the first one is grown to, and its clients wait as well.
    let Some(other) = PgBouncer::start(&cluster, &[("default_pool_size", "4")]) else { return };
    crowd(&other, 9).await;
    gate.hold_question("SHOW POOLS", 3);
    cut_off_at_the_gate(&home, &gate, "grow-pools").await;
    let dsn = other.dsn("pgmedic", "pgbouncer");
    home.configure(&config(cluster.port(), &format!("    pgbouncer: [{{name: main, dsn: \"{dsn}\"}}]\n")));
    let _daemon = home.serve();
    let told = told(&home).await;
    assert_eq!((default_pool_size(&bouncer).await.as_str(), default_pool_size(&other).await.as_str()), ("4", "4"));
    let last = told.lines().last().unwrap_or_default();
    let place = format!("left alone: it was done by the PgBouncer at 127.0.0.1:{}", gate.port());
    assert!(last.starts_with(&format!("verification unknown {place}")) && last.ends_with("[unknown]"), "{told}");
    assert!(last.contains("take it back by hand: SET default_pool_size = 2"), "{told}");
}
