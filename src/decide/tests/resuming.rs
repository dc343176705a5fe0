//! What the next start makes of a run that a crash cut off, one boundary at a time.

use super::safety::RAISE;
use super::*;
use crate::decide::resume::{left, resume};
use crate::model::Pool;
use crate::model::testing::pool;

impl Stage {
    /// Runs until the first effect of that name (the nth of its kind), which a kill swallows before it is done.
    pub(super) fn killed_before(&mut self, book: &Arc<Playbook>, name: &str, nth: usize) {
        let (run, mut met) = (Run::new(self.brief(book.clone())), 0);
        let killed = self.killed_when(run, |effect| {
            met += usize::from(word(effect) == name);
            met == nth
        });
        assert!(killed, "there is no {name} number {nth}");
        self.told.push(format!("KILL before {name}"));
    }

    /// Runs until an effect that a kill swallows; whether there was one.
    fn killed_when(&mut self, mut run: Run, mut swallows: impl FnMut(&Effect) -> bool) -> bool {
        let mut events = vec![What::Begin];
        while !events.is_empty() {
            let (moved, effects) = next(&run, &self.event(events.remove(0)));
            run = moved;
            for effect in effects {
                if swallows(&effect) {
                    return true;
                }
                events.extend(self.answer(effect, &run));
            }
        }
        false
    }

    pub(super) fn resumed(&mut self, book: &Arc<Playbook>) -> End {
        let left = left(&self.state.history).pop_first().expect("something was left").1;
        let give_up = self.elapsed() + Duration::from_mins(15);
        let brief = Brief { id: "01RUN0".to_owned(), ..self.brief(book.clone()) };
        let run = resume(brief, &self.state.history, &left, give_up).expect("the playbook is the same");
        let end = self.live(run);
        assert!(self.state.history.open.is_empty() && self.state.history.unverified.is_empty());
        end
    }

    /// Takes up what is left while the target does not answer, until it is given up after five seconds; how often
    /// it was looked at, a hundred times at most.
    pub(super) fn resumed_while_away(&mut self, book: &Arc<Playbook>) -> usize {
        let left = left(&self.state.history).pop_first().expect("the intent is left").1;
        let give_up = self.elapsed() + Duration::from_secs(5);
        let brief = Brief { id: "01RUN0".to_owned(), ..self.brief(book.clone()) };
        let mut run = resume(brief, &self.state.history, &left, give_up).expect("the playbook is the same");
        let (mut events, mut looks) = (vec![What::Begin], 0);
        while let Some(what) = events.pop().filter(|_| looks < 100) {
            let (moved, effects) = next(&run, &self.event(what));
            run = moved;
            for effect in effects {
                events.extend(match effect {
                    Effect::Look(_) => {
                        looks += 1;
                        vec![What::Blind { reason: "connection refused".to_owned(), seen: BTreeMap::new() }]
                    }
                    effect => self.answer(effect, &run),
                });
            }
        }
        looks
    }
}

fn word(effect: &Effect) -> &'static str {
    match effect {
        Effect::Append(entries) => match entries.first() {
            Some(Entry::Intent(..)) => "intent",
            Some(Entry::Plain(draft)) => draft.kind.word(),
            None => "nothing",
        },
        Effect::Act(_) => "act",
        Effect::Look(_) => "look",
        Effect::Rest(_) => "rest",
        _ => "other",
    }
}

#[test]
fn an_announced_statement_is_looked_up_and_looked_after_and_never_sent_again() {
    let book = playbook(CANCEL_THEN_TERMINATE);
    let mut stage = Stage::new(vec![query(7)], &[]);
    stage.killed_before(&book, "act", 1);
    stage.recalled = Outcome::new(OutcomeStatus::Refused, "the query is still there");
    stage.resumed(&book);
    insta::assert_snapshot!(stage.told.join("\n"));
}

#[test]
fn an_end_that_was_not_recorded_is_found_and_verified() {
    let book = playbook(CANCEL_THEN_TERMINATE);
    let mut stage = Stage::new(vec![query(7)], &[(OutcomeStatus::Done, true)]);
    stage.killed_before(&book, "outcome", 1);
    let end = stage.resumed(&book);
    insta::assert_snapshot!(stage.told.join("\n"));
    assert_eq!((end.acted, end.helped), (1, 1));
}

#[test]
fn a_change_that_nobody_looked_after_is_taken_back_when_it_did_not_help() {
    let book = playbook(RAISE);
    let mut stage =
        Stage::new(vec![Candidate::Pool(pool())], &[(OutcomeStatus::Done, false), (OutcomeStatus::Done, true)]);
    stage.facts.server.client_backends = 30;
    // The look before the step is the first.
    stage.killed_before(&book, "look", 2);
    stage.there = vec![Candidate::Pool(Pool { default_pool_size: 8, pool_size: 8, pools_total: 8, ..pool() })];
    stage.resumed(&book);
    insta::assert_snapshot!(stage.told.join("\n"));
}

#[test]
fn taking_back_that_was_cut_off_is_done_once() {
    let book = playbook(RAISE);
    for (recalled, sent) in [(OutcomeStatus::Done, 1), (OutcomeStatus::Refused, 2), (OutcomeStatus::Unknown, 1)] {
        let raised = Candidate::Pool(Pool { default_pool_size: 8, pool_size: 8, pools_total: 8, ..pool() });
        let endings = [(OutcomeStatus::Done, false), (OutcomeStatus::Done, true)];
        let mut stage = Stage::new(vec![Candidate::Pool(pool())], &endings);
        stage.facts.server.client_backends = 30;
        stage.killed_before(&book, "look", 2);
        stage.there = vec![raised];
        let give_up = stage.elapsed() + Duration::from_mins(15);
        let brief = Brief { id: "01RUN0".to_owned(), ..stage.brief(book.clone()) };
        let left = left(&stage.state.history).pop_first().expect("the raise is left").1;
        let run = resume(brief, &stage.state.history, &left, give_up).expect("the playbook is the same");
        // Killed again, between the announcement of taking back and its statement.
        assert!(stage.killed_when(run, |effect| matches!(effect, Effect::Act(_))));
        stage.recalled = Outcome::new(recalled, "as recalled");
        stage.resumed(&book);
        let statements = stage.told.iter().filter(|line| line.starts_with("SEND")).count();
        assert_eq!(statements, sent, "{}", stage.told.join("\n"));
    }
}

#[test]
fn a_change_is_not_taken_back_where_nothing_may_be_done_any_more() {
    let book = playbook(RAISE);
    let mut stage = Stage::new(vec![Candidate::Pool(pool())], &[(OutcomeStatus::Done, false)]);
    stage.facts.server.client_backends = 30;
    stage.killed_before(&book, "look", 2);
    stage.there = vec![Candidate::Pool(Pool { default_pool_size: 8, pool_size: 8, ..pool() })];
    let left = left(&stage.state.history).pop_first().expect("the raise is left").1;
    let mut policy = fixture::policy();
    policy.target_mode = Mode::Observe;
    let brief = Brief { id: "01RUN0".to_owned(), policy: Arc::new(policy), ..stage.brief(book.clone()) };
    let run = resume(brief, &stage.state.history, &left, stage.elapsed()).expect("the playbook is the same");
    stage.live(run);
    let last = stage.log.last().and_then(|d| d.outcome.clone()).map(|o| o.detail);
    insta::assert_snapshot!(last.unwrap_or_default());
}

#[test]
fn a_target_that_stays_away_leaves_it_unknown_and_people_are_told() {
    let book = playbook(CANCEL_THEN_TERMINATE);
    let mut stage = Stage::new(vec![query(7)], &[]);
    stage.killed_before(&book, "act", 1);
    let looks = stage.resumed_while_away(&book);
    assert!(looks < 20, "{looks} looks");
    let notice = stage.log.last().and_then(Draft::notice).expect("people are told");
    assert_eq!(notice.event, "unknown");
    insta::assert_snapshot!(notice.lines.join("\n"));
}

#[test]
fn a_playbook_that_lost_the_step_is_not_taken_up() {
    let mut stage = Stage::new(vec![query(7)], &[]);
    stage.killed_before(&playbook(CANCEL_THEN_TERMINATE), "act", 1);
    let left = left(&stage.state.history).pop_first().expect("the intent is left").1;
    let other = playbook(
        &CANCEL_THEN_TERMINATE.replace("[cancel_backend, wait: 30s, terminate_backend]", "[terminate_backend]"),
    );
    assert!(resume(stage.brief(other), &stage.state.history, &left, stage.elapsed()).is_none());
}

#[test]
fn what_was_taken_back_before_the_kill_is_not_taken_back_again() {
    let book = playbook(RAISE);
    let raised = Candidate::Pool(Pool { default_pool_size: 8, pool_size: 8, pools_total: 8, ..pool() });
    let endings = [(OutcomeStatus::Done, false), (OutcomeStatus::Done, false)];
    let mut stage = Stage::new(vec![Candidate::Pool(pool())], &endings);
    stage.facts.server.client_backends = 30;
    stage.killed_before(&book, "look", 2);
    stage.there = vec![raised];
    let give_up = stage.elapsed() + Duration::from_mins(15);
    let brief = Brief { id: "01RUN0".to_owned(), ..stage.brief(book.clone()) };
    let left = left(&stage.state.history).pop_first().expect("the raise is left").1;
    let run = resume(brief, &stage.state.history, &left, give_up).expect("the playbook is the same");
    assert!(stage.killed_when(run, |effect| word(effect) == "verification"));
    // Somebody has set the same size by hand since: that is his.
    stage.resumed(&book);
    let statements = stage.told.iter().filter(|line| line.starts_with("SEND")).count();
    assert_eq!(statements, 2, "one change, and taking it back: {}", stage.told.join("\n"));
    let last = stage.log.last().expect("a verification");
    assert_eq!(last.notice().expect("people are told").event, "reverted");
    let detail = last.outcome.as_ref().map(|o| o.detail.as_str());
    assert_eq!(detail, Some("it did not help; taking it back: as staged"));
}

#[test]
fn a_playbook_that_was_lowered_since_takes_nothing_back() {
    let book = playbook(RAISE);
    let mut stage = Stage::new(vec![Candidate::Pool(pool())], &[(OutcomeStatus::Done, false)]);
    stage.facts.server.client_backends = 30;
    stage.killed_before(&book, "look", 2);
    stage.there = vec![Candidate::Pool(Pool { default_pool_size: 8, pool_size: 8, ..pool() })];
    let left = left(&stage.state.history).pop_first().expect("the raise is left").1;
    let brief = Brief { id: "01RUN0".to_owned(), lowered: Some(Mode::Observe), ..stage.brief(book) };
    let run = resume(brief, &stage.state.history, &left, stage.elapsed()).expect("the playbook is the same");
    stage.live(run);
    assert_eq!(stage.told.iter().filter(|line| line.starts_with("SEND")).count(), 1, "{:?}", stage.told);
}

#[test]
fn a_second_begin_does_not_look_twice_at_once() {
    let book = playbook(CANCEL_THEN_TERMINATE);
    let mut stage = Stage::new(vec![query(7)], &[]);
    stage.killed_before(&book, "act", 1);
    let left = left(&stage.state.history).pop_first().expect("the intent is left").1;
    let brief = Brief { id: "01RUN0".to_owned(), ..stage.brief(book) };
    let give_up = stage.elapsed() + Duration::from_mins(15);
    let mut run = resume(brief, &stage.state.history, &left, give_up).expect("the playbook is the same");
    let down = What::Blind { reason: "down".to_owned(), seen: BTreeMap::new() };
    for what in [What::Begin, down] {
        run = next(&run, &stage.event(what)).0;
    }
    let (_, effects) = next(&run, &stage.event(What::Begin));
    assert!(effects.is_empty(), "it rests: {effects:?}");
}
