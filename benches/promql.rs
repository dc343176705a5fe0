//! `PromQL` side by side with Prometheus's engine: the same series, the same expressions, one run.
//!
//! `cargo bench --bench promql` prints, for each expression, the best of many evaluations on one core, at
//! one time and over an hour of steps, and what a million samples take in memory. Prometheus tells its
//! engine's own time (`stats=all`, without parsing, HTTP and JSON) and its heap after a collection.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, missing_docs, reason = "a benchmark may stop")]
#![allow(clippy::cast_precision_loss, clippy::cast_possible_truncation, reason = "small numbers of its own")]

#[path = "../tests/it/support"]
#[allow(dead_code, reason = "tests use the rest")]
mod support {
    pub mod places;
    pub mod process;
}
#[path = "../tests/it/promql/prometheus.rs"]
mod prometheus;
#[path = "../tests/it/promql/series.rs"]
#[allow(dead_code, clippy::cast_possible_truncation, clippy::cast_possible_wrap, reason = "tests use the rest")]
mod series;

use pgmedic::promql::{Engine, Steps, Store, parse};
use prometheus::Prometheus;
use series::{BEGIN, Dice, INTERVAL, Series, stored};
use std::hint::black_box;
use std::time::{Duration, Instant};

/// Samples of each series: an hour of them.
const SAMPLES: i64 = 240;
/// How long each expression is evaluated again and again.
const EACH: Duration = Duration::from_millis(500);

/// What rules on a database ask.
const EXPRESSIONS: [&str; 12] = [
    "activity_0 > 100",
    "rate(database_0[5m])",
    "sum by (datname) (rate(database_1[5m]))",
    "sum(activity_1) by (state)",
    "database_2 / on (datname) group_left activity_2",
    "rate(database_3[5m]) / (rate(database_3[5m]) + rate(database_4[5m]))",
    "histogram_quantile(0.9, sum by (le) (rate(q_bucket[5m])))",
    "max_over_time(activity_3[30m])",
    "topk(5, activity_4)",
    "activity_5{datname=~\"shop_1.*\"} > 3 and on (datname) rate(database_5[2m]) > 0",
    "predict_linear(activity_6[30m], 3600) > 0",
    "max_over_time(rate(database_6[5m])[30m:1m])",
];

/// A thousand series like those of an exporter: 40 databases, counters, gauges and histograms.
fn exporter(dice: &mut Dice) -> Vec<Series> {
    let mut all = Vec::new();
    let mut add = |name: String, extra: &[(&str, String)], counter: bool| {
        let fixed = [("__name__", name), ("instance", "db1:9187".to_owned()), ("job", "postgres".to_owned())];
        let mut labels: Vec<(String, String)> =
            fixed.iter().chain(extra).map(|(name, value)| ((*name).to_owned(), value.clone())).collect();
        labels.sort();
        let mut value = dice.below(1_000_000) as f64;
        let samples = (0..SAMPLES).map(|at| {
            let step = dice.below(100) as f64;
            value = if counter { value + step } else { (value + step / 5.0 - 10.0).max(0.0).floor() };
            (BEGIN + at * INTERVAL, value)
        });
        all.push((labels, samples.collect()));
    };
    for database in 0..40 {
        let datname = ("datname", format!("shop_{database}"));
        for counter in 0..12 {
            add(format!("database_{counter}"), &[datname.clone(), ("datid", (16_000 + database).to_string())], true);
        }
        for gauge in 0..10 {
            let state = ["active", "idle", "idle in transaction"][database % 3].to_owned();
            add(format!("activity_{gauge}"), &[datname.clone(), ("state", state)], false);
        }
    }
    for database in 0..20 {
        for le in ["0.1", "0.5", "1", "5", "10", "+Inf"] {
            add("q_bucket".to_owned(), &[("datname", format!("shop_{database}")), ("le", le.to_owned())], true);
        }
    }
    all
}

/// The shortest of many, in microseconds.
fn best(mut once: impl FnMut() -> f64) -> f64 {
    let began = Instant::now();
    let mut best = f64::MAX;
    while began.elapsed() < EACH {
        best = best.min(once());
    }
    best
}

fn timed(work: impl Fn()) -> f64 {
    best(|| {
        let began = Instant::now();
        work();
        began.elapsed().as_secs_f64() * 1e6
    })
}

/// Ours and theirs over the same times: at the last sample, and at every sample of the hour.
fn ours(store: &Store, text: &str, steps: Option<Steps>, at: i64) -> f64 {
    let (engine, expr) = (Engine::default(), parse(text).unwrap());
    timed(|| match steps {
        Some(steps) => drop(black_box(engine.range(&expr, store, steps, &|| false).unwrap())),
        None => drop(black_box(engine.instant(&expr, store, at, &|| false).unwrap())),
    })
}

fn theirs(server: &Prometheus, text: &str, range: bool, at: i64) -> f64 {
    let seconds = |milliseconds: i64| (milliseconds as f64 / 1_000.0).to_string();
    let (start, end) = (seconds(BEGIN), seconds(at));
    let (path, params) = if range {
        (
            "/api/v1/query_range",
            vec![("query", text), ("start", &start), ("end", &end), ("step", "15"), ("stats", "all")],
        )
    } else {
        ("/api/v1/query", vec![("query", text), ("time", &end), ("stats", "all")])
    };
    best(|| server.get(path, &params)["data"]["stats"]["timings"]["evalTotalTime"].as_f64().unwrap() * 1e6)
}

/// The heap of Prometheus after a collection, in bytes.
fn heap(server: &Prometheus) -> f64 {
    server.page("/debug/pprof/heap?gc=1");
    let metrics = server.page("/metrics");
    let line = metrics.lines().find_map(|line| line.strip_prefix("go_memstats_heap_alloc_bytes "));
    line.and_then(|value| value.parse().ok()).unwrap()
}

fn main() {
    let series = exporter(&mut Dice::new(1));
    let store = stored(&series);
    let at = BEGIN + (SAMPLES - 1) * INTERVAL;
    let steps = Steps::between(BEGIN, at, INTERVAL);
    let server = Prometheus::start();
    let per_million = |bytes: f64| bytes / store.samples() as f64;
    println!("{} series, {} samples", store.len(), store.samples());
    let memory = store.bytes() as f64;
    if let Some(server) = &server {
        let before = heap(server);
        series.chunks(200).for_each(|some| server.write(some));
        let grown = heap(server) - before;
        println!("MB per million samples: ours {:.2}, theirs {:.2}", per_million(memory), per_million(grown));
    } else {
        println!("MB per million samples: ours {:.2}", per_million(memory));
    }
    println!("{:>30} {:>30}", "at one time, µs", "240 steps, µs");
    println!("{:>10} {:>10} {:>8} {:>10} {:>10} {:>8}", "ours", "theirs", "times", "ours", "theirs", "times");
    let mut logarithms = [0.0; 2];
    for text in EXPRESSIONS {
        for (range, sum) in [false, true].into_iter().zip(&mut logarithms) {
            let ours = ours(&store, text, range.then_some(steps), at);
            let theirs = server.as_ref().map_or(f64::NAN, |server| theirs(server, text, range, at));
            *sum += (theirs / ours).ln();
            print!("{ours:>10.1} {theirs:>10.1} {:>8.1} ", theirs / ours);
        }
        println!("  {text}");
    }
    let mean = |sum: f64| (sum / EXPRESSIONS.len() as f64).exp();
    println!(
        "geometric means: {:.1} times as fast at one time, {:.1} over steps",
        mean(logarithms[0]),
        mean(logarithms[1])
    );
}
