//! Aggregations of each series over a range.

use super::{Body, Function, Samples};
use crate::promql::numeric::{Mean, Sum, quantile, to_float};
use crate::promql::value::ValueType::{Matrix, Scalar};

const fn of_range(name: &'static str, body: fn(&Samples, &[f64]) -> Option<f64>, about: &'static str) -> Function {
    Function::new(name, &[Matrix], Body::Window(body), about)
}

pub(super) const FUNCTIONS: &[Function] = &[
    of_range("avg_over_time", |s, _| mean(s), "The mean of the range."),
    of_range("min_over_time", |s, _| chosen(s, |kept, new| new < kept), "The smallest number of the range."),
    of_range("max_over_time", |s, _| chosen(s, |kept, new| new > kept), "The largest number of the range."),
    of_range("sum_over_time", |s, _| Some(sum(s)), "The sum of the range."),
    of_range("count_over_time", |s, _| Some(to_float(s.taken.len())), "How many samples the range has."),
    of_range("stddev_over_time", |s, _| Some(variance(s).sqrt()), "The standard deviation of the range."),
    of_range("stdvar_over_time", |s, _| Some(variance(s)), "The variance of the range."),
    of_range("present_over_time", |_, _| Some(1.0), "1 for each series with a sample in the range."),
    Function::new(
        "last_over_time",
        &[Matrix],
        Body::NamedWindow(|s, _| s.taken.last().map(|sample| sample.value)),
        "The last number of the range, with the metric's name.",
    ),
    Function::new(
        "quantile_over_time",
        &[Scalar, Matrix],
        Body::Window(|s, p| Some(quantile(p[0], &mut values(s)))),
        "The quantile of the range, linear between two numbers.",
    ),
];

fn values(s: &Samples) -> Vec<f64> {
    s.taken.iter().map(|sample| sample.value).collect()
}

fn mean(s: &Samples) -> Option<f64> {
    let (first, rest) = s.taken.split_first()?;
    let mut mean = Mean::of(first.value);
    for sample in rest {
        mean.add(sample.value);
    }
    Some(mean.mean())
}

fn sum(s: &Samples) -> f64 {
    let mut sum = Sum::default();
    for sample in s.taken {
        sum.add(sample.value);
    }
    sum.total()
}

/// The best number of all; NaN gives way to any. Two runs side by side, since each comparison waits for the
/// one before it: of equal numbers the first stays.
fn chosen(s: &Samples, better: impl Fn(f64, f64) -> bool + Copy) -> Option<f64> {
    let pick = |kept: f64, new: f64| if better(kept, new) || kept.is_nan() { new } else { kept };
    let (left, right) = s.taken.split_at(s.taken.len().div_ceil(2));
    let first = left.first()?.value;
    let Some(middle) = right.first() else { return Some(first) };
    let (mut early, mut late) = (first, middle.value);
    for (a, b) in left.iter().zip(right) {
        early = pick(early, a.value);
        late = pick(late, b.value);
    }
    // The left half has one more when the number is odd.
    early = left.last().map_or(early, |last| pick(early, last.value));
    Some(pick(early, late))
}

/// By Welford's method, carrying what rounding loses.
fn variance(s: &Samples) -> f64 {
    let (mut count, mut mean, mut squares) = (0.0, Sum::default(), Sum::default());
    let all = |sum: Sum| sum.plain + sum.lost;
    for sample in s.taken {
        count += 1.0;
        let delta = sample.value - all(mean);
        mean.add(delta / count);
        squares.add(delta * (sample.value - all(mean)));
    }
    all(squares) / count
}
