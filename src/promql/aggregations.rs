//! The aggregations of `PromQL`, as data: a line for each.

use super::numeric::{Mean, Sum};
use super::value::ValueType;

/// An aggregation.
#[derive(Debug)]
pub struct Aggregation {
    /// As it is called.
    pub name: &'static str,
    /// The type of its parameter, when it takes one.
    pub param: Option<ValueType>,
    /// What it yields, in words.
    pub about: &'static str,
    pub(super) body: Body,
}

/// How an aggregation is computed.
#[derive(Debug)]
pub(super) enum Body {
    /// One number of a group's numbers, taken in one by one.
    Fold(Fold),
    /// The quantile of a group's numbers.
    Quantile,
    /// The largest elements of a group.
    Largest,
    /// The smallest elements of a group.
    Smallest,
    /// How often each number occurs in a group.
    CountValues,
    /// Not at all, and why.
    Refused(&'static str),
}

/// An aggregation that takes in one number after the other.
#[derive(Clone, Copy, Debug)]
pub(super) enum Fold {
    Sum,
    Mean,
    Smallest,
    Largest,
    Count,
    One,
    Variance,
    Deviation,
}

const fn fold(name: &'static str, fold: Fold, about: &'static str) -> Aggregation {
    Aggregation { name, param: None, about, body: Body::Fold(fold) }
}

const fn with_param(name: &'static str, body: Body, about: &'static str) -> Aggregation {
    let param = match body {
        Body::CountValues => ValueType::Text,
        _ => ValueType::Scalar,
    };
    Aggregation { name, param: Some(param), about, body }
}

const EXPERIMENTAL: &str = "it is experimental in Prometheus and off by default there";

const AGGREGATIONS: &[Aggregation] = &[
    fold("sum", Fold::Sum, "The sum of a group."),
    fold("avg", Fold::Mean, "The mean of a group."),
    fold("min", Fold::Smallest, "The smallest number of a group; NaN only when all are."),
    fold("max", Fold::Largest, "The largest number of a group; NaN only when all are."),
    fold("count", Fold::Count, "How many elements a group has."),
    fold("group", Fold::One, "1 for each group."),
    fold("stddev", Fold::Deviation, "The standard deviation of a group, as of a whole population."),
    fold("stdvar", Fold::Variance, "The variance of a group, as of a whole population."),
    with_param("topk", Body::Largest, "The k largest elements of each group, with all their labels."),
    with_param("bottomk", Body::Smallest, "The k smallest elements of each group, with all their labels."),
    with_param("quantile", Body::Quantile, "The quantile of a group, linear between two numbers."),
    with_param(
        "count_values",
        Body::CountValues,
        "How often each number occurs in a group; the label named holds the number.",
    ),
    with_param("limitk", Body::Refused(EXPERIMENTAL), "Any k elements of each group."),
    with_param("limit_ratio", Body::Refused(EXPERIMENTAL), "About such a share of the elements of each group."),
];

impl Aggregation {
    /// Why it cannot be called, when it cannot.
    pub(super) fn refused(&self) -> Option<&'static str> {
        match self.body {
            Body::Refused(why) => Some(why),
            _ => None,
        }
    }

    /// How it is called: `topk(scalar, instant vector)`.
    #[must_use]
    pub fn usage(&self) -> String {
        let param = self.param.map(|param| format!("{param}, ")).unwrap_or_default();
        format!("{}({param}{})", self.name, ValueType::Vector)
    }
}

/// All of them.
pub fn all() -> impl Iterator<Item = &'static Aggregation> + Clone {
    AGGREGATIONS.iter()
}

/// The aggregation of a name, in any case.
#[must_use]
pub fn find(name: &str) -> Option<&'static Aggregation> {
    all().find(|aggregation| aggregation.name.eq_ignore_ascii_case(name))
}

/// Takes in one number after the other.
pub(super) trait Accumulate {
    /// Of the first number.
    fn first(value: f64) -> Self;
    /// Of one more.
    fn add(&mut self, value: f64);
    /// What comes out.
    fn result(self) -> f64;
}

impl Accumulate for Sum {
    fn first(value: f64) -> Sum {
        Sum { plain: value, lost: 0.0 }
    }
    fn add(&mut self, value: f64) {
        Sum::add(self, value);
    }
    fn result(self) -> f64 {
        self.total()
    }
}

impl Accumulate for Mean {
    fn first(value: f64) -> Mean {
        Mean::of(value)
    }
    fn add(&mut self, value: f64) {
        Mean::add(self, value);
    }
    fn result(self) -> f64 {
        self.mean()
    }
}

/// The smallest number; NaN gives way to any.
pub(super) struct Smallest(f64);

impl Accumulate for Smallest {
    fn first(value: f64) -> Smallest {
        Smallest(value)
    }
    fn add(&mut self, value: f64) {
        if self.0 > value || self.0.is_nan() {
            self.0 = value;
        }
    }
    fn result(self) -> f64 {
        self.0
    }
}

/// The largest number; NaN gives way to any.
pub(super) struct Largest(f64);

impl Accumulate for Largest {
    fn first(value: f64) -> Largest {
        Largest(value)
    }
    fn add(&mut self, value: f64) {
        if self.0 < value || self.0.is_nan() {
            self.0 = value;
        }
    }
    fn result(self) -> f64 {
        self.0
    }
}

/// How many.
pub(super) struct Count(f64);

impl Accumulate for Count {
    fn first(_: f64) -> Count {
        Count(1.0)
    }
    fn add(&mut self, _: f64) {
        self.0 += 1.0;
    }
    fn result(self) -> f64 {
        self.0
    }
}

/// 1.
pub(super) struct One;

impl Accumulate for One {
    fn first(_: f64) -> One {
        One
    }
    fn add(&mut self, _: f64) {}
    fn result(self) -> f64 {
        1.0
    }
}

/// The variance by Welford's method.
pub(super) struct Variance {
    count: f64,
    mean: f64,
    squares: f64,
}

impl Accumulate for Variance {
    fn first(value: f64) -> Variance {
        let squares = if value.is_finite() { 0.0 } else { f64::NAN };
        Variance { count: 1.0, mean: value, squares }
    }
    fn add(&mut self, value: f64) {
        self.count += 1.0;
        let delta = value - self.mean;
        self.mean += delta / self.count;
        self.squares += delta * (value - self.mean);
    }
    fn result(self) -> f64 {
        self.squares / self.count
    }
}

/// The square root of the variance.
pub(super) struct Deviation(Variance);

impl Accumulate for Deviation {
    fn first(value: f64) -> Deviation {
        Deviation(Variance::first(value))
    }
    fn add(&mut self, value: f64) {
        self.0.add(value);
    }
    fn result(self) -> f64 {
        self.0.result().sqrt()
    }
}
