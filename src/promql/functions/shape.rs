//! Functions that turn vectors into scalars and back, sort them and ask when a sample was taken.

use super::{Body, Function};
use crate::promql::eval::{ABSENT, Block, Computed, Error, Run, Steps, instant_cells, is_absent};
use crate::promql::labels::Labels;
use crate::promql::numeric::seconds;
use crate::promql::syntax::{Call, Kind};
use crate::promql::value::ValueType::{Scalar, Vector};
use std::cmp::Ordering;

pub(super) const FUNCTIONS: &[Function] = &[
    Function {
        returns: Scalar,
        ..Function::new(
            "scalar",
            &[Vector],
            Body::Whole(scalar),
            "The number of a vector with one element; NaN when it has none or several.",
        )
    },
    Function::new("vector", &[Scalar], Body::Whole(vector), "A vector with one element that has no labels."),
    Function::new(
        "sort",
        &[Vector],
        Body::Whole(|r, c, s| sorted(r, c, s, false)),
        "Sorted from small to large, NaN last.",
    ),
    Function::new(
        "sort_desc",
        &[Vector],
        Body::Whole(|r, c, s| sorted(r, c, s, true)),
        "Sorted from large to small, NaN last.",
    ),
    Function {
        uses_time: true,
        ..Function::new(
            "timestamp",
            &[Vector],
            Body::Whole(timestamp),
            "When each sample was taken, in seconds since 1970.",
        )
    },
];

fn scalar(run: &mut Run, call: &Call, steps: &Steps) -> Result<Computed, Error> {
    let Some(arg) = call.args.first() else { return Ok(Computed::Scalar(Vec::new())) };
    let block = run.vector(arg, steps)?;
    run.spend(steps.count)?;
    let mut only = vec![ABSENT; steps.count];
    let mut several = vec![false; steps.count];
    for (_, cells) in block.iter() {
        for (at, value) in cells.iter().enumerate().filter(|(_, value)| !is_absent(**value)) {
            several[at] |= !is_absent(only[at]);
            only[at] = *value;
        }
    }
    let number = |(value, several): (f64, bool)| if several || is_absent(value) { f64::NAN } else { value };
    Ok(Computed::Scalar(only.into_iter().zip(several).map(number).collect()))
}

fn vector(run: &mut Run, call: &Call, steps: &Steps) -> Result<Computed, Error> {
    let mut block = Block::new(steps.count);
    if let Some(arg) = call.args.first() {
        block.push(Labels::default(), run.scalar(arg, steps)?);
    }
    Ok(Computed::Vector(block))
}

/// The order of elements shows at a single time only; of many, the caller sorts by labels.
fn sorted(run: &mut Run, call: &Call, steps: &Steps, descending: bool) -> Result<Computed, Error> {
    let Some(arg) = call.args.first() else { return Ok(Computed::Vector(Block::new(steps.count))) };
    let block = run.vector(arg, steps)?;
    if steps.count != 1 {
        return Ok(Computed::Vector(block));
    }
    let mut elements: Vec<(Labels, f64)> = block.rows.into_iter().zip(block.cells).collect();
    elements.sort_by(|a, b| {
        let by_size = a.1.partial_cmp(&b.1).map(|order| if descending { order.reverse() } else { order });
        a.1.is_nan().cmp(&b.1.is_nan()).then(by_size.unwrap_or(Ordering::Equal))
    });
    let (rows, cells) = elements.into_iter().unzip();
    Ok(Computed::Vector(Block { steps: steps.count, rows, cells }))
}

fn timestamp(run: &mut Run, call: &Call, steps: &Steps) -> Result<Computed, Error> {
    let Some(arg) = call.args.first() else { return Ok(Computed::Vector(Block::new(steps.count))) };
    let block = if let Kind::Selector(selector) = &arg.bare().kind {
        instant_cells(run, selector, steps, |sample| seconds(sample.at))?
    } else {
        let mut block = run.vector(arg, steps)?;
        for cells in block.cells.chunks_exact_mut(steps.count.max(1)) {
            for (value, time) in cells.iter_mut().zip(steps.times()).filter(|(value, _)| !is_absent(**value)) {
                *value = seconds(time);
            }
        }
        block
    };
    block.without_names().merged(arg.span).map(Computed::Vector)
}
