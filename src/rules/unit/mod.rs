//! Unit tests of rules, as `promtool test rules` of Prometheus 3.5 reads and judges them.

mod read;
mod run;
mod shown;

pub use read::{AlertCase, ExprCase, Input, KEYS, Started, Test, TestFile, read};
pub use run::{Check, run};
