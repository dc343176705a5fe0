//! What the tests of the log share.

use pgmedic::audit::{AppendError, Audit, Entry, OpenError, Options};
use pgmedic::config::policy::Limits;
use pgmedic::decide::intent::Bounds;
use pgmedic::model::candidate::Named;
use pgmedic::model::record::{ActionRef, PlaybookRef};
use pgmedic::model::{Candidate, Class, Draft, Outcome, OutcomeStatus, Pool, RecordKind, Timestamp, Verdict};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Segments of a few records, so that the tests see many.
pub const SMALL: Options = Options { segment_bytes: 2_048, group_max: 64 };

pub fn open(dir: &Path, options: Options) -> Result<Audit, OpenError> {
    Audit::open(dir, options, Arc::new(Timestamp::now))
}

/// A folder in memory where there is one: hundreds of logs are opened here, and each syncs several files.
pub fn folder() -> tempfile::TempDir {
    let memory = Path::new("/dev/shm");
    if memory.is_dir() { tempfile::tempdir_in(memory).unwrap() } else { tempfile::tempdir().unwrap() }
}

/// An open log in a folder of its own.
pub fn fresh(options: Options) -> (tempfile::TempDir, Audit) {
    let dir = folder();
    let audit = open(dir.path(), options).unwrap();
    (dir, audit)
}

pub fn draft(kind: RecordKind, target: &str, n: usize) -> Draft {
    let mut draft = Draft::new(kind);
    draft.run = Some(format!("01KXR{n:021}"));
    draft.target = Some(target.to_owned());
    draft.playbook = Some(PlaybookRef { name: "resize".to_owned(), digest: "d".to_owned() });
    draft.verdict = Some(if n.is_multiple_of(3) { Verdict::Act } else { Verdict::Skip });
    draft.reason = Some(format!("cooldown: decision number {n}"));
    draft.evidence = Some(serde_json::json!({"n": n, "load": 0.1 * 3.0, "text": "ä\n\"quoted\""}));
    draft
}

pub fn plain(n: usize) -> Vec<Entry> {
    vec![Entry::Plain(draft(RecordKind::Decision, "orders", n))]
}

/// A log that was closed, with that many decisions in it.
pub async fn closed_log(options: Options, records: usize) -> tempfile::TempDir {
    let (dir, audit) = fresh(options);
    for n in 0..records {
        audit.append(plain(n)).await.unwrap();
    }
    audit.close().await;
    dir
}

pub fn bounds(limits: Limits) -> Bounds {
    Bounds { limits, per_run: None, cooldown: std::time::Duration::ZERO }
}

fn pool(name: &str) -> Named {
    Named::from(&Candidate::Pool(Pool {
        pooler: name.to_owned(),
        database: "shop".to_owned(),
        user: "app".to_owned(),
        waiting_clients: 9,
        max_wait_seconds: 0.1 + 0.2,
        active_servers: 10,
        idle_servers: 0,
        pool_size: 10,
        own_size: false,
        default_pool_size: 10,
        pools_by_default: 1,
        pools_total: 10,
        config_file: None,
        direct_clients: 3,
        usable_connections: 97,
    }))
}

fn about(kind: RecordKind, target: &str, candidate: &str, run: &str) -> Draft {
    let mut draft = draft(kind, target, 0);
    draft.run = Some(run.to_owned());
    draft.candidate = Some(pool(candidate));
    draft.action = Some(ActionRef {
        name: "set_pool_size".to_owned(),
        class: Class::Disruptive,
        arguments: serde_json::Value::Null,
        statement: "SET pool_size = 20".to_owned(),
    });
    draft
}

pub fn intent(target: &str, candidate: &str, run: &str, limits: Limits) -> Entry {
    Entry::Intent { draft: about(RecordKind::Intent, target, candidate, run), bounds: bounds(limits) }
}

pub fn outcome(target: &str, candidate: &str, run: &str) -> Entry {
    let mut draft = about(RecordKind::Outcome, target, candidate, run);
    draft.outcome = Some(Outcome::new(OutcomeStatus::Done, "done"));
    Entry::Plain(draft)
}

/// The segments, in order.
pub fn segments(dir: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(dir.join("audit")).unwrap().map(|e| e.unwrap().path());
    let mut paths: Vec<PathBuf> = entries.filter(|p| p.extension().is_some_and(|e| e == "jsonl")).collect();
    paths.sort();
    paths
}

/// All lines of all segments as JSON.
pub fn records(dir: &Path) -> Vec<serde_json::Value> {
    let texts = segments(dir).into_iter().map(|p| std::fs::read_to_string(p).unwrap());
    let lines: Vec<String> = texts.flat_map(|t| t.lines().map(str::to_owned).collect::<Vec<_>>()).collect();
    lines.iter().map(|l| serde_json::from_str(l).unwrap()).collect()
}

/// The guard that refused, or a failed test.
pub fn refusal(result: Result<Vec<u64>, AppendError>) -> (String, String) {
    match result {
        Err(AppendError::Refused(guard)) => (guard.name, guard.detail),
        other => panic!("expected a refusal, got {other:?}"),
    }
}

pub fn copy(from: &Path) -> tempfile::TempDir {
    let to = folder();
    std::fs::create_dir(to.path().join("audit")).unwrap();
    for entry in std::fs::read_dir(from.join("audit")).unwrap() {
        let path = entry.unwrap().path();
        std::fs::copy(&path, to.path().join("audit").join(path.file_name().unwrap())).unwrap();
    }
    to
}

/// Copies a folder with all that is in it.
pub fn copy_all(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        let name = to.join(path.file_name().unwrap());
        if path.is_dir() {
            copy_all(&path, &name);
        } else {
            std::fs::copy(&path, name).unwrap();
        }
    }
}

/// The index as sled has it, once it is free.
pub fn raw_index(data: &Path) -> sled::Db {
    let began = Instant::now();
    loop {
        match sled::open(data.join("index")) {
            Ok(index) => return index,
            // Sled's threads may hold its files for a moment after it was closed.
            Err(e) => assert!(began.elapsed() < Duration::from_secs(20), "{e}"),
        }
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// All that the index of a closed log holds.
pub fn index_entries(data: &Path) -> Vec<(Vec<u8>, Vec<u8>)> {
    raw_index(data).iter().map(|e| e.unwrap()).map(|(k, v)| (k.to_vec(), v.to_vec())).collect()
}
