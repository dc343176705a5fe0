//! A receiver that is down for a week, with a message every eight minutes.

use super::*;
use crate::decide::outbox::MOST_WAITING;

const WEEK: Duration = Duration::from_hours(7 * 24);

#[tokio::test(start_paused = true)]
async fn a_receiver_that_is_down_for_a_week_costs_little_and_every_message_has_its_end() {
    let log = Log::default();
    let stage = Stage::start(log, |_, at| if at < WEEK { retry(None) } else { ok() });
    let mut told = Vec::new();
    while stage.wire.began.elapsed() < WEEK {
        told.push(format!("m{}", told.len()));
        stage.log.tell(&["ops"], &told[told.len() - 1]);
        tokio::time::sleep(8 * MINUTE).await;
        assert!(stage.log.outbox().len() <= MOST_WAITING, "the queue has a bound");
    }
    let attempts = stage.seen().len();
    assert!((1_500..2_500).contains(&attempts), "{attempts} attempts in a week: one every five minutes at most");
    stage.until_empty(120 * MINUTE).await;
    let ends = stage.log.ends();
    assert_eq!(ends.len(), told.len(), "each has one end");
    let (delivered, given_up): (Vec<_>, Vec<_>) = ends.into_iter().partition(|end| end.status == "delivered");
    assert!(delivered.len() >= MOST_WAITING - 10, "{} delivered", delivered.len());
    assert!(given_up.iter().all(|lost| delivered.iter().all(|got| lost.of < got.of)), "only the oldest are given up");
    let arrived = stage.said().split_off(attempts);
    assert_eq!(arrived, told[told.len() - arrived.len()..], "in order, and each once");
    stage.log.tell(&["ops"], "after");
    stage.until_empty(MINUTE).await;
    assert_eq!(stage.said().last().map(String::as_str), Some("after"));
}
