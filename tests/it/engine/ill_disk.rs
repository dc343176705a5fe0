//! A disk under the audit log that fails: nothing is done, and everybody hears of it.

use super::LONG_QUERIES;
use super::faults::is_remedied;
use crate::support::{Cluster, FailingDisk, Home, Inbox, SmallDisk, eventually, target_of};
use pgmedic::engine::api::RunRequest;
use pgmedic::http::client::Client;
use std::time::Duration;

fn letters(inbox: &Inbox, words: &str) -> usize {
    inbox.letters().iter().filter(|letter| letter.contains(words)).count()
}

#[tokio::test]
async fn after_a_failed_fdatasync_nothing_is_done_until_a_restart() {
    nothing_is_done_until_a_restart(FailingDisk::fail, "fdatasync failed").await;
}

#[tokio::test]
async fn after_a_failed_write_nothing_is_done_until_a_restart() {
    nothing_is_done_until_a_restart(FailingDisk::fail_writes, "cannot write").await;
}

async fn nothing_is_done_until_a_restart(fail: fn(&FailingDisk), what: &str) {
    let Some(cluster) = Cluster::start(15) else { return };
    let (disk, inbox) = (FailingDisk::build(), Inbox::open());
    let mut home = Home::new(&(target_of(&cluster, "") + &inbox.channel()), &[LONG_QUERIES]);
    home.set_disk(&disk);
    let daemon = home.serve();
    is_remedied(&home, &cluster, 0).await;
    eventually(async || home.of_kind("verification").len() == 1).await;
    fail(&disk);
    let runaway = cluster.sleeper("app", "app", "SELECT pg_sleep(120), 1").await;
    eventually(async || home.run(&["status"]).1.contains(what)).await;
    disk.heal();
    // The disk may say that all is well again: what it holds is not known all the same.
    let (intents, ticks) = (home.of_kind("intent").len(), Duration::from_millis(2_500));
    tokio::time::sleep(ticks).await;
    assert!(runaway.still_runs(), "{}", home.log());
    assert_eq!(home.of_kind("intent").len(), intents);
    let (code, status, _) = home.run(&["status"]);
    let says = format!(
        "{what}: Input/output error (os error 5); what is on the disk is no longer known: check the disk, then restart \
         pgmedic"
    );
    assert!(code == 1 && status.replace('\n', " ").contains(&says), "{code} {status}");
    assert!(home.log().contains(&format!("nothing is done while the audit log cannot be written: {says}")));
    assert_eq!(letters(&inbox, "pgmedic acts on nothing: its audit log cannot be written"), 1, "{:?}", inbox.letters());
    assert_eq!(letters(&inbox, what), 1);
    assert_eq!(daemon.end("TERM").0, Some(0), "{}", home.log());
    let _daemon = home.serve();
    assert_eq!(runaway.ended().await, Err(Some("57014".to_owned())), "{}", home.log());
    let (code, report, _) = home.run(&["audit", "verify"]);
    assert_eq!(code, 0, "{report}");
}

#[tokio::test]
async fn a_full_disk_is_told_past_the_log_and_its_end_in_it() {
    let Some(cluster) = Cluster::start(15) else { return };
    let Some(disk) = SmallDisk::mount("16m") else { return };
    let inbox = Inbox::open();
    let home = Home::new("", &[LONG_QUERIES]);
    home.keep_data_in(&disk.path().join("data"), &(target_of(&cluster, "") + &inbox.channel()));
    let _daemon = home.serve();
    disk.fill();
    // The room that is reserved already takes some records; the runs are only there to use it up.
    let client = Client::connect(&disk.path().join("data")).unwrap().unwrap();
    let request = RunRequest { playbook: "end-long-queries".to_owned(), target: "orders".to_owned(), mode: None };
    let full = async || client.status().await.unwrap().audit.trouble.is_some_and(|why| why.contains("is full"));
    for _ in 0..200 {
        let runs = (0..16).map(|_| client.run(&request));
        futures_util::future::join_all(runs).await;
        if full().await {
            break;
        }
    }
    assert!(full().await, "{}", home.log());
    let runaway = cluster.sleeper("app", "app", "SELECT pg_sleep(120), 1").await;
    eventually(async || letters(&inbox, "its audit log cannot be written") == 1).await;
    tokio::time::sleep(Duration::from_millis(2_500)).await;
    assert!(runaway.still_runs(), "{}", home.log());
    assert!(home.log().contains("nothing is done while the audit log cannot be written: the disk"), "{}", home.log());
    disk.free();
    assert_eq!(runaway.ended().await, Err(Some("57014".to_owned())), "{}", home.log());
    eventually(async || letters(&inbox, "its audit log can be written again") == 1).await;
    assert_eq!(home.run(&["status"]).0, 0, "{}", home.log());
}
