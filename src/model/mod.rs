//! The words of the design as types: what every other floor talks about.
//!
//! Nothing here does I/O, reads a clock or draws a random number.

pub mod backend;
pub mod candidate;
mod evidence;
pub mod facts;
pub mod history;
pub mod labels;
pub mod mode;
pub mod names;
pub mod pool;
pub mod progress;
pub mod query;
pub mod record;
pub mod right;
pub mod table;
#[cfg(test)]
pub(crate) mod testing;
pub mod time;
pub mod verdict;
pub mod whom;

pub use backend::Backend;
pub use candidate::{Candidate, Kind};
pub use facts::{Facts, Ownership, Privileges, Server};
pub use history::History;
pub use labels::{Labels, Matcher};
pub use mode::{Class, Mode, Role};
pub use names::{Names, Protect, Selector};
pub use pool::Pool;
pub use query::{Answer, Cell, Place, Question, Row, Value};
pub use record::{Draft, Record, RecordKind};
pub use table::Table;
pub use time::{Duration, Timestamp};
pub use verdict::{GuardReport, Outcome, OutcomeStatus, Verdict};
pub use whom::{Whereabouts, Whom};
