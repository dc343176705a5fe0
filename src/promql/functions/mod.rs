//! The functions of `PromQL`, as data: a file for each family, a line for each function.

mod absent;
mod histogram;
mod labels;
mod math;
mod over_time;
mod rate;
mod refused;
mod shape;
mod time;

use super::eval::{Computed, Error, Run, Steps};
use super::syntax::Call;
use super::value::{Sample, ValueType};

/// Every family.
const FAMILIES: &[&[Function]] = &[
    absent::FUNCTIONS,
    histogram::FUNCTIONS,
    labels::FUNCTIONS,
    math::FUNCTIONS,
    over_time::FUNCTIONS,
    rate::FUNCTIONS,
    refused::FUNCTIONS,
    shape::FUNCTIONS,
    time::FUNCTIONS,
];

/// A function of `PromQL`.
#[derive(Debug)]
pub struct Function {
    /// As it is called.
    pub name: &'static str,
    /// The types of its arguments.
    pub args: &'static [ValueType],
    /// How many of the last arguments may be left out.
    pub optional: usize,
    /// Whether the last argument may be repeated, or left out.
    pub repeats: bool,
    /// The type of what it yields.
    pub returns: ValueType,
    /// Whether it yields something else at another time although its arguments do not.
    pub uses_time: bool,
    /// What it yields, in words.
    pub about: &'static str,
    pub(super) body: Body,
}

/// How a function is computed.
#[derive(Debug)]
pub(super) enum Body {
    /// From each number of a vector and the scalars beside it; the metric's name goes.
    Numbers(fn(f64, &[f64]) -> f64),
    /// From the samples of each series in a range and the scalars beside it; the metric's name goes.
    Window(fn(&Samples, &[f64]) -> Option<f64>),
    /// The same, and the metric's name stays.
    NamedWindow(fn(&Samples, &[f64]) -> Option<f64>),
    /// From seconds since 1970: each number of a vector, or the evaluation's time.
    Calendar(fn(i64) -> f64),
    /// From all that the evaluation knows.
    Whole(fn(&mut Run, &Call, &Steps) -> Result<Computed, Error>),
    /// Not at all, and why.
    Refused(&'static str),
}

/// The samples of one series in a range.
pub(super) struct Samples<'a> {
    /// What was sampled, in the order of time, at least one, none stale.
    pub taken: &'a [Sample],
    /// Where the range begins, itself excluded, in milliseconds.
    pub after: i64,
    /// Where the range ends, in milliseconds.
    pub until: i64,
    /// The time of the evaluation, in milliseconds.
    pub now: i64,
}

impl Function {
    const fn new(name: &'static str, args: &'static [ValueType], body: Body, about: &'static str) -> Function {
        let returns = ValueType::Vector;
        Function { name, args, optional: 0, repeats: false, returns, uses_time: false, about, body }
    }

    /// How many arguments it needs.
    pub(super) fn least(&self) -> usize {
        self.args.len() - self.optional - usize::from(self.repeats)
    }

    /// How many arguments it takes, when there is a limit.
    pub(super) fn most(&self) -> Option<usize> {
        (!self.repeats).then_some(self.args.len())
    }

    /// The type of one argument.
    pub(super) fn arg(&self, at: usize) -> Option<ValueType> {
        self.args.get(at).or(self.args.last().filter(|_| self.repeats)).copied()
    }

    /// Why it cannot be called, when it cannot.
    pub(super) fn refused(&self) -> Option<&'static str> {
        match self.body {
            Body::Refused(why) => Some(why),
            _ => None,
        }
    }

    /// How it is called: `rate(range vector)`.
    #[must_use]
    pub fn usage(&self) -> String {
        let mut args: Vec<String> = self.args.iter().map(ToString::to_string).collect();
        for arg in args.iter_mut().skip(self.least()) {
            *arg = format!("[{arg}]");
        }
        if self.repeats {
            args.push("…".to_owned());
        }
        format!("{}({})", self.name, args.join(", "))
    }
}

/// All of them.
pub fn all() -> impl Iterator<Item = &'static Function> + Clone {
    FAMILIES.iter().flat_map(|family| family.iter())
}

/// The function of a name.
#[must_use]
pub fn find(name: &str) -> Option<&'static Function> {
    all().find(|function| function.name == name)
}
