//! After a crash: every intent of which no outcome is known, and every outcome whose verification is
//! missing, belongs to a run that is taken up again; where that cannot be, both get an end at once. So it is with
//! targets that a reload removes or adds.

use super::clock::Clock;
use super::configured;
use super::load::Loaded;
use super::world::World;
use crate::audit::{Audit, Entry};
use crate::decide::draft;
use crate::decide::resume::{left, resume};
use crate::decide::run::{Brief, Run};
use crate::model::record::{PlaybookRef, RecordKind, Trigger};
use crate::model::{Draft, Duration, Mode, Timestamp};
use crate::playbook::Playbook;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// What people read of such an intent.
const NOT_SEEN: &str = "pgmedic ended between announcing this action and recording what came of it";

/// What people read of an action that was done.
const NOT_LOOKED: &str = "pgmedic ended before it could look whether it helped";

/// The same, of a target that pgmedic was told to leave.
const NOT_SEEN_AT_RELOAD: &str =
    "a reload took the target or its playbook away before it was recorded what came of this action";
const NOT_LOOKED_AT_RELOAD: &str = "a reload took the target or its playbook away before it was seen whether it helped";

/// After a power cut pgmedic may be back before the target is: it is looked for so long.
const DAEMON_GIVES_UP_AFTER: Duration = Duration::from_mins(15);

/// Somebody waits for a run in the foreground.
const FOREGROUND_GIVES_UP_AFTER: Duration = Duration::from_secs(30);

/// What makes somebody look for what was left.
#[derive(Clone, Copy)]
pub enum Occasion<'a> {
    /// The daemon starts.
    Start,
    /// A run in the foreground on this target: it may end before another one is looked after, which stays for the
    /// daemon.
    Foreground(&'a str),
    /// A reload. No task looks after these targets at this moment: those that it removes, and those that it adds.
    Reload {
        /// Their names.
        targets: &'a BTreeSet<String>,
        /// As they were.
        before: &'a [World],
    },
}

impl Occasion<'_> {
    fn concerns(&self, target: &str) -> bool {
        match self {
            Occasion::Start => true,
            Occasion::Foreground(only) => *only == target,
            Occasion::Reload { targets, .. } => targets.contains(target),
        }
    }

    fn patience(&self) -> Duration {
        if matches!(self, Occasion::Foreground(_)) { FOREGROUND_GIVES_UP_AFTER } else { DAEMON_GIVES_UP_AFTER }
    }

    fn words(&self) -> (&'static str, &'static str) {
        match self {
            Occasion::Reload { .. } => (NOT_SEEN_AT_RELOAD, NOT_LOOKED_AT_RELOAD),
            _ => (NOT_SEEN, NOT_LOOKED),
        }
    }
}

/// The runs to take up again, by target. What no run can look after is ended as `unknown`, and told to
/// people. Nothing is repeated.
///
/// # Errors
/// When the log cannot be read or written.
pub async fn recover(
    audit: &Audit,
    loaded: &Loaded,
    worlds: &[World],
    occasion: Occasion<'_>,
    clock: &dyn Clock,
) -> Result<BTreeMap<String, Vec<Run>>, String> {
    let state = audit.state().await.ok_or("the audit log's writer is gone")?;
    let mut left = left(&state.history);
    left.retain(|(target, _), _| occasion.concerns(target));
    if left.is_empty() {
        return Ok(BTreeMap::new());
    }
    // The playbook as the run began with it may be that of the configuration before.
    let before = match occasion {
        Occasion::Reload { before, .. } => before.to_vec(),
        _ => configured::recorded(&state.live).map(|(_, worlds)| worlds).unwrap_or_default(),
    };
    let patience = occasion.patience();
    let (now, give_up) = (clock.now(), clock.elapsed() + patience);
    let mut runs: BTreeMap<String, Vec<Run>> = BTreeMap::new();
    let mut lost: Vec<Draft> = Vec::new();
    for ((target, run), left) in left {
        let world = worlds.iter().find(|w| w.target.name == target);
        let playbook = left.first().and_then(|l| l.draft.playbook.as_ref()).and_then(|p| as_begun(worlds, &before, p));
        let brief = world.zip(playbook).map(|(world, playbook)| brief(world, playbook, &run, now));
        let resumed = brief.and_then(|brief| resume(brief, &state.history, &left, give_up));
        match resumed {
            Some(run) => runs.entry(target).or_default().push(run),
            None => lost.extend(left.into_iter().map(|l| l.draft)),
        }
    }
    let taken_up: usize = runs.values().map(Vec::len).sum();
    tracing::warn!(taken_up, lost = lost.len(), "runs were cut off: they are taken up again, or end as unknown");
    let ends: Vec<Entry> = lost.iter().map(|left| Entry::Plain(ended(left, loaded, occasion.words()))).collect();
    if !ends.is_empty() {
        audit.append(ends).await.map_err(|e| e.to_string())?;
    }
    Ok(runs)
}

fn as_begun(now: &[World], before: &[World], begun: &PlaybookRef) -> Option<Arc<Playbook>> {
    let same = |p: &&Arc<Playbook>| p.name == begun.name && p.digest == begun.digest;
    now.iter().chain(before).flat_map(|world| &world.playbooks).find(same).cloned()
}

fn brief(world: &World, playbook: Arc<Playbook>, run: &str, now: Timestamp) -> Brief {
    // What has been lowered, disabled or removed since takes nothing back any more.
    let allowed = world.playbook(&playbook.name).filter(|p| p.enabled).map_or(Mode::Observe, |p| p.mode);
    Brief {
        id: run.to_owned(),
        target: world.target.name.clone(),
        labels: world.target.labels.clone(),
        notify: world.notify(&playbook),
        playbook,
        policy: world.policy.clone(),
        trigger: Trigger { kind: "recovery".to_owned(), detail: String::new(), nominal: None },
        actor: "daemon".to_owned(),
        lowered: Some(allowed),
        started: now,
    }
}

fn ended(left: &Draft, loaded: &Loaded, (not_seen, not_looked): (&str, &str)) -> Draft {
    if left.kind == RecordKind::Intent {
        return told(left, loaded, |d, to| draft::orphan(d, not_seen, to));
    }
    told(left, loaded, |d, to| draft::unverified(d, not_looked, to))
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
