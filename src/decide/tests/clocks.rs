//! The wall clock is set back while a run waits: it waits no longer for that.

use super::safety::RAISE;
use super::*;
use crate::decide::resume::{left, resume};
use crate::model::Pool;
use crate::model::testing::pool;

const HOUR: Duration = Duration::from_hours(1);

fn failing(jolt: Duration) -> Vec<String> {
    let mut stage = Stage::new(vec![query(7)], &[(OutcomeStatus::Failed, false); 2]);
    stage.jolt = jolt;
    stage.run(&playbook(CANCEL_THEN_TERMINATE));
    stage.told
}

#[test]
fn verification_ends_by_the_clock_that_nobody_sets() {
    assert_eq!(failing(HOUR), failing(Duration::ZERO));
}

#[test]
fn a_change_that_did_not_help_is_taken_back_no_later() {
    let raised = |jolt| {
        let endings = [(OutcomeStatus::Done, false), (OutcomeStatus::Done, true)];
        let mut stage = Stage::new(vec![Candidate::Pool(pool())], &endings);
        stage.facts.server.client_backends = 30;
        stage.jolt = jolt;
        let mut run = Run::new(stage.brief(playbook(RAISE)));
        let mut events = vec![What::Begin];
        for _ in 0..200 {
            if events.is_empty() {
                break;
            }
            let (moved, effects) = next(&run, &stage.event(events.remove(0)));
            run = moved;
            for effect in effects {
                let sent = matches!(effect, Effect::Act(_));
                events.extend(stage.answer(effect, &run));
                if sent {
                    let raised = Pool { default_pool_size: 8, pool_size: 8, pools_total: 8, ..pool() };
                    stage.there = vec![Candidate::Pool(raised)];
                }
            }
        }
        stage.told
    };
    let told = raised(HOUR);
    assert_eq!(told, raised(Duration::ZERO));
    assert_eq!(told.iter().filter(|line| line.starts_with("SEND")).count(), 2, "{told:#?}");
}

#[test]
fn a_target_that_stays_away_is_given_up_no_later() {
    let mut stage = Stage::new(vec![query(7)], &[]);
    let book = playbook(CANCEL_THEN_TERMINATE);
    stage.killed_before(&book, "act", 1);
    stage.jolt = HOUR;
    let looks = stage.resumed_while_away(&book);
    assert!(looks < 20, "{looks} looks");
}

#[test]
fn a_statement_is_looked_for_no_longer_than_it_may_run() {
    let mut stage = Stage::new(vec![query(7)], &[]);
    let book = playbook(CANCEL_THEN_TERMINATE);
    stage.killed_before(&book, "act", 1);
    // Its announcement lies a day ahead of the clock by now.
    stage.set_back(24 * HOUR);
    let left = left(&stage.state.history).pop_first().expect("the intent is left").1;
    let brief = Brief { id: "01RUN0".to_owned(), ..stage.brief(book) };
    let give_up = stage.elapsed() + HOUR;
    let run = resume(brief, &stage.state.history, &left, give_up).expect("the playbook is the same");
    let run = next(&run, &stage.event(What::Begin)).0;
    let (_, effects) = next(&run, &stage.event(stage.look(None)));
    let [Effect::Recall(recall)] = &effects[..] else { panic!("{effects:?}") };
    let deed = &recall.prepared.deed.act;
    let within = deed.confirm.as_ref().expect("a look").within;
    assert_eq!(recall.patience, deed.deadline + within);
}

#[test]
fn a_look_does_not_grow_young_by_a_clock_that_is_set_back() {
    let mut stage = Stage::new(vec![query(7)], &[]);
    let mut run = Run::new(stage.brief(playbook(CANCEL_THEN_TERMINATE)));
    for what in [What::Begin, stage.look(None), What::Appended(vec![1]), stage.look(None)] {
        run = next(&run, &stage.event(what)).0;
    }
    stage.now = after(stage.now, Duration::from_secs(61));
    stage.set_back(Duration::from_secs(61));
    let (_, effects) = next(&run, &stage.event(What::Appended(vec![2])));
    assert!(!effects.iter().any(|e| matches!(e, Effect::Act(_))), "{effects:?}");
}
