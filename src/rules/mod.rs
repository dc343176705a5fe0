//! Rules: what Prometheus rule files say, evaluated over series in memory, and their unit tests.
//!
//! - [`read`]: a rule file, with the place of every fault;
//! - [`group`]: a group's rules, evaluated in order; [`alert`]: the states of alerts;
//! - [`template`]: the templates of labels and annotations;
//! - [`unit`]: unit tests as `promtool test rules` reads them.

pub mod alert;
pub mod group;
pub mod read;
pub mod template;
pub mod unit;

pub use group::{Around, Group};
pub use read::read;
