//! Plans in words.

use super::output::Paint;
use super::text::{count, in_words, indent, one_line, put, table};
use crate::engine::api::{CandidateReport, PlanReport, WhyReport};
use crate::model::verdict::GuardVerdict;
use crate::model::{GuardReport, Verdict};

/// Characters of a statement that a plan shows.
const MOST_SENT_CHARS: usize = 240;

/// All plans, one below the other, and a last line that sums up.
#[must_use]
pub fn plans(reports: &[PlanReport], paint: Paint, width: Option<u16>) -> String {
    let mut each: Vec<String> = Vec::new();
    for report in reports {
        match blind(report) {
            None => each.push(plan(report, paint, width)),
            // Three playbooks that cannot reach a server are one trouble, told where it first comes up.
            Some(why) => {
                let text = out_of_reach(reports, &report.target, why, paint);
                if !each.contains(&text) {
                    each.push(text);
                }
            }
        }
    }
    format!("{}\n{}\n", each.join("\n"), summary(reports))
}

/// Why a plan's target could not be looked at.
#[must_use]
pub fn blind(report: &PlanReport) -> Option<&str> {
    report.reason.strip_prefix("unreachable:").map(str::trim)
}

fn out_of_reach(reports: &[PlanReport], target: &str, why: &str, paint: Paint) -> String {
    let mine = reports.iter().filter(|r| r.target == target && blind(r) == Some(why));
    let playbooks: Vec<&str> = mine.map(|r| r.playbook.as_str()).collect();
    let what = paint.red(&format!("{target} cannot be looked at"));
    format!("{what}: {why}\n  not planned: {}\n", playbooks.join(", "))
}

/// One plan and what else there is to know.
#[must_use]
pub fn why(report: &WhyReport, paint: Paint, width: Option<u16>) -> String {
    let lines: String = report.lines.iter().map(|line| indent(line, 2)).collect();
    let gap = if lines.is_empty() { "" } else { "\n" };
    format!("{}{gap}{lines}", plan(&report.plan, paint, width))
}

fn plan(report: &PlanReport, paint: Paint, width: Option<u16>) -> String {
    let title = format!("{} on {}", report.playbook, report.target);
    let mut out = format!("{} (mode {})\n", paint.bold(&title), report.mode.word());
    out += &indent(&report.about, 2);
    put(&mut out, format!("  {}: {}\n", verdict(report.verdict, paint), report.reason));
    if report.verdict != Verdict::Quiet {
        out += &indent(&objections(&report.guards, &report.reason, width), 4);
    }
    for (n, candidate) in report.candidates.iter().enumerate() {
        out += &one(n + 1, candidate, report, paint, width);
    }
    if report.beyond_limit > 0 {
        put(&mut out, format!("\n  {} more were found beyond the finder's `limit`\n", report.beyond_limit));
    }
    for trouble in &report.unreadable {
        put(&mut out, format!("  {} {trouble}\n", paint.yellow("could not be read:")));
    }
    out
}

fn one(n: usize, report: &CandidateReport, plan: &PlanReport, paint: Paint, width: Option<u16>) -> String {
    let mut out = format!("\n  {n}. {}\n", report.candidate.title);
    let repeated = report.reason == plan.reason && report.verdict != Verdict::Act;
    let why = if repeated { "as said above" } else { &report.reason };
    put(&mut out, format!("     {}: {why}\n", verdict(report.verdict, paint)));
    if let crate::model::Candidate::Backend(backend) = &report.candidate.candidate {
        put(&mut out, format!("     query:  {}\n", one_line(&backend.query)));
    }
    if !report.ladder.is_empty() {
        put(&mut out, format!("     ladder: {}\n", report.ladder.join(", then ")));
    }
    if let Some(statement) = &report.statement {
        put(&mut out, format!("     sends:  {}\n", shortened(statement)));
    }
    out + &indent(&objections(&report.guards, &report.reason, width), 5)
}

/// The statement in one line; of a long one the beginning.
fn shortened(statement: &str) -> String {
    let line = one_line(statement);
    match line.char_indices().nth(MOST_SENT_CHARS) {
        Some((at, _)) => format!("{}… (-o json shows all of it)", &line[..at]),
        None => line,
    }
}

/// The guards that object and have not just given the reason; those that pass are counted.
fn objections(guards: &[GuardReport], reason: &str, width: Option<u16>) -> String {
    let object = |g: &&GuardReport| g.verdict != GuardVerdict::Pass;
    let gave_it = |g: &GuardReport| reason == format!("{}: {}", g.name, g.detail);
    let objecting: Vec<&GuardReport> = guards.iter().filter(object).collect();
    let rows: Vec<Vec<String>> = objecting.iter().filter(|g| !gave_it(g)).map(|g| guard_row(g)).collect();
    let mut out = table(&[], rows, width);
    let rest = if objecting.is_empty() { "" } else { "other " };
    match guards.len() - objecting.len() {
        0 => {}
        1 => put(&mut out, format!("1 {rest}guard has nothing against it\n")),
        n => put(&mut out, format!("{n} {rest}guards have nothing against it\n")),
    }
    out
}

/// A guard's answer as a row: what it says, who says it, why.
#[must_use]
pub fn guard_row(guard: &GuardReport) -> Vec<String> {
    let says = match guard.verdict {
        GuardVerdict::Pass => "pass".to_owned(),
        GuardVerdict::Stop => "stop".to_owned(),
        GuardVerdict::Cap(mode) => format!("at most {}", mode.word()),
    };
    vec![says, guard.name.clone(), guard.detail.clone()]
}

fn verdict(verdict: Verdict, paint: Paint) -> String {
    let words = in_words(verdict);
    match verdict {
        Verdict::Act => paint.red(words),
        Verdict::Hold | Verdict::Observe => paint.yellow(words),
        Verdict::Skip => paint.bold(words),
        Verdict::Quiet => paint.green(words),
    }
}

fn summary(reports: &[PlanReport]) -> String {
    let all = || reports.iter().flat_map(|r| &r.candidates);
    let of = |wanted: Verdict| all().filter(|c| c.verdict == wanted).count();
    let parts: Vec<String> = [
        (of(Verdict::Act), "to act on"),
        (of(Verdict::Hold), "to ask a person about"),
        (of(Verdict::Observe), "only recorded (observe)"),
        (of(Verdict::Skip), "left alone"),
    ]
    .iter()
    .filter(|(n, _)| *n > 0)
    .map(|(n, what)| format!("{n} {what}"))
    .collect();
    let found = count(all().count(), "candidate");
    let detail = if parts.is_empty() { String::new() } else { format!(": {}", parts.join(", ")) };
    let blind = reports.iter().filter(|r| blind(r).is_some()).count();
    let not_planned = if blind == 0 { String::new() } else { format!("; {} not planned", count(blind, "playbook")) };
    format!("{}, {found}{detail}{not_planned}. Nothing was touched.", count(reports.len() - blind, "plan"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn report() -> PlanReport {
        let backend = json!({
            "key": "backend:4711:1:2", "title": "pid 4711 (app@shop, psql), running 12m 3s", "kind": "backend",
            "pid": 4711, "backend_start": "2026-11-24T20:00:00Z", "xact_start": null, "query_start": null,
            "state": "active", "backend_type": "client backend", "user": "app", "database": "shop",
            "application": "psql", "client_addr": null, "superuser": false, "replication": false, "wait": null,
            "progress": null, "relation_locks": 1, "running_seconds": 723.0, "limit_seconds": 300.0,
            "query": "select $1\n  from orders", "fingerprint": "x"
        });
        serde_json::from_value(json!({
            "target": "orders", "playbook": "cancel-long-queries",
            "about": "Cancel, then terminate, application queries that run too long.",
            "mode": "observe", "verdict": "observe", "reason": "1 long query; the playbook's mode is observe",
            "guards": [{"name": "role", "verdict": "pass", "detail": "a primary, as wanted"},
                       {"name": "mode", "verdict": "at_most_observe", "detail": "the playbook's mode is observe"}],
            "candidates": [
                {"candidate": backend, "verdict": "observe", "reason": "it ran 12m 3s, limit 5m",
                 "guards": [{"name": "protected", "verdict": "pass", "detail": "no pattern matches"}],
                 "ladder": ["cancel_backend", "wait 30s", "terminate_backend"],
                 "statement": "select pg_cancel_backend(pid)\nfrom pg_stat_activity"},
                {"candidate": backend, "verdict": "skip", "reason": "protected: users `app`",
                 "guards": [{"name": "protected", "verdict": "stop", "detail": "users `app` (policy)"}], "ladder": []}],
            "unreadable": ["database crm: permission denied"]
        }))
        .unwrap()
    }

    #[test]
    fn a_plan_says_what_would_be_done_and_why_not() {
        insta::assert_snapshot!(plans(&[report()], Paint { on: false }, None), @"
        cancel-long-queries on orders (mode observe)
          Cancel, then terminate, application queries that run too long.
          would only record (observe): 1 long query; the playbook's mode is observe
            at most observe  mode  the playbook's mode is observe
            1 other guard has nothing against it

          1. pid 4711 (app@shop, psql), running 12m 3s
             would only record (observe): it ran 12m 3s, limit 5m
             query:  select $1 from orders
             ladder: cancel_backend, then wait 30s, then terminate_backend
             sends:  select pg_cancel_backend(pid) from pg_stat_activity
             1 guard has nothing against it

          2. pid 4711 (app@shop, psql), running 12m 3s
             would not act: protected: users `app`
             query:  select $1 from orders
             stop  protected  users `app` (policy)
          could not be read: database crm: permission denied

        1 plan, 2 candidates: 1 only recorded (observe), 1 left alone. Nothing was touched.
        ");
    }

    #[test]
    fn a_server_out_of_reach_is_told_once() {
        let lost = |playbook: &str| PlanReport {
            playbook: playbook.to_owned(),
            reason: "unreachable: connection refused".to_owned(),
            candidates: Vec::new(),
            ..report()
        };
        let reports = [lost("a"), lost("b"), PlanReport { candidates: Vec::new(), ..report() }];
        insta::assert_snapshot!(plans(&reports, Paint { on: false }, None), @"
        orders cannot be looked at: connection refused
          not planned: a, b

        cancel-long-queries on orders (mode observe)
          Cancel, then terminate, application queries that run too long.
          would only record (observe): 1 long query; the playbook's mode is observe
            at most observe  mode  the playbook's mode is observe
            1 other guard has nothing against it
          could not be read: database crm: permission denied

        1 plan, 0 candidates; 2 playbooks not planned. Nothing was touched.
        ");
    }

    #[test]
    fn a_reason_is_said_once() {
        let mut said = report();
        said.reason = "mode: the playbook's mode is observe".to_owned();
        said.candidates.truncate(1);
        said.candidates[0].reason.clone_from(&said.reason);
        insta::assert_snapshot!(plans(&[said], Paint { on: false }, None), @"
        cancel-long-queries on orders (mode observe)
          Cancel, then terminate, application queries that run too long.
          would only record (observe): mode: the playbook's mode is observe
            1 other guard has nothing against it

          1. pid 4711 (app@shop, psql), running 12m 3s
             would only record (observe): as said above
             query:  select $1 from orders
             ladder: cancel_backend, then wait 30s, then terminate_backend
             sends:  select pg_cancel_backend(pid) from pg_stat_activity
             1 guard has nothing against it
          could not be read: database crm: permission denied

        1 plan, 1 candidate: 1 only recorded (observe). Nothing was touched.
        ");
    }

    #[test]
    fn a_long_statement_is_cut_and_says_so() {
        let mut long = report();
        long.candidates[0].statement = Some(format!("SELECT 1\n{}END", "é ".repeat(400)));
        let text = plans(&[long], Paint { on: false }, None);
        assert!(text.contains("sends:  SELECT 1 é") && text.contains("… (-o json shows all of it)"), "{text}");
        assert!(!text.contains("END"), "{text}");
    }

    #[test]
    fn a_plan_that_could_act_is_red_on_a_terminal() {
        let mut acts = report();
        acts.verdict = Verdict::Act;
        assert!(plans(&[acts], Paint { on: true }, Some(80)).contains("\x1b[31mwould act\x1b[0m"));
    }
}
