//! Random expressions over random series yield what a real Prometheus yields.

use super::expressions::Writer;
use super::prometheus::Prometheus;
use super::series::{BEGIN, Dice, series, stored};
use pgmedic::promql::{self, Engine, Labels, Steps, Store, Value};
use serde_json::Value as Json;
use std::collections::BTreeMap;

/// What both sides made of an expression, comparable.
#[derive(Debug)]
#[allow(dead_code, reason = "the reason is printed with a difference")]
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
        Ok(Value::Vector(elements)) => {
            elements.into_iter().map(|(labels, value)| (labels, vec![(start, value)])).collect()
        }
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

/// Which fault it is. Which series are named, and which of two ways of matching too much is told first at
/// several steps, is chance.
fn kind(message: &str) -> &str {
    let message = message.trim_matches('"');
    if message.starts_with("found duplicate series") {
        "multiple matches"
    } else {
        message.split(" for ").next().unwrap()
    }
}

fn agree(ours: &Outcome, theirs: &Outcome) -> bool {
    match (ours, theirs) {
        (Outcome::Unread, Outcome::Unread) => true,
        (Outcome::Failed(ours), Outcome::Failed(theirs)) => kind(ours) == kind(theirs),
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
    let store = stored(&series);
    server.write(&series);
    let (mut differ, mut errors, mut empty) = (Vec::new(), 0, 0);
    for _ in 0..count {
        let depth = 1 + dice.below(3);
        let text = if dice.hits(12) {
            Writer { dice: &mut dice }.scalar(depth)
        } else {
            Writer { dice: &mut dice }.vector(depth)
        };
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

#[test]
fn random_expressions_yield_what_prometheus_yields() {
    let Some(differ) = compare(1, 300) else { return };
    assert!(differ.is_empty(), "{}", differ.join("\n"));
}

#[test]
#[ignore = "only with tests/run.sh --full"]
fn ten_thousand_random_expressions_yield_what_prometheus_yields() {
    let Some(differ) = compare(2, 10_000) else { return };
    assert!(differ.is_empty(), "{}", differ.join("\n"));
}
