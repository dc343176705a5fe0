//! What happened to one candidate.

use super::Setting;
use crate::cli::plan_text::guard_row;
use crate::cli::text::{indent, put, table};
use crate::model::record::{ActionRef, Record, RecordKind};
use crate::model::{Candidate, GuardReport, OutcomeStatus, Verdict};
use serde_json::Value as Json;

/// Lines of evidence that a story shows; the record holds the rest.
const MOST_LINES: usize = 40;

/// Lists in the evidence of a run that its chapters tell one by one.
const TOLD_ELSEWHERE: [&str; 1] = ["facts.candidates"];

/// One candidate from its first record to its last.
pub(super) fn chapter(n: usize, key: &str, records: &[Record], setting: Setting) -> String {
    let mine = || records.iter().filter(|r| r.body.candidate.as_ref().is_some_and(|c| c.key == key));
    let Some(named) = mine().find_map(|r| r.body.candidate.as_ref()) else { return String::new() };
    let mut out = format!("\n{}\n", setting.paint.bold(&format!("{n}. {}", named.title)));
    if let Candidate::Backend(backend) = &named.candidate {
        out += &indent(&format!("query: {}", hanging(&backend.query, 7)), 2);
    }
    out += &indent(&format!("seen: {}", seen(&named.candidate)), 2);
    let mut answered: &[GuardReport] = &[];
    for record in mine() {
        // An intent repeats the answers of its decision: they are told once.
        let repeated = !answered.is_empty() && record.body.guards == answered;
        out += &indent(&event(record, !repeated, setting), 2);
        if !record.body.guards.is_empty() {
            answered = &record.body.guards;
        }
    }
    out
}

/// All that was known of a candidate and is not in its title or query.
fn seen(candidate: &Candidate) -> String {
    let Ok(Json::Object(mut fields)) = serde_json::to_value(candidate) else { return String::new() };
    fields.retain(|name, value| !value.is_null() && !matches!(name.as_str(), "kind" | "query"));
    plain(&Json::Object(fields))
}

/// One record: when, what, and all that it holds.
pub(super) fn event(record: &Record, with_guards: bool, setting: Setting) -> String {
    let body = &record.body;
    let mut out = format!("{}  {}\n", clock(record), headline(record, setting));
    let mut more = String::new();
    if let Some(action) = &body.action
        && matches!(body.kind, RecordKind::Intent | RecordKind::Revert)
    {
        more += &sent(action);
    }
    for (what, value) in [("before", &body.before), ("after", &body.after)] {
        if let Some(value) = value {
            put(&mut more, format!("{what}: {}\n", plain(value)));
        }
    }
    if with_guards {
        more += &guards(&body.guards, setting);
    }
    more += &evidence(body.evidence.as_ref());
    out += &indent(&more, 10);
    out
}

fn headline(record: &Record, setting: Setting) -> String {
    let body = &record.body;
    let paint = setting.paint;
    let reason = body.reason.clone().unwrap_or_default();
    let action = body.action.as_ref().map(|a| a.name.clone()).unwrap_or_default();
    let outcome = body.outcome.as_ref().map(|o| {
        let word = o.status.word().replace('_', " ");
        let word = match o.status {
            OutcomeStatus::Done | OutcomeStatus::Gone => paint.green(&word),
            OutcomeStatus::Refused => paint.yellow(&word),
            OutcomeStatus::Failed | OutcomeStatus::TimedOut | OutcomeStatus::Unknown => paint.red(&word),
        };
        format!("{word}: {}", o.detail)
    });
    let says = outcome.unwrap_or_default();
    let what = match body.kind {
        RecordKind::Decision => format!("decided to {}", decided(body.verdict)),
        RecordKind::Intent => format!("announced {action}"),
        RecordKind::Outcome if action.is_empty() => "outcome".to_owned(),
        RecordKind::Outcome => format!("outcome of {action}"),
        RecordKind::Verification => "looked whether it helped".to_owned(),
        RecordKind::Revert => "took it back".to_owned(),
        other => other.word().to_owned(),
    };
    let tail: Vec<String> = [says, reason].into_iter().filter(|t| !t.is_empty()).collect();
    if tail.is_empty() { what } else { format!("{what}: {}", tail.join("; ")) }
}

fn decided(verdict: Option<Verdict>) -> &'static str {
    match verdict {
        Some(Verdict::Act) => "act",
        Some(Verdict::Hold) => "ask a person",
        Some(Verdict::Observe) => "only record it (observe)",
        Some(Verdict::Skip) => "leave it alone",
        Some(Verdict::Quiet) | None => "do nothing",
    }
}

fn sent(action: &ActionRef) -> String {
    let arguments = match &action.arguments {
        Json::Null => String::new(),
        Json::Object(map) if map.is_empty() => String::new(),
        given => format!("with: {}\n", plain(given)),
    };
    let statement =
        if action.statement.is_empty() { String::new() } else { format!("sent: {}\n", hanging(&action.statement, 6)) };
    format!("class: {}\n{arguments}{statement}", action.class.word())
}

/// All guards with their figures.
pub(super) fn guards(reports: &[GuardReport], setting: Setting) -> String {
    if reports.is_empty() {
        return String::new();
    }
    let width = setting.width.map(|w| w.saturating_sub(14).max(40));
    table(&[], reports.iter().map(guard_row).collect(), width)
}

/// Evidence as lines of `name: value`; what is in the way of reading is counted.
pub(super) fn evidence(json: Option<&Json>) -> String {
    let Some(json) = json else { return String::new() };
    let mut lines = Vec::new();
    let mut json = json.clone();
    if let Json::Object(map) = &mut json {
        map.remove("notice");
    }
    flatten("", &json, &mut lines);
    let left_out = lines.len().saturating_sub(MOST_LINES);
    lines.truncate(MOST_LINES);
    if left_out > 0 {
        lines.push(format!("… and {left_out} lines more: -o json shows the record"));
    }
    lines.into_iter().map(|line| line + "\n").collect()
}

fn flatten(path: &str, json: &Json, lines: &mut Vec<String>) {
    let below = |name: &str| if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") };
    match json {
        Json::Null => {}
        Json::Object(map) => map.iter().for_each(|(name, value)| flatten(&below(name), value, lines)),
        Json::Array(items) if items.is_empty() || TOLD_ELSEWHERE.contains(&path) => {}
        Json::Array(items) if items.iter().all(|i| !i.is_object() && !i.is_array()) => {
            lines.push(format!("{path}: {}", items.iter().map(plain).collect::<Vec<_>>().join(", ")));
        }
        Json::Array(items) => {
            for (n, item) in items.iter().enumerate() {
                flatten(&below(&(n + 1).to_string()), item, lines);
            }
        }
        scalar => lines.push(format!("{path}: {}", hanging(&plain(scalar), path.len() + 2))),
    }
}

fn plain(json: &Json) -> String {
    match json {
        Json::String(text) => text.clone(),
        Json::Object(map) => {
            map.iter().map(|(name, value)| format!("{name} {}", plain(value))).collect::<Vec<_>>().join(", ")
        }
        other => other.to_string(),
    }
}

/// A text of several lines, the later ones set under the first.
fn hanging(text: &str, by: usize) -> String {
    text.trim().lines().collect::<Vec<_>>().join(&format!("\n{:by$}", ""))
}

/// The time of day, to the second.
pub(super) fn clock(record: &Record) -> String {
    record.time.strftime("%H:%M:%S").to_string()
}
