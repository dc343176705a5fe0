//! Calls of functions.

use super::{ABSENT, Block, Computed, Error, Run, Steps, is_absent};
use crate::promql::functions::{Body, Samples};
use crate::promql::labels::Labels;
use crate::promql::syntax::Call;
use crate::promql::value::ValueType;
use crate::syntax::Span;

impl Run<'_> {
    pub(super) fn call(&mut self, call: &Call, span: Span, steps: &Steps) -> Result<Computed, Error> {
        let block = match call.function.body {
            Body::Whole(whole) => return whole(self, call, steps),
            Body::Numbers(of) => self.numbers(call, steps, of)?.without_names().merged(span)?,
            Body::Calendar(of) => self.calendar(call, steps, of)?.without_names().merged(span)?,
            Body::Window(of) => self.windows(call, steps, of)?.without_names().distinct(span)?,
            Body::NamedWindow(of) => self.windows(call, steps, of)?.distinct(span)?,
            // The parser refuses such calls.
            Body::Refused(why) => return Err(Error::failed(span, why)),
        };
        Ok(Computed::Vector(block))
    }

    /// The scalars among the arguments, in their order.
    fn scalars(&mut self, call: &Call, steps: &Steps) -> Result<Vec<Vec<f64>>, Error> {
        let scalars = call.args.iter().filter(|arg| arg.yields() == ValueType::Scalar);
        scalars.map(|arg| self.scalar(arg, steps)).collect()
    }

    fn numbers(&mut self, call: &Call, steps: &Steps, of: fn(f64, &[f64]) -> f64) -> Result<Block, Error> {
        let scalars = self.scalars(call, steps)?;
        let Some(vector) = call.args.iter().find(|arg| arg.yields() == ValueType::Vector) else {
            return Ok(Block::new(steps.count));
        };
        let mut block = self.vector(vector, steps)?;
        self.work(block.cells.len())?;
        if scalars.is_empty() {
            return Ok(block.mapped(|value| of(value, &[])));
        }
        let mut beside = vec![0.0; scalars.len()];
        for row in block.cells.chunks_exact_mut(steps.count.max(1)) {
            for (at, value) in row.iter_mut().enumerate().filter(|(_, value)| !is_absent(**value)) {
                fill(&mut beside, &scalars, at);
                *value = of(*value, &beside);
            }
        }
        Ok(block.compact())
    }

    fn calendar(&mut self, call: &Call, steps: &Steps, of: fn(i64) -> f64) -> Result<Block, Error> {
        let Some(vector) = call.args.first() else {
            self.spend(steps.count)?;
            let mut block = Block::new(steps.count);
            block.push(Labels::default(), steps.times().map(|time| of(time.div_euclid(1_000))));
            return Ok(block);
        };
        Ok(self.vector(vector, steps)?.mapped(|value| of(whole_seconds(value))))
    }

    fn windows(&mut self, call: &Call, steps: &Steps, of: fn(&Samples, &[f64]) -> Option<f64>) -> Result<Block, Error> {
        let scalars = self.scalars(call, steps)?;
        let Some(range) = call.args.iter().find(|arg| arg.yields() == ValueType::Matrix) else {
            return Ok(Block::new(steps.count));
        };
        let ranges = self.ranges(range, steps)?;
        let mut block = Block::new(steps.count);
        let mut beside = vec![0.0; scalars.len()];
        let mut cells = Vec::with_capacity(steps.count);
        for (labels, samples) in ranges.rows() {
            self.spend(steps.count)?;
            cells.clear();
            let (mut first, mut behind) = (0, 0);
            for (at, now) in steps.times().enumerate() {
                let (after, until) = ranges.bounds(now);
                while samples.get(behind).is_some_and(|sample| sample.at <= until) {
                    behind += 1;
                }
                while first < behind && samples[first].at <= after {
                    first += 1;
                }
                fill(&mut beside, &scalars, at);
                let taken = &samples[first..behind];
                self.work(taken.len())?;
                let value = if taken.is_empty() { None } else { of(&Samples { taken, after, until, now }, &beside) };
                cells.push(value.unwrap_or(ABSENT));
            }
            block.push(labels.clone(), cells.iter().copied());
        }
        Ok(block)
    }
}

/// The scalars of one step.
fn fill(beside: &mut [f64], scalars: &[Vec<f64>], at: usize) {
    for (one, scalar) in beside.iter_mut().zip(scalars) {
        *one = scalar.get(at).copied().unwrap_or(f64::NAN);
    }
}

/// As Go converts on x86-64: what does not fit becomes the smallest integer.
#[allow(clippy::cast_possible_truncation, clippy::cast_precision_loss)] // the range is checked
fn whole_seconds(value: f64) -> i64 {
    let fits = value >= i64::MIN as f64 && value < i64::MAX as f64;
    if fits { value as i64 } else { i64::MIN }
}
