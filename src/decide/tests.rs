//! Whole runs against a stage that answers every effect, written down as people would tell them.

use super::run::{Brief, Effect, End, Entry, Event, Look, Run, What};
use super::{next, state::State};
use crate::guards::fixture::{self, at};
use crate::model::record::{Record, Trigger};
use crate::model::time::{after, before, since};
use crate::model::{Candidate, Draft, Duration, Facts, Mode, Outcome, OutcomeStatus, Timestamp};
use crate::playbook::{self, Playbook};
use std::cell::Cell;
use std::collections::BTreeMap;
use std::sync::Arc;

mod chaos;
mod clocks;
mod elsewhere;
mod resuming;
mod safety;
mod telling;

const CANCEL_THEN_TERMINATE: &str = r"
version: 1
name: end-long-queries
about: Ends what runs too long.
mode: enforce
targets: all
find: long_queries
do: [cancel_backend, wait: 30s, terminate_backend]
verify: {within: 10s}
";

/// Answers every effect: the log appends, the target shows what is there, statements do as told.
struct Stage {
    now: Timestamp,
    state: State,
    log: Vec<Draft>,
    there: Vec<Candidate>,
    facts: Facts,
    seen: BTreeMap<String, String>,
    /// What each action in turn ends as, and whether its candidate is gone then.
    endings: Vec<(OutcomeStatus, bool)>,
    told: Vec<String>,
    /// Told to stop at this effect.
    stop_at: Option<&'static str>,
    unwritable: bool,
    /// What a look at a statement of which only the announcement is left shows.
    recalled: Outcome,
    /// How far the wall clock was set back.
    set_back: Duration,
    /// How far it is set back at every rest.
    jolt: Duration,
    /// For so many looks the logins of the poolers cannot be read.
    unreadable_logins: Cell<u32>,
}

impl Stage {
    fn new(there: Vec<Candidate>, endings: &[(OutcomeStatus, bool)]) -> Stage {
        Stage {
            now: at("2026-11-24T02:00:00Z"),
            state: State::default(),
            log: Vec::new(),
            there,
            facts: fixture::facts(),
            seen: BTreeMap::new(),
            endings: endings.to_vec(),
            told: Vec::new(),
            stop_at: None,
            unwritable: false,
            recalled: Outcome::new(OutcomeStatus::Unknown, "as staged"),
            set_back: Duration::ZERO,
            jolt: Duration::ZERO,
            unreadable_logins: Cell::new(0),
        }
    }

    /// By the clock that nobody sets.
    fn elapsed(&self) -> Duration {
        since(after(self.now, self.set_back), at("2026-11-24T00:00:00Z"))
    }

    /// Sets the wall clock back.
    fn set_back(&mut self, by: Duration) {
        self.set_back += by;
        self.now = before(self.now, by);
    }

    fn event(&self, what: What) -> Event {
        Event { at: self.now, elapsed: self.elapsed(), what }
    }

    fn run(&mut self, playbook: &Arc<Playbook>) -> End {
        self.live(Run::new(self.brief(playbook.clone())))
    }

    fn live(&mut self, mut run: Run) -> End {
        let mut events = vec![What::Begin];
        let mut end = None;
        for _ in 0..2_000 {
            if events.is_empty() {
                break;
            }
            let event = self.event(events.remove(0));
            let (moved, effects) = next(&run, &event);
            run = moved;
            for effect in effects {
                match effect {
                    Effect::End(e) => end = Some(e),
                    effect => events.extend(self.answer(effect, &run)),
                }
            }
        }
        end.expect("the run ended")
    }

    fn brief(&self, playbook: Arc<Playbook>) -> Brief {
        Brief {
            id: format!("01RUN{}", self.log.len()),
            target: self.facts.target.clone(),
            labels: self.facts.labels.clone(),
            playbook,
            policy: Arc::new(fixture::policy()),
            trigger: Trigger { kind: "every".into(), detail: "30s".into(), nominal: None },
            actor: "daemon".into(),
            lowered: None,
            started: self.now,
            notify: vec!["slack".into()],
        }
    }

    fn answer(&mut self, effect: Effect, run: &Run) -> Vec<What> {
        let (name, what) = match effect {
            Effect::Find => ("find", Some(self.look(None))),
            Effect::Look(candidate) => ("look", Some(self.look(Some(&candidate)))),
            Effect::Append(entries) => ("append", Some(self.append(entries))),
            Effect::Act(errand) => ("act", Some(self.act(&errand.prepared.candidate, errand.action))),
            Effect::Recall(recall) => {
                self.told.push(format!("RECALL {}", recall.action));
                ("recall", Some(What::Acted(self.recalled.clone())))
            }
            Effect::Rest(length) => {
                self.now = after(self.now, length);
                self.set_back(self.jolt);
                self.told.push(format!("rest {}", crate::model::time::in_words(length)));
                ("rest", Some(What::Rested))
            }
            Effect::Remember { seen, .. } => {
                self.seen = seen;
                ("remember", None)
            }
            Effect::End(_) => ("end", None),
        };
        let _ = run;
        let stop = (self.stop_at == Some(name)).then(|| What::Stop("told to".into()));
        stop.into_iter().chain(what).collect()
    }

    fn look(&self, only: Option<&Candidate>) -> What {
        let mut facts = self.facts.clone();
        facts.looked_at = self.now;
        if let Some(left) = self.unreadable_logins.get().checked_sub(1) {
            self.unreadable_logins.set(left);
            facts.server.poolers.clear();
        }
        let wanted = |c: &&Candidate| only.is_none_or(|o| o.key() == c.key());
        facts.candidates = self.there.iter().filter(wanted).cloned().collect();
        What::Looked(Box::new(Look { facts, history: self.state.history.clone(), seen: self.seen.clone() }))
    }

    fn append(&mut self, entries: Vec<Entry>) -> What {
        if self.unwritable {
            return What::Unwritable("no space left on device".into());
        }
        for entry in entries {
            let draft = match entry {
                Entry::Plain(draft) => *draft,
                Entry::Intent(draft, bounds) => {
                    match super::intent::may_append(&self.state.history, &draft, &bounds, self.now) {
                        Ok(()) => *draft,
                        Err(report) => return What::Forbidden(report),
                    }
                }
            };
            self.told.push(told(&draft));
            self.log.push(draft.clone());
            self.state.apply(&Record { seq: self.log.len() as u64, time: self.now, body: draft });
        }
        What::Appended(vec![self.log.len() as u64])
    }

    fn act(&mut self, candidate: &Candidate, action: &str) -> What {
        let announced = self.log.last().is_some_and(|d| d.kind == crate::model::RecordKind::Intent);
        assert!(announced, "nothing is sent before its intent is on disk");
        let (status, gone) = self.endings.remove(0);
        if gone {
            self.there.retain(|c| c.key() != candidate.key());
        }
        self.told.push(format!("SEND {action}"));
        What::Acted(Outcome::new(status, "as staged"))
    }
}

fn told(draft: &Draft) -> String {
    let mut words = vec![draft.kind.word().to_owned()];
    words.extend(draft.verdict.map(|v| v.word().to_owned()));
    words.extend(draft.action.as_ref().map(|a| a.name.clone()));
    words.extend(draft.outcome.as_ref().map(|o| o.status.word().to_owned()));
    words.extend(draft.candidate.as_ref().map(|c| c.key.clone()));
    let skipped = draft.verdict == Some(crate::model::Verdict::Skip);
    words.extend(draft.reason.clone().filter(|_| skipped));
    words.extend(draft.notice().map(|n| format!("[{}] {}", n.event, n.headline)));
    words.join(" ")
}

fn playbook(text: &str) -> Arc<Playbook> {
    let (playbook, faults) = playbook::read("test.yaml", text, &super::catalogue());
    Arc::new(playbook.unwrap_or_else(|| panic!("{faults:?}")))
}

fn query(pid: i32) -> Candidate {
    Candidate::Backend(crate::model::Backend { pid, ..fixture::backend() })
}

#[test]
fn a_cancel_that_works_ends_the_ladder() {
    let mut stage = Stage::new(vec![query(7)], &[(OutcomeStatus::Done, true)]);
    let end = stage.run(&playbook(CANCEL_THEN_TERMINATE));
    insta::assert_snapshot!(stage.told.join("\n"));
    assert_eq!((end.acted, end.helped, end.failed), (1, 1, 0));
}

#[test]
fn a_cancel_that_does_not_work_is_followed_by_terminate_after_the_wait() {
    let mut stage = Stage::new(vec![query(7)], &[(OutcomeStatus::Failed, false), (OutcomeStatus::Done, true)]);
    let end = stage.run(&playbook(CANCEL_THEN_TERMINATE));
    insta::assert_snapshot!(stage.told.join("\n"));
    assert_eq!((end.acted, end.helped), (1, 1));
}

#[test]
fn what_ended_by_itself_is_never_hit() {
    let mut stage = Stage::new(vec![query(7)], &[]);
    stage.there.clear();
    let end = stage.run(&playbook(CANCEL_THEN_TERMINATE));
    assert_eq!((end.acted, stage.log.len()), (0, 0), "an empty look leaves no record");
}

#[test]
fn harm_that_stays_is_failed_and_told() {
    let endings = [(OutcomeStatus::Failed, false), (OutcomeStatus::Failed, false)];
    let mut stage = Stage::new(vec![query(7)], &endings);
    let end = stage.run(&playbook(CANCEL_THEN_TERMINATE));
    assert_eq!((end.acted, end.helped, end.failed), (1, 0, 1));
    let notice = stage.log.last().unwrap().notice().unwrap();
    assert_eq!(notice.event, "failed");
}

#[test]
fn an_observing_run_records_once_and_is_quiet_after() {
    let text = CANCEL_THEN_TERMINATE.replace("mode: enforce", "mode: observe");
    let mut stage = Stage::new(vec![query(7)], &[]);
    stage.run(&playbook(&text));
    let once = stage.told.clone();
    insta::assert_snapshot!(once.join("\n"));
    stage.run(&playbook(&text));
    assert_eq!(stage.told, once, "the second run says nothing new");
    stage.there.push(query(8));
    stage.run(&playbook(&text));
    assert!(stage.told.len() > once.len(), "a new candidate is news");
}

#[test]
fn limits_hold_within_a_run_and_the_rest_is_refused_by_name() {
    let there: Vec<Candidate> = (1..=9).map(query).collect();
    let mut stage = Stage::new(there, &[(OutcomeStatus::Done, true); 9]);
    stage.facts.server.client_backends = 1_000;
    let end = stage.run(&playbook(CANCEL_THEN_TERMINATE));
    assert_eq!(end.acted, 3, "three repeats of one query, then a person must look: {}", stage.told.join("\n"));
    assert!(stage.told.iter().any(|line| line.contains("skip") && line.contains("same_query")));
}

#[test]
fn a_stop_before_the_statement_sends_nothing() {
    let mut stage = Stage::new(vec![query(7)], &[(OutcomeStatus::Done, true)]);
    stage.stop_at = Some("look");
    let end = stage.run(&playbook(CANCEL_THEN_TERMINATE));
    assert_eq!(end.acted, 0);
    assert!(!stage.told.iter().any(|line| line.starts_with("SEND")), "{:?}", stage.told);
}

#[test]
fn a_stop_while_acting_still_records_what_came_of_it() {
    let mut stage = Stage::new(vec![query(7)], &[(OutcomeStatus::TimedOut, false)]);
    stage.stop_at = Some("act");
    stage.run(&playbook(CANCEL_THEN_TERMINATE));
    assert!(stage.told.iter().any(|line| line.starts_with("outcome cancel_backend timed_out")), "{:?}", stage.told);
    assert!(stage.state.history.open.is_empty(), "no intent stays open");
}

#[test]
fn a_log_that_cannot_be_written_means_that_nothing_is_done() {
    let mut stage = Stage::new(vec![query(7)], &[]);
    stage.unwritable = true;
    let end = stage.run(&playbook(CANCEL_THEN_TERMINATE));
    assert_eq!(end.acted, 0);
    assert!(end.summary.starts_with("audit:"), "{}", end.summary);
}

#[test]
fn a_stale_look_is_not_acted_on() {
    let playbook = playbook(CANCEL_THEN_TERMINATE);
    let mut stage = Stage::new(vec![query(7)], &[]);
    let mut run = Run::new(stage.brief(playbook));
    let mut effects = Vec::new();
    for what in [What::Begin, stage.look(None), What::Appended(vec![1]), stage.look(None)] {
        (run, effects) = next(&run, &stage.event(what));
    }
    assert!(matches!(&effects[..], [Effect::Append(entries)] if matches!(entries[0], Entry::Intent(..))));
    stage.now = after(stage.now, Duration::from_secs(61));
    let (_, effects) = next(&run, &stage.event(What::Appended(vec![2])));
    let recorded = matches!(&effects[..], [Effect::Append(entries)]
        if matches!(&entries[0], Entry::Plain(d) if d.outcome.as_ref().is_some_and(|o| o.status == OutcomeStatus::Refused)));
    assert!(recorded, "{effects:?}");
}

#[test]
fn whoever_asks_can_only_lower_the_mode() {
    let mut stage = Stage::new(vec![query(7)], &[]);
    let book = playbook(CANCEL_THEN_TERMINATE);
    let mut brief = stage.brief(book);
    brief.lowered = Some(Mode::Observe);
    let mut run = Run::new(brief);
    for what in [What::Begin, stage.look(None)] {
        run = next(&run, &stage.event(what)).0;
    }
    assert!(run.climbers.is_empty());
    stage.there.clear();
}
