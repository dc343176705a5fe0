//! Questions to the log: the same answers with the index, without it, and while a daemon has it.

use super::kit::{SMALL, closed_log, copy, copy_all, draft, fresh, open, plain, raw_index, segments};
use pgmedic::audit::query::{Filter, Listing, QueryError, Tail, Visit, list, run, tail};
use pgmedic::audit::verify::{IndexCheck, verify};
use pgmedic::audit::{Audit, Entry, Options};
use pgmedic::model::{RecordKind, Timestamp, Verdict};
use std::ops::ControlFlow;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_795_000_000 + second).unwrap()
}

/// One record a second, on three targets.
async fn log(dir: &Path, records: usize) {
    let clock = AtomicI64::new(0);
    let tick = move || at(clock.fetch_add(1, Ordering::Relaxed));
    let audit = Audit::open(dir, SMALL, Arc::new(tick)).unwrap();
    for n in 0..records {
        let kind = if n % 2 == 0 { RecordKind::Decision } else { RecordKind::Quiet };
        audit.append(vec![Entry::Plain(draft(kind, ["orders", "crm", "shop"][n % 3], n / 4))]).await.unwrap();
    }
    audit.close().await;
}

fn filters() -> Vec<Filter> {
    let some = |s: &str| Some(s.to_owned());
    let each = [
        Filter::default(),
        Filter { target: some("orders"), ..Filter::default() },
        Filter { target: some("crm"), ..Filter::default() },
        Filter { target: some("cr"), ..Filter::default() },
        Filter { run: some(&format!("01KXR{:021}", 3)), ..Filter::default() },
        Filter { kind: Some(RecordKind::Quiet), verdict: Some(Verdict::Act), ..Filter::default() },
        Filter { kind: Some(RecordKind::Snapshot), ..Filter::default() },
        Filter { playbook: some("resize"), since: Some(at(13)), until: Some(at(29)), ..Filter::default() },
        Filter { since: Some(at(20)), ..Filter::default() },
        Filter { until: Some(at(20)), ..Filter::default() },
        Filter { target: some("shop"), until: Some(at(-5)), ..Filter::default() },
    ];
    let shapes = [(None, false), (None, true), (Some(3), false), (Some(3), true), (Some(0), false)];
    let all = each
        .iter()
        .flat_map(|filter| shapes.map(|(limit, newest_first)| Filter { limit, newest_first, ..filter.clone() }));
    all.collect()
}

fn answer(dir: &Path, filter: &Filter) -> Vec<String> {
    shown(filter, |visit| list(dir, filter, visit))
}

fn shown(filter: &Filter, ask: impl FnOnce(Visit) -> Result<Listing, QueryError>) -> Vec<String> {
    let mut lines = Vec::new();
    let listing = ask(&mut |line, record| {
        assert!(filter.matches(record));
        lines.push(String::from_utf8(line.to_vec()).unwrap());
        ControlFlow::Continue(())
    });
    assert_eq!(listing.unwrap().shown, lines.len());
    lines
}

/// What a filter means, by reading everything.
fn expected(dir: &Path, filter: &Filter) -> Vec<String> {
    let texts = segments(dir).into_iter().map(|p| std::fs::read_to_string(p).unwrap()).collect::<String>();
    let mut lines: Vec<String> = texts.lines().map(str::to_owned).collect();
    lines.retain(|l| serde_json::from_str(l).is_ok_and(|record| filter.matches(&record)));
    if filter.newest_first {
        lines.reverse();
    }
    lines.truncate(filter.limit.unwrap_or(usize::MAX));
    lines
}

fn same_answers(dir: &Path, how: &str) {
    for filter in filters() {
        assert_eq!(answer(dir, &filter), expected(dir, &filter), "{how}: {filter:?}");
    }
}

fn index_check(dir: &Path) -> IndexCheck {
    verify(dir, &mut |_, _| ControlFlow::Continue(())).unwrap().index
}

#[tokio::test]
async fn answers_are_the_same_with_and_without_the_index() {
    let dir = super::kit::folder();
    log(dir.path(), 40).await;
    assert_eq!(index_check(dir.path()), IndexCheck::Agrees);
    same_answers(dir.path(), "with the index");
    same_answers(copy(dir.path()).path(), "without it");
    let daemon = open(dir.path(), SMALL).unwrap();
    assert_eq!(index_check(dir.path()), IndexCheck::NotRead);
    same_answers(dir.path(), "while a daemon has it");
    daemon.append(plain(3)).await.unwrap();
    for filter in filters() {
        let own = shown(&filter, |visit| daemon.list(&filter, visit));
        assert_eq!(own, expected(dir.path(), &filter), "the daemon's own answer: {filter:?}");
    }
}

#[tokio::test]
async fn an_index_that_lags_or_lies_changes_no_answer() {
    let dir = super::kit::folder();
    log(dir.path(), 20).await;
    let older = super::kit::folder();
    copy_all(&dir.path().join("index"), &older.path().join("index"));
    let audit = open(dir.path(), SMALL).unwrap();
    for n in 0..9 {
        audit.append(plain(n)).await.unwrap();
    }
    audit.close().await;
    std::fs::remove_dir_all(dir.path().join("index")).unwrap();
    copy_all(&older.path().join("index"), &dir.path().join("index"));
    same_answers(dir.path(), "behind the log");
}

#[tokio::test]
async fn an_index_that_points_beside_its_blocks_changes_no_answer() {
    // Two blocks in the first segment, one in the second.
    let dir = closed_log(Options { segment_bytes: 85_000, ..Options::default() }, 400).await;
    assert_eq!(segments(dir.path()).len(), 2);
    // Somebody wrote the first segment anew: its second block is not where it was.
    let path = &segments(dir.path())[0];
    let text = std::fs::read_to_string(path).unwrap();
    let moved = text.replacen(",\"kind\"", ", \"kind\"", 5);
    std::fs::write(path, &moved).unwrap();
    assert!(matches!(index_check(dir.path()), IndexCheck::Differs(_)));
    same_answers(dir.path(), "beside the blocks");
    // And as it was, but for the line that the second block begins with; the third is sound.
    let dir = closed_log(Options::default(), 600).await;
    let path = &segments(dir.path())[0];
    let text = std::fs::read_to_string(path).unwrap();
    std::fs::write(path, text.replacen("{\"seq\":257,", "[\"seq\":257,", 1)).unwrap();
    same_answers(dir.path(), "with a damaged line");
}

/// Changes a byte in what the index says of the 100th record: 0 to 3 are its place, those behind are hashes.
fn lie_at(data: &Path, byte: usize) {
    let index = raw_index(data);
    let (key, value) = index.scan_prefix(b"s").next().expect("a full block").unwrap();
    let (mut lying, width) = (value.to_vec(), value.len() / 256);
    lying[99 * width + byte] ^= 5;
    index.insert(key, lying).unwrap();
}

/// As [`index_check`], once sled's threads have let go of it.
fn index_says(dir: &Path) -> IndexCheck {
    drop(raw_index(dir));
    let began = std::time::Instant::now();
    loop {
        match index_check(dir) {
            IndexCheck::NotRead if began.elapsed().as_secs() < 20 => {}
            said => return said,
        }
        std::thread::sleep(std::time::Duration::from_millis(20));
    }
}

#[tokio::test]
async fn a_summary_that_lies_is_found_and_its_places_are_not_believed() {
    let dir = closed_log(Options::default(), 600).await;
    assert_eq!(index_says(dir.path()), IndexCheck::Agrees);
    lie_at(dir.path(), 3);
    assert!(matches!(index_says(dir.path()), IndexCheck::Differs(what) if what.contains("record 100 ")));
    same_answers(dir.path(), "with a place that is none");
    lie_at(dir.path(), 3);
    assert_eq!(index_says(dir.path()), IndexCheck::Agrees);
    for hash in 4..9 {
        lie_at(dir.path(), hash);
        assert!(matches!(index_says(dir.path()), IndexCheck::Differs(what) if what.contains("record 100 ")), "{hash}");
        lie_at(dir.path(), hash);
    }
    assert_eq!(index_says(dir.path()), IndexCheck::Agrees);
}

#[tokio::test]
async fn a_missing_or_damaged_index_is_built_again() {
    let dir = super::kit::folder();
    log(dir.path(), 30).await;
    std::fs::remove_dir_all(dir.path().join("index")).unwrap();
    open(dir.path(), SMALL).unwrap().close().await;
    assert_eq!(index_check(dir.path()), IndexCheck::Agrees);
    for spoil in ["db", "conf"] {
        let path = dir.path().join("index").join(spoil);
        let length = std::fs::metadata(&path).unwrap().len();
        std::fs::write(&path, vec![0xa5; usize::try_from(length).unwrap()]).unwrap();
        same_answers(dir.path(), "with a damaged index");
        let audit = open(dir.path(), SMALL).unwrap();
        audit.append(plain(1)).await.unwrap();
        audit.close().await;
        // Sled's threads may hold its files for a moment after it was closed.
        let began = std::time::Instant::now();
        while index_check(dir.path()) == IndexCheck::NotRead && began.elapsed().as_secs() < 5 {
            std::thread::sleep(std::time::Duration::from_millis(20));
        }
        assert_eq!(index_check(dir.path()), IndexCheck::Agrees, "{spoil}");
        same_answers(dir.path(), "with the index built again");
    }
    let aside = std::fs::read_dir(dir.path())
        .unwrap()
        .filter(|e| e.as_ref().unwrap().file_name().to_string_lossy().starts_with("index.damaged-"));
    assert_eq!(aside.count(), 1);
}

#[tokio::test]
async fn an_index_of_another_log_is_not_believed() {
    let (dir, other) = (super::kit::folder(), super::kit::folder());
    log(dir.path(), 30).await;
    log(other.path(), 50).await;
    std::fs::remove_dir_all(dir.path().join("index")).unwrap();
    copy_all(&other.path().join("index"), &dir.path().join("index"));
    same_answers(dir.path(), "with the index of another log");
    open(dir.path(), SMALL).unwrap().close().await;
    assert_eq!(index_check(dir.path()), IndexCheck::Agrees);
}

#[tokio::test]
async fn damaged_lines_are_passed_over_and_told() {
    let dir = closed_log(Options::default(), 5).await;
    std::fs::remove_dir_all(dir.path().join("index")).unwrap();
    let path = &segments(dir.path())[0];
    let text = std::fs::read_to_string(path).unwrap();
    std::fs::write(path, text.replacen("\"decision\"", "\"decisiom\"", 1)).unwrap();
    let listing = list(dir.path(), &Filter::default(), &mut |_, _| ControlFlow::Continue(())).unwrap();
    assert_eq!(listing.shown, 5);
    assert!(listing.damaged[0].contains("00000000000000000001.jsonl, byte"), "{:?}", listing.damaged);
}

#[tokio::test]
async fn a_run_is_found_by_any_beginning_that_is_its_own() {
    let dir = super::kit::folder();
    log(dir.path(), 60).await;
    for root in [dir.path(), copy(dir.path()).path()] {
        let id = format!("01KXR{:021}", 7);
        let seqs = |given: &str| run(root, given).map(|r| r.iter().map(|s| s.record.seq).collect::<Vec<_>>());
        let whole = seqs(&id).unwrap();
        assert!(whole.len() == 4 && whole.is_sorted(), "{whole:?}");
        assert_eq!(seqs(&id.to_ascii_lowercase()).unwrap(), whole);
        let said = seqs("01kxr").unwrap_err();
        assert!(matches!(&said, QueryError::Ambiguous { runs, .. } if runs.len() > 5), "{said}");
        assert_eq!(seqs(&format!("01KXR{}1", "0".repeat(19))).unwrap_err().to_string().matches("01KXR").count(), 1 + 5);
        assert!(matches!(seqs("01KXZ"), Err(QueryError::NoRun(_))));
        assert!(matches!(seqs(""), Err(QueryError::NoRun(_))));
    }
}

#[test]
fn a_folder_without_a_log_is_an_error() {
    let dir = super::kit::folder();
    let said = list(dir.path(), &Filter::default(), &mut |_, _| ControlFlow::Continue(())).unwrap_err();
    assert!(said.to_string().starts_with("there is no audit log in"), "{said}");
    assert!(matches!(run(dir.path(), "01"), Err(QueryError::NoLog(_))));
    assert!(verify(dir.path(), &mut |_, _| ControlFlow::Continue(())).is_err());
    assert!(!dir.path().join("audit").exists(), "asking makes nothing");
}

fn drain(tail: &mut Tail) -> Vec<u64> {
    std::iter::from_fn(|| tail.poll().unwrap()).map(|stored| stored.record.seq).collect()
}

#[tokio::test]
async fn a_tail_follows_over_segments_and_sees_only_what_is_durable() {
    let (dir, audit) = fresh(SMALL);
    let mut from_start = tail(dir.path(), 0).unwrap();
    let mut later = tail(dir.path(), 20).unwrap();
    assert_eq!((drain(&mut from_start), drain(&mut later)), (vec![1], vec![]));
    let mut last = 0;
    for n in 0..40 {
        last = audit.append(plain(n)).await.unwrap()[0];
        if n % 7 == 0 {
            drain(&mut from_start);
        }
    }
    assert_eq!(drain(&mut from_start).last(), Some(&last));
    assert_eq!(drain(&mut later), (20..=last).collect::<Vec<u64>>());
    assert_eq!(drain(&mut tail(dir.path(), last).unwrap()), [last]);
    // A line behind head is not durable yet.
    audit.close().await;
    let path = segments(dir.path()).pop().unwrap();
    let text = std::fs::read_to_string(&path).unwrap();
    let next = text.lines().last().unwrap().replace(&format!("\"seq\":{last}"), &format!("\"seq\":{}", last + 1));
    std::fs::write(&path, format!("{text}{next}\n")).unwrap();
    assert_eq!(drain(&mut later), [] as [u64; 0]);
}
