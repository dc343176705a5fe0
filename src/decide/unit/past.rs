//! A test's `history`: what was done before, folded from the records that it would have left.

use super::names::{self, Names};
use crate::model::candidate::Named;
use crate::model::history::{PauseOrder, Scope};
use crate::model::record::{ActionRef, PlaybookRef};
use crate::model::right::Right;
use crate::model::time::{after, before};
use crate::model::{
    Backend, Candidate, Draft, Duration, History, Outcome, OutcomeStatus, Record, RecordKind, Timestamp,
};
use crate::playbook::ActionSpec;
use crate::syntax::fault::{quote, suggest};
use crate::syntax::values::keys;
use crate::syntax::{Keys, Map, Node, Reader};

pub(super) const HISTORY: Keys =
    Keys { later: &["breaker"], ..keys("a test's `history`", &["actions", "pauses", "took_over", "stands_by"]) };

pub(super) const ACTION: Keys = Keys {
    required: &["action", "ago"],
    ..keys(
        "an action of the past",
        &["candidate", "like", "action", "ago", "outcome", "times", "playbook", "target", "run"],
    )
};

pub(super) const PAUSE: Keys =
    Keys { required: &["ago"], ..keys("a pause", &["ago", "for", "by", "reason", "target", "playbook"]) };

pub(super) const HANDS: Keys = Keys { required: &["ago"], ..keys("a change of hands", &["ago", "holder"]) };

/// How an action ended; `open`: nothing is known of its end yet.
pub(super) const OUTCOMES: [(&str, Option<OutcomeStatus>); 7] = [
    ("done", Some(OutcomeStatus::Done)),
    ("gone", Some(OutcomeStatus::Gone)),
    ("refused", Some(OutcomeStatus::Refused)),
    ("failed", Some(OutcomeStatus::Failed)),
    ("timed_out", Some(OutcomeStatus::TimedOut)),
    ("unknown", Some(OutcomeStatus::Unknown)),
    ("open", None),
];

/// Most repeats of one action of the past.
pub(super) const TIMES_MAX: u32 = 1_000;
/// Most of what was done before in all tests of a file: each record is folded, and may have to be held against all
/// before it.
pub(super) const MOST_PAST: usize = 10_000;
/// So many bytes of a query weigh as much as one more action: each repetition keeps its text.
const QUERY_WEIGHT: usize = 4_096;

/// The test that the past is of.
pub(super) struct Of<'a> {
    pub target: &'a str,
    pub playbook: &'a str,
    pub at: Timestamp,
    pub candidates: &'a [Candidate],
    pub names: Names<'a>,
}

/// What is read of it, and the room that the file has left for more; none when it had too little.
struct Past<'a> {
    records: Vec<(Timestamp, Draft)>,
    room: &'a mut Option<usize>,
}

/// Reads it and folds it, as far as there is room for it.
pub(super) fn read(reader: &mut Reader, node: Option<&Node>, of: &Of, room: &mut Option<usize>) -> History {
    let mut history = History::default();
    let Some(map) = node.and_then(|node| reader.map(node, &HISTORY)) else { return history };
    let mut past = Past { records: Vec::new(), room };
    for item in map.get("actions").and_then(|node| reader.list(node, "actions")).unwrap_or_default() {
        of.action(reader, item, &mut past);
    }
    for item in map.get("pauses").and_then(|node| reader.list(node, "pauses")).unwrap_or_default() {
        of.pause(reader, item, &mut past);
    }
    past.records.sort_by_key(|(time, _)| *time);
    for (seq, (time, body)) in (1..).zip(past.records) {
        history.apply(&Record { seq, time, body });
    }
    let mut hands = |key: &str, right: &dyn Fn(String, Timestamp) -> Right| {
        if let Some((holder, at)) = map.get(key).and_then(|node| of.hands(reader, node)) {
            history.rights.insert(of.target.to_owned(), right(holder, at));
        }
    };
    hands("stands_by", &|holder, since| Right::StandsBy { holder, since });
    hands("took_over", &|from, at| Right::TookOver { from, at });
    history
}

impl Of<'_> {
    fn ago(&self, reader: &mut Reader, map: &Map) -> Option<Timestamp> {
        Some(before(self.at, map.get("ago").and_then(|node| reader.duration(node))?))
    }

    fn hands(&self, reader: &mut Reader, node: &Node) -> Option<(String, Timestamp)> {
        let map = reader.map(node, &HANDS)?;
        let holder = text(reader, &map, "holder").unwrap_or_else(|| "another pgmedic".to_owned());
        Some((holder, self.ago(reader, &map)?))
    }

    fn pause(&self, reader: &mut Reader, node: &Node, past: &mut Past) -> Option<()> {
        let map = reader.map(node, &PAUSE)?;
        let since = self.ago(reader, &map)?;
        past.take(reader, node, 1)?;
        let scope = Scope { target: text(reader, &map, "target"), playbook: text(reader, &map, "playbook") };
        let length = map.get("for").and_then(|node| reader.duration(node));
        let order = PauseOrder { order: "pause".to_owned(), scope, until: length.map(|length| after(since, length)) };
        let draft = Draft {
            actor: Some(format!("user:{}", text(reader, &map, "by").unwrap_or_else(|| "somebody".to_owned()))),
            reason: text(reader, &map, "reason"),
            // Words and a moment always serialise.
            evidence: Some(serde_json::to_value(order).unwrap_or_default()),
            ..Draft::new(RecordKind::Control)
        };
        past.records.push((since, draft));
        Some(())
    }

    fn action(&self, reader: &mut Reader, node: &Node, past: &mut Past) -> Option<()> {
        let map = reader.map(node, &ACTION)?;
        let at = self.ago(reader, &map);
        let action = map.get("action").and_then(|node| action(reader, node));
        let outcome = map.get("outcome").and_then(|node| reader.word(node, &OUTCOMES));
        let outcome = outcome.unwrap_or(Some(OutcomeStatus::Done));
        let times = map.get("times").and_then(|node| reader.count32(node, 1, TIMES_MAX)).unwrap_or(1);
        let whom = self.whom(reader, node, &map, times, past);
        let (at, action, whom) = (at?, action?, whom?);
        let or = |text: Option<String>, own: &str| text.unwrap_or_else(|| own.to_owned());
        let playbook = or(text(reader, &map, "playbook"), self.playbook);
        let (target, run) = (or(text(reader, &map, "target"), self.target), text(reader, &map, "run"));
        for (n, candidate) in (past.records.len()..).zip(whom) {
            let mut draft = Draft {
                run: Some(run.clone().unwrap_or_else(|| format!("01PAST{n}"))),
                target: Some(target.clone()),
                playbook: Some(PlaybookRef { name: playbook.clone(), digest: String::new() }),
                candidate: Some(candidate),
                action: Some(ActionRef {
                    name: action.name.to_owned(),
                    class: action.class,
                    arguments: serde_json::Value::Null,
                    statement: String::new(),
                }),
                ..Draft::new(RecordKind::Intent)
            };
            past.records.push((at, draft.clone()));
            if let Some(status) = outcome {
                draft.kind = RecordKind::Outcome;
                draft.outcome = Some(Outcome::new(status, "as the test says"));
                past.records.push((at, draft));
            }
        }
        Some(())
    }

    /// Whom an action was about: a candidate of the test, others with the same query, or others.
    fn whom(&self, reader: &mut Reader, node: &Node, map: &Map, times: u32, past: &mut Past) -> Option<Vec<Named>> {
        let the = |name: &str| self.candidates.iter().find(|candidate| names::of(candidate) == name);
        let count = usize::try_from(times).unwrap_or(usize::MAX);
        if let (Some(_), Some(like)) = (map.entry("candidate"), map.entry("like")) {
            let help = "keep one: `like` means other sessions with the same query";
            reader.error_help(like.key_span, "no-effect", "`candidate` and `like` exclude each other", help);
        }
        if let Some(node) = map.get("candidate") {
            let one = the(&names::read(reader, node, &self.names)?)?;
            past.take(reader, node, weight(one).saturating_mul(count))?;
            return Some(vec![Named::from(one); count]);
        }
        let like = match map.get("like") {
            Some(node) => Some(the(&names::read(reader, node, &self.names)?)?),
            None => None,
        };
        let Some(first) = like.or(self.candidates.first()) else {
            if self.names.faulty || !self.names.all.is_empty() {
                return None;
            }
            let help = "remove it: without candidates the past of others changes nothing";
            reader.error_help(node.span, "no-effect", "this test has no candidate", help);
            return None;
        };
        past.take(reader, node, weight(first).saturating_mul(count))?;
        let row = reader.line(node.span);
        let other = |n: u32| {
            let mut named = Named::from(first);
            named.key = format!("{} (another, {} of line {})", named.key, n + 1, row);
            if let (Candidate::Backend(backend), None) = (&named.candidate, like) {
                let fingerprint = format!("another query of {}", named.key);
                named.candidate = Candidate::Backend(Backend { fingerprint, ..backend.clone() });
            }
            named
        };
        Some((0..times).map(other).collect())
    }
}

/// What a record about a candidate takes of the room.
fn weight(candidate: &Candidate) -> usize {
    match candidate {
        Candidate::Backend(backend) => 1 + backend.query.len() / QUERY_WEIGHT,
        Candidate::Table(_) | Candidate::Pool(_) => 1,
    }
}

impl Past<'_> {
    /// Takes room; the first that has none is reported, and from then on there is none.
    fn take(&mut self, reader: &mut Reader, node: &Node, wanted: usize) -> Option<()> {
        *self.room = (*self.room)?.checked_sub(wanted);
        if self.room.is_none() {
            let message =
                format!("the `history` of this file has more than {MOST_PAST} actions and pauses of the past");
            let help = "write smaller `times`, just above the limit that is tested, or split the file";
            reader.error_help(node.span, "too-large", message, help);
        }
        self.room.map(|_| ())
    }
}

/// An action by its name.
pub(super) fn action(reader: &mut Reader, node: &Node) -> Option<&'static ActionSpec> {
    let name = reader.text_of(node, "an action")?;
    let found = crate::decide::catalogue().action(name);
    if found.is_none() {
        let there: Vec<&str> = crate::decide::catalogue().actions.iter().map(|action| action.name).collect();
        let message = format!("there is no action {}", quote(name));
        reader.error_help(node.span, "unknown-action", message, suggest(name, there));
    }
    found
}

/// A text that may be left out.
pub(super) fn text(reader: &mut Reader, map: &Map, key: &str) -> Option<String> {
    map.get(key).and_then(|node| reader.text_of(node, "a text")).map(str::to_owned)
}

/// How long after the run began.
pub(super) fn since_begin(reader: &mut Reader, node: &Node) -> Option<Duration> {
    if node.scalar() == Some("0s") { Some(Duration::ZERO) } else { reader.duration(node) }
}
