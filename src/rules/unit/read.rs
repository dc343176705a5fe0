//! Reads a file of unit tests and says all that is wrong with it.

use crate::promql::syntax::notation;
use crate::promql::{Expr, Labels};
use crate::rules::read::{broken, expression, milliseconds};
use crate::syntax::fault::quote;
use crate::syntax::read::Map;
use crate::syntax::{Fault, Keys, Kind, Node, Reader, Span, parse};
use std::collections::BTreeMap;

/// Values that all series of a file may have.
pub const MOST_VALUES: usize = 10_000_000;
/// A minute, the interval of a file that names none.
const DEFAULT_INTERVAL: i64 = 60_000;

/// What a file of unit tests says.
#[derive(Clone, Debug)]
pub struct TestFile {
    /// Patterns of rule files, relative to this file.
    pub rule_files: Vec<String>,
    /// Milliseconds from one evaluation to the next.
    pub interval: i64,
    /// Names of groups in the order in which they are evaluated; the others count as the first.
    pub order: Vec<String>,
    /// Whether numbers may differ in their last bit.
    pub fuzzy: bool,
    /// In the order of the file.
    pub tests: Vec<Test>,
}

/// One of its tests: series and what comes of them.
#[derive(Clone, Debug)]
pub struct Test {
    /// Empty when it has none.
    pub name: String,
    /// From 1.
    pub line: usize,
    /// Milliseconds from one sample to the next.
    pub interval: i64,
    /// The series.
    pub series: Vec<Input>,
    /// What alerts fire.
    pub alerts: Vec<AlertCase>,
    /// What expressions yield.
    pub exprs: Vec<ExprCase>,
    /// Templates see them.
    pub external_labels: BTreeMap<String, String>,
    /// Templates see it.
    pub external_url: String,
    /// The time of the first sample and of `eval_time: 0`.
    pub start: Started,
}

/// Milliseconds since 1970.
pub type Started = i64;

/// A series.
#[derive(Clone, Debug)]
pub struct Input {
    /// Its labels.
    pub labels: Labels,
    /// One value at each interval, `None` for none.
    pub values: Vec<Option<f64>>,
}

/// What alerts of one name fire at a time.
#[derive(Clone, Debug)]
pub struct AlertCase {
    /// From 1.
    pub line: usize,
    /// Milliseconds from the start.
    pub at: i64,
    /// The alert's name.
    pub alert: String,
    /// Where the name stands.
    pub span: Span,
    /// Labels, the name's among them, and annotations.
    pub expected: Vec<(BTreeMap<String, String>, BTreeMap<String, String>)>,
}

/// What an expression yields at a time.
#[derive(Clone, Debug)]
pub struct ExprCase {
    /// From 1.
    pub line: usize,
    /// Milliseconds from the start.
    pub at: i64,
    /// As it is written.
    pub text: String,
    /// As it was read.
    pub expr: Expr,
    /// By labels.
    pub expected: Vec<(Labels, f64)>,
}

/// The keys of a file of unit tests.
pub const KEYS: Keys = keys(
    "a file of unit tests",
    &["rule_files", "evaluation_interval", "group_eval_order", "fuzzy_compare", "tests"],
    &["tests"],
);
const TEST: Keys = keys(
    "a test",
    &[
        "name",
        "interval",
        "input_series",
        "alert_rule_test",
        "promql_expr_test",
        "external_labels",
        "external_url",
        "start_timestamp",
    ],
    &[],
);
const SERIES: Keys = keys("a series", &["series", "values"], &["series", "values"]);
const ALERT: Keys = keys("a test of an alert", &["eval_time", "alertname", "exp_alerts"], &["alertname"]);
const EXPECTED: Keys = keys("an alert", &["exp_labels", "exp_annotations"], &[]);
const EXPR: Keys = keys("a test of an expression", &["expr", "eval_time", "exp_samples"], &["expr"]);
const SAMPLE: Keys = keys("a sample", &["labels", "value", "histogram"], &[]);

const fn keys(what: &'static str, known: &'static [&'static str], required: &'static [&'static str]) -> Keys {
    Keys { what, known, required, later: &[] }
}

/// Reads a file of unit tests; nothing when there is an error.
#[must_use]
pub fn read(file: &str, text: &str) -> (Option<TestFile>, Vec<Fault>) {
    let mut reader = Reader::new(file, text);
    let read = parse(&mut reader).and_then(|root| whole(&mut reader, &root));
    let sound = reader.is_sound();
    (read.filter(|_| sound), reader.into_faults())
}

fn whole(reader: &mut Reader, root: &Node) -> Option<TestFile> {
    let map = reader.map(root, &KEYS)?;
    let rule_files = texts(reader, &map, "rule_files", "rule files");
    let order = texts(reader, &map, "group_eval_order", "names of groups");
    if let Some(items) = map.get("group_eval_order").and_then(|node| reader.list(node, "names of groups")) {
        let named = items.iter().filter_map(|item| Some((item, item.scalar()?.to_owned())));
        reader.unique("groups", named);
    }
    let interval = milliseconds(reader, map.get("evaluation_interval")).filter(|interval| *interval > 0);
    let interval = interval.unwrap_or(DEFAULT_INTERVAL);
    let fuzzy = map.get("fuzzy_compare").and_then(|node| reader.bool(node)).unwrap_or(false);
    let tests = items(reader, &map, "tests", "tests");
    let mut left = MOST_VALUES;
    let tests = tests.iter().filter_map(|node| test(reader, node, interval, &mut left)).collect();
    Some(TestFile { rule_files, interval, order, fuzzy, tests })
}

/// A list that may be left out or empty.
fn items<'n>(reader: &mut Reader, map: &Map<'n>, key: &str, of: &str) -> &'n [Node] {
    let node = map.get(key).filter(|node| !node.is_nothing());
    node.and_then(|node| reader.list(node, of)).unwrap_or_default()
}

fn texts(reader: &mut Reader, map: &Map, key: &str, of: &str) -> Vec<String> {
    let node = map.get(key).filter(|node| !node.is_nothing());
    node.and_then(|node| reader.texts(node, of)).unwrap_or_default()
}

fn test(reader: &mut Reader, node: &Node, evaluation: i64, room: &mut usize) -> Option<Test> {
    let map = reader.map(node, &TEST)?;
    let text = |map: &Map, key: &str| map.get(key).and_then(Node::scalar).unwrap_or_default().to_owned();
    let interval = milliseconds(reader, map.get("interval")).filter(|interval| *interval > 0);
    Some(Test {
        name: text(&map, "name"),
        line: reader.line(node.span),
        interval: interval.unwrap_or(evaluation),
        series: input_series(reader, &map, room),
        alerts: items(reader, &map, "alert_rule_test", "tests").iter().filter_map(|node| alert(reader, node)).collect(),
        exprs: items(reader, &map, "promql_expr_test", "tests").iter().filter_map(|node| expr(reader, node)).collect(),
        external_labels: pairs(reader, map.get("external_labels")),
        external_url: text(&map, "external_url"),
        start: map.get("start_timestamp").and_then(|node| start(reader, node)).unwrap_or(0),
    })
}

/// The series of a test under `input_series`, as far as there is room for their values.
pub fn input_series(reader: &mut Reader, map: &Map, room: &mut usize) -> Vec<Input> {
    let mut all = Vec::new();
    for node in items(reader, map, "input_series", "series") {
        let Some(one) = series(reader, node) else { continue };
        let Some(left) = room.checked_sub(one.values.len()) else {
            let message = format!("the series of this file have more than {MOST_VALUES} values");
            reader.error_help(node.span, "too-large", message, "split the file, or shorten the series");
            break;
        };
        *room = left;
        all.push(one);
    }
    all
}

/// A moment in RFC 3339, or seconds since 1970.
fn start(reader: &mut Reader, node: &Node) -> Option<i64> {
    let text = node.scalar().unwrap_or_default();
    let seconds = text.parse::<f64>().ok().filter(|seconds| seconds.abs() < 1e12);
    #[allow(clippy::cast_possible_truncation)] // bounded just above
    match seconds {
        Some(seconds) => Some((seconds * 1_000.0).round() as i64),
        None => reader.moment(node).map(jiff::Timestamp::as_millisecond),
    }
}

fn series(reader: &mut Reader, node: &Node) -> Option<Input> {
    let map = reader.map(node, &SERIES)?;
    let labels = map.get("series").and_then(|node| metric(reader, node));
    let node = map.get("values")?;
    // A single number stands without quotes.
    let text = if node.is_nothing() { "" } else { reader.text_of(node, "values such as '0+5x10'")? };
    match notation::values(text) {
        Ok(values) => Some(Input { labels: labels?, values }),
        Err(error) => {
            broken(reader, node, &error);
            None
        }
    }
}

fn metric(reader: &mut Reader, node: &Node) -> Option<Labels> {
    let text = node.scalar().unwrap_or_default();
    let read = notation::series(text);
    if let Err(error) = &read {
        broken(reader, node, error);
    }
    read.ok()
}

fn alert(reader: &mut Reader, node: &Node) -> Option<AlertCase> {
    let map = reader.map(node, &ALERT)?;
    let at = milliseconds(reader, map.get("eval_time")).unwrap_or(0);
    let written = map.get("alertname")?;
    let alert = reader.text_of(written, "the alert's name")?.to_owned();
    let mut expected = Vec::new();
    for node in items(reader, &map, "exp_alerts", "alerts") {
        let Some(map) = reader.map(node, &EXPECTED) else { continue };
        let mut labels = pairs(reader, map.get("exp_labels"));
        labels.insert("alertname".to_owned(), alert.clone());
        expected.push((labels, pairs(reader, map.get("exp_annotations"))));
    }
    Some(AlertCase { line: reader.line(node.span), at, alert, span: written.span, expected })
}

fn pairs(reader: &mut Reader, node: Option<&Node>) -> BTreeMap<String, String> {
    let mut pairs = BTreeMap::new();
    let Some(node) = node.filter(|node| !node.is_nothing()) else { return pairs };
    let Some(map) = reader.open_map(node, "names and texts") else { return pairs };
    for entry in map.entries() {
        if let Kind::Scalar { .. } = &entry.value.kind {
            pairs.insert(entry.key.clone(), entry.value.scalar().unwrap_or_default().to_owned());
        } else {
            reader.mismatch(&entry.value, "a text");
        }
    }
    pairs
}

fn expr(reader: &mut Reader, node: &Node) -> Option<ExprCase> {
    let map = reader.map(node, &EXPR)?;
    let at = milliseconds(reader, map.get("eval_time")).unwrap_or(0);
    let text = map.get("expr").and_then(Node::scalar).unwrap_or_default().to_owned();
    let expr = map.get("expr").and_then(|node| expression(reader, node));
    let mut expected = Vec::new();
    for node in items(reader, &map, "exp_samples", "samples") {
        expected.extend(sample(reader, node));
    }
    Some(ExprCase { line: reader.line(node.span), at, text, expr: expr?, expected })
}

fn sample(reader: &mut Reader, node: &Node) -> Option<(Labels, f64)> {
    let map = reader.map(node, &SAMPLE)?;
    if let Some(entry) = map.entry("histogram") {
        let help = "write a classic histogram's buckets, one sample for each `le`";
        reader.error_help(entry.key_span, "native-histogram", "native histograms are not supported", help);
    }
    let labels = map.get("labels").map_or(Some(Labels::default()), |node| metric(reader, node));
    let value = map.get("value").map_or(Some(0.0), |node| number(reader, node));
    Some((labels?, value?))
}

/// A number as YAML writes it; one that is out of range is none, as in promtool.
fn number(reader: &mut Reader, node: &Node) -> Option<f64> {
    let text = node.scalar().unwrap_or_default();
    let plain = matches!(node.kind, Kind::Scalar { quoted: false, .. });
    let value = plain.then(|| yaml_number(&text.replace('_', "").to_ascii_lowercase())).flatten();
    if value.is_none() {
        let message = format!("{} is no number", quote(text));
        let help = "write for example 1, 0.5, 1e6, .inf, -.inf or .nan, without quotes";
        reader.error_help(node.span, "wrong-type", message, help);
    }
    value
}

fn yaml_number(lower: &str) -> Option<f64> {
    // As Go converts: to the nearest.
    #[allow(clippy::cast_precision_loss)]
    let integer = |digits: &str, radix: u32| i64::from_str_radix(digits, radix).ok().map(|value| value as f64);
    let is_octal = |digits: &str| !digits.is_empty() && digits.bytes().all(|c| (b'0'..b'8').contains(&c));
    match lower {
        ".inf" | "+.inf" => return Some(f64::INFINITY),
        "-.inf" => return Some(f64::NEG_INFINITY),
        ".nan" => return Some(f64::NAN),
        _ => {}
    }
    if let Some(digits) = lower.strip_prefix("0x") {
        return integer(digits, 16);
    }
    if let Some(digits) = lower.strip_prefix("0o").or_else(|| lower.strip_prefix('0')).filter(|d| is_octal(d)) {
        return integer(digits, 8);
    }
    let decimal = lower.bytes().all(|c| c.is_ascii_digit() || b".e+-".contains(&c));
    lower.parse().ok().filter(|value: &f64| decimal && value.is_finite())
}
