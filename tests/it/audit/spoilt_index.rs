//! An index that is damaged in whatever way is built again from the log, and nobody dies of it.

use super::kit::{SMALL, closed_log, copy, copy_all, fresh, index_entries, open, plain, raw_index, records};
use crate::support::{Home, eventually};
use pgmedic::audit::Options;
use std::fs;
use std::panic::catch_unwind;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// A target that is not there: a daemon needs one.
const NOBODY: &str = "targets:\n  - {name: orders, dsn: \"postgresql://me@127.0.0.1:1/postgres\"}\n";
/// From so many records on, people are told that building takes a while.
const LONG: usize = 20_000;

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { found.extend(files(&path)) } else { found.push(path) }
    }
    found.sort();
    found
}

/// A copy of a data directory, index included.
fn whole_copy(of: &Path) -> tempfile::TempDir {
    let copied = copy(of);
    copy_all(&of.join("index"), &copied.path().join("index"));
    copied
}

/// What a log's index holds when it is built from nothing.
async fn rebuilt(data: &Path) -> Vec<(Vec<u8>, Vec<u8>)> {
    let copied = copy(data);
    open(copied.path(), SMALL).unwrap().close().await;
    index_entries(copied.path())
}

/// A way to spoil a file.
type Harm = fn(&mut Vec<u8>);

const HARMS: [(&str, Harm); 6] = [
    ("emptied", |bytes| bytes.clear()),
    ("cut in the middle", |bytes| bytes.truncate(used(bytes) / 2)),
    ("without its end", |bytes| bytes.truncate(used(bytes) - 1)),
    ("garbage", |bytes| bytes.fill(0xa5)),
    ("all zero", |bytes| bytes.fill(0)),
    ("a hole", |bytes| {
        let from = used(bytes) / 3;
        bytes.iter_mut().skip(from).take(700).for_each(|b| *b = 0);
    }),
];

/// Bytes up to the last that is not zero: sled takes room in advance.
fn used(bytes: &[u8]) -> usize {
    bytes.iter().rposition(|b| *b != 0).map_or(0, |at| at + 1)
}

#[tokio::test]
async fn whatever_is_done_to_its_files_the_index_is_built_again() {
    let dir = closed_log(SMALL, 60).await;
    let names = files(&dir.path().join("index"));
    assert!(names.len() >= 2, "{names:?}");
    let flips = (0..16).map(|n| (n, "a flipped bit"));
    for name in names.iter().map(|n| n.strip_prefix(dir.path()).unwrap()) {
        for (what, harm) in HARMS {
            built_again(dir.path(), name, what, harm).await;
        }
        for (n, what) in flips.clone() {
            built_again(dir.path(), name, what, |bytes| {
                let at = used(bytes) * n / 16;
                bytes[at] ^= 1 << (n % 8);
            })
            .await;
        }
        let removed = whole_copy(dir.path());
        fs::remove_file(removed.path().join(name)).unwrap();
        assert_complete(removed.path(), &format!("{} removed", name.display())).await;
    }
}

async fn built_again(dir: &Path, name: &Path, what: &str, harm: impl FnOnce(&mut Vec<u8>)) {
    let spoilt = whole_copy(dir);
    let path = spoilt.path().join(name);
    let mut bytes = fs::read(&path).unwrap();
    harm(&mut bytes);
    fs::write(&path, bytes).unwrap();
    assert_complete(spoilt.path(), &format!("{}: {what}", name.display())).await;
}

/// The start takes nothing from the log, goes on, and leaves the index that the log alone gives.
async fn assert_complete(data: &Path, how: &str) {
    let before = records(data);
    let audit = open(data, SMALL).unwrap_or_else(|e| panic!("{how}: {e}"));
    audit.append(plain(7)).await.unwrap();
    audit.close().await;
    assert_eq!(records(data)[..before.len()], before[..], "{how}");
    assert!(index_entries(data) == rebuilt(data).await, "{how}: the index is another than a rebuilt one");
}

#[tokio::test]
async fn an_index_that_is_newer_than_its_log_is_not_believed() {
    // As after a restore: the log is of yesterday, the index of today.
    let dir = closed_log(SMALL, 10).await;
    let yesterday = copy(dir.path());
    let audit = open(dir.path(), SMALL).unwrap();
    for n in 0..30 {
        audit.append(plain(n)).await.unwrap();
    }
    audit.close().await;
    copy_all(&dir.path().join("index"), &yesterday.path().join("index"));
    assert_complete(yesterday.path(), "newer than the log").await;
}

#[tokio::test]
async fn an_index_of_the_older_format_is_built_again() {
    let dir = closed_log(SMALL, 30).await;
    let index = raw_index(dir.path());
    for summary in index.scan_prefix(b"s").keys() {
        index.remove(summary.unwrap()).unwrap();
    }
    let meta = index.get(b"m").unwrap().unwrap();
    let mut meta: serde_json::Value = serde_json::from_slice(&meta).unwrap();
    assert!(meta.as_object_mut().unwrap().remove("format").is_some());
    index.insert(b"m", meta.to_string().as_bytes()).unwrap();
    drop(index);
    assert_complete(dir.path(), "without summaries").await;
}

/// An index at which sled panics when it opens it, as it does at some damage to older pages.
fn panicking(index: &Path) {
    let _ = fs::remove_dir_all(index);
    let db = sled::open(index).unwrap();
    for n in 0..12_000_u32 {
        db.insert(n.to_be_bytes(), [7; 64].as_slice()).unwrap();
    }
    drop(db);
    let sound = fs::read(index.join("db")).unwrap();
    let aside = super::kit::folder();
    for part in 1..40 {
        let mut bytes = sound.clone();
        let at = used(&bytes) * part / 40;
        bytes[at..at + 64].fill(0xff);
        let tried = aside.path().join(part.to_string());
        copy_all(index, &tried);
        fs::write(tried.join("db"), &bytes).unwrap();
        if catch_unwind(|| sled::open(&tried).map(drop)).is_err() {
            return fs::write(index.join("db"), bytes).unwrap();
        }
    }
    panic!("sled panics at none of these damages: another one must be found");
}

/// A home with so many records that people are told when the index is built, and its data directory.
async fn home_of_a_long_log() -> (Home, PathBuf) {
    let home = Home::new(NOBODY, &[]);
    let data = home.path("data");
    let audit = open(&data, Options::default()).unwrap();
    for batch in 0..LONG / 500 {
        audit.append((0..500).flat_map(|n| plain(batch * 500 + n)).collect()).await.unwrap();
    }
    audit.close().await;
    (home, data)
}

#[tokio::test]
async fn building_a_deleted_index_is_said_in_a_log_and_shown_on_a_terminal() {
    let (home, data) = home_of_a_long_log().await;
    let index = data.join("index");
    fs::remove_dir_all(&index).unwrap();
    let daemon = home.serve();
    let log = home.log();
    let begun = log.find(r#"building the audit index from the log","records":20"#).expect(&log);
    assert!(log[begun..].contains("the audit index is complete") && !log.contains("damaged"), "{log}");
    assert_eq!(daemon.end("TERM").0, Some(0));

    fs::remove_dir_all(&index).unwrap();
    let serve = home.command(&["serve"]);
    let words: Vec<_> = std::iter::once(serve.get_program()).chain(serve.get_args()).collect();
    let words: Vec<String> = words.iter().map(|w| format!("'{}'", w.to_string_lossy())).collect();
    let line = format!("echo $$ >{}; exec {}", home.path("pid").display(), words.join(" "));
    let (shown, mut script) = (home.path("shown"), Command::new("script"));
    script.args(["-q", "-e", "-f", "-c", &line]).arg(&shown).env("TERM", "xterm");
    let mut terminal = script.stdin(Stdio::null()).stdout(Stdio::null()).spawn().unwrap();
    eventually(async || home.run(&["status", "-q"]).0 == 0).await;
    let pid = fs::read_to_string(home.path("pid")).unwrap();
    assert!(Command::new("kill").args(["-TERM", pid.trim()]).status().unwrap().success());
    assert_eq!(terminal.wait().unwrap().code(), Some(0));
    let shown = String::from_utf8_lossy(&fs::read(shown).unwrap()).into_owned();
    let counts = |text: &str| text.contains("000/20") && text.contains(" records, ");
    assert!(shown.split("building the audit index ").skip(1).any(counts), "a bar that counts: {shown:?}");
    assert!(!shown.contains("building the audit index from the log"), "not both: {shown:?}");
}

#[tokio::test]
async fn a_daemon_whose_index_panics_builds_it_again_and_says_so() {
    let (home, data) = home_of_a_long_log().await;
    panicking(&data.join("index"));
    // Reading goes on without it.
    let (code, out, _) = home.run(&["audit", "list", "--limit", "3", "--json"]);
    assert_eq!((code, out.lines().count()), (0, 3), "{out}");
    let daemon = home.serve();
    let log = home.log();
    let said = |text: &str| assert!(log.contains(text), "{text}: {log}");
    said("sled panicked");
    said("the audit index is damaged and will be built again from the log");
    said("building the audit index from the log");
    said("the audit index is complete");
    assert_eq!(daemon.end("TERM").0, Some(0));
    let (code, out, _) = home.run(&["audit", "verify"]);
    assert!(code == 0 && out.contains("index: agrees"), "{out}");
    let aside = fs::read_dir(&data).unwrap().map(|e| e.unwrap().file_name().into_string().unwrap());
    assert_eq!(aside.filter(|name| name.starts_with("index.damaged-")).count(), 1, "it can be looked at");
}

#[tokio::test]
async fn a_deleted_index_is_back_after_the_next_start() {
    let (dir, audit) = fresh(SMALL);
    audit.append(plain(1)).await.unwrap();
    audit.close().await;
    fs::remove_dir_all(dir.path().join("index")).unwrap();
    let mut verify = Command::new(env!("CARGO_BIN_EXE_pgmedic"));
    let output = verify.args(["audit", "verify", "--dir"]).arg(dir.path()).output().unwrap();
    assert_eq!(output.status.code(), Some(0), "the index is no part of the record");
    assert_complete(dir.path(), "deleted").await;
}
