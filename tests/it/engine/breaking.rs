//! Broken on purpose: kills at any moment, stalled servers, hands in the data directory, hostile names.

use super::{LONG_QUERIES, STATISTICS};
use crate::support::{Cluster, Home, SmallDisk, eventually, target_of};
use serde_json::Value as Json;
use std::collections::BTreeSet;
use std::net::TcpListener;
use std::path::PathBuf;
use std::time::Duration;

/// A table of the application's with stale statistics, which pgmedic may analyze. `slow`: its ANALYZE takes long.
fn stale_table(cluster: &Cluster, slow: bool) {
    cluster.psql("app", "GRANT app TO pgmedic_act; GRANT CREATE ON SCHEMA public TO app");
    let sleep = if slow { "PERFORM pg_sleep(0.01);" } else { "" };
    let own = "current_setting(''application_name'') LIKE ''pgmedic%''";
    let table = format!(
        "SET ROLE app; CREATE TABLE t (g int); INSERT INTO t SELECT generate_series(1, 20000);
         CREATE FUNCTION slow(g int) RETURNS int IMMUTABLE LANGUAGE plpgsql AS
             'BEGIN IF {own} THEN {sleep} END IF; RETURN g; END'; CREATE INDEX ON t (slow(g))"
    );
    cluster.psql("app", &table);
}

fn analyzing(cluster: &Cluster) -> bool {
    cluster.psql("app", "SELECT count(*) FROM pg_stat_progress_analyze") == "1"
}

/// What the log must say however often pgmedic was killed: each intent has its outcome, each outcome its
/// intent, and nothing was announced on a candidate while something was open on it.
fn assert_accounts_balance(records: &[Json]) {
    let mut open: BTreeSet<String> = BTreeSet::new();
    for record in records {
        let about = record["candidate"]["key"].to_string();
        match record["kind"].as_str() {
            Some("intent") => assert!(open.insert(about), "two hands on one candidate: {record}"),
            Some("outcome" | "revert") => assert!(open.remove(&about), "an outcome without an intent: {record}"),
            _ => {}
        }
    }
    assert!(open.is_empty(), "intents without outcome: {open:?}");
}

async fn killed_again_and_again(rounds: u64) {
    // The hour's limit leaves most of the sleepers: there is room for those of all rounds.
    let settings = [("autovacuum", "off"), ("max_connections", "120")];
    let Some(cluster) = Cluster::start_with(15, &settings) else { return };
    stale_table(&cluster, true);
    let limits = "policy: {limits: {disruptive: {per_target_hour: 4, same_query: {max: 1000, per: 1h}}}}\n";
    let home = Home::new(&target_of(&cluster, limits), &[LONG_QUERIES, STATISTICS]);
    let mut runaways = Vec::new();
    for round in 0..rounds {
        for n in 0..2 {
            runaways.push(cluster.sleeper("app", "app", &format!("SELECT pg_sleep(60), {n}, '{round}'")).await);
        }
        let daemon = home.start();
        tokio::time::sleep(Duration::from_millis(250 + round * 377 % 1_900)).await;
        drop(daemon);
        let (code, report, _) = home.run(&["audit", "verify"]);
        assert_eq!(code, 0, "round {round}: {report}");
    }
    // The next start looks up what was left open.
    let daemon = home.serve();
    let count = |kinds: &[&str]| {
        home.records().iter().filter(|r| r["kind"].as_str().is_some_and(|k| kinds.contains(&k))).count()
    };
    eventually(async || count(&["intent"]) == count(&["outcome", "revert"])).await;
    daemon.end("TERM");
    let records = home.records();
    assert_accounts_balance(&records);
    let ended = |r: &&Json| r["kind"] == "intent" && r["action"]["class"] == "disruptive";
    assert!(records.iter().filter(ended).count() <= 4, "the hour's limit holds over every kill");
    assert!(records.iter().any(|r| r["kind"] == "intent"), "something was done at all");
}

#[tokio::test]
async fn kills_at_any_moment_leave_a_log_that_balances() {
    killed_again_and_again(5).await;
}

#[tokio::test]
#[ignore = "only with tests/run.sh --full"]
async fn thirty_kills_leave_a_log_that_balances() {
    killed_again_and_again(30).await;
}

#[tokio::test]
async fn a_stop_ends_in_time_while_the_server_stands_still_and_the_receiver_hangs() {
    let Some(cluster) = Cluster::start_with(15, &[("autovacuum", "off")]) else { return };
    stale_table(&cluster, true);
    // Takes connections and never answers.
    let receiver = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/hook", receiver.local_addr().unwrap());
    let channel =
        format!("notify: [chat]\nchannels: [{{name: chat, allow_private: true, slack: {{webhook_url: \"{url}\"}}}}]\n");
    let home = Home::new(&target_of(&cluster, &channel), &[STATISTICS]);
    let daemon = home.serve();
    eventually(async || analyzing(&cluster)).await;
    cluster.signal_all("STOP");
    let (code, took) = daemon.end("TERM");
    cluster.signal_all("CONT");
    assert_eq!(code, Some(0), "{}", home.log());
    assert!(took < Duration::from_secs(10), "{took:?}");
    assert_eq!(home.outcomes(), ["analyze unknown"], "what the server made of it nobody can say");
    assert_accounts_balance(&home.records());
}

#[tokio::test]
async fn its_work_session_may_be_ended_and_nobody_can_know_what_came_of_it() {
    its_session_is_ended("pgmedic/work", "analyze unknown").await;
}

#[tokio::test]
async fn with_its_acting_session_its_work_ends_and_the_server_confirms_it() {
    its_session_is_ended("pgmedic/acting", "analyze failed").await;
}

async fn its_session_is_ended(application: &str, outcome: &str) {
    let Some(cluster) = Cluster::start_with(15, &[("autovacuum", "off")]) else { return };
    stale_table(&cluster, true);
    let home = Home::new(&target_of(&cluster, ""), &[LONG_QUERIES, STATISTICS]);
    let _daemon = home.serve();
    eventually(async || analyzing(&cluster)).await;
    let ended = format!(
        "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE application_name = '{application}'"
    );
    assert_eq!(cluster.psql("postgres", &ended), "1");
    eventually(async || home.outcomes() == [outcome]).await;
    let runaway = cluster.sleeper("app", "app", "SELECT pg_sleep(120)").await;
    assert_eq!(runaway.ended().await, Err(Some("57014".to_owned())));
}

#[tokio::test]
async fn settings_of_its_roles_do_not_lead_it_astray() {
    let Some(cluster) = Cluster::start_with(15, &[("autovacuum", "off")]) else { return };
    stale_table(&cluster, false);
    cluster.psql("postgres", "CREATE SCHEMA evil");
    cluster.psql("postgres", "CREATE VIEW evil.pg_stat_activity AS SELECT 1 AS pid");
    cluster.psql("postgres", "GRANT USAGE ON SCHEMA evil TO PUBLIC; GRANT SELECT ON evil.pg_stat_activity TO PUBLIC");
    let settings = [
        ("search_path", "evil, pg_catalog"),
        ("statement_timeout", "'200ms'"),
        ("lock_timeout", "'1ms'"),
        ("default_transaction_read_only", "on"),
        ("default_transaction_isolation", "'serializable'"),
        ("datestyle", "'German, DMY'"),
        ("client_encoding", "'latin1'"),
    ];
    for role in ["pgmedic", "pgmedic_act"] {
        for (name, value) in settings {
            cluster.psql("postgres", &format!("ALTER ROLE {role} SET {name} = {value}"));
        }
    }
    let runaway = cluster.sleeper("app", "app", "SELECT pg_sleep(120)").await;
    let home = Home::new(&target_of(&cluster, ""), &[LONG_QUERIES, STATISTICS]);
    let _daemon = home.serve();
    assert_eq!(runaway.ended().await, Err(Some("57014".to_owned())));
    eventually(async || home.outcomes().iter().any(|o| o == "analyze done")).await;
}

#[tokio::test]
async fn names_of_any_kind_are_quoted_and_do_no_harm_on_a_terminal() {
    let Some(cluster) = Cluster::start_with(15, &[("autovacuum", "off")]) else { return };
    let name = "q\"uo'te */ -- ;\\x\n\t\u{1b}[31mRED\u{7} ü <!channel>";
    let quoted = format!("\"{}\"", name.replace('"', "\"\""));
    cluster.psql("app", &format!("CREATE ROLE {quoted} LOGIN; GRANT {quoted} TO pgmedic_act"));
    cluster.psql("app", &format!("CREATE SCHEMA {quoted} AUTHORIZATION {quoted}"));
    let table = format!("{quoted}.{quoted}");
    cluster.psql("app", &format!("CREATE TABLE {table} AS SELECT generate_series(1, 20000) AS g"));
    cluster.psql("app", &format!("ALTER TABLE {table} OWNER TO {quoted}; UPDATE {table} SET g = g"));
    let query = "SELECT pg_sleep(60), '*/ \u{1b}[31m' AS \"x*/y\"";
    let home = Home::new(&target_of(&cluster, ""), &[LONG_QUERIES, STATISTICS]);
    let _daemon = home.serve();
    let runaway = cluster.sleeper("app", "app", query).await;
    assert_eq!(runaway.ended().await, Err(Some("57014".to_owned())));
    eventually(async || home.outcomes().iter().any(|o| o == "analyze done")).await;
    let analyzed = format!(
        "SELECT count(*) FROM pg_stat_user_tables WHERE relname = '{}' AND last_analyze IS NOT NULL",
        name.replace('\'', "''")
    );
    assert_eq!(cluster.psql("app", &analyzed), "1", "looked up in PostgreSQL itself");
    let runs: BTreeSet<String> =
        home.of_kind("intent").iter().filter_map(|r| Some(r["run"].as_str()?.to_owned())).collect();
    let mut said = home.run(&["audit", "list"]).1;
    for run in &runs {
        said += &home.run(&["audit", "show", run]).1;
    }
    assert!(said.contains("uo'te") && !said.contains(['\u{1b}', '\u{7}']), "{said}");
}

#[tokio::test]
async fn a_log_that_was_taken_away_is_noticed_before_anything_is_done() {
    let Some(cluster) = Cluster::start(15) else { return };
    let home = Home::new(&target_of(&cluster, ""), &[LONG_QUERIES]);
    let daemon = home.serve();
    let segment = home.path("data/audit/00000000000000000001.jsonl");
    let aside: PathBuf = home.path("aside");
    std::fs::rename(&segment, &aside).unwrap();
    let runaway = cluster.sleeper("app", "app", "SELECT pg_sleep(120)").await;
    eventually(async || home.run(&["status"]).1.contains("was deleted or renamed")).await;
    home.turns(2).await;
    assert!(runaway.still_runs(), "nothing is done that no log can tell of");
    assert!(home.log().contains("was deleted or renamed"), "{}", home.log());
    assert_eq!(daemon.end("TERM").0, Some(0));
    std::fs::rename(&aside, &segment).unwrap();
    let _daemon = home.serve();
    assert_eq!(runaway.ended().await, Err(Some("57014".to_owned())), "put back, it is gone on with");
}

#[tokio::test]
async fn a_full_disk_is_said_and_passes_by_itself() {
    let Some(disk) = SmallDisk::mount("24m") else { return };
    is_said_when_full_and_passes_by_itself(&disk).await;
}

#[tokio::test]
async fn a_full_ext4_is_said_and_passes_by_itself() {
    let Some(disk) = SmallDisk::ext4(32) else { return };
    is_said_when_full_and_passes_by_itself(&disk).await;
}

async fn is_said_when_full_and_passes_by_itself(disk: &SmallDisk) {
    let Some(cluster) = Cluster::start(15) else { return };
    let target = target_of(&cluster, "");
    let home = Home::new(&target, &[LONG_QUERIES]);
    let data = disk.path().join("data");
    home.keep_data_in(&data, &target);
    let _daemon = home.serve();
    disk.fill();
    // Each reload writes the file into the log: in ever smaller steps, until what was reserved is used up.
    let mut said = String::new();
    for size in [200_000, 20_000, 10] {
        said.clear();
        for n in 0..60 {
            home.keep_data_in(&data, &format!("{target}# {n} {}\n", "x".repeat(size)));
            home.run(&["reload"]);
            said = home.run(&["status"]).1;
            if said.contains("is full") {
                break;
            }
        }
    }
    assert!(said.contains("is full") && said.contains("nothing is done until there is room"), "{said}");
    let runaway = cluster.sleeper("app", "app", "SELECT pg_sleep(120)").await;
    home.turns(3).await;
    assert!(runaway.still_runs(), "no intent can be recorded, so nothing is sent");
    disk.free();
    assert_eq!(runaway.ended().await, Err(Some("57014".to_owned())), "there is room again");
}

#[tokio::test]
async fn reloads_in_storms_and_dead_targets_by_the_dozen_cost_little() {
    let Some(cluster) = Cluster::start(15) else { return };
    let far = |n| format!("  - {{name: far{n}, dsn: \"postgresql://pgmedic@127.0.0.1:1/postgres\"}}\n");
    let far: Vec<String> = (0..60).map(far).collect();
    let home = Home::new(&(target_of(&cluster, "") + &far.concat()), &[LONG_QUERIES]);
    let daemon = home.serve();
    let runaway = cluster.sleeper("app", "app", "SELECT pg_sleep(120)").await;
    for _ in 0..100 {
        daemon.signal("HUP");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert_eq!(runaway.ended().await, Err(Some("57014".to_owned())));
    let before = daemon.cpu_time();
    tokio::time::sleep(Duration::from_secs(3)).await;
    let used = daemon.cpu_time().saturating_sub(before);
    assert!(used < Duration::from_secs(1), "{used:?} of processor time in 3 s");
    let (code, took) = daemon.end("TERM");
    assert_eq!((code, took < Duration::from_secs(10)), (Some(0), true), "{took:?}");
}
