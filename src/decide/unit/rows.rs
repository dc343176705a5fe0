//! A test's `candidates`: rows as the finder's own questions are answered.

use super::names;
use crate::finders::answers::{Column, Holds, Unwritten};
use crate::finders::{AnswerSpec, Ask, Finder};
use crate::model::time::{before, parse_duration};
use crate::model::{Answer, Cell, Row, Timestamp};
use crate::syntax::fault::{quote, suggest};
use crate::syntax::{Kind, Node, Reader, truth};
use std::collections::{BTreeMap, BTreeSet};

/// What stands for rows at a place that answered with an error.
const ERROR: &str = "error";

/// Rows as they were written.
#[derive(Default)]
pub(super) struct Rows {
    pub answers: Vec<Answer>,
    /// The names of all rows that stand for candidates.
    pub names: Vec<String>,
    /// Those that no server would answer with, and why.
    pub never: BTreeMap<String, String>,
    /// Whether a row could not be read: what names it is no fault of its own.
    pub faulty: bool,
}

/// Reads `candidates`: rows of the finder's first question, or rows of each question by its name.
pub(super) fn read(reader: &mut Reader, node: &Node, finder: &dyn Finder, at: Timestamp) -> Rows {
    let mut rows = Rows::default();
    let specs = finder.answers();
    let Kind::Map(entries) = &node.kind else {
        for (i, spec) in specs.iter().enumerate() {
            if i == 0 {
                rows.question(reader, node, spec, Some(finder), at);
            } else if !spec.optional {
                let all: Vec<&str> = specs.iter().map(|spec| spec.question).collect();
                let message = format!("`{}` is missing: `{}` asks for it too", spec.question, finder.spec().name);
                let help = format!("write rows by question: `{}`", all.join("`, `"));
                reader.error_help(node.span, "missing-key", message, help);
            }
        }
        return rows;
    };
    for entry in entries.iter().filter(|e| !specs.iter().any(|spec| spec.question == e.key)) {
        let message = format!("{} is no question of the finder `{}`", quote(&entry.key), finder.spec().name);
        let help = suggest(&entry.key, specs.iter().map(|spec| spec.question));
        reader.error_help(entry.key_span, "unknown-key", message, help);
    }
    for (i, spec) in specs.iter().enumerate() {
        match node.below(spec.question) {
            Some(node) => rows.question(reader, node, spec, Some(finder).filter(|_| i == 0), at),
            None if spec.optional => {}
            None => {
                let message = format!("`{}` is missing: `{}` asks for it too", spec.question, finder.spec().name);
                reader.error_help(node.span, "missing-key", message, format!("add `{}: […]`", spec.question));
                rows.faulty = true;
            }
        }
    }
    rows
}

impl Rows {
    /// The rows of one question; those of `finder`, if it is one, are its candidates.
    fn question(
        &mut self,
        reader: &mut Reader,
        node: &Node,
        spec: &'static AnswerSpec,
        finder: Option<&dyn Finder>,
        at: Timestamp,
    ) {
        let mut by_place: BTreeMap<String, Result<Vec<Row>, String>> = BTreeMap::new();
        let mut seen = BTreeSet::new();
        let items = reader.list(node, "rows such as {column: value}");
        self.faulty |= items.is_none();
        for item in items.unwrap_or_default() {
            let Some((from, row)) = one_row(reader, item, spec, at) else {
                self.faulty = true;
                continue;
            };
            let row = match row {
                Ok(row) => row,
                Err(why) => {
                    by_place.insert(from, Err(why));
                    continue;
                }
            };
            let Ok(rows) = by_place.entry(from.clone()).or_insert_with(|| Ok(Vec::new())) else { continue };
            if let Some(finder) = finder {
                let name = names::of_row(finder.spec().kind, &from, &row);
                if !seen.insert(name.clone()) {
                    let message = format!("there are two rows for {}", quote(&name));
                    reader.error_help(item.span, "duplicate-name", message, "one thing is listed once");
                }
                self.names.push(name.clone());
                if let Some(why) = finder.never_listed(&row) {
                    self.never.insert(name, why);
                    continue;
                }
            }
            rows.push(row);
        }
        if by_place.is_empty() {
            by_place.insert(String::new(), Ok(Vec::new()));
        }
        let answer = |(from, rows)| Answer { name: spec.question, from, rows };
        self.answers.extend(by_place.into_iter().map(answer));
    }

    /// The rows that are not among the candidates, and why.
    pub fn left_out(&self, listed: &[String], finder: &dyn Finder, ask: &Ask) -> Vec<(String, String)> {
        let listed: BTreeSet<&String> = listed.iter().collect();
        let left_out: Vec<&String> = self.names.iter().filter(|name| !listed.contains(name)).collect();
        if left_out.is_empty() {
            return Vec::new();
        }
        let mut any = ask.args.clone();
        any.0.retain(|arg, _| !["only", "except"].contains(arg));
        // Once for all of them: a finder reads all rows each time.
        let found = finder.read(&Ask { args: &any, ..*ask }, &self.answers);
        let without: BTreeSet<String> = found.candidates.iter().map(names::of).collect();
        let why = |name: &String| match self.never.get(name) {
            Some(why) => why.clone(),
            None if without.contains(name) => "`only` or `except` of the finder leaves it out".to_owned(),
            None => format!("it is within the finder's limits {}", ask.args.to_json()),
        };
        left_out.into_iter().map(|name| (name.clone(), why(name))).collect()
    }
}

/// The place that answers, and its row or its error.
type Answered = (String, Result<Row, String>);

fn one_row(reader: &mut Reader, node: &Node, spec: &'static AnswerSpec, at: Timestamp) -> Option<Answered> {
    let map = reader.open_map(node, "a row")?;
    let known = || spec.columns.iter().map(|column| column.name).chain(spec.from).chain([ERROR]);
    for entry in map.entries().iter().filter(|e| !known().any(|name| name == e.key)) {
        let message = format!("`{}` has no column {} that is read", spec.question, quote(&entry.key));
        let there: Vec<&str> = known().collect();
        reader.error_help(entry.key_span, "unknown-key", message, suggest(&entry.key, there));
    }
    let from = match spec.from {
        None => String::new(),
        Some(from) => {
            let Some(node) = map.get(from) else {
                let message = format!("this row does not say which {from} answered");
                reader.error_help(node.span, "missing-key", message, format!("add `{from}: …`"));
                return None;
            };
            reader.text_of(node, &format!("a {from}"))?.to_owned()
        }
    };
    if let Some(node) = map.get(ERROR) {
        let why = reader.text_of(node, "the server's error")?.to_owned();
        return Some((from, Err(why)));
    }
    let mut row = Row::default();
    let mut sound = true;
    for column in spec.columns {
        let Some(node) = map.get(column.name) else { continue };
        let cell = cell(reader, node, column, at);
        sound &= cell.is_some();
        row.0.extend(cell.map(|cell| (column.name.to_owned(), cell)));
    }
    for column in spec.columns.iter().filter(|column| map.get(column.name).is_none()) {
        let Some(cell) = unwritten(&row, column, at) else {
            let message = format!("this row has no `{}`", column.name);
            let help = format!("add `{}: …`, {}", column.name, column.holds.word());
            sound = false;
            // That of a column which could not be read was reported there.
            let follows = match column.unwritten {
                Unwritten::As(other) | Unwritten::Since(other) => !row.0.contains_key(other),
                _ => false,
            };
            if !follows {
                reader.error_help(node.span, "missing-key", message, help);
            }
            continue;
        };
        row.0.insert(column.name.to_owned(), cell);
    }
    sound.then_some((from, Ok(row)))
}

fn cell(reader: &mut Reader, node: &Node, column: &Column, at: Timestamp) -> Option<Cell> {
    if node.is_nothing() {
        return Some(Cell::Null);
    }
    let read = node.scalar().and_then(|text| parsed(text, column.holds, at));
    if read.is_none() {
        reader.mismatch_help(node, column.holds.word(), node.scalar().and_then(|text| instead(text, column.holds)));
    }
    read
}

/// What to write instead of a text, where it is clear what it should say.
fn instead(text: &str, holds: Holds) -> Option<String> {
    match holds {
        Holds::Bool => truth(text).map(|truth| format!("write `{truth}`")),
        Holds::Time => {
            let length = text.strip_suffix("ago").unwrap_or(text).trim();
            if parse_duration(length).is_ok() {
                return Some(format!("write `{length} ago`"));
            }
            let (number, unit) = length.split_once(' ')?;
            let letter = match unit.trim_end_matches('s') {
                "second" | "sec" => 's',
                "minute" | "min" => 'm',
                "hour" => 'h',
                "day" => 'd',
                "week" => 'w',
                _ => return None,
            };
            number.parse::<u32>().ok().map(|number| format!("write `{number}{letter} ago`"))
        }
        Holds::Int | Holds::Float | Holds::Text => None,
    }
}

fn parsed(text: &str, holds: Holds, at: Timestamp) -> Option<Cell> {
    match holds {
        Holds::Bool => text.parse().ok().map(Cell::Bool),
        Holds::Int => text.parse().ok().map(Cell::Int),
        Holds::Float => text.parse().ok().filter(|x: &f64| x.is_finite()).map(Cell::Float),
        Holds::Text => Some(Cell::Text(text.to_owned())),
        Holds::Time => match text.strip_suffix(" ago") {
            Some(ago) => parse_duration(ago.trim()).ok().map(|ago| Cell::Time(before(at, ago))),
            None => text.parse().ok().map(Cell::Time),
        },
    }
}

/// What stands in a column that is not written; `None` where it must be.
fn unwritten(row: &Row, column: &Column, at: Timestamp) -> Option<Cell> {
    match column.unwritten {
        Unwritten::Needed => None,
        Unwritten::Null => Some(Cell::Null),
        Unwritten::Is(text) => parsed(text, column.holds, at),
        Unwritten::As(other) => row.0.get(other).cloned(),
        Unwritten::Since(other) => match row.0.get(other) {
            Some(Cell::Time(since)) => Some(Cell::Float(at.duration_since(*since).as_secs_f64())),
            _ => None,
        },
    }
}
