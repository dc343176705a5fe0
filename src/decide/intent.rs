//! The last word before an intent is appended: asked by the log's one writer, at that moment, so that
//! limits are exact across targets and nothing is done twice at once.

use crate::config::Limits;
use crate::model::record::Draft;
use crate::model::verdict::GuardVerdict;
use crate::model::{Class, Duration, GuardReport, History, Timestamp, history};

const HOUR: Duration = Duration::from_hours(1);

/// What an intent must not exceed.
#[derive(Clone, Debug, PartialEq)]
pub struct Bounds {
    /// Policy's budgets.
    pub limits: Limits,
    /// The playbook's own `per_run`, if smaller than policy's.
    pub per_run: Option<u32>,
}

/// Whether an intent may be appended now.
///
/// # Errors
/// The guard that forbids it.
pub fn may_append(history: &History, draft: &Draft, bounds: &Bounds, now: Timestamp) -> Result<(), GuardReport> {
    let (Some(target), Some(candidate), Some(action)) = (&draft.target, &draft.candidate, &draft.action) else {
        return stop("intent", "an intent without target, candidate or action is never appended".to_owned());
    };
    let playbook = draft.playbook.as_ref().map_or("", |p| p.name.as_str());
    let run = draft.run.as_deref().unwrap_or_default();
    if let Some(pause) = history.paused(target, playbook, now) {
        return stop("paused", format!("paused by {}: {}", pause.actor, pause.reason));
    }
    if let Some(open) = history.open.get(&(target.clone(), candidate.key.clone())) {
        return stop(
            "open_intent",
            format!("record {} announced an action on it of which no outcome is known", open.seq),
        );
    }
    // A ladder counts as one: later rungs were paid for by the first.
    if history.intents.iter().any(|i| i.run == run && i.candidate == candidate.key && i.target == *target) {
        return Ok(());
    }
    match action.class {
        Class::Disruptive | Class::Irreversible => disruptive(history, bounds, target, playbook, run, now)?,
        Class::Maintenance => maintenance(history, bounds, target, run, now)?,
    }
    same_query(history, bounds, draft, now)
}

fn disruptive(
    h: &History,
    b: &Bounds,
    target: &str,
    playbook: &str,
    run: &str,
    now: Timestamp,
) -> Result<(), GuardReport> {
    let l = &b.limits;
    let disrupts = |c: Class| c != Class::Maintenance;
    let per_run = b.per_run.map_or(l.disruptive_per_run, |own| own.min(l.disruptive_per_run));
    let counts = [
        ("this run", h.count(now, HOUR * 24, |i| i.run == run && disrupts(i.class)), per_run),
        (
            "this playbook here in an hour",
            h.count(now, HOUR, |i| i.playbook == playbook && i.target == target && disrupts(i.class)),
            l.disruptive_per_playbook_hour,
        ),
        (
            "this target in an hour",
            h.count(now, HOUR, |i| i.target == target && disrupts(i.class)),
            l.disruptive_per_target_hour,
        ),
        ("all targets in an hour", h.count(now, HOUR, |i| disrupts(i.class)), l.disruptive_fleet_hour),
    ];
    within("disruptive", &counts)
}

fn maintenance(h: &History, b: &Bounds, target: &str, run: &str, now: Timestamp) -> Result<(), GuardReport> {
    let l = &b.limits;
    let per_run = b.per_run.map_or(l.maintenance_per_run, |own| own.min(l.maintenance_per_run));
    let at_once = |wanted: &dyn Fn(&str) -> bool| {
        let maintains =
            |o: &history::OpenIntent| o.draft.action.as_ref().is_some_and(|a| a.class == Class::Maintenance);
        let n = h.open.iter().filter(|((t, _), o)| wanted(t) && maintains(o)).count();
        u32::try_from(n).unwrap_or(u32::MAX)
    };
    let counts = [
        ("this run", h.count(now, HOUR * 24, |i| i.run == run && i.class == Class::Maintenance), per_run),
        ("this target at once", at_once(&|t| t == target), l.maintenance_at_once_per_target),
        ("all targets at once", at_once(&|_| true), l.maintenance_at_once_fleet),
    ];
    within("maintenance", &counts)
}

fn same_query(h: &History, b: &Bounds, draft: &Draft, now: Timestamp) -> Result<(), GuardReport> {
    let Some(query) = draft.candidate.as_ref().and_then(|c| history::same_query(&c.candidate)) else { return Ok(()) };
    let limit = b.limits.same_query;
    let n = h.count(now, limit.per, |i| i.same_query.as_deref() == Some(&query));
    if n < limit.max {
        return Ok(());
    }
    let per = crate::model::time::in_words(limit.per);
    stop(
        "same_query",
        format!(
            "the same query was ended {n} times within {per} (limit {}): its client repeats it, and a person must look",
            limit.max
        ),
    )
}

fn within(class: &str, counts: &[(&str, u32, u32)]) -> Result<(), GuardReport> {
    match counts.iter().find(|(_, n, limit)| n >= limit) {
        Some((what, n, limit)) => stop("limits", format!("{n} {class} actions for {what}, limit {limit}")),
        None => Ok(()),
    }
}

fn stop(name: &str, detail: String) -> Result<(), GuardReport> {
    Err(GuardReport { name: name.to_owned(), verdict: GuardVerdict::Stop, detail })
}
