//! After a crash: every intent of which no outcome is known gets one, before anything new is done.

use super::load::Loaded;
use crate::audit::{Audit, Entry};
use crate::decide::draft;
use crate::model::Draft;
use crate::model::history::OpenIntent;

/// What people read of such an intent.
const NOT_SEEN: &str = "pgmedic ended between announcing this action and recording what came of it";

/// Ends every open intent as `unknown`, and tells people. Nothing is repeated.
///
/// # Errors
/// When the log cannot be read or written.
pub async fn recover(audit: &Audit, loaded: &Loaded) -> Result<(), String> {
    let state = audit.state().await.ok_or("the audit log's writer is gone")?;
    let orphans: Vec<Entry> = state.history.open.values().map(|open| Entry::Plain(orphan(open, loaded))).collect();
    if orphans.is_empty() {
        return Ok(());
    }
    tracing::warn!(intents = orphans.len(), "actions announced before a crash end as unknown");
    audit.append(orphans).await.map(drop).map_err(|e| e.to_string())
}

/// The end of one, told to whom its playbook tells. A playbook that is gone leaves the configuration's channels.
fn orphan(open: &OpenIntent, loaded: &Loaded) -> Draft {
    let name = open.draft.playbook.as_ref().map(|p| p.name.as_str());
    let playbook = loaded.playbooks.iter().find(|p| Some(p.name.as_str()) == name);
    let target = open.draft.target.as_deref().and_then(|t| loaded.config.target(t));
    let notify = playbook.and_then(|p| p.notify.clone()).unwrap_or_else(|| loaded.config.notify.clone());
    let mut draft = draft::orphan(&open.draft, NOT_SEEN, &notify);
    if let (Some(mut notice), Some(playbook)) = (draft.notice(), playbook) {
        notice.severity.clone_from(&playbook.severity);
        notice.owner.clone_from(&playbook.owner);
        notice.runbook_url.clone_from(&playbook.runbook_url);
        notice.labels = target.map(|t| t.labels.clone()).unwrap_or_default();
        draft.set_notice(&notice);
    }
    super::world::address(&loaded.config.channels, &mut draft);
    draft
}
