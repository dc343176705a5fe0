//! Reads a file of playbook tests and says all that is wrong with it.

use super::names::Names;
use super::past::{self, OUTCOMES};
use super::rows::Rows;
use super::target;
use super::{Ending, Test, expect, names, rows, series, server};
use crate::config::{Config, POLICY_KEYS, Policy, QueryText, policy_over};
use crate::finders::{self, Ask, Found};
use crate::model::{Facts, OutcomeStatus, Server, Timestamp};
use crate::playbook::Playbook;
use crate::rules::unit::MOST_VALUES;
use crate::syntax::{Fault, Keys, Map, Node, Reader, Span, parse};
use std::collections::BTreeMap;
use std::sync::Arc;

/// A minute, the interval of a file that names none.
const DEFAULT_INTERVAL: i64 = 60_000;

/// The keys of a file of playbook tests.
pub const KEYS: Keys = Keys {
    what: "a file of playbook tests",
    known: &[
        "version",
        "config",
        "playbooks",
        "playbook",
        "evaluation_interval",
        "tests",
        POLICY_KEYS[0],
        POLICY_KEYS[1],
        POLICY_KEYS[2],
        POLICY_KEYS[3],
        POLICY_KEYS[4],
        POLICY_KEYS[5],
    ],
    required: &["version", "tests"],
    later: &[],
};

pub(super) const TEST: Keys = Keys {
    what: "a playbook test",
    known: &[
        "name",
        "playbook",
        "target",
        "at",
        "requested_mode",
        "server",
        "candidates",
        "history",
        "input_series",
        "interval",
        "start_timestamp",
        "outcomes",
        "expect",
        POLICY_KEYS[0],
        POLICY_KEYS[1],
        POLICY_KEYS[2],
        POLICY_KEYS[3],
        POLICY_KEYS[4],
        POLICY_KEYS[5],
    ],
    required: &["target", "at", "candidates", "expect"],
    later: &[],
};

pub(super) const ENDING: Keys = Keys {
    what: "how an action ends",
    known: &["candidate", "action", "outcome", "gone"],
    required: &["candidate", "action", "outcome"],
    later: &[],
};

/// The files that a file of playbook tests names, as written, each with its place.
#[derive(Clone, Debug, Default)]
pub struct Header {
    /// The configuration.
    pub config: Option<(String, Span)>,
    /// Patterns of playbooks.
    pub playbooks: Vec<(String, Span)>,
}

/// What those files say.
#[derive(Clone, Copy, Debug)]
pub struct Given<'a> {
    /// The configuration, where one is named.
    pub config: Option<&'a Config>,
    /// All playbooks, those of the configuration included.
    pub playbooks: &'a [Playbook],
    /// The texts of the files, by name.
    pub texts: &'a BTreeMap<String, String>,
}

impl<'a> Given<'a> {
    /// The playbook, if there is but one.
    fn only(&self) -> Option<&'a Playbook> {
        if let [one] = self.playbooks { Some(one) } else { None }
    }
}

/// Which other files are needed to read this one; faults in it are for [`read`] to tell.
#[must_use]
pub fn header(file: &str, text: &str) -> Header {
    let mut reader = Reader::new(file, text);
    let Some(root) = parse(&mut reader) else { return Header::default() };
    let placed = |node: &Node| Some((node.scalar()?.to_owned(), node.span));
    Header {
        config: root.below("config").and_then(placed),
        playbooks: match root.below("playbooks").map(|node| &node.kind) {
            Some(crate::syntax::Kind::Seq(items)) => items.iter().filter_map(placed).collect(),
            _ => Vec::new(),
        },
    }
}

/// Reads a file of playbook tests. All faults of the text are reported; tests come back only if none of them is
/// an error.
#[must_use]
pub fn read(file: &str, text: &str, given: &Given) -> (Option<Vec<Test>>, Vec<Fault>) {
    let mut reader = Reader::new(file, text);
    let mut elsewhere = Vec::new();
    let tests = parse(&mut reader).and_then(|root| whole(&mut reader, &root, (file, text), given, &mut elsewhere));
    let mut faults = reader.into_faults();
    faults.extend(elsewhere);
    (tests.filter(|_| !faults.iter().any(Fault::is_error)), faults)
}

/// What the tests of a file may still take.
struct Room {
    /// Values of series.
    values: usize,
    /// What was done before; nothing once it was reported to be too much.
    past: Option<usize>,
}

/// What a finder makes of a test's rows.
struct Seen {
    rows: Rows,
    found: Found,
    /// The names of the candidates.
    listed: Vec<String>,
    /// Rows that are no candidates: their names, and why.
    unlisted: Vec<(String, String)>,
}

impl Default for Seen {
    /// No row could be read.
    fn default() -> Seen {
        let rows = Rows { faulty: true, ..Rows::default() };
        Seen { rows, found: Found::default(), listed: Vec::new(), unlisted: Vec::new() }
    }
}

impl Seen {
    /// Reads the rows and lets the playbook's finder look at them.
    fn of(
        reader: &mut Reader,
        map: &Map,
        playbook: Option<&Playbook>,
        (server, query_text, at): (&Server, QueryText, Timestamp),
    ) -> Seen {
        let written = playbook.and_then(|playbook| Some((playbook, map.get("candidates")?)));
        let Some((playbook, node)) = written else { return Seen::default() };
        let Some(finder) = finders::of(playbook.find.finder) else { return Seen::default() };
        let rows = rows::read(reader, node, finder, at);
        let ask = Ask { args: &playbook.find.args, server, only: None, query_text };
        let found = finder.read(&ask, &rows.answers);
        let listed: Vec<String> = found.candidates.iter().map(names::of).collect();
        Seen { unlisted: rows.left_out(&listed, finder, &ask), rows, found, listed }
    }
}

/// What holds for all tests of a file.
struct Whole<'t, 'n> {
    file: (&'t str, &'t str),
    given: Given<'t>,
    policy: Policy,
    /// The playbook of tests that name none.
    playbook: Option<&'n Node>,
    /// Milliseconds from one collection to the next.
    interval: i64,
}

fn whole<'t>(
    reader: &mut Reader<'t>,
    root: &Node,
    file: (&'t str, &'t str),
    given: &Given<'t>,
    faults: &mut Vec<Fault>,
) -> Option<Vec<Test>> {
    let map = reader.map(root, &KEYS)?;
    reader.version(&map);
    if map.entry("config").is_none() && map.entry("playbooks").is_none() {
        let help = "add `playbooks: [../*.yaml]`, or `config: ../../pgmedic.yaml`";
        reader.error_help(map.span, "missing-key", "the file does not say which playbooks it tests", help);
    }
    if let (Some(entry), Some(_)) = (map.entry("playbooks"), map.entry("config")) {
        let help = "keep one: the configuration names its playbooks";
        reader.error_help(entry.key_span, "no-effect", "`config` and `playbooks` exclude each other", help);
    }
    map.get("playbooks").map(|node| reader.texts(node, "patterns of playbook files"));
    map.get("config").map(|node| reader.text_of(node, "a configuration file").map(str::len));
    let base = given.config.map_or_else(Policy::unwritten, Config::policy_of_all);
    let interval = map.get("evaluation_interval").and_then(|node| reader.duration(node));
    let whole = Whole {
        file,
        given: *given,
        policy: policy_over(reader, &map, base),
        playbook: map.get("playbook"),
        interval: interval.and_then(|length| i64::try_from(length.as_millis()).ok()).unwrap_or(DEFAULT_INTERVAL),
    };
    let items = reader.list(map.get("tests")?, "tests")?;
    reader.refuse_empty(map.get("tests")?, items.len(), "tests nothing");
    let named = items.iter().filter_map(|item| item.below("name")).filter_map(|n| Some((n, n.scalar()?.to_owned())));
    reader.unique("tests", named);
    let mut left = Room { values: MOST_VALUES, past: Some(past::MOST_PAST) };
    Some(items.iter().filter_map(|item| whole.test(reader, item, &mut left, faults)).collect())
}

impl<'t> Whole<'t, '_> {
    fn test(&self, reader: &mut Reader<'t>, node: &Node, room: &mut Room, faults: &mut Vec<Fault>) -> Option<Test> {
        let map = reader.map(node, &TEST)?;
        let Some(named) = map.get("playbook").or(self.playbook) else {
            let help = "add `playbook: NAME` here, or once for all tests of the file";
            reader.error_help(map.span, "missing-key", "this test does not say which playbook it is of", help);
            return None;
        };
        let base = target::base(reader, named, &self.given);
        let here = map.get("target").and_then(|node| target::read(reader, node, &self.given));
        let policy = policy_over(reader, &map, self.policy.clone());
        let at = map.get("at").and_then(|node| reader.moment(node));
        let requested = map.get("requested_mode").and_then(|node| reader.mode(node));
        let server = server::read(reader, map.get("server"));
        let playbook = match (base, &here) {
            (Some(base), Some(here)) => here.playbook(reader, base, self.file, &self.given, faults),
            _ => None,
        };
        let series = series::read(reader, &map, self.interval, at, &mut room.values);
        if let Some(playbook) = &playbook {
            series::check(reader, &map, playbook, &series, faults);
        }
        // The rest is read in any case, so that all of its faults are told at once.
        let stand_in = playbook.as_deref().or(base).or(self.given.only());
        let seen = Seen::of(reader, &map, stand_in, (&server, policy.query_text, at.unwrap_or_default()));
        let rows = Names { all: &seen.rows.names, faulty: seen.rows.faulty };
        // What a finder lists then, nobody knows.
        let listed = if at.is_some() && playbook.is_some() { Names { all: &seen.listed, ..rows } } else { rows };
        let of = past::Of {
            target: here.as_ref().map_or("", |here| &here.name),
            playbook: stand_in.map_or("", |playbook| &playbook.name),
            at: at.unwrap_or_default(),
            candidates: &seen.found.candidates,
            names: listed,
        };
        let history = past::read(reader, map.get("history"), &of, &mut room.past);
        let outcomes = endings(reader, &map, &listed);
        let expected = map.get("expect").and_then(|node| expect::read(reader, node, &rows));
        let (here, at, playbook) = (here?, at?, playbook?);
        Some(Test {
            name: past::text(reader, &map, "name").unwrap_or_default(),
            line: reader.line(node.span),
            idle: target::idle(&playbook, &here),
            outcomes,
            expected: expected?,
            facts: Facts {
                target: here.name.clone(),
                labels: here.labels.clone(),
                looked_at: at,
                candidates: seen.found.candidates,
                beyond_limit: seen.found.beyond_limit,
                unreadable: seen.found.unreadable,
                server,
            },
            policy: Arc::new(policy.at(here.mode, &here.own)),
            playbook,
            unlisted: seen.unlisted,
            series,
            history: Arc::new(history),
            requested,
            at,
        })
    }
}

/// `outcomes`: what each action comes to. One that is not written is done, and its candidate gone.
fn endings(reader: &mut Reader, map: &Map, listed: &Names) -> Vec<Ending> {
    let items = map.get("outcomes").and_then(|node| reader.list(node, "outcomes")).unwrap_or_default();
    items.iter().filter_map(|node| ending(reader, node, listed)).collect()
}

fn ending(reader: &mut Reader, node: &Node, listed: &Names) -> Option<Ending> {
    let map = reader.map(node, &ENDING)?;
    let candidate = names::read(reader, map.get("candidate")?, listed)?;
    let action = past::action(reader, map.get("action")?)?.name;
    let ended: Vec<(&str, OutcomeStatus)> = OUTCOMES.iter().filter_map(|(word, s)| Some((*word, (*s)?))).collect();
    let status = reader.word(map.get("outcome")?, &ended)?;
    let gone = map.get("gone").and_then(|node| reader.bool(node)).unwrap_or(status.settles());
    Some(Ending { candidate, action, status, gone })
}
