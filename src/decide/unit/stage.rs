//! A whole run on paper: every effect that it asks for is answered as the test says.

use super::{Test, names};
use crate::decide::intent::may_append;
use crate::decide::run::{Brief, Effect, End, Entry, Errand, Event, Look, Run, What};
use crate::decide::state::State;
use crate::model::record::Trigger;
use crate::model::time::{after, since};
use crate::model::{Candidate, Draft, Duration, Outcome, OutcomeStatus, Record, Timestamp};
use std::collections::{BTreeMap, VecDeque};

/// A run is given up after so many events: the looks of a day.
const MOST_EVENTS: usize = 100_000;
/// The run's ULID.
const RUN: &str = "01TEST00000000000000000000";
/// Who is told where the playbook names nobody.
const PEOPLE: &str = "people";

/// One statement that was sent.
pub(super) struct Sent {
    pub candidate: String,
    pub action: &'static str,
    /// Since the run began.
    pub after: Duration,
    pub statement: String,
    pub takes_back: bool,
}

/// What came of a run.
#[derive(Default)]
pub(super) struct Played {
    pub sent: Vec<Sent>,
    pub told: Vec<String>,
    pub end: Option<End>,
}

/// Plays a run to its end.
///
/// # Errors
/// A run that does not end, or `stop` said so.
pub(super) fn play(test: &Test, stop: &dyn Fn() -> bool) -> Result<Played, String> {
    let mut stage = Stage {
        test,
        now: test.at,
        state: State { history: test.history.clone(), ..State::default() },
        there: test.facts.candidates.clone(),
        seq: 1_000_000,
        played: Played::default(),
    };
    let mut run = Run::new(stage.brief());
    let mut events = VecDeque::from([What::Begin]);
    for _ in 0..MOST_EVENTS {
        let Some(what) = events.pop_front() else { return Ok(stage.played) };
        if stop() {
            return Err("it took too long and was stopped".to_owned());
        }
        let event = Event { at: stage.now, elapsed: since(stage.now, test.at), what };
        let (moved, effects) = crate::decide::next(&run, &event);
        run = moved;
        for effect in effects {
            events.extend(stage.answer(effect));
        }
    }
    Err(format!("the run did not end within {MOST_EVENTS} events; shorten `verify.within`"))
}

struct Stage<'a> {
    test: &'a Test,
    now: Timestamp,
    state: State,
    /// What a look shows.
    there: Vec<Candidate>,
    seq: u64,
    played: Played,
}

impl Stage<'_> {
    fn brief(&self) -> Brief {
        let test = self.test;
        Brief {
            id: RUN.to_owned(),
            target: test.facts.target.clone(),
            labels: test.facts.labels.clone(),
            playbook: test.playbook.clone(),
            policy: test.policy.clone(),
            // Of what people ask for every decision is recorded.
            trigger: Trigger { kind: "manual".to_owned(), detail: String::new(), nominal: None },
            actor: "test".to_owned(),
            lowered: test.requested,
            started: test.at,
            notify: test.playbook.notify.clone().unwrap_or_else(|| vec![PEOPLE.to_owned()]),
        }
    }

    fn answer(&mut self, effect: Effect) -> Option<What> {
        match effect {
            Effect::Find => Some(self.look(None)),
            Effect::Look(candidate) => Some(self.look(Some(&candidate))),
            Effect::Append(entries) => Some(self.append(entries)),
            Effect::Act(errand) => Some(self.act(&errand)),
            // Only of runs that a crash cut off, and these begin anew.
            Effect::Recall(_) => Some(What::Acted(Outcome::new(OutcomeStatus::Unknown, "as the test says"))),
            Effect::Rest(length) => {
                self.now = after(self.now, length);
                Some(What::Rested)
            }
            Effect::Remember { .. } => None,
            Effect::End(end) => {
                self.played.end = Some(end);
                None
            }
        }
    }

    fn look(&self, only: Option<&Candidate>) -> What {
        let mut facts = self.test.facts.clone();
        facts.looked_at = self.now;
        let wanted = |c: &&Candidate| only.is_none_or(|only| only.key() == c.key());
        facts.candidates = self.there.iter().filter(wanted).cloned().collect();
        What::Looked(Box::new(Look { facts, history: self.state.history.clone(), seen: BTreeMap::new() }))
    }

    /// As the log's one writer does.
    fn append(&mut self, entries: Vec<Entry>) -> What {
        for entry in entries {
            let draft = match entry {
                Entry::Plain(draft) => *draft,
                Entry::Intent(draft, bounds) => match may_append(&self.state.history, &draft, &bounds, self.now) {
                    Ok(()) => *draft,
                    Err(report) => return What::Forbidden(report),
                },
            };
            self.record(draft);
        }
        What::Appended(vec![self.seq])
    }

    fn record(&mut self, body: Draft) {
        let told = body.notice().filter(|_| !body.notify.is_empty());
        self.played.told.extend(told.map(|notice| notice.event));
        self.seq += 1;
        self.state.apply(&Record { seq: self.seq, time: self.now, body });
    }

    fn act(&mut self, errand: &Errand) -> What {
        let candidate = &errand.prepared.candidate;
        let (name, takes_back) = (names::of(candidate), errand.undo.is_some());
        self.played.sent.push(Sent {
            candidate: name.clone(),
            action: errand.action,
            after: since(self.now, self.test.at),
            statement: errand.prepared.deed.act.statement.clone(),
            takes_back,
        });
        let said = self.test.outcomes.iter().find(|e| e.candidate == name && e.action == errand.action);
        let (status, gone) = match said {
            // What takes a change back works, and the harm stays.
            _ if takes_back => (OutcomeStatus::Done, false),
            Some(ending) => (ending.status, ending.gone),
            None => (OutcomeStatus::Done, true),
        };
        if gone {
            self.there.retain(|other| other.key() != candidate.key());
        } else if status == OutcomeStatus::Done {
            self.set(candidate, errand.prepared.deed.after.as_ref());
        }
        What::Acted(Outcome::new(status, "as the test says"))
    }

    /// The value that was set is what the next look shows, in the field of the same name.
    fn set(&mut self, candidate: &Candidate, after: Option<&serde_json::Value>) {
        let Some(serde_json::Value::Object(after)) = after else { return };
        for other in self.there.iter_mut().filter(|other| other.key() == candidate.key()) {
            let Ok(serde_json::Value::Object(mut fields)) = serde_json::to_value(&*other) else { continue };
            fields.extend(after.clone());
            if let Ok(changed) = serde_json::from_value(serde_json::Value::Object(fields)) {
                *other = changed;
            }
        }
    }
}
