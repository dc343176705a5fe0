//! A test's `expect`.

use super::names::{self, Names};
use super::past::{action, since_begin, text};
use crate::guards::REGISTRY;
use crate::model::verdict::GuardVerdict;
use crate::model::{Duration, Mode, Verdict};
use crate::syntax::fault::{quote, suggest};
use crate::syntax::values::keys;
use crate::syntax::{Keys, Map, Node, Reader};

pub(super) const EXPECT: Keys = keys(
    "`expect`",
    &[
        "runs",
        "verdict",
        "mode",
        "reason",
        "guards",
        "decisions",
        "not_listed",
        "actions",
        "told",
        "acted",
        "helped",
        "failed",
        "held",
    ],
);

pub(super) const DECISION: Keys = Keys {
    required: &["candidate", "verdict"],
    ..keys("an expected decision", &["candidate", "verdict", "mode", "reason", "guards", "action", "statement"])
};

pub(super) const GUARD: Keys =
    Keys { required: &["name", "verdict"], ..keys("an expected guard", &["name", "verdict", "detail"]) };

pub(super) const SENT: Keys = Keys {
    required: &["candidate", "action"],
    ..keys("an expected action", &["candidate", "action", "after", "statement", "takes_back"])
};

/// What guards answer; `none`: nothing.
pub(super) const ANSWERS: [(&str, Option<GuardVerdict>); 6] = [
    ("pass", Some(GuardVerdict::Pass)),
    ("stop", Some(GuardVerdict::Stop)),
    ("at_most_observe", Some(GuardVerdict::Cap(Mode::Observe))),
    ("at_most_approve", Some(GuardVerdict::Cap(Mode::Approve))),
    ("at_most_enforce", Some(GuardVerdict::Cap(Mode::Enforce))),
    ("none", None),
];

/// What people are told of.
pub(super) const EVENTS: [(&str, &str); 6] = [
    ("acted", "acted"),
    ("held", "held"),
    ("failed", "failed"),
    ("reverted", "reverted"),
    ("unknown", "unknown"),
    ("observed", "observed"),
];

/// The answer of whoever lowered the run: it is in no registry.
const REQUESTED: &str = "requested_mode";

/// What a test expects.
#[derive(Clone, Debug)]
pub(super) struct Expected {
    /// From 1.
    pub line: usize,
    /// Whether the playbook runs on the target at all.
    pub runs: bool,
    /// Of the run as a whole.
    pub run: Said,
    pub decisions: Vec<Decided>,
    /// Rows that are no candidates.
    pub not_listed: Vec<String>,
    /// What is sent, in order.
    pub actions: Option<Vec<Sent>>,
    /// The events that people are told of, in order.
    pub told: Option<Vec<&'static str>>,
    /// Numbers of candidates at the end.
    pub ends: Vec<(&'static str, u32)>,
}

impl Expected {
    /// Whether the run is played to its end.
    pub fn plays(&self) -> bool {
        self.actions.is_some() || self.told.is_some() || !self.ends.is_empty()
    }
}

/// What is expected of a decision; what is not written is not compared.
#[derive(Clone, Debug, Default)]
pub(super) struct Said {
    pub verdict: Option<Verdict>,
    pub mode: Option<Mode>,
    /// A part of it.
    pub reason: Option<String>,
    pub guards: Vec<GuardSaid>,
}

/// What is expected of a guard.
#[derive(Clone, Debug)]
pub(super) struct GuardSaid {
    pub name: String,
    /// `None`: it has nothing to say.
    pub verdict: Option<GuardVerdict>,
    /// A part of it.
    pub detail: Option<String>,
}

/// What is expected of the decision on a candidate.
#[derive(Clone, Debug)]
pub(super) struct Decided {
    /// From 1.
    pub line: usize,
    pub candidate: String,
    pub said: Said,
    pub action: Option<&'static str>,
    /// A part of it.
    pub statement: Option<String>,
}

/// An action that is expected to be sent.
#[derive(Clone, Debug)]
pub(super) struct Sent {
    pub candidate: String,
    pub action: &'static str,
    /// Since the run began.
    pub after: Option<Duration>,
    /// A part of it.
    pub statement: Option<String>,
    /// It takes an earlier one back.
    pub takes_back: bool,
}

/// Reads it. `all` are the test's rows.
pub(super) fn read(reader: &mut Reader, node: &Node, all: &Names) -> Option<Expected> {
    let map = reader.map(node, &EXPECT)?;
    let runs = map.get("runs").and_then(|node| reader.bool(node)).unwrap_or(true);
    if let Some(entry) = map.entries().iter().find(|e| e.key != "runs").filter(|_| !runs) {
        let message = format!("`{}` of a playbook that does not run is never compared", entry.key);
        reader.error_help(entry.key_span, "no-effect", message, "remove it, or `runs: false`");
    }
    if runs && map.entry("verdict").is_none() {
        let help = "add `verdict: act`, `hold`, `observe`, `skip` or `quiet`";
        reader.error_help(map.span, "missing-key", "`expect` does not say what becomes of the run", help);
    }
    let items = |reader: &mut Reader, key: &str, of: &str| match map.get(key) {
        Some(node) => reader.list(node, of).map(<[Node]>::to_vec),
        None => None,
    };
    let decisions = items(reader, "decisions", "decisions such as {candidate: 7, verdict: act}").unwrap_or_default();
    let decisions: Vec<Decided> = decisions.iter().filter_map(|node| decided(reader, node, all)).collect();
    let not_listed = items(reader, "not_listed", "candidates").unwrap_or_default();
    let actions = items(reader, "actions", "actions such as {candidate: 7, action: cancel_backend}");
    let told = items(reader, "told", "events such as `acted`");
    let mut ends = Vec::new();
    for key in ["acted", "helped", "failed", "held"] {
        let count = map.get(key).and_then(|node| reader.count32(node, 0, 10_000));
        ends.extend(count.map(|count| (key, count)));
    }
    Some(Expected {
        line: reader.line(node.span),
        runs,
        run: said(reader, &map),
        decisions,
        not_listed: not_listed.iter().filter_map(|node| names::read(reader, node, all)).collect(),
        actions: actions.map(|items| items.iter().filter_map(|node| sent(reader, node, all)).collect()),
        told: told.map(|items| items.iter().filter_map(|node| reader.word(node, &EVENTS)).collect()),
        ends,
    })
}

fn said(reader: &mut Reader, map: &Map) -> Said {
    Said {
        verdict: map.get("verdict").and_then(|node| reader.word(node, &Verdict::ALL)),
        mode: map.get("mode").and_then(|node| reader.mode(node)),
        reason: text(reader, map, "reason"),
        guards: {
            let items =
                map.get("guards").and_then(|node| reader.list(node, "guards such as {name: role, verdict: pass}"));
            items.unwrap_or_default().iter().filter_map(|node| guard(reader, node)).collect()
        },
    }
}

fn guard(reader: &mut Reader, node: &Node) -> Option<GuardSaid> {
    let map = reader.map(node, &GUARD)?;
    let written = map.get("name")?;
    let name = reader.text_of(written, "a guard's name")?.to_owned();
    let there = REGISTRY.iter().map(|guard| guard.name()).chain([REQUESTED]);
    if !there.clone().any(|known| known == name) {
        let there: Vec<&str> = there.collect();
        reader.error_help(
            written.span,
            "unknown-guard",
            format!("there is no guard {}", quote(&name)),
            suggest(&name, there),
        );
        return None;
    }
    let verdict = reader.word(map.get("verdict")?, &ANSWERS)?;
    Some(GuardSaid { name, verdict, detail: text(reader, &map, "detail") })
}

fn decided(reader: &mut Reader, node: &Node, all: &Names) -> Option<Decided> {
    let map = reader.map(node, &DECISION)?;
    Some(Decided {
        line: reader.line(node.span),
        candidate: names::read(reader, map.get("candidate")?, all)?,
        said: said(reader, &map),
        action: map.get("action").and_then(|node| action(reader, node)).map(|action| action.name),
        statement: text(reader, &map, "statement"),
    })
}

fn sent(reader: &mut Reader, node: &Node, all: &Names) -> Option<Sent> {
    let map = reader.map(node, &SENT)?;
    Some(Sent {
        candidate: names::read(reader, map.get("candidate")?, all)?,
        action: action(reader, map.get("action")?)?.name,
        after: map.get("after").and_then(|node| since_begin(reader, node)),
        statement: text(reader, &map, "statement"),
        takes_back: map.get("takes_back").and_then(|node| reader.bool(node)).unwrap_or(false),
    })
}
