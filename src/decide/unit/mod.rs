//! Tests of playbooks: a server, rows, a policy, a past and a moment in, decisions out. What decides is what
//! decides in the daemon: the finder reads the rows, [`super::plan`] judges them, and [`super::next`] climbs the
//! ladder with each effect answered as the test says.
//!
//! - [`read`]: a file of tests, with the place of every fault;
//! - [`run`]: what comes of a test, compared with what it expects.

mod compare;
mod expect;
mod names;
mod past;
pub mod read;
mod rows;
mod run;
pub mod schema;
mod series;
mod server;
mod stage;
mod target;

pub use read::{Given, Header, header, read};
pub use run::run;

use crate::config::Policy;
use crate::model::{Facts, History, Mode, OutcomeStatus, Timestamp};
use crate::playbook::{Catalogue, Playbook};
use expect::Expected;
use series::Series;
use std::sync::Arc;

/// The words of playbooks that are tested: conditions too, as the series of a test tell whether they hold.
#[must_use]
pub fn catalogue() -> Catalogue {
    Catalogue { conditions: true, ..super::catalogue() }
}

/// One test, ready to be run.
#[derive(Clone, Debug)]
pub struct Test {
    /// Empty when it has none.
    pub name: String,
    /// From 1.
    pub line: usize,
    /// As it is at the test's target.
    playbook: Arc<Playbook>,
    /// What holds there.
    policy: Arc<Policy>,
    /// What is seen, with the candidates that the finder makes of the rows.
    facts: Facts,
    /// Rows that are no candidates: their names, and why.
    unlisted: Vec<(String, String)>,
    /// What the playbook's conditions look at.
    series: Series,
    /// What was done before.
    history: Arc<History>,
    /// The mode that whoever asks lowers the run to.
    requested: Option<Mode>,
    /// When.
    at: Timestamp,
    /// How actions end.
    outcomes: Vec<Ending>,
    /// Why the playbook does not run on the target at all.
    idle: Option<String>,
    expected: Expected,
}

/// How an action on a candidate ends.
#[derive(Clone, Debug)]
struct Ending {
    candidate: String,
    action: &'static str,
    status: OutcomeStatus,
    /// Whether the candidate is listed no more.
    gone: bool,
}
