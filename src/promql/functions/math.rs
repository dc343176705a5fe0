//! Functions of single numbers.

use super::{Body, Function};
use crate::promql::eval::{ABSENT, Computed};
use crate::promql::logarithms::{log2, log10};
use crate::promql::numeric::{larger, smaller};
use crate::promql::value::ValueType::{Scalar, Vector};

const fn of_number(name: &'static str, body: fn(f64, &[f64]) -> f64, about: &'static str) -> Function {
    Function::new(name, &[Vector], Body::Numbers(body), about)
}

pub(super) const FUNCTIONS: &[Function] = &[
    of_number("abs", |v, _| v.abs(), "The absolute value."),
    of_number("ceil", |v, _| v.ceil(), "Rounded up."),
    of_number("floor", |v, _| v.floor(), "Rounded down."),
    of_number("exp", |v, _| v.exp(), "e to the power of the number."),
    of_number("ln", |v, _| libm::log(v), "The natural logarithm."),
    of_number("log2", |v, _| log2(v), "The binary logarithm."),
    of_number("log10", |v, _| log10(v), "The decimal logarithm."),
    of_number("sqrt", |v, _| v.sqrt(), "The square root."),
    of_number("sgn", |v, _| sign(v), "1, 0 or -1 as the number is positive, zero or negative."),
    of_number("deg", |v, _| v * 180.0 / std::f64::consts::PI, "Radians as degrees."),
    of_number("rad", |v, _| v * std::f64::consts::PI / 180.0, "Degrees as radians."),
    of_number("sin", |v, _| v.sin(), "The sine."),
    of_number("cos", |v, _| v.cos(), "The cosine."),
    of_number("tan", |v, _| v.tan(), "The tangent."),
    of_number("asin", |v, _| v.asin(), "The inverse sine."),
    of_number("acos", |v, _| v.acos(), "The inverse cosine."),
    of_number("atan", |v, _| v.atan(), "The inverse tangent."),
    of_number("sinh", |v, _| v.sinh(), "The hyperbolic sine."),
    of_number("cosh", |v, _| v.cosh(), "The hyperbolic cosine."),
    of_number("tanh", |v, _| v.tanh(), "The hyperbolic tangent."),
    of_number("asinh", |v, _| libm::asinh(v), "The inverse hyperbolic sine."),
    of_number("acosh", |v, _| libm::acosh(v), "The inverse hyperbolic cosine."),
    of_number("atanh", |v, _| libm::atanh(v), "The inverse hyperbolic tangent."),
    Function::new(
        "clamp",
        &[Vector, Scalar, Scalar],
        Body::Numbers(clamp),
        "Held between a smallest and a largest number; nothing when they are the wrong way round.",
    ),
    Function::new("clamp_min", &[Vector, Scalar], Body::Numbers(|v, s| larger(s[0], v)), "Not smaller than a number."),
    Function::new("clamp_max", &[Vector, Scalar], Body::Numbers(|v, s| smaller(s[0], v)), "Not larger than a number."),
    Function {
        optional: 1,
        ..Function::new(
            "round",
            &[Vector, Scalar],
            Body::Numbers(round),
            "Rounded to the nearest multiple of a number, of 1 without one; halves go up.",
        )
    },
    Function {
        returns: Scalar,
        ..Function::new(
            "pi",
            &[],
            Body::Whole(|_, _, steps| Ok(Computed::Scalar(vec![std::f64::consts::PI; steps.count]))),
            "The number pi.",
        )
    },
];

fn sign(value: f64) -> f64 {
    if value > 0.0 {
        1.0
    } else if value < 0.0 {
        -1.0
    } else {
        value
    }
}

fn clamp(value: f64, scalars: &[f64]) -> f64 {
    let (least, most) = (scalars[0], scalars[1]);
    if most < least { ABSENT } else { larger(least, smaller(most, value)) }
}

fn round(value: f64, scalars: &[f64]) -> f64 {
    let inverse = 1.0 / scalars.first().copied().unwrap_or(1.0);
    (value * inverse + 0.5).floor() / inverse
}
