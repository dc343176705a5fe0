//! Somebody's hand in the log's folder while it is written.

use super::kit::{fresh, intent, open, plain, records, segments};
use pgmedic::audit::{AppendError, Audit, Options};
use pgmedic::config::policy::Limits;
use std::fs::{self, OpenOptions};
use std::io::Write;
use std::path::Path;

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
