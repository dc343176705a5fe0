//! What is going on, in words.

use super::output::Paint;
use super::text::{count, moment, put, table};
use crate::engine::api::{PauseStatus, PlaybookStatus, Status, TargetStatus};
use crate::model::history::{Pause, Scope};
use crate::model::right::Right;
use crate::model::time::{in_words, since};
use crate::model::{Duration, Mode, Timestamp};

/// The whole status.
#[must_use]
pub fn status(status: &Status, now: Timestamp, paint: Paint, width: Option<u16>) -> String {
    let up = in_words(since(now, status.started));
    let ceiling = status.mode.word();
    let mut out = format!("pgmedic {} is running for {up} (since {}), ", status.version, moment(status.started));
    put(&mut out, format!("mode at most {ceiling}\n"));
    for PauseStatus { scope, pause } in &status.pauses {
        put(&mut out, format!("{}\n", paint.yellow(&paused(scope, pause))));
    }
    if let Some(why) = &status.paused_by_file {
        let says = if why.trim().is_empty() { "it is empty" } else { why.trim() };
        put(&mut out, format!("{}\n", paint.yellow(&format!("paused: everything, by the file PAUSED: {says}"))));
    }
    let log = match &status.audit.trouble {
        None => format!("audit log: {} records, root {}\n", status.audit.size, status.audit.root),
        Some(why) => format!("{}\n", paint.red(&format!("audit log: {why}. Nothing is done until it can be written."))),
    };
    put(&mut out, log);
    if status.messages_waiting > 0 {
        put(&mut out, format!("{} not delivered yet\n", count(status.messages_waiting, "message")));
    }
    out + "\n" + &targets(&status.targets, now, paint, width) + "\n" + &playbooks(&status.playbooks, now, paint, width)
}

/// One pause: what it covers, who ordered it, since when, until when, why.
#[must_use]
pub fn paused(scope: &Scope, pause: &Pause) -> String {
    let what = match (&scope.target, &scope.playbook) {
        (None, None) => "everything".to_owned(),
        (Some(t), None) => format!("target {t}"),
        (None, Some(p)) => format!("playbook {p}"),
        (Some(t), Some(p)) => format!("playbook {p} on target {t}"),
    };
    let until = pause.until.map_or_else(|| "until resumed".to_owned(), |at| format!("until {}", moment(at)));
    let why = if pause.reason.is_empty() { "no reason given" } else { &pause.reason };
    format!("paused: {what}, by {} since {}, {until}: {why}", pause.actor, moment(pause.since))
}

/// One row a target.
#[must_use]
pub fn targets(targets: &[TargetStatus], now: Timestamp, paint: Paint, width: Option<u16>) -> String {
    let row = |t: &TargetStatus| {
        let version = t.version_num.map_or_else(|| "-".to_owned(), |v| format!("{}.{}", v / 10_000, v % 10_000));
        let runs: Vec<String> = t.runs.iter().map(|r| format!("{}: {} ({})", r.playbook, r.doing, r.run)).collect();
        let runs = if runs.is_empty() { "-".to_owned() } else { runs.join("\n") };
        let state = match &t.right_to_act {
            Some(right) => format!("{}\n{}", t.state, right_to_act(right, now)),
            None => t.state.clone(),
        };
        let role = t.role.clone().unwrap_or_else(|| "-".to_owned());
        vec![t.name.clone(), t.mode.word().to_owned(), state, version, role, runs]
    };
    let header = ["TARGET", "MODE", "STATE", "VERSION", "ROLE", "RUNS"];
    headed(&table(&header, targets.iter().map(row).collect(), width), paint)
}

/// Who else has or had the right to act. After a takeover each playbook says itself how long it still waits.
fn right_to_act(right: &Right, now: Timestamp) -> String {
    match right {
        Right::StandsBy { holder, since: begun } => {
            format!("stands by for {}: {holder} holds the right to act", in_words(since(now, *begun)))
        }
        Right::TookOver { at, .. } => {
            let ago = since(now, *at);
            let then = if ago < Duration::from_mins(5) {
                "; acts after 5m, or a longer cooldown"
            } else if ago < Duration::from_hours(1) {
                "; hourly limits are half spent until an hour after"
            } else {
                ""
            };
            format!("took over from another pgmedic {} ago{then}", in_words(ago))
        }
    }
}

/// One row a playbook and target.
#[must_use]
pub fn playbooks(playbooks: &[PlaybookStatus], now: Timestamp, paint: Paint, width: Option<u16>) -> String {
    let mut rows = Vec::new();
    for book in playbooks {
        let none = [String::from("none")];
        let targets = if book.targets.is_empty() { &none[..] } else { &book.targets[..] };
        for target in targets {
            // A star: the target's own variables or overrides make it another one there.
            let mode = |mode: Mode, enabled| if enabled { mode.word() } else { "disabled" };
            let mode = match book.changed.iter().find(|c| c.target == *target) {
                Some(here) => format!("{} *", mode(here.mode, here.enabled)),
                None => mode(book.mode, book.enabled).to_owned(),
            };
            let next = book.next.get(target).map_or_else(|| "by hand".to_owned(), |at| due(*at, now));
            let last = book.last.get(target).map_or("-", String::as_str);
            rows.push(vec![book.name.clone(), mode, target.clone(), next, last.to_owned()]);
        }
    }
    headed(&table(&["PLAYBOOK", "MODE", "TARGET", "NEXT", "LAST"], rows, width), paint)
}

fn due(at: Timestamp, now: Timestamp) -> String {
    if at <= now { "now".to_owned() } else { format!("in {}", in_words(since(at, now))) }
}

/// The table with its first line set off.
#[must_use]
pub fn headed(table: &str, paint: Paint) -> String {
    match table.split_once('\n') {
        Some((header, rows)) => format!("{}\n{rows}", paint.bold(header)),
        None => table.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn sample() -> Status {
        serde_json::from_value(json!({
            "version": "0.1.0", "started": "2026-11-24T18:00:00Z", "mode": "enforce",
            "pauses": [{"target": "orders", "actor": "user:alice", "reason": "migration",
                        "since": "2026-11-24T19:00:00Z", "until": "2026-11-24T21:00:00Z"}],
            "paused_by_file": "disk\n", "audit": {"size": 12, "root": "ab12"}, "messages_waiting": 1,
            "targets": [
                {"name": "orders", "mode": "enforce", "state": "up", "version_num": 150_018, "role": "primary",
                 "runs": [{"run": "01K", "playbook": "analyze-stale-tables", "doing": "ANALYZE public.a"}]},
                {"name": "crm", "mode": "observe", "state": "connection refused", "runs": []}],
            "playbooks": [
                {"name": "analyze-stale-tables", "about": "", "mode": "enforce", "enabled": true, "targets": ["orders", "crm"],
                 "changed": [{"target": "crm", "mode": "observe", "enabled": true}],
                 "next": {"orders": "2026-11-24T20:05:30Z"}, "last": {"orders": "acted on 2, 2 helped"}},
                {"name": "grow-starved-pools", "about": "", "mode": "observe", "enabled": false, "targets": [],
                 "next": {}, "last": {}}]
        }))
        .unwrap()
    }

    #[test]
    fn a_status_shows_at_a_glance_what_stands_still_and_what_is_ill() {
        let now = "2026-11-24T20:00:00Z".parse().unwrap();
        insta::assert_snapshot!(status(&sample(), now, Paint { on: false }, None), @"
        pgmedic 0.1.0 is running for 2h (since 2026-11-24 18:00:00Z), mode at most enforce
        paused: target orders, by user:alice since 2026-11-24 19:00:00Z, until 2026-11-24 21:00:00Z: migration
        paused: everything, by the file PAUSED: disk
        audit log: 12 records, root ab12
        1 message not delivered yet

        TARGET  MODE     STATE               VERSION  ROLE     RUNS
        orders  enforce  up                  15.18    primary  analyze-stale-tables: ANALYZE public.a (01K)
        crm     observe  connection refused  -        -        -

        PLAYBOOK              MODE       TARGET  NEXT       LAST
        analyze-stale-tables  enforce    orders  in 5m 30s  acted on 2, 2 helped
        analyze-stale-tables  observe *  crm     by hand    -
        grow-starved-pools    disabled   none    by hand    -
        ");
    }

    #[test]
    fn who_else_has_or_had_the_right_to_act_is_shown_with_the_target() {
        let now: Timestamp = "2026-11-24T20:00:00Z".parse().unwrap();
        let mut rights = sample().targets;
        let holder = "pgmedic/acting of pgmedic in postgres from 10.0.0.2, pid 7".to_owned();
        rights[0].right_to_act =
            Some(Right::StandsBy { holder: holder.clone(), since: "2026-11-24T19:00:00Z".parse().unwrap() });
        let took = |at: &str| Some(Right::TookOver { from: holder.clone(), at: at.parse().unwrap() });
        rights[1].right_to_act = took("2026-11-24T19:59:20Z");
        insta::assert_snapshot!(targets(&rights, now, Paint { on: false }, None), @"
        TARGET  MODE     STATE                                                                                                VERSION  ROLE     RUNS
        orders  enforce  up                                                                                                   15.18    primary  analyze-stale-tables: ANALYZE public.a (01K)
                         stands by for 1h: pgmedic/acting of pgmedic in postgres from 10.0.0.2, pid 7 holds the right to act
        crm     observe  connection refused                                                                                   -        -        -
                         took over from another pgmedic 40s ago; acts after 5m, or a longer cooldown
        ");
        rights[1].right_to_act = took("2026-11-24T19:40:00Z");
        assert!(targets(&rights, now, Paint { on: false }, None).contains("20m ago; hourly limits are half spent"));
    }

    #[test]
    fn a_log_that_cannot_be_written_is_not_hidden() {
        let mut ill = sample();
        ill.audit.trouble = Some("no space left on the device".to_owned());
        let text = status(&ill, ill.started, Paint { on: true }, None);
        assert!(text.contains("\x1b[31maudit log: no space left"), "{text}");
    }
}
