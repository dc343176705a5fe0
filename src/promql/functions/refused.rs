//! Functions of Prometheus that are not computed here, and why.

use super::{Body, Function};
use crate::promql::value::ValueType::{self, Matrix, Scalar, Text, Vector};

const NATIVE: &str = "native histograms are not kept";
const EXPERIMENTAL: &str = "it is experimental in Prometheus and off by default there";

const fn refused(name: &'static str, args: &'static [ValueType], why: &'static str) -> Function {
    Function::new(name, args, Body::Refused(why), "Not computed.")
}

pub(super) const FUNCTIONS: &[Function] = &[
    refused("histogram_avg", &[Vector], NATIVE),
    refused("histogram_count", &[Vector], NATIVE),
    refused("histogram_sum", &[Vector], NATIVE),
    refused("histogram_stddev", &[Vector], NATIVE),
    refused("histogram_stdvar", &[Vector], NATIVE),
    refused("double_exponential_smoothing", &[Matrix, Scalar, Scalar], EXPERIMENTAL),
    refused("first_over_time", &[Matrix], EXPERIMENTAL),
    Function { optional: 1, ..refused("info", &[Vector, Vector], EXPERIMENTAL) },
    refused("mad_over_time", &[Matrix], EXPERIMENTAL),
    Function { repeats: true, ..refused("sort_by_label", &[Vector, Text], EXPERIMENTAL) },
    Function { repeats: true, ..refused("sort_by_label_desc", &[Vector, Text], EXPERIMENTAL) },
    refused("ts_of_first_over_time", &[Matrix], EXPERIMENTAL),
    refused("ts_of_last_over_time", &[Matrix], EXPERIMENTAL),
    refused("ts_of_max_over_time", &[Matrix], EXPERIMENTAL),
    refused("ts_of_min_over_time", &[Matrix], EXPERIMENTAL),
];
