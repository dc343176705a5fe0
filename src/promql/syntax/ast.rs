//! An expression as a tree that knows its places and types.

use super::Operator;
use crate::promql::aggregations::Aggregation;
use crate::promql::functions::Function;
use crate::promql::matcher::Matcher;
use crate::promql::value::ValueType;
use crate::syntax::Span;

/// An expression, its types checked.
#[derive(Clone, Debug)]
pub struct Expr {
    /// What it is.
    pub kind: Kind,
    /// Where it stands.
    pub span: Span,
    /// Whether it yields the same at every step of one evaluation.
    pub(in crate::promql) constant: bool,
    /// How many levels it has, itself included.
    pub(super) levels: usize,
}

/// What an expression is.
#[derive(Clone, Debug)]
pub enum Kind {
    /// A number, or a duration in seconds.
    Number(f64),
    /// A text.
    Text(String),
    /// An instant selector.
    Selector(Selector),
    /// A range selector and its range in milliseconds.
    Range(Selector, i64),
    /// A subquery.
    Subquery(Box<Subquery>),
    /// A function call.
    Call(Call),
    /// An aggregation.
    Aggregate(Box<Aggregate>),
    /// Two sides and an operator.
    Binary(Box<Binary>),
    /// `-x`
    Negate(Box<Expr>),
    /// `(x)` and `+x`
    Paren(Box<Expr>),
}

/// Which series a selector takes, and from when.
#[derive(Clone, Debug, PartialEq)]
pub struct Selector {
    /// All must hold; the metric's name is one of them.
    pub matchers: Vec<Matcher>,
    /// From when.
    pub shift: Shift,
}

/// `offset` and `@`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Shift {
    /// Milliseconds into the past; negative into the future.
    pub offset: i64,
    /// A fixed time instead of the evaluation's.
    pub at: Option<At>,
}

/// The time of an `@`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum At {
    /// Milliseconds since 1970.
    Time(i64),
    /// The evaluation's first step.
    Start,
    /// The evaluation's last step.
    End,
}

/// `x[5m:1m]`
#[derive(Clone, Debug)]
pub struct Subquery {
    /// Evaluated at each of its steps.
    pub of: Expr,
    /// Milliseconds.
    pub range: i64,
    /// Milliseconds; without one the evaluation's default holds.
    pub step: Option<i64>,
    /// From when.
    pub shift: Shift,
}

/// `f(x, y)`
#[derive(Clone, Debug)]
pub struct Call {
    /// The function.
    pub function: &'static Function,
    /// As many and of such types as it takes.
    pub args: Vec<Expr>,
}

/// `sum by (job) (x)`
#[derive(Clone, Debug)]
pub struct Aggregate {
    /// The aggregation.
    pub aggregation: &'static Aggregation,
    /// What goes in.
    pub of: Expr,
    /// The parameter of those that take one.
    pub param: Option<Expr>,
    /// Which labels make a group.
    pub grouping: Grouping,
}

/// Which labels count.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Grouping {
    /// `by` or `on`: only these.
    Only(Vec<String>),
    /// `without` or `ignoring`: all but these and the metric's name.
    Without(Vec<String>),
}

/// `x * on (job) y`
#[derive(Clone, Debug)]
pub struct Binary {
    /// The operator.
    pub operator: Operator,
    /// Whether a comparison yields 0 or 1 instead of filtering.
    pub bool: bool,
    /// The left side.
    pub left: Expr,
    /// The right side.
    pub right: Expr,
    /// How series of two vectors find each other.
    pub matching: Matching,
}

/// How series of two vectors find each other.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Matching {
    /// The labels that must be equal.
    pub labels: Grouping,
    /// How many of one side may match how many of the other.
    pub cardinality: Cardinality,
    /// Labels that the result takes over from the side of one.
    pub include: Vec<String>,
}

/// How many of one side may match how many of the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cardinality {
    /// One to one.
    OneToOne,
    /// `group_left`: many on the left.
    ManyToOne,
    /// `group_right`: many on the right.
    OneToMany,
    /// Set operators.
    ManyToMany,
}

impl Grouping {
    /// The labels named.
    #[must_use]
    pub fn names(&self) -> &[String] {
        match self {
            Grouping::Only(names) | Grouping::Without(names) => names,
        }
    }
}

impl Expr {
    /// The type of what it yields.
    #[must_use]
    pub fn yields(&self) -> ValueType {
        match &self.kind {
            Kind::Number(_) => ValueType::Scalar,
            Kind::Text(_) => ValueType::Text,
            Kind::Selector(_) | Kind::Aggregate(_) => ValueType::Vector,
            Kind::Range(..) | Kind::Subquery(_) => ValueType::Matrix,
            Kind::Call(call) => call.function.returns,
            Kind::Binary(binary) => match (binary.left.yields(), binary.right.yields()) {
                (ValueType::Scalar, ValueType::Scalar) => ValueType::Scalar,
                _ => ValueType::Vector,
            },
            Kind::Negate(of) | Kind::Paren(of) => of.yields(),
        }
    }

    /// Itself without the parentheses around it.
    #[must_use]
    pub fn bare(&self) -> &Expr {
        let mut expr = self;
        while let Kind::Paren(of) = &expr.kind {
            expr = of;
        }
        expr
    }

    /// The expressions right below it.
    #[must_use]
    pub fn parts(&self) -> Vec<&Expr> {
        match &self.kind {
            Kind::Number(_) | Kind::Text(_) | Kind::Selector(_) | Kind::Range(..) => Vec::new(),
            Kind::Subquery(subquery) => vec![&subquery.of],
            Kind::Call(call) => call.args.iter().collect(),
            Kind::Aggregate(aggregate) => aggregate.param.iter().chain([&aggregate.of]).collect(),
            Kind::Binary(binary) => vec![&binary.left, &binary.right],
            Kind::Negate(of) | Kind::Paren(of) => vec![of],
        }
    }

    /// Every selector in it with the milliseconds that it looks back from the evaluation's time, the
    /// subqueries around it included; a selector with a fixed time looks back 0. `lookback` is how far an
    /// instant selector looks.
    #[must_use]
    pub fn selectors(&self, lookback: i64) -> Vec<(&Selector, i64)> {
        let mut found = Vec::new();
        self.gather(lookback, 0, &mut found);
        found
    }

    fn gather<'a>(&'a self, lookback: i64, around: i64, found: &mut Vec<(&'a Selector, i64)>) {
        let back = |shift: Shift, range: i64| match shift.at {
            Some(At::Time(_)) => 0,
            _ => around.saturating_add(shift.offset).saturating_add(range).max(0),
        };
        match &self.kind {
            Kind::Selector(selector) => found.push((selector, back(selector.shift, lookback))),
            Kind::Range(selector, range) => found.push((selector, back(selector.shift, *range))),
            Kind::Subquery(subquery) => {
                subquery.of.gather(lookback, back(subquery.shift, subquery.range), found);
            }
            _ => self.parts().into_iter().for_each(|part| part.gather(lookback, around, found)),
        }
    }
}
