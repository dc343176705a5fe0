//! What happened to one candidate.

use super::evidence::rest;
use super::seen::seen;
use super::statements::Statements;
use super::{Setting, again};
use crate::cli::plan_text::guard_row;
use crate::cli::text::{indent, put, table};
use crate::model::record::{ActionRef, Record, RecordKind};
use crate::model::time::{in_words, since};
use crate::model::{Candidate, Duration, GuardReport, OutcomeStatus, Timestamp, Verdict};
use serde_json::Value as Json;

/// Between two steps less than this is no time worth telling.
const AT_ONCE: Duration = Duration::from_millis(100);

/// What has been told so far, so that nothing is told twice.
pub(super) struct Told<'a> {
    /// Answers of guards, and whose they were.
    guards: Vec<&'a GuardReport>,
    of_the_run: bool,
    change: (Option<&'a Json>, Option<&'a Json>),
    last: Option<Timestamp>,
}

impl<'a> Told<'a> {
    /// Before the first step, with the answers of the run's guards.
    pub(super) fn after(run: &'a [GuardReport]) -> Told<'a> {
        Told { guards: run.iter().collect(), of_the_run: true, change: (None, None), last: None }
    }
}

/// One candidate from its first record to its last.
pub(super) fn chapter<'a>(
    n: usize,
    key: &str,
    records: &'a [Record],
    mut told: Told<'a>,
    statements: &mut Statements,
    setting: Setting,
) -> String {
    let mine = || records.iter().filter(|r| r.body.candidate.as_ref().is_some_and(|c| c.key == key));
    let Some(named) = mine().find_map(|r| r.body.candidate.as_ref()) else { return String::new() };
    let mut out = format!("\n{}\n", setting.paint.bold(&format!("{n}. {}", named.title)));
    if let Candidate::Backend(backend) = &named.candidate {
        out += &indent(&format!("query: {}", hanging(&backend.query, 7)), 2);
    }
    out += &indent(&format!("seen: {}", seen(&named.candidate)), 2);
    for record in mine() {
        out += &indent(&event(record, &mut told, statements, setting), 2);
    }
    out
}

/// One record: when, what, and all that it holds and nobody has told yet.
pub(super) fn event<'a>(
    record: &'a Record,
    told: &mut Told<'a>,
    statements: &mut Statements,
    setting: Setting,
) -> String {
    let body = &record.body;
    let gap = told.last.map(|last| since(record.time, last)).filter(|gap| *gap >= AT_ONCE);
    let later = gap.map_or_else(String::new, |gap| format!("{} later: ", in_words(gap)));
    told.last = Some(record.time);
    let mut out = format!("{}  {later}{}\n", clock(record), headline(record, setting));
    let mut more = String::new();
    if let Some(action) = &body.action
        && matches!(body.kind, RecordKind::Intent | RecordKind::Revert)
    {
        more += &sent(action, statements);
    }
    let change = (body.before.as_ref(), body.after.as_ref());
    if change != told.change {
        for (what, value) in [("before", change.0), ("after", change.1)] {
            if let Some(value) = value {
                put(&mut more, format!("{what}: {}\n", plain(value)));
            }
        }
        told.change = change;
    }
    if !body.guards.is_empty() {
        more += &again(&told.guards, &body.guards, told.of_the_run, setting);
        told.guards = body.guards.iter().collect();
        told.of_the_run = false;
    }
    more += &rest(body.evidence.as_ref());
    out += &indent(&more, 10);
    out
}

fn headline(record: &Record, setting: Setting) -> String {
    let body = &record.body;
    let paint = setting.paint;
    // An intent repeats the reason of the decision that it carries out.
    let reason = body.reason.clone().filter(|_| body.kind != RecordKind::Intent || body.guards.is_empty());
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
    let what = match body.kind {
        RecordKind::Decision => format!("decided to {}", decided(body.verdict)),
        RecordKind::Intent => format!("announced {action}"),
        RecordKind::Outcome if action.is_empty() => "outcome".to_owned(),
        RecordKind::Outcome => format!("outcome of {action}"),
        RecordKind::Verification => "looked whether it helped".to_owned(),
        RecordKind::Revert => "took it back".to_owned(),
        other => other.word().to_owned(),
    };
    let tail: Vec<String> = [outcome, reason].into_iter().flatten().filter(|t| !t.is_empty()).collect();
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

fn sent(action: &ActionRef, statements: &mut Statements) -> String {
    let arguments = match &action.arguments {
        Json::Null => String::new(),
        Json::Object(map) if map.is_empty() => String::new(),
        given => format!("with: {}\n", plain(given)),
    };
    let statement = if action.statement.is_empty() {
        String::new()
    } else {
        format!("sent: {}\n", hanging(&statements.told(&action.statement), 6))
    };
    format!("class: {}\n{arguments}{statement}", action.class.word())
}

/// Answers of guards with their figures.
pub(super) fn guards<'a>(reports: impl IntoIterator<Item = &'a GuardReport>, setting: Setting) -> String {
    let rows: Vec<_> = reports.into_iter().map(guard_row).collect();
    if rows.is_empty() {
        return String::new();
    }
    let width = setting.width.map(|w| w.saturating_sub(14).max(40));
    table(&[], rows, width)
}

/// A value in one line.
pub(super) fn plain(json: &Json) -> String {
    match json {
        Json::String(text) => text.clone(),
        Json::Object(map) => {
            map.iter().map(|(name, value)| format!("{name} {}", plain(value))).collect::<Vec<_>>().join(", ")
        }
        other => other.to_string(),
    }
}

/// A text of several lines, the later ones set under the first.
pub(super) fn hanging(text: &str, by: usize) -> String {
    text.trim().lines().collect::<Vec<_>>().join(&format!("\n{:by$}", ""))
}

/// The time of day, to the second.
pub(super) fn clock(record: &Record) -> String {
    record.time.strftime("%H:%M:%S").to_string()
}
