//! What people order and ask, as records and in words.

use super::api::{
    AuditStatus, ChangedAt, PauseRequest, PauseStatus, PlaybookStatus, Refusal, RunRequest, Status, TargetStatus,
};
use super::daemon::{Core, Live, own_notice};
use super::load::Loaded;
use super::peek::unknown;
use super::target::Standing;
use super::world::World;
use crate::model::history::{PauseOrder, Scope};
use crate::model::record::{Draft, RecordKind};
use crate::model::right::Right;
use crate::model::time::{after, to_micros};
use crate::model::{Duration, Mode, Timestamp};
use std::collections::BTreeMap;

/// The record of an order to pause.
#[must_use]
pub fn pause(request: &PauseRequest, actor: &str, now: Timestamp, notify: &[String]) -> Draft {
    let until = request.for_seconds.map(|s| to_micros(after(now, Duration::from_secs(s))));
    let reason = if request.reason.is_empty() { "no reason given".to_owned() } else { request.reason.clone() };
    let what = in_words(&request.scope);
    let ends = until.map_or_else(|| "until resumed".to_owned(), |u| format!("until {u:.0}"));
    let headline = format!("pgmedic is paused for {what} by {actor}");
    order("pause", &request.scope, until, actor, reason.clone(), notify, &headline, vec![reason, ends])
}

/// The record of an order to go on.
#[must_use]
pub fn resume(scope: &Scope, actor: &str, notify: &[String]) -> Draft {
    let headline = format!("pgmedic goes on for {} by {actor}", in_words(scope));
    order("resume", scope, None, actor, "resumed".to_owned(), notify, &headline, Vec::new())
}

#[allow(clippy::too_many_arguments)] // one record, each a field of it
fn order(
    word: &str,
    scope: &Scope,
    until: Option<Timestamp>,
    actor: &str,
    reason: String,
    notify: &[String],
    headline: &str,
    lines: Vec<String>,
) -> Draft {
    let order = PauseOrder { order: word.to_owned(), scope: scope.clone(), until };
    let mut draft = Draft {
        actor: Some(actor.to_owned()),
        target: scope.target.clone(),
        reason: Some(reason),
        // Strings and moments always serialise.
        evidence: Some(serde_json::to_value(order).unwrap_or_default()),
        notify: notify.to_vec(),
        ..Draft::new(RecordKind::Control)
    };
    draft.set_notice(&own_notice(&format!("pause {}", in_words(scope)), headline, lines));
    draft
}

/// What a pause covers, in words.
#[must_use]
pub fn in_words(scope: &Scope) -> String {
    match (&scope.target, &scope.playbook) {
        (None, None) => "everything".to_owned(),
        (Some(t), None) => format!("target {t}"),
        (None, Some(p)) => format!("playbook {p}"),
        (Some(t), Some(p)) => format!("playbook {p} on target {t}"),
    }
}

/// The record of a reload that was refused: the old state goes on.
#[must_use]
pub fn refused_reload(actor: &str, faults: &str, notify: &[String]) -> Draft {
    let mut draft = Draft {
        actor: Some(actor.to_owned()),
        reason: Some("refused: the new configuration has faults; the old one goes on".to_owned()),
        evidence: Some(serde_json::json!({"faults": faults})),
        notify: notify.to_vec(),
        ..Draft::new(RecordKind::Control)
    };
    let lines = vec!["The old configuration goes on.".to_owned(), faults.to_owned()];
    draft.set_notice(&own_notice("reload", "pgmedic: the new configuration was refused", lines));
    draft
}

/// What a reload changed, in words.
#[must_use]
pub fn changes(old: &Loaded, new: &Loaded) -> String {
    let digests = |l: &Loaded| -> BTreeMap<String, String> {
        let own = [("pgmedic.yaml".to_owned(), l.config.digest.clone())];
        let files = l.config.target_files.iter().map(|f| (f.file.display().to_string(), f.digest.clone()));
        let books = l.playbooks.iter().map(|p| (format!("playbook {}", p.name), p.digest.clone()));
        // What changed in a target stands in the file that is named.
        let targets = l.config.targets.iter().map(|t| (format!("target {}", t.name), String::new()));
        own.into_iter().chain(files).chain(books).chain(targets).collect()
    };
    let (before, now) = (digests(old), digests(new));
    let mut said = Vec::new();
    for (name, digest) in &now {
        match before.get(name) {
            None => said.push(format!("{name} added")),
            Some(was) if was != digest => said.push(format!("{name} changed")),
            Some(_) => {}
        }
    }
    said.extend(before.keys().filter(|name| !now.contains_key(*name)).map(|name| format!("{name} removed")));
    if said.is_empty() { "reloaded: nothing changed".to_owned() } else { format!("reloaded: {}", said.join(", ")) }
}

impl Live {
    pub(super) fn world(&self, target: &str) -> Result<&World, Refusal> {
        let names = self.worlds.iter().map(|w| w.target.name.as_str());
        self.worlds.iter().find(|w| w.target.name == target).ok_or_else(|| unknown("target", target, names))
    }

    pub(super) fn unknown_playbook(&self, request: &RunRequest) -> Refusal {
        if self.loaded.playbooks.iter().any(|p| p.name == request.playbook) {
            let (p, t) = (&request.playbook, &request.target);
            return Refusal::Unknown(format!("playbook `{p}` does not select target `{t}` (see its `targets`)"));
        }
        unknown("playbook", &request.playbook, self.loaded.playbooks.iter().map(|p| p.name.as_str()))
    }

    /// A pause of a name that is not there would be a pause of nothing, and look like one.
    pub(super) fn check_scope(&self, scope: &Scope) -> Result<(), Refusal> {
        if let Some(target) = &scope.target {
            self.world(target)?;
        }
        match &scope.playbook {
            Some(name) if !self.loaded.playbooks.iter().any(|p| p.name == *name) => {
                Err(unknown("playbook", name, self.loaded.playbooks.iter().map(|p| p.name.as_str())))
            }
            _ => Ok(()),
        }
    }
}

fn changed_at(world: &World, playbook: &str) -> Option<ChangedAt> {
    let here = world.playbook(playbook).filter(|p| p.changes.is_some())?;
    Some(ChangedAt { target: world.target.name.clone(), mode: here.mode, enabled: here.enabled })
}

fn with_right(target: TargetStatus, ceiling: Mode, rights: &BTreeMap<String, Right>) -> TargetStatus {
    // What is only observed needs none, whoever has it.
    let acts = target.mode.min(ceiling) > Mode::Observe;
    TargetStatus { right_to_act: rights.get(&target.name).filter(|_| acts).cloned(), ..target }
}

/// What is going on.
pub(super) async fn status(core: &Core, standings: Vec<Standing>) -> Status {
    let audit = core.shared.audit.watch().borrow().clone();
    let state = core.shared.audit.state().await.unwrap_or_default();
    let live = core.live.lock().await;
    let (messages_waiting, rights) = (state.outbox.len(), state.history.rights.clone());
    let per_target = |pick: &dyn Fn(&Standing) -> Option<String>| -> BTreeMap<String, String> {
        standings.iter().filter_map(|s| Some((s.target.name.clone(), pick(s)?))).collect()
    };
    let playbook = |p: &crate::playbook::Playbook| PlaybookStatus {
        name: p.name.clone(),
        about: p.about.clone(),
        mode: p.mode,
        enabled: p.enabled,
        changed: live.worlds.iter().filter_map(|w| changed_at(w, &p.name)).collect(),
        targets: live.worlds.iter().filter(|w| w.playbook(&p.name).is_some()).map(|w| w.target.name.clone()).collect(),
        next: standings.iter().filter_map(|s| Some((s.target.name.clone(), *s.next.get(&p.name)?))).collect(),
        last: per_target(&|s| s.last.get(&p.name).cloned()),
    };
    Status {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        started: core.started,
        mode: live.loaded.config.mode,
        pauses: state.history.pauses.clone().into_iter().map(|(scope, pause)| PauseStatus { scope, pause }).collect(),
        paused_by_file: super::carry::paused_by_file(&core.shared.data_dir),
        audit: AuditStatus { size: audit.size, root: audit.root_hex, trouble: audit.trouble },
        messages_waiting,
        playbooks: live.loaded.playbooks.iter().map(playbook).collect(),
        targets: standings.into_iter().map(|s| with_right(s.target, live.loaded.config.mode, &rights)).collect(),
    }
}
