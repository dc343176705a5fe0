//! Random expressions over random series yield what a real Prometheus yields.

use super::prometheus::Prometheus;
use pgmedic::promql::{self, Engine, Labels, STALE, Steps, Store, Value};
use serde_json::Value as Json;
use std::collections::BTreeMap;

/// Milliseconds of the first sample.
const BEGIN: i64 = 1_700_000_000_000;
/// From one sample to the next, about.
const INTERVAL: i64 = 15_000;
/// Samples of a series without gaps.
const SAMPLES: i64 = 240;

type Series = (Vec<(String, String)>, Vec<(i64, f64)>);

/// Numbers that look random and are the same at each run (xorshift).
pub struct Dice(u64);

impl Dice {
    pub fn new(seed: u64) -> Dice {
        Dice(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    pub fn below(&mut self, most: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) as usize % most
    }

    fn one<'a>(&mut self, of: &[&'a str]) -> &'a str {
        of[self.below(of.len())]
    }

    fn hits(&mut self, one_in: usize) -> bool {
        self.below(one_in) == 0
    }
}

/// Counters with resets, gauges with odd values, classic histograms; gaps and staleness markers.
pub fn series(dice: &mut Dice) -> Vec<Series> {
    let mut all = Vec::new();
    for (name, count) in [("c", 8), ("g", 8), ("i", 6), ("k", 3)] {
        for number in 0..count {
            let labels = [
                ("__name__", name.to_owned()),
                ("a", ["x", "y", "z", "w"][number % 4].to_owned()),
                ("b", format!("{}", number / 4)),
                ("l", name.to_owned()),
            ];
            let skipped = if name == "k" { "b" } else { "" };
            let labels = labels.into_iter().filter(|(name, _)| *name != skipped);
            all.push((labels.map(|(n, v)| (n.to_owned(), v)).collect(), samples(dice, name)));
        }
    }
    for a in ["x", "y"] {
        let mut counts = vec![0.0; 6];
        let mut buckets: Vec<Series> = ["0.1", "0.5", "1", "2.5", "10", "+Inf"]
            .iter()
            .map(|le| {
                let labels = [("__name__", "h_bucket"), ("a", a), ("le", le)];
                (labels.map(|(n, v)| (n.to_owned(), v.to_owned())).to_vec(), Vec::new())
            })
            .collect();
        for step in 0..SAMPLES {
            let hit = dice.below(6);
            for (at, bucket) in buckets.iter_mut().enumerate() {
                counts[at] += if at >= hit { (1 + dice.below(1)) as f64 } else { 0.0 };
                bucket.1.push((BEGIN + step * INTERVAL, counts[at]));
            }
        }
        all.extend(buckets);
    }
    all
}

fn samples(dice: &mut Dice, kind: &str) -> Vec<(i64, f64)> {
    let mut samples = Vec::new();
    let mut value = dice.below(100) as f64;
    let odd = [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, 0.0, -0.0, 1e300, 1e-300];
    let offset = dice.below(15) as i64 * 1_000;
    let mut gap = 0;
    for step in 0..SAMPLES {
        value = match kind {
            "c" if dice.hits(40) => dice.below(5) as f64,
            "c" => value + dice.below(50) as f64 * if dice.hits(2) { 0.5 } else { 1.0 },
            "i" => dice.below(4) as f64,
            _ => (dice.below(2_000) as f64 - 1_000.0) / 8.0,
        };
        if gap > 0 {
            gap -= 1;
            continue;
        }
        let jitter = if dice.hits(5) { dice.below(3_000) as i64 } else { 0 };
        let at = BEGIN + step * INTERVAL + offset + jitter;
        if dice.hits(50) {
            samples.push((at, STALE));
            gap = dice.below(4);
        } else if dice.hits(60) {
            gap = dice.below(40);
        } else if kind == "g" && dice.hits(60) {
            samples.push((at, odd[dice.below(odd.len())]));
        } else {
            samples.push((at, value));
        }
    }
    samples
}

/// Writes expressions of a type, not deeper than wanted.
pub struct Writer<'a> {
    pub dice: &'a mut Dice,
}

impl Writer<'_> {
    fn duration(&mut self) -> &'static str {
        self.dice.one(&["15s", "30s", "1m", "90s", "2m", "5m", "7m", "10m", "1m30s", "20m"])
    }

    fn shift(&mut self) -> String {
        let mut shift = String::new();
        if self.dice.hits(6) {
            shift += &format!(" offset {}{}", self.dice.one(&["", "", "-"]), self.duration());
        }
        if self.dice.hits(10) {
            let time = (BEGIN + self.dice.below(240) as i64 * INTERVAL) as f64 / 1_000.0;
            let time = time.to_string();
            shift += &format!(" @ {}", self.dice.one(&[&time, "start()", "end()"]));
        }
        shift
    }

    fn bare_selector(&mut self) -> String {
        let matchers = self.dice.one(&[
            "c", "g", "i", "k", "c", "g", "i", "c{a=\"x\"}", "g{a!=\"x\"}", "i{a=~\"x|y\"}", "g{b=\"1\"}",
            "c{a!~\"x|w\"}", "g{a=~\"[xz]\"}", "h_bucket", "h_bucket{a=\"x\"}", "{__name__=~\"c|g\"}", "{l=\"g\"}",
            "missing", "k{a=\"y\",b=\"\"}", "i{b=~\".+\"}", "missing{a=\"x\",b!=\"y\"}", "{__name__=~\"i|k\",a=\"x\"}",
        ]);
        matchers.to_owned()
    }

    fn selector(&mut self) -> String {
        self.bare_selector() + &self.shift()
    }

    fn range(&mut self, depth: usize) -> String {
        let duration = self.duration();
        let brackets = match self.dice.below(4) {
            0 if depth > 0 => {
                let step = self.dice.one(&["", "10s", "15s", "30s", "1m", "7s", "2m"]);
                let of = self.vector(depth - 1);
                return format!("({of})[{duration}:{step}]{}", self.shift());
            }
            1 if depth > 0 => {
                let selector = self.selector();
                return format!("{selector}[{duration}:30s]{}", self.shift());
            }
            _ => format!("[{duration}]"),
        };
        self.bare_selector() + &brackets + &self.shift()
    }

    pub fn scalar(&mut self, depth: usize) -> String {
        match self.dice.below(if depth == 0 { 4 } else { 8 }) {
            0 => "time()".to_owned(),
            1..=3 => self.dice.one(&["0", "1", "2", "-3", "0.5", "7", "100", "Inf", "NaN", "1m", "0.25", "3"]).to_owned(),
            4 => format!("scalar({})", self.vector(depth - 1)),
            5 => format!("-{}", self.scalar(0)),
            6 => {
                let operator = self.dice.one(&["+", "-", "*", "/", "%", "== bool", "> bool", "<= bool"]);
                format!("({} {operator} {})", self.scalar(depth - 1), self.scalar(depth - 1))
            }
            _ => "pi()".to_owned(),
        }
    }

    pub fn vector(&mut self, depth: usize) -> String {
        if depth == 0 {
            return self.selector();
        }
        match self.dice.below(16) {
            0..=1 => self.selector(),
            2..=4 => self.over_range(depth),
            5..=6 => self.aggregation(depth),
            7..=8 => self.function(depth),
            9..=11 => self.between_vectors(depth),
            12 => {
                let operator = self.dice.one(&["+", "-", "*", "/", "%", "==", "!=", ">", "<", ">=", "<=", "> bool", "!= bool"]);
                let (vector, scalar) = (self.vector(depth - 1), self.scalar(depth - 1));
                if self.dice.hits(2) { format!("({vector}) {operator} {scalar}") } else { format!("{scalar} {operator} ({vector})") }
            }
            13 => format!("-({})", self.vector(depth - 1)),
            14 => format!("vector({})", self.scalar(depth - 1)),
            _ => self.labels(depth),
        }
    }

    fn over_range(&mut self, depth: usize) -> String {
        let function = self.dice.one(&[
            "rate", "increase", "delta", "irate", "idelta", "deriv", "changes", "resets", "avg_over_time",
            "min_over_time", "max_over_time", "sum_over_time", "count_over_time", "stddev_over_time",
            "stdvar_over_time", "present_over_time", "last_over_time", "absent_over_time", "quantile_over_time",
            "predict_linear", "rate", "increase",
        ]);
        let range = self.range(depth);
        match function {
            "quantile_over_time" => format!("quantile_over_time({}, {range})", self.scalar(depth - 1)),
            "predict_linear" => format!("predict_linear({range}, {})", self.scalar(depth - 1)),
            function => format!("{function}({range})"),
        }
    }

    fn aggregation(&mut self, depth: usize) -> String {
        let by = self.dice.one(&["", " by (a)", " by (a, b)", " without (a)", " without (b, l)", " by ()", " by (missing, l)", " by (__name__)"]);
        let of = self.vector(depth - 1);
        match self.dice.below(12) {
            // Which of equal elements stay, and the last bits of a deviation, depend on the order of elements,
            // which Prometheus shuffles behind most operations at several steps; not behind selectors.
            0 => format!("topk{by} ({}, {})", self.dice.below(4), self.selector()),
            1 => format!("bottomk{by} ({}, rate({}))", self.dice.below(4), self.range(0)),
            2 => {
                // At several steps Prometheus 3.5 takes a parameter for the first step's when what goes in is
                // fixed by an `@`, and moves an `@` in the parameter along with the steps.
                let q = self.scalar(depth - 1);
                let q = if of.contains('@') || q.contains('@') { "0.7" } else { &q };
                format!("quantile{by} ({q}, {of})")
            }
            // Nor is it told apart which of two numbers that differ in their last bit a label holds.
            3 => format!("count_values{by} (\"{}\", {})", self.dice.one(&["v", "a"]), self.selector()),
            4 => {
                let name = self.dice.one(&["stddev", "stdvar"]);
                format!("{name}{by} ({})", self.selector())
            }
            _ => {
                let name = self.dice.one(&["sum", "avg", "min", "max", "count", "group", "sum"]);
                format!("{name}{by} ({of})")
            }
        }
    }

    fn function(&mut self, depth: usize) -> String {
        let name = self.dice.one(&[
            "abs", "ceil", "floor", "sgn", "sqrt", "absent", "sort", "sort_desc", "timestamp", "clamp", "clamp_min",
            "clamp_max", "round", "hour", "minute", "day_of_week", "day_of_month", "day_of_year", "days_in_month",
            "month", "year", "histogram_quantile", "histogram_fraction", "deg", "rad", "timestamp", "absent",
        ]);
        let of = self.vector(depth - 1);
        let h = self.dice.one(&["h_bucket", "rate(h_bucket[5m])", "sum by (le) (h_bucket)", "increase(h_bucket[2m])", "h_bucket > 20"]);
        match name {
            // Prometheus 3.5 forgets the offset of a selector that also has an `@` here.
            "timestamp" if of.contains('@') => format!("timestamp({})", self.bare_selector()),
            "clamp" => format!("clamp({of}, {}, {})", self.scalar(0), self.scalar(depth - 1)),
            "clamp_min" | "clamp_max" => format!("{name}({of}, {})", self.scalar(depth - 1)),
            "round" if self.dice.hits(2) => format!("round({of}, {})", self.dice.one(&["0.5", "5", "10", "-2", "0"])),
            "histogram_quantile" => format!("histogram_quantile({}, {h})", self.dice.one(&["0.9", "0.5", "0", "1", "1.5", "-1", "NaN", "0.99"])),
            "histogram_fraction" => {
                let bounds = ["0", "0.1", "0.3", "1", "7", "Inf", "-Inf", "20", "NaN"];
                format!("histogram_fraction({}, {}, {h})", self.dice.one(&bounds), self.dice.one(&bounds))
            }
            "hour" | "minute" | "year" if self.dice.hits(3) => format!("{name}()"),
            name => format!("{name}({of})"),
        }
    }

    fn between_vectors(&mut self, depth: usize) -> String {
        let (left, right) = (self.vector(depth - 1), self.vector(depth - 1));
        let labels = self.dice.one(&["on (a)", "on (a, b)", "ignoring (b)", "ignoring (l)", "ignoring (l, b)", "on ()", "on (l, a, b)", "ignoring (a)"]);
        if self.dice.hits(3) {
            let operator = self.dice.one(&["and", "or", "unless"]);
            let labels = if self.dice.hits(2) { labels } else { "" };
            return format!("({left}) {operator} {labels} ({right})");
        }
        let operator = self.dice.one(&["+", "-", "*", "/", "%", "==", "!=", ">", "<", ">=", "<=", "> bool", "== bool"]);
        let group = self.dice.one(&["", "", "", "group_left ()", "group_right ()", "group_left (l)", "group_right (l)", "group_left (l, missing)"]);
        let matching = if self.dice.hits(4) { String::new() } else { format!("{labels} {group}") };
        format!("({left}) {operator} {matching} ({right})")
    }

    fn labels(&mut self, depth: usize) -> String {
        let of = self.vector(depth - 1);
        match self.dice.below(4) {
            0 => format!("label_replace({of}, \"d\", \"$1-${{1}}\", \"a\", \"(x|y)\")"),
            1 => format!("label_replace({of}, \"b\", \"\", \"a\", \"(.*)\")"),
            2 => format!("label_join({of}, \"d\", \"-\", \"a\", \"b\")"),
            _ => format!("label_replace({of}, \"__name__\", \"n\", \"b\", \"1\")"),
        }
    }
}

/// What both sides made of an expression, comparable.
#[derive(Debug)]
enum Outcome {
    /// It is no expression.
    Unread,
    /// It does not fit the series.
    Failed(String),
    Series(BTreeMap<Labels, Vec<(i64, f64)>>),
}

fn ours(store: &Store, text: &str, (start, end, step): (i64, i64, i64)) -> Outcome {
    let engine = Engine { default_step: 30_000, ..Engine::default() };
    let Ok(expr) = promql::parse(text) else { return Outcome::Unread };
    let value = if step == 0 {
        engine.instant(&expr, store, start, &|| false)
    } else {
        engine.range(&expr, store, Steps::between(start, end, step), &|| false)
    };
    Outcome::Series(match value {
        Err(error) => return Outcome::Failed(error.to_string()),
        Ok(Value::Scalar(value)) => [(Labels::default(), vec![(start, value)])].into(),
        Ok(Value::Vector(elements)) => elements.into_iter().map(|(labels, value)| (labels, vec![(start, value)])).collect(),
        Ok(Value::Matrix(matrix)) => {
            let samples = |s: promql::Series| (s.labels, s.samples.iter().map(|s| (s.at, s.value)).collect());
            matrix.into_iter().map(samples).collect()
        }
        Ok(Value::Text(_)) => BTreeMap::new(),
    })
}

fn theirs(server: &Prometheus, text: &str, (start, end, step): (i64, i64, i64)) -> Outcome {
    let seconds = |milliseconds: i64| (milliseconds as f64 / 1_000.0).to_string();
    let (start, end, step_text) = (seconds(start), seconds(end), seconds(step));
    let answer = if step == 0 {
        server.get("/api/v1/query", &[("query", text), ("time", &start)])
    } else {
        server.get("/api/v1/query_range", &[("query", text), ("start", &start), ("end", &end), ("step", &step_text)])
    };
    if answer["status"] == "error" {
        let read = answer["errorType"] != "bad_data";
        return if read { Outcome::Failed(answer["error"].to_string()) } else { Outcome::Unread };
    }
    let sample = |pair: &Json| {
        let at = (pair[0].as_f64().unwrap() * 1_000.0).round() as i64;
        (at, number(pair[1].as_str().unwrap()))
    };
    let result = &answer["data"]["result"];
    if answer["data"]["resultType"] == "scalar" {
        return Outcome::Series([(Labels::default(), vec![sample(result)])].into());
    }
    if answer["data"]["resultType"] == "string" {
        return Outcome::Series(BTreeMap::new());
    }
    let series = |one: &Json| {
        let labels = one["metric"].as_object().unwrap().iter().map(|(n, v)| (n.as_str(), v.as_str().unwrap()));
        let samples = match one["values"].as_array() {
            Some(values) => values.iter().map(sample).collect(),
            None => vec![sample(&one["value"])],
        };
        (Labels::new(labels), samples)
    };
    Outcome::Series(result.as_array().unwrap().iter().map(series).collect())
}

fn number(text: &str) -> f64 {
    match text {
        "+Inf" => f64::INFINITY,
        "-Inf" => f64::NEG_INFINITY,
        "NaN" => f64::NAN,
        text => text.parse().unwrap(),
    }
}

/// Equal but for the last bits, which logarithms and powers of two libraries do not share.
fn close(a: f64, b: f64) -> bool {
    a == b || (a.is_nan() && b.is_nan()) || (a - b).abs() <= 1e-12 * a.abs().max(b.abs())
}

fn agree(ours: &Outcome, theirs: &Outcome) -> bool {
    match (ours, theirs) {
        // Series fail in any order: which of several faults is told first is chance.
        (Outcome::Unread, Outcome::Unread) | (Outcome::Failed(_), Outcome::Failed(_)) => true,
        (Outcome::Series(ours), Outcome::Series(theirs)) => {
            ours.len() == theirs.len()
                && ours.iter().zip(theirs).all(|((labels, a), (other, b))| {
                    let same = |((at, a), (other, b)): (&(i64, f64), &(i64, f64))| at == other && close(*a, *b);
                    labels == other && a.len() == b.len() && a.iter().zip(b).all(same)
                })
        }
        _ => false,
    }
}

/// Compares so many expressions; yields those on which the two sides differ.
pub fn compare(seed: u64, count: usize) -> Option<Vec<String>> {
    let server = Prometheus::start()?;
    let mut dice = Dice::new(seed);
    let series = series(&mut dice);
    let mut store = Store::default();
    for (labels, samples) in &series {
        let labels = Labels::new(labels.iter().map(|(name, value)| (name.as_str(), value.as_str())));
        for (at, value) in samples {
            let _ = store.append(&labels, *at, *value);
        }
    }
    server.write(&series);
    let (mut differ, mut errors, mut empty) = (Vec::new(), 0, 0);
    for _ in 0..count {
        let depth = 1 + dice.below(3);
        let text = if dice.hits(12) { Writer { dice: &mut dice }.scalar(depth) } else { Writer { dice: &mut dice }.vector(depth) };
        let start = BEGIN + dice.below(4_000) as i64 * 1_000;
        let step = if dice.hits(2) { 0 } else { [7_000, 15_000, 30_000, 60_000, 240_000][dice.below(5)] };
        let steps = (start, start + step * dice.below(30) as i64, step);
        let (ours, theirs) = (ours(&store, &text, steps), theirs(&server, &text, steps));
        errors += usize::from(!matches!(theirs, Outcome::Series(_)));
        empty += usize::from(matches!(&theirs, Outcome::Series(series) if series.is_empty()));
        if !agree(&ours, &theirs) {
            differ.push(format!("{text}\n  at {steps:?}\n  ours   {ours:?}\n  theirs {theirs:?}"));
        }
    }
    println!("{count} expressions, {errors} errors, {empty} empty results, {} differ", differ.len());
    Some(differ)
}

pub fn ask(exprs: &[String]) -> Vec<String> {
    let server = Prometheus::start().unwrap();
    let mut dice = Dice::new(1);
    let series = series(&mut dice);
    let mut store = Store::default();
    for (labels, samples) in &series {
        let labels = Labels::new(labels.iter().map(|(name, value)| (name.as_str(), value.as_str())));
        for (at, value) in samples {
            let _ = store.append(&labels, *at, *value);
        }
    }
    server.write(&series);
    let mut out = Vec::new();
    for text in exprs {
        for steps in [(BEGIN + 1_800_000, BEGIN + 1_800_000, 0), (BEGIN + 1_800_000, BEGIN + 2_000_000, 60_000)] {
            let (a, b) = (ours(&store, text, steps), theirs(&server, text, steps));
            let mark = if agree(&a, &b) { "same" } else { "DIFF" };
            out.push(format!("{mark} {text}\n   {:.300}\n   {:.300}", format!("{a:?}"), format!("{b:?}")));
        }
    }
    out
}
