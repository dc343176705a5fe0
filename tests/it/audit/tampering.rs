//! Somebody's hand in the log's folder: while it is written, and what the program says of it afterwards.

use super::kit::{SMALL, closed_log, copy, copy_all, fresh, intent, open, plain, records, segments};
use crate::support::Home;
use pgmedic::audit::{AppendError, Audit, Options};
use pgmedic::config::policy::Limits;
use std::fs::{self, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

/// What an intent is answered after the last segment was tampered with.
async fn refused(audit: &Audit) -> String {
    let refused = audit.append(vec![intent("orders", "a", "run1", Limits::default())]).await;
    let Err(AppendError::Unwritable(why)) = refused else { panic!("an action was let through: {refused:?}") };
    assert_eq!(audit.watch().borrow().trouble.as_deref(), Some(&*why), "and status says so");
    why
}

fn last_segment(dir: &Path) -> std::path::PathBuf {
    segments(dir).pop().unwrap()
}

#[tokio::test]
async fn a_segment_that_is_deleted_or_renamed_stops_all_action() {
    let (dir, audit) = fresh(Options::default());
    audit.append(plain(1)).await.unwrap();
    let before = records(dir.path()).len();
    let segment = last_segment(dir.path());
    let aside = segment.with_extension("aside");
    fs::rename(&segment, &aside).unwrap();
    let why = refused(&audit).await;
    assert!(why.contains("was deleted or renamed") && why.contains("restarted pgmedic"), "{why}");
    audit.close().await;
    // Put back as it was, the log is whole.
    fs::rename(&aside, &segment).unwrap();
    let audit = open(dir.path(), Options::default()).unwrap();
    audit.append(plain(2)).await.unwrap();
    assert_eq!(records(dir.path()).len(), before + 1);
    audit.close().await;
}

#[tokio::test]
async fn a_segment_that_is_replaced_stops_all_action() {
    let (dir, audit) = fresh(Options::default());
    let segment = last_segment(dir.path());
    let copy = segment.with_extension("copy");
    fs::copy(&segment, &copy).unwrap();
    fs::rename(&copy, &segment).unwrap();
    let why = refused(&audit).await;
    assert!(why.contains("was replaced by another file"), "{why}");
}

#[tokio::test]
async fn a_segment_that_is_cut_or_written_to_stops_all_action() {
    for cut in [true, false] {
        let (dir, audit) = fresh(Options::default());
        audit.append(plain(1)).await.unwrap();
        let mut file = OpenOptions::new().append(true).open(last_segment(dir.path())).unwrap();
        let done = if cut { file.set_len(100) } else { file.write_all(b"a line of somebody else\n") };
        done.unwrap();
        let why = refused(&audit).await;
        assert!(why.contains("was changed: it has"), "{why}");
    }
}

#[tokio::test]
async fn a_head_that_is_deleted_comes_back_with_the_next_record() {
    let (dir, audit) = fresh(Options::default());
    fs::remove_file(dir.path().join("audit/head")).unwrap();
    audit.append(plain(1)).await.unwrap();
    let head = fs::read_to_string(dir.path().join("audit/head")).unwrap();
    assert!(head.contains(&format!("\"size\":{}", records(dir.path()).len())), "{head}");
    audit.close().await;
}

#[tokio::test]
async fn a_lock_file_that_is_deleted_lets_no_second_writer_in() {
    let (dir, audit) = fresh(Options::default());
    fs::remove_file(dir.path().join("lock")).unwrap();
    let said = open(dir.path(), Options::default()).expect_err("a second writer").to_string();
    assert!(said.contains("is in use by pgmedic process"), "{said}");
    audit.close().await;
    open(dir.path(), Options::default()).unwrap().close().await;
}

/// `seq` of a segment's first record.
fn first_of(segment: &Path) -> usize {
    segment.file_stem().unwrap().to_str().unwrap().parse().unwrap()
}

fn change_lines(segment: &Path, change: impl FnOnce(&mut Vec<String>)) {
    let mut lines: Vec<String> = fs::read_to_string(segment).unwrap().lines().map(str::to_owned).collect();
    change(&mut lines);
    fs::write(segment, lines.join("\n") + "\n").unwrap();
}

fn flip(segment: &Path, at: usize) {
    let mut bytes = fs::read(segment).unwrap();
    bytes[at] ^= 1;
    fs::write(segment, bytes).unwrap();
}

/// Exchanges two files, each with what stands beside it when `whole`.
fn exchange(one: &Path, other: &Path, whole: bool) {
    for extension in if whole { &["jsonl", "leaves"][..] } else { &["jsonl"] } {
        let (one, other) = (one.with_extension(extension), other.with_extension(extension));
        let aside = one.with_extension("aside");
        fs::rename(&one, &aside).unwrap();
        fs::rename(&other, &one).unwrap();
        fs::rename(&aside, &other).unwrap();
    }
}

/// What `pgmedic audit verify` must say of a change: the file, its line and the `seq` that belongs there.
type Place = (PathBuf, u64, usize);
/// Makes a change to the segments of a log.
type Change = fn(&[PathBuf]) -> Place;

/// On a log of at least five segments with at least four lines each.
const CHANGES: [(&str, Change); 12] = [
    ("a flipped bit in the first line", |s| {
        flip(&s[1], 40);
        (s[1].clone(), 1, first_of(&s[1]))
    }),
    ("a flipped bit in the last line of all", |s| {
        let (last, lines) = (s.last().unwrap(), fs::read_to_string(s.last().unwrap()).unwrap().lines().count());
        flip(last, fs::read(last).unwrap().len() - 20);
        (last.clone(), lines as u64, first_of(last) + lines - 1)
    }),
    ("a missing line", |s| {
        change_lines(&s[2], |lines| drop(lines.remove(1)));
        (s[2].clone(), 2, first_of(&s[2]) + 1)
    }),
    ("swapped lines", |s| {
        change_lines(&s[2], |lines| lines.swap(1, 2));
        (s[2].clone(), 2, first_of(&s[2]) + 1)
    }),
    ("lines swapped between segments", |s| {
        let (one, other) = (fs::read_to_string(&s[1]).unwrap(), fs::read_to_string(&s[3]).unwrap());
        let line = |text: &str| text.lines().nth(1).unwrap().to_owned();
        change_lines(&s[1], |lines| lines[1] = line(&other));
        change_lines(&s[3], |lines| lines[1] = line(&one));
        (s[1].clone(), 2, first_of(&s[1]) + 1)
    }),
    ("the first segment missing", |s| {
        fs::remove_file(&s[0]).unwrap();
        (s[1].clone(), 1, 1)
    }),
    ("a segment missing", |s| {
        fs::remove_file(&s[2]).unwrap();
        (s[3].clone(), 1, first_of(&s[2]))
    }),
    ("the last segment missing", |s| {
        let [.., before, last] = s else { panic!("two segments") };
        fs::remove_file(last).unwrap();
        let lines = fs::read_to_string(before).unwrap().lines().count();
        (before.clone(), lines as u64 + 1, first_of(before) + lines)
    }),
    ("swapped segments", |s| {
        exchange(&s[1], &s[3], false);
        (s[1].clone(), 1, first_of(&s[1]))
    }),
    ("segments swapped with their hashes", |s| {
        exchange(&s[1], &s[3], true);
        (s[1].clone(), 1, first_of(&s[1]))
    }),
    ("an emptied segment", |s| {
        fs::write(&s[1], "").unwrap();
        (s[1].clone(), 1, first_of(&s[1]))
    }),
    ("hashes missing", |s| {
        fs::remove_file(s[1].with_extension("leaves")).unwrap();
        let lines = fs::read_to_string(&s[1]).unwrap().lines().count();
        (s[1].clone(), lines as u64 + 1, first_of(&s[1]) + lines)
    }),
];

#[tokio::test]
async fn the_program_names_the_place_of_every_change_and_ends_with_1() {
    let dir = closed_log(SMALL, 40).await;
    assert!(segments(dir.path()).len() >= 5);
    for (what, change) in CHANGES {
        let changed = copy(dir.path());
        fs::copy(dir.path().join("audit/head"), changed.path().join("audit/head")).unwrap();
        let (file, line, seq) = change(&segments(changed.path()));
        let mut verify = Command::new(env!("CARGO_BIN_EXE_pgmedic"));
        let output =
            verify.args(["audit", "verify", "--color", "never", "--dir"]).arg(changed.path()).output().unwrap();
        let said = String::from_utf8_lossy(&output.stdout);
        let place = format!("{}, line {line}, seq {seq}: ", file.display());
        assert!(said.starts_with(&place), "{what}: expected {place}\n{said}");
        assert!(said.contains("DAMAGED") && output.status.code() == Some(1), "{what}: {said}");
    }
}

/// A home whose log has several segments.
async fn home_with_segments() -> (Home, Vec<PathBuf>) {
    let dir = closed_log(SMALL, 40).await;
    let home = Home::new("targets:\n  - {name: orders, dsn: \"postgresql://me@127.0.0.1:1/postgres\"}\n", &[]);
    copy_all(&dir.path().join("audit"), &home.path("data/audit"));
    let segments = segments(&home.path("data"));
    (home, segments)
}

#[tokio::test]
async fn a_daemon_does_not_start_on_a_last_segment_that_was_changed() {
    let (home, segments) = home_with_segments().await;
    let last = segments.last().unwrap();
    flip(last, fs::read(last).unwrap().len() - 20);
    let before = fs::read(last).unwrap();
    let (code, _, said) = home.run(&["serve"]);
    let lines = String::from_utf8_lossy(&before).lines().count();
    let place = format!("line {lines}, seq {}", first_of(last) + lines - 1);
    assert!(code == 1 && said.contains("the audit log is damaged") && said.contains(&place), "{code} {said}");
    assert_eq!(fs::read(last).unwrap(), before, "a refused start changes nothing");
}

#[tokio::test]
async fn a_daemon_says_where_an_older_segment_was_changed_and_records_on() {
    let (home, segments) = home_with_segments().await;
    change_lines(&segments[1], |lines| lines.swap(1, 2));
    let daemon = home.start();
    let place = format!("line 2, seq {}", first_of(&segments[1]) + 1);
    let began = Instant::now();
    while !home.run(&["status"]).1.contains(&place) {
        assert!(began.elapsed() < Duration::from_secs(20), "{}", home.run(&["status"]).1);
        std::thread::sleep(Duration::from_millis(50));
    }
    assert!(home.log().contains(&place), "{}", home.log());
    assert_eq!(home.run(&["pause", "--reason", "the log is looked at"]).0, 0);
    assert_eq!(daemon.end("TERM").0, Some(0));
    assert!(home.of_kind("control").iter().any(|r| r["reason"] == "the log is looked at"), "recorded nevertheless");
    assert_eq!(home.run(&["audit", "verify"]).0, 1);
}
