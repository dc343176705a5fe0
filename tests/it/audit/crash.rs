//! A writer that is killed outright loses nothing that it had acknowledged.

use super::kit::{SMALL, open, plain, records};
use pgmedic::audit::verify::verify;
use std::io::{BufRead, BufReader};
use std::ops::ControlFlow;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// Names the folder to the child; without it the child's test has nothing to do.
const FOLDER: &str = "PGMEDIC_TEST_CRASH_FOLDER";

/// Run by the test below in a process of its own: appends until it is killed, and says what was acknowledged.
#[tokio::test(flavor = "multi_thread")]
async fn child_appends_until_it_is_killed() {
    let Some(dir) = std::env::var_os(FOLDER) else { return };
    let audit = open(dir.as_ref(), SMALL).unwrap();
    let writers = (0..8).map(|writer| {
        let audit = audit.clone();
        tokio::spawn(async move {
            for n in 0.. {
                let number = n * 8 + writer;
                let seqs = audit.append(plain(number)).await.unwrap();
                println!("\nacknowledged {} {number}", seqs[0]);
            }
        })
    });
    for writer in writers.collect::<Vec<_>>() {
        writer.await.unwrap();
    }
}

/// Appends in a child for a moment, kills it, and returns what it had acknowledged: `(seq, number)`.
fn killed_in(dir: &std::path::Path, after: Duration) -> Vec<(usize, u64)> {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "audit::crash::child_appends_until_it_is_killed", "--nocapture"])
        .env(FOLDER, dir)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut acknowledged = Vec::new();
    let mut began = None;
    while let Some(Ok(line)) = lines.next() {
        if let Some(rest) = line.strip_prefix("acknowledged ") {
            let (seq, number) = rest.split_once(' ').unwrap();
            acknowledged.push((seq.parse().unwrap(), number.parse().unwrap()));
            let began = *began.get_or_insert_with(Instant::now);
            if began.elapsed() > after {
                // SIGKILL; what is still in the pipe was acknowledged too, and is read on.
                child.kill().unwrap();
            }
        }
    }
    child.wait().unwrap();
    acknowledged
}

#[test]
fn nothing_acknowledged_is_lost_to_kill_9() {
    // On a real disk, where a sync takes its time.
    let dir = tempfile::tempdir().unwrap();
    let mut all = Vec::new();
    for round in 1..=4 {
        all.extend(killed_in(dir.path(), Duration::from_millis(60 * round)));
        let log = records_after_restart(dir.path());
        for (seq, number) in &all {
            let record = &log[seq - 1];
            assert_eq!((record["seq"].as_u64(), record["evidence"]["n"].as_u64()), (Some(*seq as u64), Some(*number)));
        }
    }
    assert!(all.len() > 20, "only {} records were acknowledged at all", all.len());
}

fn records_after_restart(dir: &std::path::Path) -> Vec<serde_json::Value> {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let audit = open(dir, SMALL).unwrap();
    assert!(audit.started_after_crash());
    runtime.block_on(audit.close());
    let report = verify(dir, &mut |_, _| ControlFlow::Continue(())).unwrap();
    assert_eq!((report.faults, report.index), (Vec::new(), pgmedic::audit::verify::IndexCheck::Agrees));
    records(dir)
}
