//! `PromQL` with the semantics of Prometheus 3, over series in memory.
//!
//! - [`syntax`]: from text to a checked expression, with the place of every fault;
//! - [`store`]: the series, compressed;
//! - [`eval`]: an expression over a [`Source`], at one time or at many;
//! - [`lint`]: what is wrong with an expression although it can be evaluated;
//! - [`functions`] and [`aggregations`]: what expressions can call, as data.
//!
//! Nothing here knows a clock: times are arguments, and a caller's `stop` ends an evaluation that takes
//! too long. Native histograms are not kept, and Prometheus's experimental functions are off as they are
//! there by default: both are errors when an expression is read, never a wrong number.

pub mod aggregations;
pub mod eval;
pub mod functions;
pub mod labels;
pub mod lint;
mod logarithms;
pub mod matcher;
mod numeric;
pub mod reference;
pub(crate) mod regex;
pub mod source;
pub mod store;
pub mod syntax;
pub mod value;

pub use eval::{Engine, Error, Steps};
pub use labels::Labels;
pub use matcher::Matcher;
pub use source::{Selection, Source};
pub use store::Store;
pub use syntax::{Expr, SyntaxError, parse};
pub use value::{STALE, Sample, Series, Value, ValueType, is_stale};
