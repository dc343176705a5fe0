//! What people are told: one message per incident until it changes, complete in itself.

use super::climber::by_hand;
use super::conclude::Decision;
use super::plan::Plan;
use super::run::{Brief, Climber, Run, Sent};
use crate::model::history::same_query;
use crate::model::record::{Draft, Notice};
use crate::model::{Candidate, History, Outcome, OutcomeStatus, Timestamp, Verdict, Whom};
use crate::playbook::ActStep;
use serde_json::Value as Json;
use sha2::{Digest, Sha256};

/// Candidates named one by one in a message; the rest is counted.
const MOST_NAMED: usize = 10;

/// The message of a plan that tells of something new: what would be done, or what waits for a person.
pub(super) fn of_plan(run: &Run, plan: &Plan, news: &[usize], draft: &mut Draft, at: Timestamp) {
    let brief = &run.brief;
    let chosen = |verdict| {
        let of = news.iter().filter_map(|i| plan.candidates.get(*i)).filter(move |(_, d)| d.verdict == verdict);
        of.map(|(c, _)| c).collect::<Vec<_>>()
    };
    let (held, observed) = (chosen(Verdict::Hold), chosen(Verdict::Observe));
    let repeated = news.iter().filter_map(|i| plan.candidates.get(*i)).find(|(_, d)| is_repeated(d));
    let (event, candidates) = match (held.is_empty(), repeated) {
        (false, _) => ("held", held),
        (true, Some((candidate, decision))) => return self::repeated(run, candidate, decision, draft, at),
        (true, None) => ("observed", observed),
    };
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
    if !is_news(run, &incident, event, &headline, at) {
        return;
    }
    let mut lines = vec![brief.playbook.about.clone()];
    lines.extend(named(candidates.iter().map(|c| c.title())));
    lines.push(record_line(&brief.id));
    put(brief, draft, event, incident, headline, lines);
}

/// A later rung waits for a person.
pub(super) fn held(run: &Run, candidate: &Candidate, rung: Option<&ActStep>, draft: &mut Draft, at: Timestamp) {
    let brief = &run.brief;
    let action = rung.map_or("the next step", |r| r.action.name);
    let headline = format!("{} on {} waiting for a yes to {action}", things(&[candidate]), brief.target);
    let incident = incident(brief, [candidate.key()].into_iter());
    if !is_news(run, &incident, "held", &headline, at) {
        return;
    }
    let lines = vec![
        candidate.title(),
        format!("Reason: {}", draft.reason.clone().unwrap_or_default()),
        record_line(&brief.id),
    ];
    put(brief, draft, "held", incident, headline, lines);
}

/// Whether a decision is to leave a query alone because its client only repeats it.
pub(super) fn is_repeated(decision: &Decision) -> bool {
    decision.verdict == Verdict::Skip && decision.reason.starts_with("same_query:")
}

/// A client repeats a query that was ended again and again: a person must look (safety facts, repeats).
pub(super) fn repeated(run: &Run, candidate: &Candidate, decision: &Decision, draft: &mut Draft, at: Timestamp) {
    let brief = &run.brief;
    // Each repeat is another session; the incident is the query.
    let query = same_query(candidate).unwrap_or_else(|| candidate.key());
    let incident = incident(brief, [query].into_iter());
    let headline = format!("a client on {} repeats a query that was ended: a person must look", brief.target);
    if !is_news(run, &incident, "held", &headline, at) {
        return;
    }
    let lines = vec![candidate.title(), format!("Reason: {}", decision.reason), record_line(&brief.id)];
    put(brief, draft, "held", incident, headline, lines);
}

/// The last word of a run that touched nothing, since all was refused; with its message, if that is news.
pub(super) fn untouched(run: &Run, at: Timestamp) -> Option<Draft> {
    let refused = |c: &&Climber| c.sent.iter().any(|s| s.outcome.status == OutcomeStatus::Refused);
    let refused: Vec<&Climber> = run.climbers.iter().filter(refused).collect();
    let incident = incident(&run.brief, refused.iter().map(|c| c.candidate.key()));
    let headline = summary(run);
    if refused.is_empty() {
        return None;
    }
    let mut draft = super::draft::untouched(&run.brief, &headline);
    // Recorded all the same: without it the next start would take the refusals for untold.
    if !is_news(run, &incident, "failed", &headline, at) {
        return Some(draft);
    }
    let mut lines = vec![run.brief.playbook.about.clone()];
    lines.extend(named(refused.iter().map(|c| story(c))));
    lines.extend(taken_up(run));
    lines.push(record_line(&run.brief.id));
    put(&run.brief, &mut draft, "failed", incident, headline, lines);
    Some(draft)
}

fn is_news(run: &Run, incident: &str, event: &str, headline: &str, at: Timestamp) -> bool {
    let history = History { told: run.told.clone(), ..History::default() };
    history.is_news(incident, event, headline, at)
}

/// The message of a run that acted.
pub(super) fn closing(run: &Run, draft: &mut Draft, at: Timestamp) {
    let acted: Vec<&Climber> = run.acted().collect();
    if acted.is_empty() {
        return;
    }
    let brief = &run.brief;
    let any = |wanted: Was| acted.iter().filter_map(|c| c.last_touch()).any(wanted);
    let unknown = |o: &Outcome| o.status == OutcomeStatus::Unknown;
    let left_alone = acted.iter().any(|c| c.hands_off.is_some());
    let event = if left_alone || any(&|s| unknown(&s.outcome) || s.reverted.as_ref().is_some_and(unknown)) {
        "unknown"
    } else if any(&taken_back) {
        "reverted"
    } else if any(&|s| s.helped == Some(false)) {
        "failed"
    } else if any(&|s| s.helped.is_none()) {
        "unknown"
    } else {
        "acted"
    };
    let mut lines = vec![brief.playbook.about.clone()];
    lines.extend(named(acted.iter().map(|c| story(c))));
    if left_alone {
        lines.push("Whether it helped was not looked at: a person should look.".to_owned());
    } else if any(&|s| s.helped.is_none()) {
        lines.push("pgmedic stopped before it could look whether it helped: a person should look.".to_owned());
    } else if let Some(advice) = advice(event) {
        lines.push(advice.to_owned());
    }
    lines.extend(taken_up(run));
    lines.push(record_line(&brief.id));
    // Each success is told; trouble that stays the same is told once.
    let one_of_many = (event == "acted").then(|| brief.id.clone());
    let incident = incident(brief, acted.iter().map(|c| c.candidate.key()).chain(one_of_many));
    let headline = summary(run);
    if event == "acted" || is_news(run, &incident, event, &headline, at) {
        put(brief, draft, event, incident, headline, lines);
    }
}

/// An action whose end nobody saw: the process that announced it is gone.
pub(super) fn orphan(intent: &Draft, detail: &str, notify: &[String], draft: &mut Draft) {
    let said = "was announced, and its end was not seen";
    left_behind(intent, said, "unknown", [detail, advice("unknown").unwrap_or_default()], notify, draft);
}

/// An action after which nobody looked whether it helped: the process that did it is gone.
pub(super) fn unverified(outcome: &Draft, detail: &str, notify: &[String], draft: &mut Draft) {
    let ended = |status| outcome.outcome.as_ref().filter(|o| o.status == status);
    if let Some(refused) = ended(OutcomeStatus::Refused) {
        left_behind(outcome, "was refused; nothing was touched", "failed", [&refused.detail, ""], notify, draft);
        return;
    }
    let done = ended(OutcomeStatus::Done).is_some();
    let change = match (&outcome.before, &outcome.after) {
        (Some(before), Some(after)) if done => {
            let whom = Whom::read(outcome.evidence.as_ref());
            let both = outcome.action.as_ref().zip(outcome.candidate.as_ref());
            let by_hand = both.and_then(|(a, c)| by_hand(&a.name, &c.candidate, before, whom.as_ref()));
            let by_hand = by_hand.map_or(String::new(), |how| format!(" {how}"));
            format!("It changed {} to {}, which is not taken back by itself.{by_hand}", plain(before), plain(after))
        }
        _ => String::new(),
    };
    left_behind(outcome, "was done, and nobody looked whether it helped", "unknown", [detail, &change], notify, draft);
}

fn left_behind(of: &Draft, said: &str, event: &str, lines: [&str; 2], notify: &[String], draft: &mut Draft) {
    let text = |t: &Option<String>| t.clone().unwrap_or_default();
    let (target, run) = (text(&of.target), text(&of.run));
    let action = of.action.as_ref().map_or("an action", |a| a.name.as_str());
    let title = of.candidate.as_ref().map_or("", |c| c.title.as_str());
    let playbook = of.playbook.as_ref().map_or("", |p| p.name.as_str());
    let record = record_line(&run);
    let lines = [title, lines[0], lines[1], &record].into_iter().filter(|line| !line.is_empty());
    draft.notify = notify.to_vec();
    draft.set_notice(&Notice {
        event: event.to_owned(),
        incident: format!("{playbook}@{target}#{run}"),
        headline: format!("{action} on {target} {said}"),
        lines: lines.map(str::to_owned).collect(),
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

/// Not whether it was tried: a revert may be refused or fail.
fn taken_back(sent: &Sent) -> bool {
    sent.reverted.as_ref().is_some_and(|r| r.status == OutcomeStatus::Done)
}

/// A question to the last rung of a candidate.
type Was<'a> = &'a dyn Fn(&Sent) -> bool;

/// How a run ended, in one line without figures that move.
pub(super) fn summary(run: &Run) -> String {
    let acted: Vec<&Climber> = run.acted().collect();
    let target = &run.brief.target;
    let sent: Vec<&Climber> = run.climbers.iter().filter(|c| !c.sent.is_empty()).collect();
    if acted.is_empty() && !sent.is_empty() {
        let things = things(&sent.iter().map(|c| &c.candidate).collect::<Vec<_>>());
        return format!("{}: {things} on {target}; nothing was touched", actions(&sent));
    }
    if acted.is_empty() {
        return match run.held {
            0 => run.reason.clone(),
            n => format!("{n} waiting for a yes on {target}"),
        };
    }
    let count = |wanted: Was| acted.iter().filter(|c| c.last_touch().is_some_and(wanted)).count();
    let candidates: Vec<&Candidate> = acted.iter().map(|c| &c.candidate).collect();
    let mut parts = vec![format!("{}: {} on {target}", actions(&acted), things(&candidates))];
    let states: [(&str, Was); 4] = [
        ("remedied", &|s| s.helped == Some(true)),
        ("taken back", &taken_back),
        ("not remedied", &|s| s.helped == Some(false) && !taken_back(s)),
        ("not verified", &|s| s.helped.is_none()),
    ];
    parts.extend(states.iter().filter_map(|(word, wanted)| match count(wanted) {
        0 => None,
        n => Some(format!("{n} {word}")),
    }));
    parts.join("; ")
}

fn actions(climbers: &[&Climber]) -> String {
    let mut actions: Vec<&str> = climbers.iter().flat_map(|c| c.sent.iter().map(|s| s.action)).collect();
    actions.sort_unstable();
    actions.dedup();
    actions.join(", ")
}

/// What a message of a run that was taken up again says of that.
fn taken_up(run: &Run) -> Option<String> {
    let said = "pgmedic ended in the middle of this run, and took it up again at its next start.";
    run.resumed.then(|| said.to_owned())
}

/// A value as people write it: `default_pool_size 4`.
fn plain(value: &Json) -> String {
    let Json::Object(fields) = value else { return value.to_string() };
    let field = |(name, value): (&String, &Json)| format!("{name} {}", value.to_string().trim_matches('"'));
    fields.iter().map(field).collect::<Vec<_>>().join(", ")
}

/// One candidate's way, in one line.
fn story(climber: &Climber) -> String {
    let rungs =
        climber.sent.iter().map(|s| format!("{}: {} ({})", s.action, s.outcome.status.word(), s.outcome.detail));
    let mut line = format!("{} → {}", climber.candidate.title(), rungs.collect::<Vec<_>>().join(" → "));
    if let Some(sent) = climber.last_touch() {
        if let (Some(before), Some(after)) = (&sent.before, &sent.after) {
            line.push_str(&format!("; {} → {}", plain(before), plain(after)));
        }
        if let Some(reverted) = &sent.reverted {
            line.push_str(&format!("; taking it back: {} ({})", reverted.status.word(), reverted.detail));
        }
    }
    if let Some(why) = climber.left_alone() {
        line.push_str(&format!("; {why}"));
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

/// What the incidents of a playbook here begin with.
pub(super) fn incidents(brief: &Brief) -> String {
    format!("{}@{}#", brief.playbook.name, brief.target)
}

/// Equal for all messages about the same things going wrong at the same place.
fn incident(brief: &Brief, keys: impl Iterator<Item = String>) -> String {
    let mut keys: Vec<String> = keys.collect();
    keys.sort_unstable();
    let hash = Sha256::digest(keys.join("\n"));
    format!("{}{}", incidents(brief), hex::encode(&hash[..8]))
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
        // The target's own word stands where both name a label.
        labels: playbook.labels.clone().into_iter().chain(brief.labels.clone()).collect(),
    });
}
