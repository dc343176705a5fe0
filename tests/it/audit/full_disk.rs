//! A full disk: nothing is done, outcomes are still recorded, and it passes by itself.

use super::kit::{intent, open, outcome, plain, records};
use crate::support::SmallDisk;
use pgmedic::audit::{AppendError, Options};
use pgmedic::config::policy::Limits;

fn unwritable<T: std::fmt::Debug>(result: Result<T, AppendError>) -> String {
    match result {
        Err(AppendError::Unwritable(why)) => why,
        other => panic!("expected an unwritable log, got {other:?}"),
    }
}

#[tokio::test]
async fn a_full_disk_stops_intents_keeps_outcomes_and_passes() {
    let Some(disk) = SmallDisk::mount("16m") else { return };
    stops_intents_keeps_outcomes_and_passes(&disk).await;
}

#[tokio::test]
async fn a_full_ext4_stops_intents_keeps_outcomes_and_passes() {
    let Some(disk) = SmallDisk::ext4(24) else { return };
    stops_intents_keeps_outcomes_and_passes(&disk).await;
}

async fn stops_intents_keeps_outcomes_and_passes(disk: &SmallDisk) {
    let audit = open(disk.path(), Options::default()).unwrap();
    audit.append(vec![intent("orders", "a", "run1", Limits::default())]).await.unwrap();
    disk.fill();
    // What is reserved is used up to the headroom, in ever smaller steps.
    let mut why = String::new();
    for records in [200, 20, 1] {
        for _ in 0..100 {
            match audit.append((0..records).flat_map(plain).collect()).await {
                Ok(_) => {}
                refused => {
                    why = unwritable(refused);
                    break;
                }
            }
        }
    }
    assert!(why.contains("is full") && why.contains("nothing is done until there is room"), "{why}");
    let size = audit.watch().borrow().size;
    unwritable(audit.append(vec![intent("orders", "b", "run2", Limits::default())]).await);
    assert_eq!(audit.append(vec![outcome("orders", "a", "run1")]).await.unwrap(), [size + 1]);
    assert!(audit.watch().borrow().trouble.as_deref().unwrap().contains("is full"));
    let state = audit.state().await.unwrap();
    assert!(state.history.open.is_empty(), "neither the refused intent nor the ended one is open");
    disk.free();
    audit.append(vec![intent("orders", "b", "run3", Limits::default())]).await.unwrap();
    assert_eq!(audit.watch().borrow().trouble, None);
    audit.close().await;
    assert_eq!(records(disk.path()).len() as u64, size + 2);
    open(disk.path(), Options::default()).unwrap().close().await;
}

#[tokio::test]
async fn a_segment_that_cannot_be_begun_is_begun_later() {
    let Some(disk) = SmallDisk::mount("16m") else { return };
    a_segment_is_begun_later(&disk).await;
}

#[tokio::test]
async fn a_segment_that_cannot_be_begun_on_ext4_is_begun_later() {
    let Some(disk) = SmallDisk::ext4(24) else { return };
    a_segment_is_begun_later(&disk).await;
}

async fn a_segment_is_begun_later(disk: &SmallDisk) {
    let options = Options { segment_bytes: 100_000, ..Options::default() };
    let audit = open(disk.path(), options.clone()).unwrap();
    let many = || (0..400).flat_map(plain).collect::<Vec<_>>();
    audit.append(many()).await.unwrap();
    disk.fill();
    let held = audit.append(plain(0)).await;
    let segments = super::kit::segments(disk.path()).len();
    assert_eq!((held.is_ok(), segments), (false, 1), "{held:?}");
    disk.free();
    audit.append(plain(1)).await.unwrap();
    assert_eq!(super::kit::segments(disk.path()).len(), 2);
    audit.close().await;
    open(disk.path(), options).unwrap().close().await;
}
