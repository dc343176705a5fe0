//! Who is told, how often, and of what.

use super::*;
use crate::model::Verdict;

fn told_events(stage: &Stage) -> Vec<String> {
    stage.log.iter().filter(|d| !d.notify.is_empty()).filter_map(|d| Some(d.notice()?.event)).collect()
}

#[test]
fn a_failure_that_stays_is_told_once_and_each_success_every_time() {
    let failed = [(OutcomeStatus::Failed, false); 4];
    let mut stage = Stage::new(vec![query(7)], &failed);
    let book = playbook(CANCEL_THEN_TERMINATE);
    stage.run(&book);
    stage.now = after(stage.now, Duration::from_mins(10));
    stage.run(&book);
    assert_eq!(told_events(&stage), ["failed"], "{}", stage.told.join("\n"));

    let mut stage = Stage::new(vec![query(7)], &[(OutcomeStatus::Done, true); 2]);
    stage.run(&book);
    stage.there.push(query(8));
    stage.run(&book);
    assert_eq!(told_events(&stage), ["acted", "acted"]);
}

#[test]
fn a_repeated_query_is_told_once_however_many_sessions_repeat_it() {
    let mut stage = Stage::new(Vec::new(), &[(OutcomeStatus::Done, true); 3]);
    let book = playbook(CANCEL_THEN_TERMINATE);
    for pid in 1..=5 {
        stage.there = vec![query(pid)];
        stage.run(&book);
    }
    assert_eq!(told_events(&stage), ["acted", "acted", "acted", "held"]);
}

#[test]
fn a_later_rung_in_approve_is_held_and_told() {
    let text = CANCEL_THEN_TERMINATE.replace("terminate_backend]", "terminate_backend: {mode: approve}]");
    let mut stage = Stage::new(vec![query(7)], &[(OutcomeStatus::Failed, false)]);
    let end = stage.run(&playbook(&text));
    assert_eq!((end.acted, end.held), (1, 1));
    assert!(told_events(&stage).contains(&"held".to_owned()), "{}", stage.told.join("\n"));
}

#[test]
fn a_run_whose_candidates_are_all_stopped_does_not_say_that_it_acts() {
    let mut stage = Stage::new(vec![query(7)], &[(OutcomeStatus::Failed, false); 2]);
    let book = playbook(CANCEL_THEN_TERMINATE);
    stage.run(&book);
    stage.log.clear();
    let end = stage.run(&book);
    assert_eq!(end.verdict, Verdict::Skip);
    assert_eq!(stage.log[0].reason.as_deref(), Some("cooldown: it stopped each of 1 candidates"));
}

#[test]
fn labels_of_playbook_and_target_go_into_messages() {
    let text = format!("{CANCEL_THEN_TERMINATE}labels: {{service: shop, env: any}}\n");
    let mut stage = Stage::new(vec![query(7)], &[(OutcomeStatus::Done, true)]);
    stage.run(&playbook(&text));
    let notice = stage.log.iter().find_map(Draft::notice).unwrap();
    assert_eq!(notice.labels["service"], "shop");
    assert_eq!(notice.labels["env"], "prod", "the target's own word stands");
}
