//! How series change over a range.

use super::{Body, Function, Samples};
use crate::promql::numeric::{Sum, seconds, to_float};
use crate::promql::value::ValueType::{Matrix, Scalar};

const fn of_range(name: &'static str, body: fn(&Samples, &[f64]) -> Option<f64>, about: &'static str) -> Function {
    Function::new(name, &[Matrix], Body::Window(body), about)
}

pub(super) const FUNCTIONS: &[Function] = &[
    of_range(
        "rate",
        |s, _| extrapolated(s, true, true),
        "How much a counter grows per second, extrapolated to the whole range; a drop counts as a reset.",
    ),
    of_range("increase", |s, _| extrapolated(s, true, false), "How much a counter grows in the range, extrapolated."),
    of_range("delta", |s, _| extrapolated(s, false, false), "How much a gauge changes in the range, extrapolated."),
    of_range("irate", |s, _| last_two(s, true), "How much a counter grows per second between its last two samples."),
    of_range("idelta", |s, _| last_two(s, false), "How much a gauge changes between its last two samples."),
    of_range(
        "deriv",
        |s, _| regression(s, s.taken.first()?.at).map(|line| line.slope),
        "How much a gauge changes per second, by linear regression.",
    ),
    Function {
        uses_time: true,
        ..Function::new(
            "predict_linear",
            &[Matrix, Scalar],
            Body::Window(|s, p| regression(s, s.now).map(|line| line.slope * p[0] + line.at_zero)),
            "What a gauge will be so many seconds from now, by linear regression.",
        )
    },
    of_range("changes", |s, _| Some(count_pairs(s, differs)), "How often the number changes."),
    of_range("resets", |s, _| Some(count_pairs(s, |before, now| now < before)), "How often a counter drops."),
];

/// The growth from the first to the last sample, stretched to the range: to its ends when samples lie
/// about as close to them as to each other, else half such a distance further.
fn extrapolated(s: &Samples, counter: bool, per_second: bool) -> Option<f64> {
    let (first, last) = (s.taken.first()?, s.taken.last()?);
    if s.taken.len() < 2 {
        return None;
    }
    let mut growth = last.value - first.value;
    if counter {
        for pair in s.taken.windows(2).filter(|pair| pair[1].value < pair[0].value) {
            growth += pair[0].value;
        }
    }
    let sampled = seconds(last.at.saturating_sub(first.at));
    let between = sampled / to_float(s.taken.len() - 1);
    let reach = |to_end: f64| if to_end >= between * 1.1 { between / 2.0 } else { to_end };
    let mut to_start = reach(seconds(first.at.saturating_sub(s.after)));
    if counter && growth > 0.0 && first.value >= 0.0 {
        // A counter is never negative: not beyond where it would have been zero.
        let to_zero = sampled * (first.value / growth);
        if to_zero < to_start {
            to_start = to_zero;
        }
    }
    let mut factor = (sampled + to_start + reach(seconds(s.until.saturating_sub(last.at)))) / sampled;
    if per_second {
        factor /= seconds(s.until.saturating_sub(s.after));
    }
    Some(growth * factor)
}

fn last_two(s: &Samples, counter: bool) -> Option<f64> {
    let [.., before, last] = s.taken else { return None };
    if last.at == before.at {
        return None;
    }
    let reset = counter && last.value < before.value;
    let change = if reset { last.value } else { last.value - before.value };
    Some(if counter { change / seconds(last.at.saturating_sub(before.at)) } else { change })
}

/// A line through samples.
struct Line {
    slope: f64,
    at_zero: f64,
}

/// The line that fits best, its zero at a time.
#[allow(clippy::float_cmp)] // as Prometheus compares
fn regression(s: &Samples, zero: i64) -> Option<Line> {
    let first = s.taken.first()?.value;
    if s.taken.len() < 2 {
        return None;
    }
    if s.taken.iter().skip(1).all(|sample| sample.value == first) {
        let undefined = first.is_infinite();
        return Some(if undefined {
            Line { slope: f64::NAN, at_zero: f64::NAN }
        } else {
            Line { slope: 0.0, at_zero: first }
        });
    }
    let [mut xs, mut ys, mut products, mut squares] = [Sum::default(); 4];
    for sample in s.taken {
        let (x, y) = (seconds(sample.at.saturating_sub(zero)), sample.value);
        xs.add(x);
        ys.add(y);
        products.add(x * y);
        squares.add(x * x);
    }
    let all = |sum: Sum| sum.plain + sum.lost;
    let (n, xs, ys) = (to_float(s.taken.len()), all(xs), all(ys));
    let slope = (all(products) - xs * ys / n) / (all(squares) - xs * xs / n);
    Some(Line { slope, at_zero: ys / n - slope * xs / n })
}

fn differs(before: f64, now: f64) -> bool {
    #[allow(clippy::float_cmp)] // as Prometheus compares
    let differs = now != before;
    differs && !(now.is_nan() && before.is_nan())
}

fn count_pairs(s: &Samples, counts: impl Fn(f64, f64) -> bool) -> f64 {
    to_float(s.taken.windows(2).filter(|pair| counts(pair[0].value, pair[1].value)).count())
}
