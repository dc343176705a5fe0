//! One run as a story: trigger, evidence, each candidate, each guard, each statement as sent, what came
//! of it, whether it helped, who was told. A pure function of the run's records.

mod chapter;
mod evidence;
mod seen;
mod statements;
#[cfg(test)]
mod tests;

use super::output::Paint;
use super::text::{indent, moment, put, table};
use crate::model::GuardReport;
use crate::model::record::{Record, RecordKind};
use crate::model::time::{in_words, since};
use crate::model::verdict::GuardVerdict;
use chapter::{Told, chapter, guards};
use statements::Statements;

/// How a story is set.
#[derive(Clone, Copy, Debug)]
pub struct Setting {
    /// Colour.
    pub paint: Paint,
    /// Columns; `None`: nothing is wrapped.
    pub width: Option<u16>,
}

/// Tells a run. `records` are those of one run, in order of `seq`, together with the deliveries of
/// its messages.
#[must_use]
pub fn story(records: &[Record], setting: Setting) -> String {
    let (Some(first), Some(last)) = (records.first(), records.last()) else { return String::new() };
    let mut out = head(records, first, last, setting);
    let conclusion = records.iter().find(|r| r.body.kind == RecordKind::Decision && r.body.candidate.is_none());
    let mut asked: &[GuardReport] = &[];
    if let Some(record) = conclusion {
        asked = &record.body.guards;
        out += &section("Evidence", &evidence::of_run(record, setting), setting);
        out += &section("Guards of the run", &guards(asked, setting), setting);
    }
    let mut statements = Statements::default();
    for (n, key) in keys(records).iter().enumerate() {
        out += &chapter(n + 1, key, records, Told::after(asked), &mut statements, setting);
    }
    let mut told = Told::after(asked);
    let rest: String = records
        .iter()
        .filter(|r| is_rest(r, conclusion))
        .map(|r| chapter::event(r, &mut told, &mut statements, setting))
        .collect();
    out += &section("The run", &rest, setting);
    out += &section("Messages", &messages(records), setting);
    out + &section("Statements as sent", &statements.text(), setting)
}

/// Answers of guards that were asked before: what differs or did not pass, and how many say the same.
fn again(before: &[&GuardReport], now: &[GuardReport], of_the_run: bool, setting: Setting) -> String {
    // What did not pass is said again later on, but not right below the run's own guards.
    let objects = |g: &GuardReport| g.verdict != GuardVerdict::Pass && !of_the_run;
    let told = |g: &&GuardReport| objects(g) || !before.contains(g);
    let rows: Vec<&GuardReport> = now.iter().filter(told).collect();
    let same = now.len() - rows.len();
    let counted = |guards: &str| match same {
        0 => String::new(),
        1 => format!("1 guard {guards}\n"),
        n => format!("{n} guards {guards}\n"),
    };
    let last = match (of_the_run, rows.is_empty()) {
        (true, _) => counted("of the run: as above"),
        (false, true) if same > 1 => format!("all {same} guards were asked again and passed\n"),
        (false, _) => counted("asked again: passed as before"),
    };
    guards(rows, setting) + &last
}

fn head(records: &[Record], first: &Record, last: &Record, setting: Setting) -> String {
    let body = &first.body;
    let find = |get: fn(&Record) -> Option<String>| records.iter().find_map(get).unwrap_or_else(|| "-".to_owned());
    let run = find(|r| r.body.run.clone());
    let playbook = find(|r| r.body.playbook.as_ref().map(|p| p.name.clone()));
    let target = find(|r| r.body.target.clone());
    let title = format!("Run {run}: {playbook} on {target}");
    let mut rows = vec![
        row("began", format!("{}, record {}", moment(first.time), first.seq)),
        row(
            "ended",
            format!("{}, record {}, {} later", moment(last.time), last.seq, in_words(since(last.time, first.time))),
        ),
    ];
    if let Some(trigger) = records.iter().find_map(|r| r.body.trigger.as_ref()) {
        let nominal = trigger.nominal.map(|at| format!(", due {}", moment(at))).unwrap_or_default();
        rows.insert(0, row("trigger", format!("{} {}", trigger.kind, trigger.detail).trim().to_owned() + &nominal));
    }
    if let Some(actor) = records.iter().find_map(|r| r.body.actor.as_ref()) {
        rows.insert(1.min(rows.len()), row("asked by", actor.clone()));
    }
    if let Some(book) = records.iter().find_map(|r| r.body.playbook.as_ref()) {
        rows.push(row("playbook", format!("{} (SHA-256 of its text {})", book.name, book.digest)));
    }
    if let Some(mode) = body.mode.or_else(|| records.iter().find_map(|r| r.body.mode)) {
        rows.push(row("mode", mode.word().to_owned()));
    }
    let conclusion = records.iter().find(|r| r.body.kind == RecordKind::Decision && r.body.candidate.is_none());
    if let Some(record) = conclusion {
        let verdict = record.body.verdict.map_or("", crate::model::Verdict::word);
        rows.push(row("concluded", format!("{verdict}: {}", record.body.reason.clone().unwrap_or_default())));
    }
    format!("{}\n{}", setting.paint.bold(&title), indent(&table(&[], rows, setting.width), 2))
}

fn row(what: &str, says: String) -> Vec<String> {
    vec![what.to_owned(), says]
}

fn section(title: &str, body: &str, setting: Setting) -> String {
    if body.is_empty() { String::new() } else { format!("\n{}\n{}", setting.paint.bold(title), indent(body, 2)) }
}

/// Candidates in the order in which they first appear.
fn keys(records: &[Record]) -> Vec<String> {
    let mut keys: Vec<String> = Vec::new();
    for candidate in records.iter().filter_map(|r| r.body.candidate.as_ref()) {
        if !keys.contains(&candidate.key) {
            keys.push(candidate.key.clone());
        }
    }
    keys
}

/// What belongs to no candidate and is told nowhere else.
fn is_rest(record: &Record, conclusion: Option<&Record>) -> bool {
    let told = matches!(record.body.kind, RecordKind::Notification | RecordKind::Trigger);
    record.body.candidate.is_none() && !told && conclusion.is_none_or(|c| c.seq != record.seq)
}

fn messages(records: &[Record]) -> String {
    let mut out = String::new();
    for record in records {
        if let Some(notice) = record.body.notice().filter(|_| !record.body.notify.is_empty()) {
            let to = record.body.notify.join(", ");
            put(&mut out, format!("{}  for {to}: {}: {}\n", chapter::clock(record), notice.event, notice.headline));
        }
        let delivery = record.body.evidence.clone().filter(|_| record.body.kind == RecordKind::Notification);
        if let Some(Ok(d)) = delivery.map(serde_json::from_value::<crate::decide::outbox::Delivery>) {
            let tries = super::text::count(usize::try_from(d.attempts).unwrap_or(usize::MAX), "attempt");
            let status = d.status.replace('_', " ");
            put(&mut out, format!("{}  {}: {status} after {tries}: {}\n", chapter::clock(record), d.channel, d.detail));
        }
    }
    out
}
