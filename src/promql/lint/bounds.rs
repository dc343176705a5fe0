//! Between which numbers the values of an expression lie.

use super::metrics::{self, Sort};
use super::shape::metric;
use super::text::Text;
use super::tree::Node;
use crate::promql::syntax::{Binary, Call, Class, Expr, Kind, Operator};

/// The smallest and the largest number that a value can be, NaN apart.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Bounds {
    /// None is smaller.
    pub low: f64,
    /// None is larger.
    pub high: f64,
}

const ANY: Bounds = between(f64::NEG_INFINITY, f64::INFINITY);
const SHARE: Bounds = between(0.0, 1.0);

const fn between(low: f64, high: f64) -> Bounds {
    Bounds { low, high }
}

const fn from(low: f64) -> Bounds {
    between(low, f64::INFINITY)
}

impl Bounds {
    /// The bounds, or none where arithmetic gave no number.
    fn sound(low: f64, high: f64) -> Bounds {
        if low.is_nan() || high.is_nan() { ANY } else { between(low, high) }
    }

    fn map(self, f: impl Fn(f64) -> f64) -> Bounds {
        Bounds::sound(f(self.low), f(self.high))
    }

    fn or(self, other: Bounds) -> Bounds {
        between(self.low.min(other.low), self.high.max(other.high))
    }

    fn times(self, other: Bounds) -> Bounds {
        let corners = [self.low * other.low, self.low * other.high, self.high * other.low, self.high * other.high];
        if corners.iter().any(|corner| corner.is_nan()) {
            // 0 times infinity: only the sign is sure.
            return if self.low >= 0.0 && other.low >= 0.0 { from(0.0) } else { ANY };
        }
        corners.iter().fold(between(f64::INFINITY, f64::NEG_INFINITY), |all, corner| all.or(between(*corner, *corner)))
    }
}

/// Between which numbers the values of an expression lie.
pub(super) fn of(expr: &Expr, parts: &[Node], text: &Text) -> Bounds {
    let first = || parts.first().map_or(ANY, |part| part.bounds);
    match &expr.kind {
        Kind::Number(number) if !number.is_nan() => between(*number, *number),
        Kind::Number(_) | Kind::Text(_) => ANY,
        Kind::Selector(selector) | Kind::Range(selector, _) => match metric(&selector.matchers) {
            Some(name) if metrics::is_flag(name) => SHARE,
            Some(name) if metrics::sort(name) == Some(Sort::Counter) => from(0.0),
            _ => ANY,
        },
        Kind::Subquery(_) | Kind::Paren(_) => first(),
        Kind::Negate(_) => between(-first().high, -first().low),
        Kind::Call(call) => of_call(call, parts),
        Kind::Aggregate(aggregate) => {
            let of = parts.last().map_or(ANY, |part| part.bounds);
            match aggregate.aggregation.name {
                "count" | "count_values" => from(1.0),
                "group" => between(1.0, 1.0),
                "stddev" | "stdvar" => from(0.0),
                "sum" => sum(of),
                "quantile" => ANY,
                _ => of,
            }
        }
        Kind::Binary(binary) => match parts {
            [left, right] => of_binary(binary, left, right, text),
            _ => ANY,
        },
    }
}

/// Of one number or several.
fn sum(of: Bounds) -> Bounds {
    let low = if of.low >= 0.0 { of.low } else { f64::NEG_INFINITY };
    let high = if of.high <= 0.0 { of.high } else { f64::INFINITY };
    between(low, high)
}

fn of_call(call: &Call, parts: &[Node]) -> Bounds {
    let arg = |at: usize| parts.get(at).map_or(ANY, |part| part.bounds);
    let of = arg(0);
    match call.function.name {
        "absent" | "absent_over_time" | "present_over_time" => between(1.0, 1.0),
        "count_over_time" => from(1.0),
        "abs" | "sqrt" | "exp" | "stddev_over_time" | "stdvar_over_time" | "changes" | "resets" => from(0.0),
        "rate" | "irate" | "increase" if of.low >= 0.0 => from(0.0),
        "sum_over_time" => sum(of),
        "avg_over_time" | "min_over_time" | "max_over_time" | "last_over_time" | "vector" | "sort" | "sort_desc"
        | "label_replace" | "label_join" | "scalar" => of,
        "clamp_min" => between(of.low.max(arg(1).low), of.high.max(arg(1).high)),
        "clamp_max" => between(of.low.min(arg(1).low), of.high.min(arg(1).high)),
        "clamp" => between(of.low.max(arg(1).low).min(arg(2).high), of.high.min(arg(2).high).max(arg(1).low)),
        "ceil" => of.map(f64::ceil),
        "floor" => of.map(f64::floor),
        "sgn" | "sin" | "cos" => between(-1.0, 1.0),
        "histogram_fraction" => SHARE,
        "hour" => between(0.0, 23.0),
        "minute" => between(0.0, 59.0),
        "day_of_week" => between(0.0, 6.0),
        "day_of_month" => between(1.0, 31.0),
        "day_of_year" => between(1.0, 366.0),
        "days_in_month" => between(28.0, 31.0),
        "month" => between(1.0, 12.0),
        _ => ANY,
    }
}

fn of_binary(binary: &Binary, left: &Node, right: &Node, text: &Text) -> Bounds {
    let (one, other) = (left.bounds, right.bounds);
    match binary.operator {
        _ if binary.bool => SHARE,
        Operator::Divide if let Some(high) = share_of(left, right, text) => between(0.0, high),
        Operator::Add => Bounds::sound(one.low + other.low, one.high + other.high),
        Operator::Subtract => Bounds::sound(one.low - other.high, one.high - other.low),
        Operator::Multiply => one.times(other),
        Operator::Divide if other.low > 0.0 && other.low.is_finite() && other.low.to_bits() == other.high.to_bits() => {
            one.map(|value| value / other.low)
        }
        Operator::Divide if one.low >= 0.0 && other.low >= 0.0 => from(0.0),
        Operator::Or => one.or(other),
        operator if operator.class() == Class::Arithmetic => ANY,
        operator if operator.class() == Class::Set => one,
        operator => filtered(operator, left, right),
    }
}

/// What a comparison lets through: numbers of the left side, of the right when the left is a scalar.
fn filtered(operator: Operator, left: &Node, right: &Node) -> Bounds {
    use crate::promql::ValueType::Scalar;
    let swapped = left.expr.yields() == Scalar;
    let (kept, with) = if swapped { (right.bounds, left.bounds) } else { (left.bounds, right.bounds) };
    let (low, high) = match (operator, swapped) {
        (Operator::Greater | Operator::GreaterOrEqual, false) | (Operator::Less | Operator::LessOrEqual, true) => {
            (with.low, f64::INFINITY)
        }
        (Operator::Less | Operator::LessOrEqual, false) | (Operator::Greater | Operator::GreaterOrEqual, true) => {
            (f64::NEG_INFINITY, with.high)
        }
        (Operator::Equal, _) => (with.low, with.high),
        _ => (f64::NEG_INFINITY, f64::INFINITY),
    };
    let (low, high) = (kept.low.max(low), kept.high.min(high));
    // Nothing gets through: another rule says so.
    if low > high { kept } else { between(low, high) }
}

/// Of `a / (a + b)` and `100 * a / (a + b)`, when no number is negative: the share of all.
fn share_of(left: &Node, right: &Node, text: &Text) -> Option<f64> {
    let whole = right.bare();
    let sum = matches!(&whole.expr.kind, Kind::Binary(binary) if binary.operator == Operator::Add);
    if !sum || whole.parts.iter().any(|one| one.bounds.low < 0.0) {
        return None;
    }
    let is_part = |part: &Node| whole.parts.iter().any(|one| text.same(one.bare().expr.span, part.bare().expr.span));
    let part = left.bare();
    if is_part(part) {
        return Some(1.0);
    }
    let (Kind::Binary(binary), [one, other]) = (&part.expr.kind, part.parts.as_slice()) else { return None };
    let factor = |node: &Node| match node.bare().expr.kind {
        Kind::Number(number) => Some(number).filter(|number| *number >= 0.0),
        _ => None,
    };
    match binary.operator {
        Operator::Multiply if is_part(one) => factor(other),
        Operator::Multiply if is_part(other) => factor(one),
        _ => None,
    }
}
