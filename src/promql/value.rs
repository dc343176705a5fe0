//! What is stored and what an expression yields.

use super::labels::Labels;
use std::fmt;

/// A number at a time.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Sample {
    /// Milliseconds since 1970, UTC.
    pub at: i64,
    /// The number; [`STALE`] says that the series ends here.
    pub value: f64,
}

/// The bits of Prometheus's staleness marker: a NaN that no computation yields, since it signals.
const STALE_BITS: u64 = 0x7ff0_0000_0000_0002;

/// Prometheus's staleness marker: from here on the series has no value.
pub const STALE: f64 = f64::from_bits(STALE_BITS);

/// Whether it is the staleness marker, and not just any NaN.
#[must_use]
pub fn is_stale(value: f64) -> bool {
    value.to_bits() == STALE_BITS
}

/// A series with its samples in the order of time.
#[derive(Clone, Debug, PartialEq)]
pub struct Series {
    /// Its labels.
    pub labels: Labels,
    /// Its samples, no time twice.
    pub samples: Vec<Sample>,
}

/// What an expression yields.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// One number.
    Scalar(f64),
    /// One number for each set of labels.
    Vector(Vec<(Labels, f64)>),
    /// Several numbers for each set of labels.
    Matrix(Vec<Series>),
    /// A text.
    Text(String),
}

/// The type of what an expression yields.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum ValueType {
    /// One number.
    Scalar,
    /// An instant vector.
    Vector,
    /// A range vector.
    Matrix,
    /// A text.
    Text,
}

impl fmt::Display for ValueType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            ValueType::Scalar => "scalar",
            ValueType::Vector => "instant vector",
            ValueType::Matrix => "range vector",
            ValueType::Text => "string",
        })
    }
}

/// A number as Prometheus writes it: the shortest digits that read back the same, no exponent.
#[must_use]
pub fn number(value: f64) -> String {
    if value.is_nan() {
        "NaN".to_owned()
    } else if value.is_infinite() {
        if value > 0.0 { "+Inf" } else { "-Inf" }.to_owned()
    } else {
        format!("{value}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_staleness_marker_is_not_just_any_nan() {
        assert!(is_stale(STALE));
        assert!(!is_stale(f64::NAN));
        assert!(!is_stale(STALE + 1.0));
    }

    #[test]
    fn numbers_read_as_in_prometheus() {
        let cases =
            [(f64::NAN, "NaN"), (f64::INFINITY, "+Inf"), (-0.0, "-0"), (1e21, "1000000000000000000000"), (0.1, "0.1")];
        for (value, text) in cases {
            assert_eq!(number(value), text);
        }
    }
}
