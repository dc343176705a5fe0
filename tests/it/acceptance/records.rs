//! The record, field by field, as the design writes it.

use super::long_queries;
use crate::support::{Cluster, Home, eventually, target_of};
use serde_json::Value as Json;
use sha2::{Digest, Sha256};

const FIELDS: [&str; 20] = [
    "seq",
    "time",
    "kind",
    "run",
    "target",
    "playbook",
    "trigger",
    "actor",
    "mode",
    "verdict",
    "reason",
    "candidate",
    "guards",
    "action",
    "before",
    "after",
    "outcome",
    "evidence",
    "notify",
    "revision",
];

/// A channel that nobody listens to: its messages wait.
pub const NOBODY: &str = "notify: [ops]\nchannels:\n  - {name: ops, webhook: {url: \"http://127.0.0.1:9/hook\", \
    secret: whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=}, allow_private: true}\n";

fn text<'a>(json: &'a Json, pointer: &str) -> &'a str {
    json.pointer(pointer).and_then(Json::as_str).unwrap_or_default()
}

fn check(record: &Json) {
    let object = record.as_object().unwrap();
    assert!(object.keys().all(|key| FIELDS.contains(&key.as_str())), "{record}");
    let time = text(record, "/time");
    assert!(time.len() == 27 && time.ends_with('Z') && time.as_bytes()[19] == b'.', "microseconds in UTC: {time}");
    let kinds = "decision intent outcome verification notification config control lifecycle quiet snapshot";
    assert!(kinds.split(' ').any(|kind| text(record, "/kind") == kind), "{record}");
    if let Some(verdict) = record.get("verdict") {
        assert!(["act", "hold", "observe", "skip", "quiet"].iter().any(|word| verdict == word), "{record}");
    }
    for guard in record["guards"].as_array().into_iter().flatten() {
        let keys: Vec<&String> = guard.as_object().unwrap().keys().collect();
        assert_eq!(keys, ["detail", "name", "verdict"], "{guard}");
    }
    if let Some(outcome) = record.get("outcome") {
        let words = ["done", "gone", "refused", "failed", "timed_out", "unknown"];
        assert!(words.iter().any(|word| outcome["status"] == *word), "{record}");
    }
}

/// The tree's leaves beside a segment are the hashes of its lines.
fn check_leaves(home: &Home) {
    let lines = std::fs::read_to_string(home.path("data/audit/00000000000000000001.jsonl")).unwrap();
    let leaves = std::fs::read(home.path("data/audit/00000000000000000001.leaves")).unwrap();
    let hashes: Vec<u8> =
        lines.lines().flat_map(|line| Sha256::new().chain_update([0]).chain_update(line).finalize().to_vec()).collect();
    assert_eq!(leaves, hashes, "32 bytes a line");
    let head: Json = serde_json::from_slice(&std::fs::read(home.path("data/audit/head")).unwrap()).unwrap();
    assert_eq!(head["size"], lines.lines().count());
}

fn check_remedy(home: &Home) {
    let whole = &home.of_kind("decision")[0];
    assert_eq!((text(whole, "/trigger/kind"), text(whole, "/trigger/detail")), ("every", "1s"));
    assert!(whole.pointer("/evidence/facts/server/system_identifier").is_some_and(Json::is_string), "{whole}");
    assert_eq!(whole.pointer("/evidence/candidates_not_shown"), Some(&0.into()));
    let intent = &home.of_kind("intent")[0];
    let (run, playbook) = (text(intent, "/run"), text(intent, "/playbook/name"));
    assert!(ulid::Ulid::from_string(run).is_ok() && text(intent, "/playbook/digest").len() == 64, "{intent}");
    let comment = format!("/* pgmedic run={run} playbook={playbook} */ ");
    assert!(text(intent, "/action/statement").starts_with(&comment), "{intent}");
    let outcome = &home.of_kind("outcome")[0];
    assert_eq!(outcome["candidate"]["key"], intent["candidate"]["key"]);
    assert!(outcome["seq"].as_u64() > intent["seq"].as_u64());
    let told = home.of_kind("verification");
    assert_eq!(told[0]["notify"], serde_json::json!(["ops"]));
    let notice = |field: &str| text(&told[0], &format!("/evidence/notice/{field}")).to_owned();
    assert_eq!([notice("owner"), notice("severity"), notice("runbook_url")], ["dba-team", "warning", "https://w/x"]);
}

async fn check_sessions(cluster: &Cluster) {
    let standing = "SELECT usename, application_name FROM pg_stat_activity WHERE usename LIKE 'pgmedic%' ORDER BY 1";
    assert_eq!(cluster.sql("postgres", standing).await, ["pgmedic|pgmedic/reading", "pgmedic_act|pgmedic/acting"]);
}

#[tokio::test]
async fn a_remedy_leaves_the_records_of_the_design() {
    let Some(cluster) = Cluster::start(15) else { return };
    let more =
        "owner: dba-team\nseverity: warning\nrunbook_url: https://w/x\ntriggers: [{every: 1s}]\ndo: [cancel_backend]\n";
    let home = Home::new(&format!("{}{NOBODY}", target_of(&cluster, "")), &[&long_queries("enforce", more)]);
    let daemon = home.serve();
    let runaway = cluster.sleeper("app", "app", "SELECT pg_sleep(120)").await;
    assert_eq!(runaway.ended().await, Err(Some("57014".to_owned())));
    eventually(async || !home.of_kind("verification").is_empty()).await;
    check_sessions(&cluster).await;
    daemon.end("TERM");

    let records = home.records();
    records.iter().for_each(check);
    let seqs: Vec<u64> = records.iter().filter_map(|r| r["seq"].as_u64()).collect();
    assert_eq!(seqs, (1..=records.len() as u64).collect::<Vec<_>>());
    assert_eq!((text(&records[0], "/kind"), &records[0]["evidence"]["format"]), ("snapshot", &1.into()));
    assert!(ulid::Ulid::from_string(text(&records[0], "/evidence/log")).is_ok());
    check_remedy(&home);
    check_leaves(&home);

    let stored = std::fs::read_to_string(home.path("data/audit/00000000000000000001.jsonl")).unwrap();
    for format in ["json", "jsonl"] {
        let (code, listed, _) = home.run(&["audit", "list", "-o", format, "--limit", "10000"]);
        assert_eq!((code, listed.as_str()), (0, stored.as_str()), "{format}: each exactly as stored");
    }
}

#[tokio::test]
async fn a_skips_reason_begins_with_a_guards_name() {
    let Some(cluster) = Cluster::start(15) else { return };
    let policy = "policy: {protect: {users: [app]}}\n";
    let more = "triggers: [{every: 1s}]\ndo: [cancel_backend]\n";
    let home = Home::new(&format!("{}{policy}", target_of(&cluster, "")), &[&long_queries("enforce", more)]);
    let _daemon = home.serve();
    let _runaway = cluster.sleeper("app", "app", "SELECT pg_sleep(120)").await;
    let skipped =
        || home.of_kind("decision").into_iter().find(|r| r["verdict"] == "skip" && r["candidate"].is_object());
    eventually(async || skipped().is_some()).await;
    let record = skipped().unwrap();
    let reason = text(&record, "/reason").to_owned();
    let name = reason.split(':').next().unwrap_or_default();
    assert_eq!(name, "protected", "{reason}");
    assert!(pgmedic::guards::REGISTRY.iter().any(|guard| guard.name() == name));
    let stopped = record["guards"].as_array().unwrap().iter().find(|g| g["verdict"] == "stop");
    assert_eq!(stopped.unwrap()["name"], name);
}
