//! The decisions, as pure functions: so they can be unit-tested, simulated and replayed.

pub mod intent;
pub mod outbox;
pub mod state;

use crate::playbook::Catalogue;

/// All that this build knows to find and to do.
#[must_use]
pub fn catalogue() -> Catalogue {
    static FINDERS: std::sync::OnceLock<Vec<&'static crate::playbook::FinderSpec>> = std::sync::OnceLock::new();
    static ACTIONS: std::sync::OnceLock<Vec<&'static crate::playbook::ActionSpec>> = std::sync::OnceLock::new();
    Catalogue {
        finders: FINDERS.get_or_init(|| crate::finders::REGISTRY.iter().map(|f| f.spec()).collect()),
        actions: ACTIONS.get_or_init(|| crate::actions::REGISTRY.iter().map(|a| a.spec()).collect()),
    }
}
