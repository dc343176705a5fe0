//! What safety rests on: a bounded value folded from the log, and nothing else.
//!
//! `History` is the same on every machine that reads the same records: it is how limits and
//! cooldowns survive a restart, and how a decision can be replayed.

mod unverified;

pub use unverified::Unverified;

use super::record::{Draft, Record, RecordKind};
use super::right::{self, Right};
use super::time::{before, since};
use super::{Class, Duration, OutcomeStatus, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;
use std::collections::BTreeMap;

/// Limits look back at most this far.
const HOUR: Duration = Duration::from_hours(1);
/// Who pauses by the file `PAUSED` in the data directory.
pub const PAUSED_FILE: &str = "the file PAUSED";
/// Longest time for which an ended candidate is remembered: the longest cooldown that lint accepts.
pub const LONGEST_COOLDOWN: Duration = Duration::from_hours(168);
/// The same thing about the same incident is said again after so long.
const TOLD_AGAIN_AFTER: Duration = Duration::from_hours(12);
/// Most candidates remembered; the oldest are forgotten first.
const MOST_CANDIDATES: usize = 50_000;
/// Most intents of maintenance remembered; those of other classes are bounded by their limits.
const MOST_MAINTENANCE: usize = 50_000;

/// The folded state.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct History {
    /// Intents of the last hour (of `same_query`'s period, if longer), oldest first.
    pub intents: Vec<PastIntent>,
    /// Intents without an outcome, by (target, candidate key).
    #[serde(with = "pairs")]
    pub open: BTreeMap<(String, String), OpenIntent>,
    /// Actions that may have had an effect, or were refused, and of which the run's last word (a verification)
    /// is not recorded yet, by target, and run with candidate key: what a crash left unverified or untold.
    /// `evidence.reverted` tells what came of taking it back.
    #[serde(default, with = "pairs", skip_serializing_if = "BTreeMap::is_empty")]
    pub unverified: BTreeMap<(String, String), Unverified>,
    /// Candidates with which a ladder ended, by (target, playbook, candidate key).
    #[serde(with = "pairs")]
    pub ended: BTreeMap<(String, String, String), Ended>,
    /// Orders to stand still, by scope.
    #[serde(with = "pairs")]
    pub pauses: BTreeMap<Scope, Pause>,
    /// What people were last told, by incident and event.
    pub told: BTreeMap<String, Told>,
    /// What was last seen of the right to act on targets that another pgmedic has or had, by target.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub rights: BTreeMap<String, Right>,
}

/// One intent, as far as limits count it. A ladder counts as one: `rung` above zero is not counted again.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PastIntent {
    /// When.
    pub at: Timestamp,
    /// Run.
    pub run: String,
    /// Target.
    pub target: String,
    /// Playbook.
    pub playbook: String,
    /// What kind of harm it could do.
    pub class: Class,
    /// Candidate key.
    pub candidate: String,
    /// Fingerprint, user and database of a backend's query.
    pub same_query: Option<String>,
}

/// An action that was announced and of whose end nothing is known yet.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct OpenIntent {
    /// Its record.
    pub seq: u64,
    /// When.
    pub at: Timestamp,
    /// The whole announcement, for recovery.
    pub draft: Draft,
}

/// The end of a ladder, or of one of its rungs, for one candidate.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ended {
    /// When.
    pub at: Timestamp,
    /// How.
    pub status: OutcomeStatus,
    /// By which action.
    pub action: String,
    /// In which run: a cooldown does not hold back the run that caused it.
    #[serde(default)]
    pub run: String,
}

/// What a pause covers; `None` is everything.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Scope {
    /// Only this target.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target: Option<String>,
    /// Only this playbook.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub playbook: Option<String>,
}

impl Scope {
    /// Whether it covers a playbook on a target.
    #[must_use]
    pub fn covers(&self, target: &str, playbook: &str) -> bool {
        self.target.as_deref().is_none_or(|t| t == target) && self.playbook.as_deref().is_none_or(|p| p == playbook)
    }
}

/// An order to stand still.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pause {
    /// Who said so.
    pub actor: String,
    /// Why.
    pub reason: String,
    /// When it began.
    pub since: Timestamp,
    /// When it ends by itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Timestamp>,
}

/// The evidence of a `control` record that pauses or resumes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PauseOrder {
    /// `pause` or `resume`.
    pub order: String,
    /// What it covers.
    #[serde(flatten)]
    pub scope: Scope,
    /// When a pause ends by itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Timestamp>,
}

/// What was last told of an incident.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Told {
    /// When.
    pub at: Timestamp,
    /// Event and headline: a message that says the same is not sent again.
    pub said: String,
}

impl History {
    /// Folds one record in. Records must come in order of `seq`.
    pub fn apply(&mut self, record: &Record) {
        let body = &record.body;
        match body.kind {
            RecordKind::Intent => self.intent(record),
            RecordKind::Outcome | RecordKind::Revert => self.outcome(record),
            RecordKind::Verification => self.verification(body),
            RecordKind::Control => self.control(record),
            RecordKind::Lifecycle => right::fold(&mut self.rights, record),
            _ => {}
        }
        if let Some(notice) = body.notice().filter(|_| !body.notify.is_empty()) {
            let said = said(&notice.event, &notice.headline);
            self.told.insert(told_key(&notice.incident, &notice.event), Told { at: record.time, said });
        }
        self.forget(record.time);
    }

    fn intent(&mut self, record: &Record) {
        let body = &record.body;
        let (Some(target), Some(candidate), Some(action)) = (&body.target, &body.candidate, &body.action) else {
            return;
        };
        let run = body.run.clone().unwrap_or_default();
        let playbook = body.playbook.as_ref().map(|p| p.name.clone()).unwrap_or_default();
        let counted = self.counted(target, &run, &candidate.key, action.class);
        if !counted {
            self.intents.push(PastIntent {
                at: record.time,
                run,
                target: target.clone(),
                playbook,
                class: action.class,
                candidate: candidate.key.clone(),
                same_query: same_query(&candidate.candidate),
            });
        }
        let open = OpenIntent { seq: record.seq, at: record.time, draft: body.clone() };
        self.open.insert((target.clone(), candidate.key.clone()), open);
    }

    fn outcome(&mut self, record: &Record) {
        let body = &record.body;
        let (Some(target), Some(candidate), Some(outcome)) = (&body.target, &body.candidate, &body.outcome) else {
            return;
        };
        let open = self.open.remove(&(target.clone(), candidate.key.clone()));
        let playbook = body.playbook.as_ref().map(|p| p.name.clone()).unwrap_or_default();
        let action = body.action.as_ref().map(|a| a.name.clone()).unwrap_or_default();
        let run = body.run.clone().unwrap_or_default();
        let key = (target.clone(), unverified_key(&run, &candidate.key));
        // An end that people were told of at once is one that nobody is left to verify.
        if body.kind == RecordKind::Outcome && outcome.status != OutcomeStatus::Gone && body.notice().is_none() {
            // What it was to set, also where it is not known to be set: taking it back compares with that.
            let after = body.after.clone().or_else(|| open.and_then(|open| open.draft.after));
            let left = Unverified { at: Some(record.time), draft: Draft { after, ..body.clone() } };
            // A rung that was refused does not make one below it undone.
            if !left.refused() || !self.unverified.contains_key(&key) {
                self.unverified.insert(key.clone(), left);
            }
        }
        if body.kind == RecordKind::Revert
            && outcome.status != OutcomeStatus::Refused
            && let Some(done) = self.unverified.get_mut(&key)
        {
            // Taken back, and not verified yet: whoever takes the run up again must not take it back once more.
            let reverted = serde_json::json!({ "reverted": outcome });
            match (&mut done.draft.evidence, reverted) {
                (Some(Json::Object(known)), Json::Object(reverted)) => known.extend(reverted),
                (evidence, reverted) => *evidence = Some(reverted),
            }
        }
        let ended = Ended { at: record.time, status: outcome.status, action, run };
        self.ended.insert((target.clone(), playbook, candidate.key.clone()), ended);
    }

    fn verification(&mut self, body: &Draft) {
        let Some(target) = &body.target else { return };
        let run = body.run.as_deref().unwrap_or_default();
        let own = body.candidate.as_ref().map(|candidate| unverified_key(run, &candidate.key));
        // The last words of a run are written together: what it was refused is told with them.
        let told = |left: &Unverified| left.refused() && left.draft.run.as_deref().unwrap_or_default() == run;
        self.unverified.retain(|(at, key), left| at != target || (own.as_ref() != Some(key) && !told(left)));
    }

    fn control(&mut self, record: &Record) {
        let evidence = record.body.evidence.clone().unwrap_or_default();
        let Ok(order) = serde_json::from_value::<PauseOrder>(evidence) else { return };
        match order.order.as_str() {
            "pause" => {
                let pause = Pause {
                    actor: record.body.actor.clone().unwrap_or_default(),
                    reason: record.body.reason.clone().unwrap_or_default(),
                    since: record.time,
                    // One that would have ended before it began was dated by a clock that was set back since
                    // the last record: it holds until somebody resumes.
                    until: order.until.filter(|until| *until > record.time),
                };
                self.pauses.insert(order.scope, pause);
            }
            "resume" => drop(self.pauses.remove(&order.scope)),
            _ => {}
        }
    }

    /// Drops what no limit or cooldown can ask for any more, so that the value stays bounded.
    fn forget(&mut self, now: Timestamp) {
        let oldest = before(now, LONGEST_COOLDOWN);
        let counted_from = before(now, HOUR * 24);
        if self.intents.first().is_some_and(|i| i.at < counted_from) {
            self.intents.retain(|i| i.at >= counted_from);
        }
        if self.intents.len() > MOST_MAINTENANCE {
            // Only runs under way ask for them.
            let cut = before(now, HOUR);
            self.intents.retain(|i| i.class != Class::Maintenance || i.at >= cut);
        }
        if self.ended.len() > MOST_CANDIDATES {
            self.ended.retain(|_, e| e.at >= oldest);
        }
        if self.ended.len() > MOST_CANDIDATES {
            let mut ages: Vec<Timestamp> = self.ended.values().map(|e| e.at).collect();
            ages.sort_unstable();
            let cut = ages[ages.len() / 2];
            self.ended.retain(|_, e| e.at >= cut);
        }
        if self.told.len() > MOST_CANDIDATES {
            let from = before(now, TOLD_AGAIN_AFTER);
            self.told.retain(|_, t| t.at >= from);
        }
        if self.told.len() > MOST_CANDIDATES {
            let mut ages: Vec<Timestamp> = self.told.values().map(|t| t.at).collect();
            ages.sort_unstable();
            let cut = ages[ages.len() / 2];
            self.told.retain(|_, t| t.at >= cut);
        }
        right::forget(&mut self.rights, now);
        self.pauses.retain(|_, p| p.until.is_none_or(|until| until > now));
    }

    /// Intents within `within` of `now` that satisfy a condition.
    pub fn count(&self, now: Timestamp, within: Duration, wanted: impl Fn(&PastIntent) -> bool) -> u32 {
        let from = before(now, within);
        let n = self.intents.iter().filter(|i| i.at > from && wanted(i)).count();
        u32::try_from(n).unwrap_or(u32::MAX)
    }

    /// The pause that covers a playbook on a target now; the widest first.
    #[must_use]
    pub fn paused(&self, target: &str, playbook: &str, now: Timestamp) -> Option<&Pause> {
        let covers = |(scope, pause): &(&Scope, &Pause)| {
            scope.covers(target, playbook) && pause.until.is_none_or(|until| until > now)
        };
        self.pauses.iter().find(covers).map(|(_, pause)| pause)
    }

    /// How the last ladder of the playbook ended for the candidate, and how long ago.
    #[must_use]
    pub fn ended(&self, target: &str, playbook: &str, candidate: &str, now: Timestamp) -> Option<(&Ended, Duration)> {
        let key = (target.to_owned(), playbook.to_owned(), candidate.to_owned());
        self.ended.get(&key).map(|e| (e, since(now, e.at)))
    }

    /// Whether an earlier rung of a run on a candidate was counted: a ladder counts as one, per class.
    #[must_use]
    pub fn counted(&self, target: &str, run: &str, candidate: &str, class: Class) -> bool {
        let maintenance = class == Class::Maintenance;
        let same = |i: &&PastIntent| i.run == run && i.candidate == candidate && i.target == target;
        self.intents.iter().filter(same).any(|i| (i.class == Class::Maintenance) == maintenance)
    }

    /// What people were last told of incidents whose name begins with `prefix`.
    #[must_use]
    pub fn told_of(&self, prefix: &str) -> BTreeMap<String, Told> {
        let from = self.told.range(prefix.to_owned()..);
        let of = from.take_while(|(incident, _)| incident.starts_with(prefix));
        of.map(|(incident, told)| (incident.clone(), told.clone())).collect()
    }

    /// Whether a message would tell anything new about its incident: something else than the last
    /// time, or the same after half a day.
    #[must_use]
    pub fn is_news(&self, incident: &str, event: &str, headline: &str, now: Timestamp) -> bool {
        let same = |t: &Told| t.said == said(event, headline) && since(now, t.at) < TOLD_AGAIN_AFTER;
        !self.told.get(&told_key(incident, event)).is_some_and(same)
    }
}

/// Two runs may have changed the same thing.
fn unverified_key(run: &str, candidate: &str) -> String {
    format!("{run} {candidate}")
}

/// One incident may be told as held and as failed: neither makes the other news again.
fn told_key(incident: &str, event: &str) -> String {
    format!("{incident} {event}")
}

fn said(event: &str, headline: &str) -> String {
    format!("{event}: {headline}")
}

/// What makes two queries the same for `same_query`: text (or id), user and database.
#[must_use]
pub fn same_query(candidate: &super::Candidate) -> Option<String> {
    match candidate {
        super::Candidate::Backend(b) => Some(format!("{} {}@{}", b.fingerprint, b.user, b.database)),
        _ => None,
    }
}

/// Maps whose keys are no strings, kept as lists of pairs in JSON.
mod pairs {
    use serde::{Deserialize, Deserializer, Serialize, Serializer};
    use std::collections::BTreeMap;

    pub fn serialize<S: Serializer, K: Serialize, V: Serialize>(map: &BTreeMap<K, V>, s: S) -> Result<S::Ok, S::Error> {
        s.collect_seq(map)
    }

    pub fn deserialize<'de, D, K, V>(d: D) -> Result<BTreeMap<K, V>, D::Error>
    where
        D: Deserializer<'de>,
        K: Deserialize<'de> + Ord,
        V: Deserialize<'de>,
    {
        Ok(Vec::<(K, V)>::deserialize(d)?.into_iter().collect())
    }
}

#[cfg(test)]
mod tests;
