//! The decisions, as pure functions: so they can be unit-tested, simulated and replayed.

mod climber;
pub mod conclude;
pub mod conditions;
pub mod draft;
mod ends;
pub mod intent;
mod ladder;
mod next;
mod notice;
mod orphan;
pub mod outbox;
pub mod plan;
pub mod resume;
pub mod run;
pub mod state;
#[cfg(test)]
mod tests;
pub mod unit;
mod verify;
pub mod widened;

pub use conclude::Decision;
pub use next::next;
pub use plan::{Plan, Standing, admit, plan};

use crate::playbook::Catalogue;

/// All that this build knows to find and to do.
#[must_use]
pub fn catalogue() -> Catalogue {
    static FINDERS: std::sync::OnceLock<Vec<&'static crate::playbook::FinderSpec>> = std::sync::OnceLock::new();
    static ACTIONS: std::sync::OnceLock<Vec<&'static crate::playbook::ActionSpec>> = std::sync::OnceLock::new();
    Catalogue {
        finders: FINDERS.get_or_init(|| crate::finders::REGISTRY.iter().map(|f| f.spec()).collect()),
        actions: ACTIONS.get_or_init(|| crate::actions::REGISTRY.iter().map(|a| a.spec()).collect()),
        // No metrics are collected yet, so a target cannot be asked.
        conditions: false,
    }
}
