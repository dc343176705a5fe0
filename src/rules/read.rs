//! Reads a rule file, as Prometheus 3.5 does, and says all that is wrong with it.

use super::template::{self, Template};
use crate::model::time;
use crate::promql::Expr;
use crate::promql::labels::METRIC_NAME;
use crate::promql::lint;
use crate::promql::syntax::{self, SyntaxError};
use crate::syntax::fault::quote;
use crate::syntax::read::Map;
use crate::syntax::{Fault, Keys, Kind, Node, Reader, Span, parse};
use std::collections::BTreeMap;

/// What a rule file says of a group.
#[derive(Clone, Debug)]
pub struct GroupSpec {
    /// Unique in its file.
    pub name: String,
    /// Milliseconds; without one the server's holds.
    pub interval: Option<i64>,
    /// Milliseconds into the past at which the rules look.
    pub query_offset: i64,
    /// Most series or alerts that a rule may yield; 0 is without limit.
    pub limit: usize,
    /// In the order in which they are evaluated.
    pub rules: Vec<Rule>,
}

/// A rule.
#[derive(Clone, Debug)]
pub struct Rule {
    /// The name of the series or of the alert.
    pub name: String,
    /// What it yields.
    pub expr: Expr,
    /// Set on what it yields, the group's included; of an alert templates.
    pub labels: Vec<Text>,
    /// Only of an alert.
    pub alert: Option<Alert>,
}

/// What only an alert has.
#[derive(Clone, Debug)]
pub struct Alert {
    /// Milliseconds for which it is pending before it fires.
    pub hold: i64,
    /// Milliseconds for which it still fires when it no longer holds.
    pub keep_firing: i64,
    /// Texts for people.
    pub annotations: Vec<Text>,
}

/// A named text; of an alert it may be a template.
#[derive(Clone, Debug)]
pub struct Text {
    /// The label or annotation.
    pub name: String,
    /// As it is written.
    pub text: String,
    /// As it was read.
    pub template: Template,
}

/// The keys of a rule file.
pub const KEYS: Keys = Keys { what: "a rule file", known: &["groups"], required: &["groups"], later: &[] };
const GROUP: Keys = Keys {
    what: "a group of rules",
    known: &["name", "interval", "query_offset", "limit", "labels", "rules"],
    required: &["name"],
    later: &[],
};
const RULE: Keys = Keys {
    what: "a rule",
    known: &["record", "alert", "expr", "for", "keep_firing_for", "labels", "annotations"],
    required: &["expr"],
    later: &[],
};

/// Reads a rule file; no groups when there is an error.
#[must_use]
pub fn read(file: &str, text: &str) -> (Vec<GroupSpec>, Vec<Fault>) {
    let mut reader = Reader::new(file, text);
    let groups = parse(&mut reader).and_then(|root| groups(&mut reader, &root)).unwrap_or_default();
    let sound = reader.is_sound();
    (if sound { groups } else { Vec::new() }, reader.into_faults())
}

fn groups(reader: &mut Reader, root: &Node) -> Option<Vec<GroupSpec>> {
    let map = reader.map(root, &KEYS)?;
    let node = map.get("groups")?;
    if node.is_nothing() {
        return Some(Vec::new());
    }
    let items = reader.list(node, "groups of rules")?;
    let named =
        items.iter().filter_map(|item| item.below("name")).filter_map(|name| Some((name, name.scalar()?.to_owned())));
    reader.unique("groups", named);
    Some(items.iter().filter_map(|item| group(reader, item)).collect())
}

fn group(reader: &mut Reader, node: &Node) -> Option<GroupSpec> {
    let map = reader.map(node, &GROUP)?;
    let name = reader.text_of(map.get("name")?, "the group's name")?.to_owned();
    let labels = labels(reader, &map, "labels");
    let rules = match map.get("rules").filter(|node| !node.is_nothing()) {
        Some(node) => reader.list(node, "rules")?,
        None => &[],
    };
    Some(GroupSpec {
        name,
        interval: milliseconds(reader, map.get("interval")).filter(|interval| *interval > 0),
        query_offset: milliseconds(reader, map.get("query_offset")).unwrap_or(0),
        limit: map.get("limit").and_then(|node| reader.count32(node, 0, u32::MAX)).unwrap_or(0) as usize,
        rules: rules.iter().filter_map(|node| rule(reader, node, &labels)).collect(),
    })
}

fn rule(reader: &mut Reader, node: &Node, of_group: &BTreeMap<String, (String, Node)>) -> Option<Rule> {
    let map = reader.map(node, &RULE)?;
    // What will not do what it seems to is a warning at its place.
    let expr = map.get("expr").and_then(|node| lint::read(reader, node, &lint::Context::default()));
    let mut all = of_group.clone();
    all.extend(labels(reader, &map, "labels"));
    let annotations = labels(reader, &map, "annotations");
    let (name, is_alert) = match (map.entry("record"), map.entry("alert")) {
        (Some(entry), None) => (recorded(reader, &map, &entry.value)?, false),
        (None, Some(entry)) => (reader.text_of(&entry.value, "the alert's name")?.to_owned(), true),
        (Some(_), Some(alert)) => {
            let help = "write two rules";
            reader.error_help(alert.key_span, "bad-rule", "a rule either records or alerts", help);
            return None;
        }
        (None, None) => {
            let help = "add `record: NAME` or `alert: NAME`";
            reader.error_help(map.span, "bad-rule", "this rule neither records nor alerts", help);
            return None;
        }
    };
    let hold = milliseconds(reader, map.get("for")).unwrap_or(0);
    let keep_firing = milliseconds(reader, map.get("keep_firing_for")).unwrap_or(0);
    let labels = texts(reader, all, is_alert);
    let annotations = texts(reader, annotations, is_alert);
    let alert = is_alert.then_some(Alert { hold, keep_firing, annotations });
    Some(Rule { name, expr: expr?, labels, alert })
}

fn recorded(reader: &mut Reader, map: &Map, node: &Node) -> Option<String> {
    for key in ["for", "keep_firing_for", "annotations"] {
        if let Some(entry) = map.entry(key) {
            let message = format!("a rule that records has no `{key}`");
            reader.error_help(entry.key_span, "bad-rule", message, "remove it, or write `alert` instead of `record`");
        }
    }
    let name = reader.text_of(node, "the name of the new series")?;
    if name.contains(['{', '}']) {
        let message = format!("{} is a name with braces; should it be in `expr`?", quote(name));
        reader.error_help(node.span, "bad-name", message, "write a name such as job:errors:rate5m");
        return None;
    }
    Some(name.to_owned())
}

/// Names and texts, each with its node.
fn labels(reader: &mut Reader, map: &Map, key: &str) -> BTreeMap<String, (String, Node)> {
    let mut all = BTreeMap::new();
    let Some(node) = map.get(key).filter(|node| !node.is_nothing()) else { return all };
    let Some(map) = reader.open_map(node, "names and texts") else { return all };
    for entry in map.entries() {
        if entry.key.is_empty() || entry.key == METRIC_NAME {
            let message = format!("{} is no name for a label here", quote(&entry.key));
            let help = "a rule's name is written under `record`; other labels have other names";
            reader.error_help(entry.key_span, "bad-name", message, help);
        }
        match &entry.value.kind {
            Kind::Scalar { .. } => {
                let text = entry.value.scalar().unwrap_or_default().to_owned();
                all.insert(entry.key.clone(), (text, entry.value.clone()));
            }
            _ => reader.mismatch(&entry.value, "a text"),
        }
    }
    all
}

fn texts(reader: &mut Reader, all: BTreeMap<String, (String, Node)>, templates: bool) -> Vec<Text> {
    let mut texts = Vec::new();
    for (name, (text, node)) in all {
        let template = match template::parse(&text) {
            _ if !templates => Template::default(),
            Ok(template) => template,
            Err(fault) => {
                let part = Span { start: fault.at, end: fault.at + 1 };
                let span = lint::place(reader, &node, node.scalar().unwrap_or_default(), part);
                let help = "see docs/testing-rules.md for the functions that templates have";
                reader.error_help(
                    span,
                    "bad-template",
                    format!("this template cannot be read: {}", fault.message),
                    help,
                );
                Template::default()
            }
        };
        texts.push(Text { name, text, template });
    }
    texts
}

/// A length of time in milliseconds; zero is one.
pub(super) fn milliseconds(reader: &mut Reader, node: Option<&Node>) -> Option<i64> {
    let node = node?;
    let text = reader.text_of(node, "a length of time such as 30s, 5m or 1h30m")?;
    if text == "0" {
        return Some(0);
    }
    let read = time::milliseconds(text);
    if read.is_err() {
        let help = "write for example 30s, 5m or 1h30m (units ms s m h d w y, the largest first)";
        reader.error_help(node.span, "bad-duration", format!("{} is no length of time", quote(text)), help);
    }
    read.ok()
}

/// An expression; a fault is shown at its place in it.
pub(super) fn expression(reader: &mut Reader, node: &Node) -> Option<Expr> {
    let text = reader.text_of(node, "an expression in PromQL")?;
    match syntax::parse(text) {
        Ok(expr) => Some(expr),
        Err(error) => {
            broken(reader, node, &error);
            None
        }
    }
}

/// Reports a fault in an expression or in a series at its place.
pub(super) fn broken(reader: &mut Reader, node: &Node, error: &SyntaxError) {
    let span = lint::place(reader, node, node.scalar().unwrap_or_default(), error.span);
    reader.error(span, lint::BAD_EXPRESSION, error.message.clone()).help.clone_from(&error.help);
}
