//! Evaluates an expression, at one time or at many steps.
//!
//! Every part of an expression is evaluated once for all steps: its series are selected once, and a
//! table of rows (series) and columns (steps) goes up the tree, as in Prometheus's engine.

mod aggregate;
mod binary;
mod block;
mod call;
mod expr;
mod extremes;
mod matching;
mod run;
mod select;
mod steps;

pub(super) use block::{ABSENT, Block, is_absent};
pub(super) use expr::Computed;
pub(super) use run::Run;
pub(super) use select::instant_cells;
pub use steps::Steps;

use super::labels::Labels;
use super::source::Source;
use super::syntax::Expr;
use super::value::{Sample, Series, Value, ValueType};
use crate::syntax::Span;
use std::fmt;

/// Evaluates expressions, within limits.
#[derive(Clone, Debug)]
pub struct Engine {
    /// Milliseconds that an instant selector looks back for a sample; Prometheus's default is 5 minutes.
    pub lookback: i64,
    /// Milliseconds of a subquery's step that names none: the interval at which rules are evaluated.
    pub default_step: i64,
    /// How many samples one evaluation may read and compute.
    pub samples: usize,
}

impl Default for Engine {
    fn default() -> Engine {
        Engine { lookback: 300_000, default_step: 60_000, samples: 50_000_000 }
    }
}

/// Why an evaluation ended without a result.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Error {
    /// The expression does not fit the series.
    Failed {
        /// The part of the expression that failed.
        span: Span,
        /// Why, in Prometheus's words.
        message: String,
    },
    /// It needs more samples than it may.
    TooManySamples {
        /// How many it may read and compute.
        limit: usize,
    },
    /// The caller's `stop` said so.
    Stopped,
}

impl Error {
    pub(super) fn failed(span: Span, message: impl Into<String>) -> Error {
        Error::Failed { span, message: message.into() }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::Failed { message, .. } => f.write_str(message),
            Error::TooManySamples { limit } => {
                write!(
                    f,
                    "the expression reads and computes more than {limit} samples; select fewer series or a shorter range"
                )
            }
            Error::Stopped => f.write_str("the evaluation took too long and was stopped"),
        }
    }
}

impl std::error::Error for Error {}

impl Engine {
    /// Evaluates at one time, `at` in milliseconds since 1970. `stop` is asked now and then whether the
    /// evaluation should end.
    ///
    /// # Errors
    /// When the expression does not fit the series, reaches a limit or is stopped.
    pub fn instant(&self, expr: &Expr, source: &dyn Source, at: i64, stop: &dyn Fn() -> bool) -> Result<Value, Error> {
        let steps = Steps::once(at);
        let mut run = Run::new(self, source, steps, stop);
        if expr.yields() == ValueType::Matrix {
            return Ok(Value::Matrix(run.ranges(expr.bare(), &steps)?.series(&steps)));
        }
        Ok(match run.eval(expr, &steps)? {
            Computed::Text(text) => Value::Text(text),
            Computed::Scalar(cells) => Value::Scalar(cells.first().copied().unwrap_or(f64::NAN)),
            Computed::Vector(block) => Value::Vector(block.rows.into_iter().zip(block.cells).collect()),
        })
    }

    /// Evaluates at every step; yields a matrix, its series in the order of their labels.
    ///
    /// # Errors
    /// As [`Engine::instant`], and when the expression yields a text or a range vector.
    pub fn range(
        &self,
        expr: &Expr,
        source: &dyn Source,
        steps: Steps,
        stop: &dyn Fn() -> bool,
    ) -> Result<Value, Error> {
        let invalid = |what: ValueType| {
            let message =
                format!("invalid expression type \"{what}\" for range query, must be Scalar or instant Vector");
            Err(Error::failed(expr.span, message))
        };
        if expr.yields() == ValueType::Matrix {
            return invalid(ValueType::Matrix);
        }
        let mut run = Run::new(self, source, steps, stop);
        run.spend(steps.count)?;
        let block = match run.eval(expr, &steps)? {
            Computed::Text(_) => return invalid(ValueType::Text),
            Computed::Scalar(cells) => Block { steps: steps.count, rows: vec![Labels::default()], cells },
            Computed::Vector(block) => block,
        };
        let series = |(labels, cells): (&Labels, &[f64])| {
            let there = steps.times().zip(cells).filter(|(_, value)| !is_absent(**value));
            let samples = there.map(|(at, value)| Sample { at, value: *value }).collect();
            Series { labels: labels.clone(), samples }
        };
        let mut matrix: Vec<Series> = block.iter().map(series).collect();
        matrix.sort_by(|a, b| a.labels.cmp(&b.labels));
        Ok(Value::Matrix(matrix))
    }
}

#[cfg(test)]
mod tests;
