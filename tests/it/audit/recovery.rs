//! What a start makes of what a crash left behind.

use super::kit::{SMALL, closed_log, copy, fresh, open, plain, records, segments};
use pgmedic::audit::{OpenError, Options};
use proptest::prelude::*;
use std::fs::OpenOptions;
use std::io::Write;
use std::os::unix::fs::FileExt;
use std::path::Path;

/// As after a power cut: head is never synced.
fn forget_head(dir: &Path) {
    std::fs::remove_file(dir.join("audit/head")).unwrap();
}

/// Lines that end with a line feed, of all segments in order.
fn whole_lines(dir: &Path) -> Vec<Vec<u8>> {
    let texts = segments(dir).into_iter().map(|p| std::fs::read(p).unwrap());
    texts
        .flat_map(|t| t.split_inclusive(|b| *b == b'\n').map(<[u8]>::to_vec).collect::<Vec<_>>())
        .filter(|l| l.ends_with(b"\n"))
        .collect()
}

fn damage(dir: &Path) -> (u64, u64, String) {
    match open(dir, Options::default()).map(|_| ()) {
        Err(OpenError::Damaged { line, seq, what, .. }) => (line, seq, what),
        other => panic!("expected damage, got {other:?}"),
    }
}

#[tokio::test]
async fn a_line_torn_at_any_byte_is_cut_and_nothing_else() {
    let dir = closed_log(Options::default(), 3).await;
    forget_head(dir.path());
    let path = &segments(dir.path())[0];
    let whole = std::fs::read(path).unwrap();
    let last = whole[..whole.len() - 1].iter().rposition(|b| *b == b'\n').unwrap() + 1;
    for cut in last..whole.len() {
        std::fs::write(path, &whole[..cut]).unwrap();
        open(dir.path(), Options::default()).unwrap().close().await;
        assert_eq!(std::fs::read(path).unwrap(), &whole[..last], "torn at {cut}");
        forget_head(dir.path());
    }
}

#[tokio::test]
async fn a_log_shorter_than_head_is_damage_wherever_it_ends() {
    let dir = closed_log(Options::default(), 3).await;
    let path = &segments(dir.path())[0];
    let whole = std::fs::read(path).unwrap();
    for cut in 0..whole.len() {
        std::fs::write(path, &whole[..cut]).unwrap();
        let (line, seq, what) = damage(dir.path());
        assert_eq!(line, seq, "cut at {cut}");
        assert!(what.contains("head says that 4 records were written"), "{what}");
        assert_eq!(std::fs::read(path).unwrap().len(), cut, "a refused start changes nothing");
    }
}

#[tokio::test]
async fn a_missing_last_segment_is_damage() {
    let dir = closed_log(SMALL, 30).await;
    let last = segments(dir.path()).pop().unwrap();
    std::fs::remove_file(last).unwrap();
    assert!(damage(dir.path()).2.contains("acknowledged records are lost"));
    for path in segments(dir.path()) {
        std::fs::remove_file(path).unwrap();
    }
    assert!(damage(dir.path()).2.contains("there is no segment"));
}

#[tokio::test]
async fn what_is_longer_than_head_is_kept() {
    let dir = closed_log(Options::default(), 5).await;
    let before = records(dir.path());
    let path = dir.path().join("audit/head");
    let mut head: serde_json::Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
    head["size"] = 0.into();
    head["root"] = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855".into();
    std::fs::write(&path, head.to_string()).unwrap();
    let audit = open(dir.path(), Options::default()).unwrap();
    assert_eq!(audit.watch().borrow().size, 6);
    audit.close().await;
    assert_eq!(records(dir.path()), before);
}

#[tokio::test]
async fn a_changed_record_in_the_last_segment_refuses_the_start() {
    let dir = closed_log(Options::default(), 4).await;
    let path = &segments(dir.path())[0];
    let text = std::fs::read_to_string(path).unwrap();
    std::fs::write(path, text.replace("decision number 2", "decision number 7")).unwrap();
    assert!(damage(dir.path()).2.contains("a record was changed"));
    std::fs::write(path, text.replacen("\"decision\"", "\"decisiom\"", 2).replacen("\"decisiom\"", "\"decision\"", 1))
        .unwrap();
    let (line, seq, what) = damage(dir.path());
    assert_eq!((line, seq, what.contains("not a record")), (3, 3, true), "{what}");
}

#[tokio::test]
async fn a_crash_between_a_segment_and_its_first_record_is_no_damage() {
    let dir = closed_log(SMALL, 9).await;
    let count = segments(dir.path()).len();
    let next = records(dir.path()).len() + 1;
    let path = dir.path().join(format!("audit/{next:020}.jsonl"));
    for rest in ["", "{\"seq\":"] {
        std::fs::write(&path, rest).unwrap();
        let audit = open(dir.path(), SMALL).unwrap();
        assert_eq!(segments(dir.path()).len(), count);
        audit.close().await;
    }
}

#[tokio::test]
async fn a_hole_in_the_last_group_is_cut_and_one_before_it_is_damage() {
    let sector = 3 * 512;
    let zero = |dir: &Path, length: usize, at: u64| {
        let file = OpenOptions::new().write(true).open(&segments(dir)[0]).unwrap();
        file.write_all_at(&vec![0; length], at).unwrap();
    };
    let (dir, audit) = fresh(Options::default());
    audit.append((0..8).flat_map(plain).collect()).await.unwrap();
    audit.close().await;
    forget_head(dir.path());
    let text = std::fs::read(&segments(dir.path())[0]).unwrap();
    let holed = copy(dir.path());
    zero(holed.path(), 512, sector);
    let audit = open(holed.path(), Options::default()).unwrap();
    let kept = text[..1_536].split(|b| *b == b'\n').count() as u64 - 1;
    assert_eq!(audit.watch().borrow().size, kept);
    let flipped = copy(dir.path());
    zero(flipped.path(), 1, sector + 100);
    assert!(damage(flipped.path()).2.contains("not a record"));
    let acknowledged = closed_log(Options::default(), 8).await;
    forget_head(acknowledged.path());
    zero(acknowledged.path(), 512, sector);
    assert!(damage(acknowledged.path()).2.contains("may be acknowledged"));
}

#[tokio::test]
async fn a_start_writes_the_hashes_of_the_last_segment_again() {
    let dir = closed_log(Options::default(), 4).await;
    let leaves = dir.path().join("audit/00000000000000000001.leaves");
    let sound = std::fs::read(&leaves).unwrap();
    std::fs::write(&leaves, [7; 500]).unwrap();
    open(dir.path(), Options::default()).unwrap().close().await;
    assert_eq!(std::fs::read(&leaves).unwrap(), sound);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]
    /// However a crash cuts the log behind what head vouches for, the start keeps every whole record, and goes on.
    #[test]
    fn a_start_keeps_every_whole_record(written in 1_usize..14, back in 0_usize..3_000, garbage in any::<bool>()) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let dir = runtime.block_on(closed_log(SMALL, written));
        forget_head(dir.path());
        let path = segments(dir.path()).pop().unwrap();
        let text = std::fs::read(&path).unwrap();
        let kept = &text[..text.len().saturating_sub(back)];
        std::fs::write(&path, kept).unwrap();
        if garbage {
            OpenOptions::new().append(true).open(&path).unwrap().write_all(b"{\"seq\":12").unwrap();
        }
        let whole = whole_lines(dir.path());
        let audit = open(dir.path(), SMALL).unwrap();
        prop_assert_eq!(audit.watch().borrow().size, whole.len().max(1) as u64);
        let seqs = runtime.block_on(audit.append(plain(99))).unwrap();
        runtime.block_on(audit.close());
        let after = whole_lines(dir.path());
        prop_assert_eq!(&after[..whole.len()], &whole[..]);
        prop_assert_eq!(after.len() as u64, seqs[0]);
    }
}
