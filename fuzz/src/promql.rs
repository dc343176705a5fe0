//! An expression: read, linted and evaluated over a small store within limits.

use super::deadline;
use pgmedic::promql::lint::{Context, lint};
use pgmedic::promql::{Engine, Error, Labels, STALE, Steps, Store, Value, parse};
use std::sync::LazyLock;

/// Within the series, which begin at zero and have a sample every 15 seconds.
pub const NOW: i64 = 1_200_000;

/// How many samples an evaluation may read and compute.
pub const SAMPLES: usize = 500_000;

static STORE: LazyLock<Store> = LazyLock::new(store);

/// Counters, gauges, a histogram and odd numbers.
pub fn store() -> Store {
    let mut store = Store::default();
    let series = [
        ("a", "x", 1.0),
        ("a", "y", -2.5),
        ("b", "x", 1e300),
        ("b", "y", f64::NAN),
        ("h_bucket", "1", 3.0),
        ("h_bucket", "+Inf", 7.0),
        ("up", "x", 0.0),
    ];
    for (name, value, step) in series {
        let label = if name == "h_bucket" { "le" } else { "l" };
        let labels = Labels::new([("__name__", name), (label, value), ("job", "j")]);
        for at in 0..80_u32 {
            let number = if at % 30 == 29 { STALE } else { step * f64::from(at % 20) };
            // In order and no time twice, so none is refused.
            let _ = store.append(&labels, i64::from(at) * 15_000, number);
        }
    }
    store
}

/// Reads, lints and evaluates.
pub fn run(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let expr = match parse(text) {
        Ok(expr) => expr,
        Err(error) => {
            assert!(text.get(error.span.start..error.span.end).is_some(), "a fault lies within the text");
            return;
        }
    };
    for finding in lint(text, &expr, &Context::default()) {
        assert!(text.get(finding.span.start..finding.span.end).is_some(), "a finding lies within the text");
    }
    let engine = Engine { samples: SAMPLES, ..Engine::default() };
    let _ = engine.instant(&expr, &*STORE, NOW, &deadline());
    let steps = Steps::between(0, NOW, 60_000);
    match engine.range(&expr, &*STORE, steps, &deadline()) {
        Ok(Value::Matrix(series)) => {
            let samples: usize = series.iter().map(|one| one.samples.len()).sum();
            assert!(samples <= SAMPLES, "no more comes out than may be computed");
        }
        Ok(_) | Err(Error::Failed { .. } | Error::TooManySamples { .. } | Error::Stopped) => {}
    }
}
