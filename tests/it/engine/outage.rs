//! Targets that are away for long: how often they are tried, what that costs, and what waits for them.

use super::LONG_QUERIES;
use super::faults::{acting_on, is_remedied, through, told};
use crate::support::{Cluster, Daemon, Door, Gate, Home, at_last, eventually};
use pgmedic::engine::api::RunRequest;
use pgmedic::http::client::Client;
use serde_json::Value as Json;
use std::time::Duration;

#[tokio::test]
async fn targets_that_are_away_are_tried_ever_more_seldom_and_not_in_step() {
    let (orders, west) = (Door::shut(), Door::shut());
    let (first, second) = (through(orders.port()), through(west.port()));
    let books = [1, 2, 3].map(|n| LONG_QUERIES.replace("end-long-queries", &format!("end-long-queries-{n}")));
    let books: Vec<&str> = books.iter().map(String::as_str).collect();
    let home = Home::new(&acting_on(&[("orders", &first), ("west", &second)]), &books);
    let daemon = home.serve();
    eventually(async || orders.knocks().len() >= 3 && west.knocks().len() >= 3).await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    for (name, door) in [("orders", &orders), ("west", &west)] {
        let knocks = door.knocks();
        let gaps: Vec<f64> = knocks.windows(2).map(|w| (w[1] - w[0]).as_secs_f64()).collect();
        // Three playbooks that are due each second come to one attempt after about 1 s and one after about 2 s more.
        assert_eq!(knocks.len(), 3, "{name}: {gaps:?}\n{}", home.log());
        assert!(gaps[0] > 0.7 && gaps[1] > 1.4 && gaps[1] < 3.0, "{name}: {gaps:?}");
        assert_eq!(told(&home, name), [format!("target {name} cannot be reached")]);
    }
    // Without jitter of each one's own both would come back at the same moment, after one fault of a network.
    let third = |door: &Door| door.knocks()[2].duration_since(door.knocks()[0]).as_secs_f64();
    let apart = (third(&orders) - third(&west)).abs();
    assert!(apart > 0.2, "they come back {apart:.3} s apart");
    let busy = daemon.cpu_time();
    assert!(busy < Duration::from_secs(3), "no busy loop: {busy:?}");
}

/// Attempts on a target that is away, and how much more memory (KiB) and how many more files they leave behind.
async fn growth(attempts: u32) -> (i64, i64) {
    let door = Door::shut();
    let home = Home::new(&acting_on(&[("orders", &through(door.port()))]), &[LONG_QUERIES]);
    let daemon = home.serve();
    let client = Client::connect(&home.path("data")).unwrap().unwrap();
    // Asked for by hand it does not rest between them.
    let try_it = async |times: u32| {
        for _ in 0..times {
            let request =
                RunRequest { playbook: "end-long-queries".to_owned(), target: "orders".to_owned(), mode: None };
            let report = client.run(&request).await.unwrap();
            assert!(report.summary.starts_with("unreachable"), "{}", report.summary);
        }
    };
    try_it(100).await;
    let before = (memory(&daemon), daemon.open_files());
    try_it(attempts).await;
    eventually(async || daemon.open_files() <= before.1).await;
    assert!(door.knocks().len() >= attempts as usize, "each was an attempt");
    (memory(&daemon) - before.0, daemon.open_files() - before.1)
}

fn memory(daemon: &Daemon) -> i64 {
    daemon.status_kib("VmRSS")
}

#[tokio::test]
async fn many_attempts_on_a_target_that_is_away_leave_nothing_behind() {
    let (kib, files) = growth(300).await;
    assert!(kib < 4_096 && files <= 0, "{kib} KiB and {files} files more after 300 attempts");
}

#[tokio::test]
#[ignore = "only with tests/run.sh --full"]
async fn a_month_of_attempts_on_a_target_that_is_away_leaves_nothing_behind() {
    // A month at one a minute would be 43,200; what a tenth of it leaves shows as well.
    let (kib, files) = growth(4_320).await;
    assert!(kib < 16_384 && files <= 0, "{kib} KiB and {files} files more after 4,320 attempts");
}

#[tokio::test]
async fn an_intent_on_a_target_that_is_away_at_the_start_waits_for_it_and_holds_up_no_other() {
    let (Some(mut away), Some(fine)) = (Cluster::start(15), Cluster::start(15)) else { return };
    let gate = Gate::to(away.port());
    let home =
        Home::new(&acting_on(&[("away", &through(gate.port())), ("fine", &through(fine.port()))]), &[LONG_QUERIES]);
    gate.hold_question("pg_cancel_backend(", 1);
    let daemon = home.serve();
    let _runaway = away.sleeper("app", "app", "SELECT pg_sleep(120)").await;
    eventually(async || gate.caught()).await;
    daemon.end("KILL");
    away.stop();
    let _daemon = home.serve();
    is_remedied(&home, &fine, 1).await;
    let of_away = |kind| home.of_kind(kind).into_iter().filter(|r| r["target"] == "away").collect::<Vec<Json>>();
    assert_eq!((of_away("intent").len(), of_away("outcome").len()), (1, 0), "it is still open");
    away.restart();
    at_last(async || of_away("outcome").len() == 1).await;
    let outcome = &of_away("outcome")[0];
    assert_eq!(outcome["run"], of_away("intent")[0]["run"]);
    assert_eq!(outcome["outcome"]["status"], "unknown", "its session went with the server: {outcome}");
    eventually(async || told(&home, "away").last().is_some_and(|w| w == "target away answers again")).await;
    is_remedied(&home, &away, 2).await;
    let (code, report, _) = home.run(&["audit", "verify"]);
    assert_eq!(code, 0, "{report}");
}
