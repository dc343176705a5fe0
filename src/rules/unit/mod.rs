//! Unit tests of rules, as `promtool test rules` of Prometheus 3.5 reads and judges them.

mod read;
mod run;
mod shown;

pub use read::{AlertCase, ExprCase, Input, KEYS, MOST_VALUES, Started, Test, TestFile, input_series, read};
pub use run::{Check, run};
