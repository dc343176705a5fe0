//! Quantiles and shares of classic histograms.

use super::{Body, Function};
use crate::promql::eval::{ABSENT, Block, Computed, Error, Run, Steps, is_absent};
use crate::promql::labels::{Labels, METRIC_NAME};
use crate::promql::syntax::Call;
use crate::promql::value::ValueType::{Scalar, Vector};
use std::cmp::Ordering;
use std::collections::BTreeMap;

/// The label that holds a bucket's upper bound.
const LE: &str = "le";
/// Buckets that differ by less, in proportion, are taken as equal.
const TOLERANCE: f64 = 1e-12;

pub(super) const FUNCTIONS: &[Function] = &[
    Function::new(
        "histogram_quantile",
        &[Scalar, Vector],
        Body::Whole(|run, call, steps| of_histograms(run, call, steps, |p, buckets| quantile(p[0], buckets))),
        "The quantile of a classic histogram, linear within a bucket.",
    ),
    Function::new(
        "histogram_fraction",
        &[Scalar, Scalar, Vector],
        Body::Whole(|run, call, steps| of_histograms(run, call, steps, |p, buckets| fraction(p[0], p[1], buckets))),
        "The share of a classic histogram between two numbers.",
    ),
];

#[derive(Clone, Copy, Debug)]
struct Bucket {
    until: f64,
    count: f64,
}

/// A row of buckets: which rows of the block, by their bounds.
struct Histogram {
    labels: Labels,
    buckets: Vec<(f64, usize)>,
}

fn of_histograms(
    run: &mut Run,
    call: &Call,
    steps: &Steps,
    compute: fn(&[f64], Vec<Bucket>) -> f64,
) -> Result<Computed, Error> {
    let Some((vector, scalars)) = call.args.split_last() else { return Ok(Computed::Vector(Block::new(steps.count))) };
    let scalars: Vec<Vec<f64>> = scalars.iter().map(|arg| run.scalar(arg, steps)).collect::<Result<_, _>>()?;
    let block = run.vector(vector, steps)?;
    let mut result = Block::new(steps.count);
    for histogram in histograms(&block) {
        run.spend(steps.count)?;
        run.work(histogram.buckets.len().saturating_mul(steps.count))?;
        let cells = (0..steps.count).map(|at| {
            let of_row = |(until, row): &(f64, usize)| Bucket { until: *until, count: block.row(*row)[at] };
            let buckets: Vec<Bucket> =
                histogram.buckets.iter().map(of_row).filter(|bucket| !is_absent(bucket.count)).collect();
            let params: Vec<f64> = scalars.iter().map(|scalar| scalar[at]).collect();
            if buckets.is_empty() { ABSENT } else { compute(&params, buckets) }
        });
        result.push(histogram.labels.clone(), cells);
    }
    result.merged(vector.span).map(Computed::Vector)
}

/// The rows that belong together, their buckets by upper bound; rows without a readable bound are left
/// out.
fn histograms(block: &Block) -> Vec<Histogram> {
    let mut known: BTreeMap<Labels, usize> = BTreeMap::new();
    let mut all: Vec<Histogram> = Vec::new();
    for (row, labels) in block.rows.iter().enumerate() {
        let Some(until) = bound(labels.get(LE)) else { continue };
        let key = labels.without(&[LE]);
        let at = *known.entry(key.clone()).or_insert_with(|| {
            all.push(Histogram { labels: key.without(&[METRIC_NAME]), buckets: Vec::new() });
            all.len() - 1
        });
        all[at].buckets.push((until, row));
    }
    for histogram in &mut all {
        histogram.buckets.sort_by(|a, b| a.0.total_cmp(&b.0));
    }
    all
}

/// As Go reads a number.
fn bound(text: &str) -> Option<f64> {
    let infinite = text.trim_start_matches(['+', '-']);
    if infinite.eq_ignore_ascii_case("inf") || infinite.eq_ignore_ascii_case("infinity") {
        return Some(if text.starts_with('-') { f64::NEG_INFINITY } else { f64::INFINITY });
    }
    text.parse().ok()
}

/// One bucket for each bound; nothing when the last bound is not +Inf.
fn sound(buckets: Vec<Bucket>) -> Option<Vec<Bucket>> {
    let mut merged: Vec<Bucket> = Vec::with_capacity(buckets.len());
    for bucket in buckets {
        #[allow(clippy::float_cmp)] // the same text gives the same bound
        match merged.last_mut() {
            Some(last) if last.until == bucket.until => last.count += bucket.count,
            _ => merged.push(bucket),
        }
    }
    merged.last().filter(|last| last.until == f64::INFINITY)?;
    Some(merged)
}

/// Counts never fall from one bucket to the next; what rounding makes of equal ones is equal.
#[allow(clippy::float_cmp)] // as Prometheus compares
fn make_monotonic(buckets: &mut [Bucket]) {
    let Some(mut before) = buckets.first().map(|bucket| bucket.count) else { return };
    for bucket in buckets.iter_mut().skip(1) {
        if bucket.count == before {
            continue;
        }
        if almost_equal(before, bucket.count) || bucket.count < before {
            bucket.count = before;
        } else {
            before = bucket.count;
        }
    }
}

fn almost_equal(a: f64, b: f64) -> bool {
    if a.is_nan() && b.is_nan() {
        return true;
    }
    let (sum, difference) = (a.abs() + b.abs(), (a - b).abs());
    if a == 0.0 || b == 0.0 || sum < f64::MIN_POSITIVE {
        return difference < TOLERANCE * f64::MIN_POSITIVE;
    }
    difference / sum.min(f64::MAX) < TOLERANCE
}

fn quantile(q: f64, buckets: Vec<Bucket>) -> f64 {
    if q.is_nan() {
        return f64::NAN;
    }
    if q < 0.0 {
        return f64::NEG_INFINITY;
    }
    if q > 1.0 {
        return f64::INFINITY;
    }
    let Some(mut buckets) = sound(buckets) else { return f64::NAN };
    make_monotonic(&mut buckets);
    let [finite @ .., last] = buckets.as_slice() else { return f64::NAN };
    let Some(highest) = finite.last() else { return f64::NAN };
    if last.count == 0.0 {
        return f64::NAN;
    }
    let mut rank = q * last.count;
    // As Go's binary search finds it, NaN counts included.
    let reaches = |bucket: &Bucket| bucket.count.partial_cmp(&rank).is_some_and(Ordering::is_ge);
    let at = finite.partition_point(|bucket| !reaches(bucket));
    let Some(bucket) = finite.get(at) else { return highest.until };
    if at == 0 && bucket.until <= 0.0 {
        return bucket.until;
    }
    let (mut start, mut count) = (0.0, bucket.count);
    if let Some(below) = at.checked_sub(1).map(|below| finite[below]) {
        start = below.until;
        count -= below.count;
        rank -= below.count;
    }
    start + (bucket.until - start) * (rank / count)
}

fn fraction(lower: f64, upper: f64, buckets: Vec<Bucket>) -> f64 {
    let Some(buckets) = sound(buckets) else { return f64::NAN };
    let all = buckets.last().map_or(0.0, |bucket| bucket.count);
    if all == 0.0 || lower.is_nan() || upper.is_nan() {
        return f64::NAN;
    }
    if lower >= upper {
        return 0.0;
    }
    let below = |limit: f64| rank(limit, &buckets).map_or(all, |rank| if rank > all { all } else { rank });
    (below(upper) - below(lower)) / all
}

/// How many observations lie below a number.
fn rank(limit: f64, buckets: &[Bucket]) -> Option<f64> {
    let (mut start, mut counted) = (f64::NEG_INFINITY, 0.0);
    for bucket in buckets {
        if start >= limit {
            return Some(counted);
        }
        if bucket.until > limit {
            return Some(counted + (bucket.count - counted) * (limit - start) / (bucket.until - start));
        }
        counted = bucket.count;
        start = bucket.until;
    }
    None
}
