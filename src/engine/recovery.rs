//! After a crash: every intent of which no outcome is known gets one, before anything new is done.

use crate::audit::{Audit, Entry};
use crate::config::Config;
use crate::decide::draft;

/// What people read of such an intent.
const NOT_SEEN: &str = "pgmedic ended between announcing this action and recording what came of it";

/// Ends every open intent as `unknown`, and tells people. Nothing is repeated.
///
/// # Errors
/// When the log cannot be read or written.
pub async fn recover(audit: &Audit, config: &Config) -> Result<(), String> {
    let state = audit.state().await.ok_or("the audit log's writer is gone")?;
    let orphans = state.history.open.values().map(|open| {
        let mut draft = draft::orphan(&open.draft, NOT_SEEN, &config.notify);
        super::world::address(&config.channels, &mut draft);
        Entry::Plain(draft)
    });
    let orphans: Vec<Entry> = orphans.collect();
    if orphans.is_empty() {
        return Ok(());
    }
    tracing::warn!(intents = orphans.len(), "actions announced before a crash end as unknown");
    audit.append(orphans).await.map(drop).map_err(|e| e.to_string())
}
