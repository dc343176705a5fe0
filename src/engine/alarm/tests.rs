//! Which words are told when, of a log that is ill and well in turn.

use super::news::{Alarm, News};
use crate::audit::Status;
use crate::model::Duration;
use tokio_util::sync::CancellationToken;

fn ill(why: &str) -> Status {
    Status { trouble: Some(why.to_owned()), ..Status::default() }
}

fn damaged() -> Status {
    Status { damaged: true, ..ill("the audit log is damaged: segment 1, line 7") }
}

/// What is told at that second, in short.
fn told(alarm: &mut Alarm, status: &Status, second: u64) -> Vec<String> {
    let short = |news: News| match news {
        News::Unwritable { why, .. } => why,
        News::Written { lasted, told, damaged } => format!("{}s told={told} damaged={damaged}", lasted.as_secs()),
        News::Damaged(what) => what,
    };
    alarm.see(status, Duration::from_secs(second)).into_iter().map(short).collect()
}

fn none() -> Vec<String> {
    Vec::new()
}

#[test]
fn a_disk_that_stays_full_the_second_time_is_told_again_and_so_is_its_end() {
    let (mut alarm, full, well) = (Alarm::new(CancellationToken::new()), ill("full"), Status::default());
    assert_eq!(told(&mut alarm, &full, 0), ["full"]);
    assert_eq!(alarm.due(), None, "people know");
    assert_eq!(told(&mut alarm, &well, 60), ["60s told=true damaged=false"]);
    assert_eq!(told(&mut alarm, &full, 120), none(), "it was told a short time ago");
    assert_eq!(alarm.due(), Some(Duration::from_mins(10)));
    assert_eq!(told(&mut alarm, &full, 599), none());
    assert_eq!(told(&mut alarm, &full, 600), ["full"]);
    assert_eq!(alarm.due(), None);
    assert_eq!(told(&mut alarm, &full, 1_200), none(), "one trouble is told once");
    assert_eq!(told(&mut alarm, &well, 1_320), ["1200s told=true damaged=false"]);
}

#[test]
fn a_disk_that_is_full_in_turns_is_recorded_and_wakes_nobody_again() {
    let (mut alarm, full, well) = (Alarm::new(CancellationToken::new()), ill("full"), Status::default());
    told(&mut alarm, &full, 0);
    told(&mut alarm, &well, 1);
    for second in (10..600).step_by(10) {
        assert_eq!(told(&mut alarm, &full, second), none());
        assert_eq!(told(&mut alarm, &well, second + 3), ["3s told=false damaged=false"]);
        assert_eq!(alarm.due(), None);
    }
    assert_eq!(told(&mut alarm, &ill("fdatasync failed"), 599), ["fdatasync failed"], "another reason is news");
}

#[test]
fn what_is_over_is_no_longer_told() {
    let stop = CancellationToken::new();
    let mut alarm = Alarm::new(stop.clone());
    let mut cry = |why: &str, second| {
        let news = alarm.see(&ill(why), Duration::from_secs(second)).pop();
        let Some(News::Unwritable { over, .. }) = news else { panic!("{news:?}") };
        over
    };
    let (full, failed) = (cry("full", 0), cry("fdatasync failed", 5));
    assert!(full.is_cancelled() && !failed.is_cancelled(), "of two reasons the later one is told");
    // Gone on with: a receiver that was down hears the end from the outbox, and nothing that is older.
    alarm.see(&damaged(), Duration::from_secs(30));
    assert!(failed.is_cancelled());
    let again = alarm.see(&ill("full"), Duration::from_mins(15)).pop();
    let Some(News::Unwritable { over, .. }) = again else { panic!("{again:?}") };
    assert!(!over.is_cancelled(), "the next trouble is its own");
    stop.cancel();
    assert!(over.is_cancelled());
}

#[test]
fn damage_is_told_by_its_own_name_and_once() {
    let mut alarm = Alarm::new(CancellationToken::new());
    assert_eq!(told(&mut alarm, &damaged(), 0), ["the audit log is damaged: segment 1, line 7"]);
    assert_eq!(told(&mut alarm, &damaged(), 1_000), none());
    assert_eq!(told(&mut alarm, &ill("full"), 1_001), ["full"]);
    assert_eq!(told(&mut alarm, &damaged(), 1_011), ["10s told=true damaged=true"]);
}

#[test]
fn each_kind_of_trouble_has_its_own_headline() {
    let said = [super::unwritable("full"), super::written(Duration::from_secs(90), false), super::damage("damaged: x")];
    let all = said.into_iter().chain([super::written(Duration::from_secs(90), true)]);
    let all: Vec<String> = all.map(|notice| format!("{}\n{}", notice.headline, notice.lines.join("\n"))).collect();
    insta::assert_snapshot!(all.join("\n\n"), @"
    pgmedic acts on nothing: its audit log cannot be written
    full
    Looking goes on, acting does not: pgmedic acts on nothing that it cannot record first.

    pgmedic goes on: its audit log can be written again
    Actions are possible again. For 1m 30s they were not.

    pgmedic acts on nothing: its audit log is damaged
    damaged: x
    Looking and recording go on, acting does not, until a person has looked at it: pgmedic audit verify

    pgmedic records again and acts on nothing: its audit log is damaged
    Recording goes on. For 1m 30s it did not.
    Acting does not: what was written before is damaged.
    ");
}
