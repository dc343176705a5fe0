//! The script as psql runs it: every statement behind its reasons.

use super::quote::{comment, comment_line, connect};
use super::report::{Report, Statement};
use crate::actions::grants::ANY;

/// One target's script.
pub(super) fn script(report: &Report) -> String {
    let mut text = head(report);
    let mut database: Option<&str> = None;
    for statement in &report.statements {
        if statement.database.as_deref() != database {
            database = statement.database.as_deref();
            text += "\n";
            match database.map(|name| (name, connect(name))) {
                Some((_, Some(connect))) => text += &format!("{connect}\n"),
                Some((name, None)) => text += &comment(&format!("{name}: its name holds control characters: by hand.")),
                None => {}
            }
        }
        let by_hand = database.is_some_and(|name| connect(name).is_none());
        text += "\n";
        text += &one(statement, report.major, by_hand);
    }
    text + &tail(report)
}

fn head(report: &Report) -> String {
    let Report { target, host, port, .. } = report;
    let version = match report.major {
        Some(major) => format!("for PostgreSQL {major}"),
        None => "for any version: it asks the server that it runs on".to_owned(),
    };
    let mut text = comment(&format!("The roles of target {target} ({host}, port {port}), {version}."));
    text += &comment("Run it as superuser: pgmedic grants … | psql -X. Once more does no harm.");
    text += &comment(&match report.playbooks.as_slice() {
        [] => "No enabled playbook selects this target: only what looking needs.".to_owned(),
        all => format!("Playbooks: {}. Actions: {}.", all.join(", "), list(&report.actions)),
    });
    if let Some(why) = &report.unseen {
        text += &comment(&format!("The server was not looked at: {why}"));
    }
    for remark in &report.remarks {
        text += &comment(&format!("LOOK: {remark}"));
    }
    text += "\n\\set ON_ERROR_STOP on\n";
    if report.major.is_none() {
        text += "SELECT current_setting('server_version_num')::int / 10000 AS major \\gset\n";
    }
    text
}

fn list(names: &[String]) -> String {
    if names.is_empty() { "none".to_owned() } else { names.join(", ") }
}

/// `by_hand`: psql cannot go where it has to run.
fn one(statement: &Statement, major: Option<i32>, by_hand: bool) -> String {
    let mut text = comment(&statement.why);
    if let Some(also) = &statement.also_permits {
        text += &comment(&format!("Also permits: {also}"));
    }
    let sql = match &statement.commented_out {
        Some(why) => comment(&format!("NOT DONE: {why}.")) + &comment_line(&statement.sql),
        None if by_hand => comment_line(&statement.sql),
        None => format!("{}\n", statement.sql),
    };
    let bounds = (statement.from, statement.to);
    if major.is_some() || bounds == (ANY.0, None) {
        return text + &sql;
    }
    let (from, to) = (bounds.0, bounds.1.map_or("999".to_owned(), |to| to.to_string()));
    format!("SELECT :major BETWEEN {from} AND {to} AS holds \\gset\n\\if :holds\n{text}{sql}\\endif\n")
}

fn tail(report: &Report) -> String {
    let mut text = String::from("\n-- pg_hba.conf, above whatever else would match; then SELECT pg_reload_conf():\n");
    for line in &report.pg_hba {
        text += &comment_line(line);
    }
    for (name, lines) in &report.pgbouncer {
        text += "\n";
        text += &comment(&format!("pgbouncer.ini of {name}, beside those who are there already; then RELOAD:"));
        for line in lines {
            text += &comment_line(line);
        }
    }
    text
}
