//! After a crash: every intent of which no outcome is known gets one, and every outcome whose
//! verification is missing, before anything new is done.

use super::load::Loaded;
use crate::audit::{Audit, Entry};
use crate::decide::draft;
use crate::model::Draft;

/// What people read of such an intent.
const NOT_SEEN: &str = "pgmedic ended between announcing this action and recording what came of it";

/// What people read of an action that was done.
const NOT_LOOKED: &str = "pgmedic ended before it could look whether it helped";

/// Ends every open intent and every missing verification as `unknown`, and tells people. Nothing is
/// repeated.
///
/// # Errors
/// When the log cannot be read or written.
pub async fn recover(audit: &Audit, loaded: &Loaded) -> Result<(), String> {
    let state = audit.state().await.ok_or("the audit log's writer is gone")?;
    let open =
        state.history.open.values().map(|open| told(&open.draft, loaded, |d, to| draft::orphan(d, NOT_SEEN, to)));
    let unverified = state.history.unverified.values();
    let unverified = unverified.map(|done| told(done, loaded, |d, to| draft::unverified(d, NOT_LOOKED, to)));
    let ends: Vec<Entry> = open.chain(unverified).map(Entry::Plain).collect();
    if ends.is_empty() {
        return Ok(());
    }
    tracing::warn!(actions = ends.len(), "actions that a crash left without an end are recorded as unknown");
    audit.append(ends).await.map(drop).map_err(|e| e.to_string())
}

/// The end of one action, told to whom its playbook tells. A playbook that is gone leaves the
/// configuration's channels.
fn told(before: &Draft, loaded: &Loaded, end: impl Fn(&Draft, &[String]) -> Draft) -> Draft {
    let name = before.playbook.as_ref().map(|p| p.name.as_str());
    let changed = before.target.clone().zip(name).and_then(|(t, name)| loaded.changed.get(&(t, name.to_owned())));
    let plain = || loaded.playbooks.iter().find(|p| Some(p.name.as_str()) == name);
    let playbook = changed.map(AsRef::as_ref).or_else(plain);
    let target = before.target.as_deref().and_then(|t| loaded.config.target(t));
    let notify = playbook.and_then(|p| p.notify.clone()).unwrap_or_else(|| loaded.config.notify.clone());
    let mut draft = end(before, &notify);
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
