//! Records as lines of a table: one line a record.

use crate::cli::output::Paint;
use crate::cli::pause::covered;
use crate::cli::status_text::headed;
use crate::cli::text::{indent, moment, one_line, table};
use crate::model::Record;
use crate::model::history::PauseOrder;
use crate::model::record::RecordKind;

/// Column names of [`row`].
const HEADER: [&str; 7] = ["TIME", "KIND", "TARGET", "PLAYBOOK", "RESULT", "RUN", "WHAT"];

/// What of a record is looked for first.
pub(super) fn row(record: &Record) -> [String; 7] {
    let body = &record.body;
    let dash = |text: Option<&str>| text.filter(|t| !t.is_empty()).unwrap_or("-").to_owned();
    let outcome = body.outcome.as_ref().map(|o| o.status.word());
    [
        moment(record.time),
        body.kind.word().to_owned(),
        dash(body.target.as_deref()),
        dash(body.playbook.as_ref().map(|p| p.name.as_str())),
        dash(outcome.or_else(|| body.verdict.map(crate::model::Verdict::word))),
        dash(body.run.as_deref()),
        what(record),
    ]
}

/// A terminal narrower than this has no room for the table.
const TABLE_WIDTH: u16 = 140;

/// Records for people: a table, or on a narrow terminal two or more lines each, so that a run's name
/// stays in one piece.
pub(super) fn listed(records: &[Record], width: Option<u16>, paint: Paint) -> String {
    let rows = records.iter().map(row);
    match width.filter(|w| *w < TABLE_WIDTH) {
        None => headed(&table(&HEADER, rows.map(Vec::from).collect(), width), paint),
        Some(width) => rows.map(|row| stacked(&row, width, paint)).collect(),
    }
}

fn stacked(row: &[String; 7], width: u16, paint: Paint) -> String {
    let [time, kind, target, playbook, result, run, what] = row;
    let head: Vec<&str> =
        [kind, result, playbook, target].into_iter().map(String::as_str).filter(|p| *p != "-").collect();
    let head = head.join("  ");
    let run = if run == "-" { String::new() } else { format!("{run}  ") };
    let told = table(&[], vec![vec![format!("{run}{what}")]], Some(width.saturating_sub(4)));
    format!("{time}  {}\n{}", paint.bold(&head), indent(&told, 4))
}

/// The candidate, what was done to it, and why.
fn what(record: &Record) -> String {
    let body = &record.body;
    let action = body.action.as_ref().filter(|_| body.kind != RecordKind::Decision).map(|a| a.name.clone());
    let who = body.actor.as_ref().filter(|_| matches!(body.kind, RecordKind::Trigger | RecordKind::Control));
    let parts = [
        order(record),
        body.trigger.as_ref().map(|t| format!("{} {}", t.kind, t.detail).trim().to_owned()),
        who.map(|actor| format!("by {actor}")),
        action,
        body.candidate.as_ref().map(|c| c.title.clone()),
        body.outcome.as_ref().map(|o| o.detail.clone()),
        body.reason.clone(),
    ];
    let state = (body.kind == RecordKind::Snapshot).then(|| "the state so far, at the start of a segment".to_owned());
    let parts: Vec<String> =
        parts.into_iter().chain([state]).flatten().filter(|p| !p.is_empty()).map(|p| one_line(&p)).collect();
    parts.join("; ")
}

/// What a person ordered: `pause everything until 2026-11-24 23:52:11Z`.
fn order(record: &Record) -> Option<String> {
    let evidence = record.body.evidence.clone().filter(|_| record.body.kind == RecordKind::Control)?;
    let order: PauseOrder = serde_json::from_value(evidence).ok()?;
    let until = order.until.map_or_else(String::new, |at| format!(" until {}", moment(at)));
    Some(format!("{} {}{until}", order.order, covered(&order.scope)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn each_record_is_one_line_that_says_what_happened() {
        let records = [
            json!({"seq": 1, "time": "2026-11-24T20:19:00.000000Z", "kind": "trigger", "run": "01K", "target": "orders",
                   "playbook": {"name": "p", "digest": "d"}, "trigger": {"kind": "every", "detail": "30s"}, "actor": "daemon"}),
            json!({"seq": 2, "time": "2026-11-24T20:19:00.000000Z", "kind": "decision", "run": "01K", "target": "orders",
                   "playbook": {"name": "p", "digest": "d"}, "verdict": "skip", "reason": "paused: by user:alice:\nmigration"}),
            json!({"seq": 3, "time": "2026-11-24T20:19:01.000000Z", "kind": "outcome", "run": "01K", "target": "orders",
                   "action": {"name": "cancel_backend", "class": "disruptive"},
                   "outcome": {"status": "timed_out", "detail": "cancelled after 5s"}}),
            json!({"seq": 4, "time": "2026-11-24T20:19:02.000000Z", "kind": "control", "actor": "user:alice", "reason": "migration",
                   "evidence": {"order": "pause", "target": "orders", "until": "2026-11-24T22:00:00.123456789Z"}}),
            json!({"seq": 5, "time": "2026-11-24T20:19:02.000000Z", "kind": "snapshot", "evidence": {"format": 1}}),
        ];
        let records: Vec<Record> = records.into_iter().map(|r| serde_json::from_value(r).unwrap()).collect();
        let plain = Paint { on: false };
        let narrow = listed(&records, Some(60), plain);
        assert!(
            narrow.contains("2026-11-24 20:19:01Z  outcome  timed_out  orders\n    01K  cancel_backend; "),
            "{narrow}"
        );
        assert!(narrow.lines().all(|l| l.chars().count() <= 60), "{narrow}");
        insta::assert_snapshot!(listed(&records, None, plain), @"
        TIME                  KIND      TARGET  PLAYBOOK  RESULT     RUN  WHAT
        2026-11-24 20:19:00Z  trigger   orders  p         -          01K  every 30s; by daemon
        2026-11-24 20:19:00Z  decision  orders  p         skip       01K  paused: by user:alice: migration
        2026-11-24 20:19:01Z  outcome   orders  -         timed_out  01K  cancel_backend; cancelled after 5s
        2026-11-24 20:19:02Z  control   -       -         -          -    pause everything on target orders until 2026-11-24 22:00:00Z; by user:alice; migration
        2026-11-24 20:19:02Z  snapshot  -       -         -          -    the state so far, at the start of a segment
        ");
    }
}
