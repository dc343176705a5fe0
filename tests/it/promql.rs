//! `PromQL` held against a real Prometheus, and against whatever a person may type.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test's helpers stop it like the test itself")]
#![allow(clippy::cast_precision_loss, clippy::cast_possible_truncation, reason = "small numbers of the tests' own")]
#![allow(clippy::cast_possible_wrap, clippy::float_cmp, reason = "numbers are compared to the bit")]

mod corpus;
mod expressions;
mod fuzz;
mod grammar;
mod lint;
pub mod prometheus;
mod random;
mod series;
