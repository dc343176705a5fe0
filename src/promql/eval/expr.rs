//! Walks an expression.

use super::{Block, Error, Run, Steps, instant_cells};
use crate::promql::syntax::{Expr, Kind};

/// What a part of an expression yields, at every step.
#[derive(Debug)]
pub(in crate::promql) enum Computed {
    /// A number for each step.
    Scalar(Vec<f64>),
    /// A row for each series.
    Vector(Block),
    /// A text.
    Text(String),
}

impl Run<'_> {
    /// Evaluates an expression that does not yield a range vector.
    pub(in crate::promql) fn eval(&mut self, expr: &Expr, steps: &Steps) -> Result<Computed, Error> {
        if expr.constant && steps.count > 1 {
            let once = self.eval_at(expr, &steps.first())?;
            return self.repeated(once, steps.count);
        }
        self.eval_at(expr, steps)
    }

    fn eval_at(&mut self, expr: &Expr, steps: &Steps) -> Result<Computed, Error> {
        match &expr.kind {
            Kind::Number(number) => {
                self.spend(steps.count)?;
                Ok(Computed::Scalar(vec![*number; steps.count]))
            }
            Kind::Text(text) => Ok(Computed::Text(text.clone())),
            Kind::Selector(selector) => {
                instant_cells(self, selector, steps, |sample| sample.value).map(Computed::Vector)
            }
            Kind::Paren(of) => self.eval(of, steps),
            Kind::Negate(of) => Ok(match self.eval(of, steps)? {
                Computed::Scalar(cells) => Computed::Scalar(cells.into_iter().map(|value| -value).collect()),
                Computed::Vector(block) => {
                    Computed::Vector(block.mapped(|value| -value).without_names().distinct(expr.span)?)
                }
                text @ Computed::Text(_) => text,
            }),
            Kind::Call(call) => self.call(call, expr.span, steps),
            Kind::Aggregate(aggregate) => self.aggregate(aggregate, expr.span, steps).map(Computed::Vector),
            Kind::Binary(binary) => self.binary(binary, expr.span, steps),
            Kind::Range(..) | Kind::Subquery(_) => {
                // The parser lets range vectors only into functions that take them, which read them by `ranges`.
                Err(Error::failed(expr.span, "a range vector cannot stand here"))
            }
        }
    }

    /// The one column at every step.
    fn repeated(&mut self, once: Computed, count: usize) -> Result<Computed, Error> {
        Ok(match once {
            Computed::Scalar(cells) => {
                self.spend(count)?;
                Computed::Scalar(cells.first().map_or(Vec::new(), |value| vec![*value; count]))
            }
            Computed::Vector(block) => {
                self.spend(block.cells.len().saturating_mul(count))?;
                let cells = block.cells.iter().flat_map(|value| std::iter::repeat_n(*value, count)).collect();
                Computed::Vector(Block { steps: count, rows: block.rows, cells })
            }
            text @ Computed::Text(_) => text,
        })
    }

    /// The numbers of a scalar; none when it is something else, which the parser excludes.
    pub(in crate::promql) fn scalar(&mut self, expr: &Expr, steps: &Steps) -> Result<Vec<f64>, Error> {
        match self.eval(expr, steps)? {
            Computed::Scalar(cells) => Ok(cells),
            Computed::Vector(_) | Computed::Text(_) => Ok(vec![f64::NAN; steps.count]),
        }
    }

    /// The rows of a vector; none when it is something else, which the parser excludes.
    pub(in crate::promql) fn vector(&mut self, expr: &Expr, steps: &Steps) -> Result<Block, Error> {
        match self.eval(expr, steps)? {
            Computed::Vector(block) => Ok(block),
            Computed::Scalar(_) | Computed::Text(_) => Ok(Block::new(steps.count)),
        }
    }
}
