//! Functions that tell what is not there.

use super::{Body, Function};
use crate::promql::eval::{ABSENT, Block, Computed, Error, Run, Steps, is_absent};
use crate::promql::labels::{Labels, METRIC_NAME};
use crate::promql::matcher::{Comparison, Matcher};
use crate::promql::syntax::{Call, Expr, Kind};
use crate::promql::value::ValueType::{Matrix, Vector};
use std::collections::{BTreeMap, BTreeSet};

pub(super) const FUNCTIONS: &[Function] = &[
    Function::new("absent", &[Vector], Body::Whole(absent), "1 when the vector has no element, else nothing."),
    Function::new(
        "absent_over_time",
        &[Matrix],
        Body::Whole(absent_over_time),
        "1 when no series has a sample in the range, else nothing.",
    ),
];

fn absent(run: &mut Run, call: &Call, steps: &Steps) -> Result<Computed, Error> {
    let Some(arg) = call.args.first() else { return Ok(Computed::Vector(Block::new(steps.count))) };
    let block = run.vector(arg, steps)?;
    let mut there = vec![false; steps.count];
    for (_, cells) in block.iter() {
        there.iter_mut().zip(cells).for_each(|(there, value)| *there |= !is_absent(*value));
    }
    one_where_nothing(run, arg, steps, &there)
}

fn absent_over_time(run: &mut Run, call: &Call, steps: &Steps) -> Result<Computed, Error> {
    let Some(arg) = call.args.first() else { return Ok(Computed::Vector(Block::new(steps.count))) };
    let ranges = run.ranges(arg, steps)?;
    let mut there = vec![false; steps.count];
    for (_, samples) in ranges.rows() {
        run.work(samples.len() + steps.count)?;
        for (there, now) in there.iter_mut().zip(steps.times()) {
            let (after, until) = ranges.bounds(now);
            let behind = samples.partition_point(|sample| sample.at <= until);
            *there |= behind.checked_sub(1).is_some_and(|last| samples[last].at > after);
        }
    }
    one_where_nothing(run, arg, steps, &there)
}

fn one_where_nothing(run: &mut Run, arg: &Expr, steps: &Steps, there: &[bool]) -> Result<Computed, Error> {
    run.spend(there.len())?;
    let labels = labels_of(run, arg, steps)?;
    let mut block = Block::new(there.len());
    block.push(labels, there.iter().map(|there| if *there { ABSENT } else { 1.0 }));
    Ok(Computed::Vector(block))
}

/// The labels that the selector asks for by `=`, as Prometheus chooses them. Its store moves the matchers that take
/// series away behind the others before they are looked at here, unless it has no sample that old and none is asked.
fn labels_of(run: &mut Run, arg: &Expr, steps: &Steps) -> Result<Labels, Error> {
    let (Kind::Selector(selector) | Kind::Range(selector, _)) = &arg.bare().kind else {
        return Ok(Labels::default());
    };
    let written: Vec<&Matcher> = selector.matchers.iter().filter(|matcher| matcher.name() != METRIC_NAME).collect();
    let (behind, mut moved): (Vec<&Matcher>, Vec<&Matcher>) =
        written.iter().partition(|matcher| takes_away(matcher, &written));
    moved.extend(behind);
    let (written, moved) = (asked_for(&written), asked_for(&moved));
    let asked = written == moved || run.has_sample_until(selector.shift, steps)?;
    Ok(if asked { moved } else { written })
}

/// Whether a matcher lets series without its label through, so that they are found by taking others away.
fn takes_away(matcher: &Matcher, all: &[&Matcher]) -> bool {
    let must_be_set = all.iter().any(|other| other.name() == matcher.name() && !other.accepts(""));
    let negative = matches!(matcher.comparison(), Comparison::NotEqual | Comparison::NotLike);
    !must_be_set || (negative && matcher.accepts(""))
}

/// Each matcher of a label in turn sets it or takes it away, and only the first `=` sets it.
fn asked_for(matchers: &[&Matcher]) -> Labels {
    let mut asked: BTreeMap<&str, &str> = BTreeMap::new();
    let mut set: BTreeSet<&str> = BTreeSet::new();
    for matcher in matchers {
        if matcher.comparison() == Comparison::Equal && set.insert(matcher.name()) {
            asked.insert(matcher.name(), matcher.value());
        } else {
            asked.remove(matcher.name());
        }
    }
    Labels::new(asked)
}
