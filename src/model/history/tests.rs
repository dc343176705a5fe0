use super::*;
use crate::model::candidate::Named;
use crate::model::record::{ActionRef, Notice, PlaybookRef};
use crate::model::{Candidate, Outcome, testing};

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn candidate() -> Candidate {
    Candidate::Pool(testing::pool())
}

fn draft(kind: RecordKind, run: &str, class: Class) -> Draft {
    Draft {
        run: Some(run.to_owned()),
        target: Some("orders".to_owned()),
        playbook: Some(PlaybookRef { name: "p".to_owned(), digest: String::new() }),
        candidate: Some(Named::from(&candidate())),
        action: Some(ActionRef {
            name: "a".to_owned(),
            class,
            arguments: serde_json::Value::Null,
            statement: String::new(),
        }),
        ..Draft::new(kind)
    }
}

fn outcome(status: OutcomeStatus) -> Draft {
    Draft { outcome: Some(Outcome::new(status, "")), ..draft(RecordKind::Outcome, "r", Class::Disruptive) }
}

fn record(time: &str, body: Draft) -> Record {
    Record { seq: 1, time: at(time), body }
}

#[test]
fn a_pause_dated_by_a_clock_that_was_set_back_holds_until_resumed() {
    let mut history = History::default();
    // The log is a day ahead of the clock that wrote the order.
    let order =
        PauseOrder { order: "pause".to_owned(), scope: Scope::default(), until: Some(at("2026-11-24T04:00:00Z")) };
    let body = Draft { evidence: serde_json::to_value(order).ok(), ..Draft::new(RecordKind::Control) };
    history.apply(&record("2026-11-25T02:00:00Z", body));
    history.apply(&record("2026-11-25T02:00:01Z", Draft::new(RecordKind::Lifecycle)));
    let pause = history.paused("orders", "p", at("2026-11-25T02:00:02Z"));
    assert_eq!(pause.map(|p| p.until), Some(None));
}

#[test]
fn a_ladder_counts_once_for_each_class() {
    let mut history = History::default();
    for class in [Class::Maintenance, Class::Disruptive, Class::Disruptive] {
        history.apply(&record("2026-11-24T02:00:00Z", draft(RecordKind::Intent, "r", class)));
    }
    let classes: Vec<Class> = history.intents.iter().map(|i| i.class).collect();
    assert_eq!(classes, [Class::Maintenance, Class::Disruptive]);
    let key = candidate().key();
    assert!(history.counted("orders", "r", &key, Class::Irreversible));
    assert!(!history.counted("orders", "other", &key, Class::Disruptive));
}

#[test]
fn what_may_have_had_an_effect_is_kept_until_it_is_verified() {
    let left = |drafts: Vec<Draft>| {
        let mut history = History::default();
        for draft in drafts {
            history.apply(&record("2026-11-24T02:00:00Z", draft));
        }
        history.unverified.len()
    };
    assert_eq!(left(vec![outcome(OutcomeStatus::Done)]), 1);
    assert_eq!(left(vec![outcome(OutcomeStatus::Gone)]), 0);
    let verified = draft(RecordKind::Verification, "r", Class::Disruptive);
    assert_eq!(left(vec![outcome(OutcomeStatus::Done), verified]), 0);
    let mut orphan = outcome(OutcomeStatus::Unknown);
    orphan.set_notice(&Notice {
        event: "unknown".to_owned(),
        incident: String::new(),
        headline: String::new(),
        lines: Vec::new(),
        severity: None,
        owner: None,
        runbook_url: None,
        labels: crate::model::Labels::new(),
    });
    assert_eq!(left(vec![orphan]), 0, "people were told of it");
}

#[test]
fn a_history_reads_back_as_it_was_written() {
    let mut history = History::default();
    history.apply(&record("2026-11-24T02:00:00Z", draft(RecordKind::Intent, "r", Class::Disruptive)));
    history.apply(&record("2026-11-24T02:00:01Z", outcome(OutcomeStatus::Done)));
    let json = serde_json::to_string(&history).unwrap();
    assert_eq!(serde_json::from_str::<History>(&json).unwrap(), history);
}

#[test]
fn what_was_refused_is_kept_until_the_runs_last_word() {
    let folded = |drafts: Vec<Draft>| {
        let mut history = History::default();
        for draft in drafts {
            history.apply(&record("2026-11-24T02:00:00Z", draft));
        }
        history.unverified.into_values().map(|left| left.refused()).collect::<Vec<_>>()
    };
    let refused = || outcome(OutcomeStatus::Refused);
    assert_eq!(folded(vec![refused()]), [true]);
    let last_word = |run: &str| Draft { candidate: None, ..draft(RecordKind::Verification, run, Class::Disruptive) };
    assert_eq!(folded(vec![refused(), last_word("r")]), [false; 0]);
    assert_eq!(folded(vec![refused(), last_word("other")]), [true], "another run's says nothing of it");
    // A rung above that was refused leaves what is below it to be verified.
    assert_eq!(folded(vec![outcome(OutcomeStatus::Failed), refused()]), [false]);
    assert_eq!(folded(vec![outcome(OutcomeStatus::Failed), refused(), last_word("r")]), [false]);
}
