//! What people are told: one message per incident until it changes, complete in itself.

use super::plan::Plan;
use super::run::{Brief, Climber, Look, Run, Sent};
use crate::model::record::{Draft, Notice};
use crate::model::{Candidate, OutcomeStatus, Timestamp, Verdict};
use crate::playbook::ActStep;
use sha2::{Digest, Sha256};

/// Candidates named one by one in a message; the rest is counted.
const MOST_NAMED: usize = 10;

/// The message of a plan that tells of something new: what would be done, or what waits for a person.
pub(super) fn of_plan(run: &Run, look: &Look, plan: &Plan, news: &[usize], draft: &mut Draft, at: Timestamp) {
    let brief = &run.brief;
    let chosen = |verdict| {
        let of = news.iter().filter_map(|i| plan.candidates.get(*i)).filter(move |(_, d)| d.verdict == verdict);
        of.map(|(c, _)| c).collect::<Vec<_>>()
    };
    let (held, observed) = (chosen(Verdict::Hold), chosen(Verdict::Observe));
    let (event, candidates) = if held.is_empty() { ("observed", observed) } else { ("held", held) };
    if candidates.is_empty() {
        return;
    }
    let what = things(&candidates);
    let rung = brief.playbook.rungs().next();
    let headline = match (event, rung) {
        ("held", Some(r)) => format!("{what} on {} waiting for a yes to {}", brief.target, r.action.name),
        (_, Some(r)) => {
            format!("{} would act on {what} on {}; nothing was touched (observe)", r.action.name, brief.target)
        }
        (_, None) => format!("{what} on {}", brief.target),
    };
    let incident = incident(brief, candidates.iter().map(|c| c.key()));
    if !look.history.is_news(&incident, event, &headline, at) {
        return;
    }
    let mut lines = vec![brief.playbook.about.clone()];
    lines.extend(named(candidates.iter().map(|c| c.title())));
    lines.push(record_line(&brief.id));
    put(brief, draft, event, incident, headline, lines);
}

/// A later rung waits for a person.
pub(super) fn held(brief: &Brief, candidate: &Candidate, rung: Option<&ActStep>, draft: &mut Draft) {
    let action = rung.map_or("the next step", |r| r.action.name);
    let headline = format!("{} on {} waiting for a yes to {action}", things(&[candidate]), brief.target);
    let lines = vec![
        candidate.title(),
        format!("Reason: {}", draft.reason.clone().unwrap_or_default()),
        record_line(&brief.id),
    ];
    put(brief, draft, "held", incident(brief, [candidate.key()].into_iter()), headline, lines);
}

/// The message of a run that acted.
pub(super) fn closing(run: &Run, draft: &mut Draft) {
    let acted: Vec<&Climber> = run.acted().collect();
    if acted.is_empty() {
        return;
    }
    let brief = &run.brief;
    let last = |c: &Climber| c.sent.last().cloned();
    let any = |wanted: &dyn Fn(&Sent) -> bool| acted.iter().filter_map(|c| last(c)).any(|s| wanted(&s));
    let event = if any(&|s| s.outcome.status == OutcomeStatus::Unknown) {
        "unknown"
    } else if any(&|s| s.reverted.is_some()) {
        "reverted"
    } else if any(&|s| s.helped != Some(true)) {
        "failed"
    } else {
        "acted"
    };
    let mut lines = vec![brief.playbook.about.clone()];
    lines.extend(named(acted.iter().map(|c| story(c))));
    if let Some(advice) = advice(event) {
        lines.push(advice.to_owned());
    }
    lines.push(record_line(&brief.id));
    let keys = acted.iter().map(|c| c.candidate.key()).chain([brief.id.clone()]);
    put(brief, draft, event, incident(brief, keys), summary(run), lines);
}

/// An action whose end nobody saw: the process that announced it is gone.
pub(super) fn orphan(intent: &Draft, detail: &str, notify: &[String], draft: &mut Draft) {
    let text = |t: &Option<String>| t.clone().unwrap_or_default();
    let action = intent.action.as_ref().map_or("an action", |a| a.name.as_str());
    let title = intent.candidate.as_ref().map_or("", |c| c.title.as_str());
    let playbook = intent.playbook.as_ref().map_or("", |p| p.name.as_str());
    draft.notify = notify.to_vec();
    draft.set_notice(&Notice {
        event: "unknown".to_owned(),
        incident: format!("{playbook}@{}#{}", text(&intent.target), text(&intent.run)),
        headline: format!("{action} on {} was announced, and its end was not seen", text(&intent.target)),
        lines: vec![
            title.to_owned(),
            detail.to_owned(),
            advice("unknown").unwrap_or_default().to_owned(),
            record_line(&text(&intent.run)),
        ],
        severity: None,
        owner: None,
        runbook_url: None,
        labels: crate::model::Labels::new(),
    });
}

fn advice(event: &str) -> Option<&'static str> {
    match event {
        "unknown" => {
            Some("Look at the target: whether the statement took effect is not known. Nothing is repeated by itself.")
        }
        "failed" => Some("It did not help: a person should look."),
        "reverted" => Some("It did not help and was taken back: a person should look."),
        _ => None,
    }
}

/// A question to the last rung of a candidate.
type Was<'a> = &'a dyn Fn(&Sent) -> bool;

/// How a run ended, in one line without figures that move.
pub(super) fn summary(run: &Run) -> String {
    let acted: Vec<&Climber> = run.acted().collect();
    let target = &run.brief.target;
    if acted.is_empty() {
        return match run.held {
            0 => run.reason.clone(),
            n => format!("{n} waiting for a yes on {target}"),
        };
    }
    let mut actions: Vec<&str> = acted.iter().flat_map(|c| c.sent.iter().map(|s| s.action)).collect();
    actions.dedup();
    actions.sort_unstable();
    actions.dedup();
    let count = |wanted: &dyn Fn(&Sent) -> bool| acted.iter().filter(|c| c.sent.last().is_some_and(wanted)).count();
    let candidates: Vec<&Candidate> = acted.iter().map(|c| &c.candidate).collect();
    let mut parts = vec![format!("{}: {} on {target}", actions.join(", "), things(&candidates))];
    let states: [(&str, Was); 4] = [
        ("remedied", &|s| s.helped == Some(true)),
        ("taken back", &|s| s.reverted.is_some()),
        ("not remedied", &|s| s.helped == Some(false) && s.reverted.is_none()),
        ("not verified", &|s| s.helped.is_none()),
    ];
    parts.extend(states.iter().filter_map(|(word, wanted)| match count(wanted) {
        0 => None,
        n => Some(format!("{n} {word}")),
    }));
    parts.join("; ")
}

/// One candidate's way, in one line.
fn story(climber: &Climber) -> String {
    let rungs =
        climber.sent.iter().map(|s| format!("{}: {} ({})", s.action, s.outcome.status.word(), s.outcome.detail));
    let mut line = format!("{} → {}", climber.candidate.title(), rungs.collect::<Vec<_>>().join(" → "));
    if let Some(sent) = climber.sent.last() {
        if let (Some(before), Some(after)) = (&sent.before, &sent.after) {
            line.push_str(&format!("; {before} → {after}"));
        }
        if let Some(reverted) = &sent.reverted {
            line.push_str(&format!("; taken back: {} ({})", reverted.status.word(), reverted.detail));
        }
    }
    line
}

fn things(candidates: &[&Candidate]) -> String {
    use crate::model::Kind;
    let kind = candidates.first().map(|c| c.kind());
    let (one, many) = match kind {
        Some(Kind::Backend) | None => ("session", "sessions"),
        Some(Kind::Table) => ("table", "tables"),
        Some(Kind::Pool) => ("pool", "pools"),
    };
    let n = candidates.len();
    format!("{n} {}", if n == 1 { one } else { many })
}

fn named(titles: impl ExactSizeIterator<Item = String>) -> Vec<String> {
    let more = titles.len().saturating_sub(MOST_NAMED);
    let mut lines: Vec<String> = titles.take(MOST_NAMED).collect();
    if more > 0 {
        lines.push(format!("… and {more} more"));
    }
    lines
}

fn record_line(run: &str) -> String {
    format!("Record: pgmedic audit show {run}")
}

/// Equal for all messages about the same things going wrong at the same place.
fn incident(brief: &Brief, keys: impl Iterator<Item = String>) -> String {
    let mut keys: Vec<String> = keys.collect();
    keys.sort_unstable();
    let hash = Sha256::digest(keys.join("\n"));
    format!("{}@{}#{}", brief.playbook.name, brief.target, hex::encode(&hash[..8]))
}

fn put(brief: &Brief, draft: &mut Draft, event: &str, incident: String, headline: String, lines: Vec<String>) {
    draft.notify.clone_from(&brief.notify);
    let playbook = &brief.playbook;
    draft.set_notice(&Notice {
        event: event.to_owned(),
        incident,
        headline,
        lines: lines.into_iter().filter(|l| !l.is_empty()).collect(),
        severity: playbook.severity.clone(),
        owner: playbook.owner.clone(),
        runbook_url: playbook.runbook_url.clone(),
        labels: brief.labels.clone(),
    });
}
