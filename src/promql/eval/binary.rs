//! Binary operators.

use super::matching::{Sides, match_vectors, set_operation};
use super::{ABSENT, Block, Computed, Error, Run, Steps, is_absent};
use crate::promql::syntax::{Binary, Class, Kind, Operator};
use crate::syntax::Span;

/// What an operator makes of two numbers: the number, and for a comparison whether it holds.
pub(super) fn apply(operator: Operator, left: f64, right: f64) -> (f64, bool) {
    #[allow(clippy::float_cmp)] // as Prometheus compares
    let holds = match operator {
        Operator::Equal => left == right,
        Operator::NotEqual => left != right,
        Operator::Greater => left > right,
        Operator::Less => left < right,
        Operator::GreaterOrEqual => left >= right,
        Operator::LessOrEqual => left <= right,
        _ => true,
    };
    let number = match operator {
        Operator::Add => left + right,
        Operator::Subtract => left - right,
        Operator::Multiply => left * right,
        Operator::Divide => left / right,
        Operator::Modulo => left % right,
        Operator::Power => left.powf(right),
        Operator::Atan2 => left.atan2(right),
        _ => left,
    };
    (number, holds)
}

/// 1 for true, 0 for false.
pub(super) fn truth(holds: bool) -> f64 {
    if holds { 1.0 } else { 0.0 }
}

impl Run<'_> {
    /// Evaluates an operator with the chain of operators on its left, in a loop: a chain may be long.
    pub(super) fn binary(&mut self, last: &Binary, span: Span, steps: &Steps) -> Result<Computed, Error> {
        let mut chain = vec![(last, span)];
        let mut first = &last.left;
        while let Kind::Binary(binary) = &first.kind
            && !(first.constant && steps.count > 1)
        {
            chain.push((binary, first.span));
            first = &binary.left;
        }
        let mut left = self.eval(first, steps)?;
        for (binary, span) in chain.into_iter().rev() {
            let right = self.eval(&binary.right, steps)?;
            left = self.operate(binary, span, left, right)?;
        }
        Ok(left)
    }

    fn operate(&mut self, binary: &Binary, span: Span, left: Computed, right: Computed) -> Result<Computed, Error> {
        let operator = binary.operator;
        let block = match (left, right) {
            (Computed::Scalar(left), Computed::Scalar(right)) => {
                let comparison = operator.class() == Class::Comparison;
                let cells = left.into_iter().zip(right).map(|(left, right)| {
                    let (number, holds) = apply(operator, left, right);
                    if comparison { truth(holds) } else { number }
                });
                return Ok(Computed::Scalar(cells.collect()));
            }
            (Computed::Vector(block), Computed::Scalar(scalar)) => {
                with_scalar(binary, block, &scalar, |vector, scalar| apply(operator, vector, scalar)).merged(span)?
            }
            (Computed::Scalar(scalar), Computed::Vector(block)) => {
                let compares = operator.class() == Class::Comparison;
                let swapped = |vector: f64, scalar: f64| {
                    let (number, holds) = apply(operator, scalar, vector);
                    (if compares { vector } else { number }, holds)
                };
                with_scalar(binary, block, &scalar, swapped).merged(span)?
            }
            (Computed::Vector(left), Computed::Vector(right)) => {
                self.work(left.cells.len() + right.cells.len())?;
                if operator.class() == Class::Set {
                    set_operation(binary, &left, &right).merged(span)?
                } else {
                    match_vectors(self, binary, &Sides { left: &left, right: &right }, span)?
                }
            }
            // The parser lets only scalars and instant vectors stand beside an operator.
            _ => return Err(Error::failed(span, "a text cannot stand beside an operator")),
        };
        Ok(Computed::Vector(block))
    }
}

/// A vector and a scalar; `of` takes the vector's number first.
fn with_scalar(binary: &Binary, mut block: Block, scalar: &[f64], of: impl Fn(f64, f64) -> (f64, bool)) -> Block {
    let compares = binary.operator.class() == Class::Comparison;
    for row in block.cells.chunks_exact_mut(block.steps.max(1)) {
        for (value, scalar) in row.iter_mut().zip(scalar).filter(|(value, _)| !is_absent(**value)) {
            let (number, holds) = of(*value, *scalar);
            *value = match (compares, binary.bool) {
                (true, true) => truth(holds),
                (true, false) if !holds => ABSENT,
                _ => number,
            };
        }
    }
    let block = block.compact();
    if compares && !binary.bool { block } else { block.without_names() }
}
