use super::super::testing::{answer, ask, defaults, longer_than, row, server, text, users, with};
use super::*;
use crate::model::query::Cell;

fn session(pid: i64, user: &str, seconds: f64) -> Row {
    let at = |s: &str| Cell::Time(s.parse().unwrap());
    row([
        ("pid", Cell::Int(pid)),
        ("backend_start", at("2026-11-24T20:00:00Z")),
        ("xact_start", at("2026-11-24T20:01:00Z")),
        ("query_start", at("2026-11-24T20:01:00Z")),
        ("state", text("active")),
        ("backend_type", text("client backend")),
        ("role", text(user)),
        ("database", text("shop")),
        ("application", text("web")),
        ("client_addr", Cell::Null),
        ("wait", Cell::Null),
        ("running_seconds", Cell::Float(seconds)),
        ("query", text("SELECT 'secret'")),
        ("query_id", Cell::Null),
        ("superuser", Cell::Bool(false)),
        ("replication", Cell::Bool(false)),
        ("relation_locks", Cell::Int(2)),
        ("progress", Cell::Null),
    ])
}

fn found(args: &Args, only: Option<&Candidate>, rows: Vec<Row>) -> Found {
    LongQueries.read(&ask(args, &server(150_018), only), &[answer(NAME, "", rows)])
}

fn pids(found: &Found) -> Vec<i32> {
    let pid = |c: &Candidate| if let Candidate::Backend(b) = c { b.pid } else { 0 };
    found.candidates.iter().map(pid).collect()
}

#[test]
fn each_session_is_judged_by_its_own_limit() {
    let overrides = vec![
        (users(&["rep*"]), Args([("longer_than", longer_than(7_200))].into())),
        (users(&["web"]), Args([("longer_than", longer_than(10))].into())),
    ];
    let args = with(defaults(&LongQueries), "overrides", Arg::Overrides(overrides));
    let asked = LongQueries.questions(&ask(&args, &server(150_018), None));
    assert_eq!(asked[0].params[0], Value::Float8(10.0), "the server lists what is past the smallest limit");
    let rows = vec![
        session(1, "reporting", 4_000.0),
        session(2, "etl", 400.0),
        session(3, "etl", 200.0),
        session(4, "web", 11.0),
    ];
    let found = found(&args, None, rows);
    assert_eq!(pids(&found), [2, 4]);
    let Candidate::Backend(web) = &found.candidates[1] else { unreachable!("a backend") };
    assert!((web.limit_seconds - 10.0).abs() < 1e-9);
    assert_eq!(web.query, "SELECT $1");
}

#[test]
fn selectors_leave_out_before_the_limit_counts() {
    let rows = || vec![session(1, "billing", 900.0), session(2, "app", 800.0), session(3, "app", 700.0)];
    let args = with(defaults(&LongQueries), "except", Arg::Selector(Box::new(users(&["billing"]))));
    let args = with(args, "limit", Arg::Count(1));
    let first = found(&args, None, rows());
    assert_eq!((pids(&first), first.beyond_limit), (vec![2], 1), "what lies beyond it is counted");
    let args = with(defaults(&LongQueries), "only", Arg::Selector(Box::new(users(&["billing"]))));
    assert_eq!(pids(&found(&args, None, rows())), [1]);
}

#[test]
fn a_second_look_wants_the_very_same_statement() {
    let args = defaults(&LongQueries);
    let first = found(&args, None, vec![session(1, "app", 400.0)]).candidates.remove(0);
    let mut later = session(1, "app", 400.0);
    later.0.insert("query_start".to_owned(), Cell::Time("2026-11-24T20:02:00Z".parse().unwrap()));
    assert_eq!(pids(&found(&args, Some(&first), vec![session(1, "app", 401.0)])), [1]);
    assert!(found(&args, Some(&first), vec![later]).candidates.is_empty());
    let server = server(150_018);
    let asked = LongQueries.questions(&ask(&args, &server, Some(&first)));
    assert_eq!(asked[0].params[2], Value::Int4(1));
}

#[test]
fn what_cannot_be_read_is_said() {
    let mut broken = session(1, "app", 400.0);
    broken.0.remove("superuser");
    let args = defaults(&LongQueries);
    let broken = found(&args, None, vec![broken, session(2, "app", 300.5)]);
    assert_eq!(pids(&broken), [2]);
    assert_eq!(broken.unreadable, ["a row of pg_stat_activity: column `superuser` is missing, expected a truth value"]);
    let server = server(150_018);
    let silent = LongQueries.read(&ask(&args, &server, None), &[]);
    assert_eq!(silent.unreadable, ["long_queries: nobody answered"]);
    let refused = Answer { name: NAME, from: String::new(), rows: Err("permission denied".to_owned()) };
    let refused = LongQueries.read(&ask(&args, &server, None), &[refused]);
    assert_eq!(refused.unreadable, ["pg_stat_activity: permission denied"]);
}

#[test]
fn thirteen_has_no_query_id_and_no_view_of_copy() {
    assert!(sql(13).contains("NULL::int8 AS query_id") && !sql(13).contains("progress_copy"));
    assert!(sql(14).contains("a.query_id AS query_id") && sql(14).contains("progress_copy"));
}

#[test]
fn what_is_never_listed_is_what_the_statement_leaves_out() {
    let sql = sql(16);
    for part in ["a.backend_type = 'client backend'", "a.state = 'active'", "a.application_name NOT LIKE 'pgmedic/%'"] {
        assert!(sql.contains(part), "{part}");
    }
    assert_eq!(LongQueries.never_listed(&session(1, "app", 900.0)), None);
    for (column, value) in [("state", "idle"), ("backend_type", "walsender"), ("application", "pgmedic/orders")] {
        let mut row = session(1, "app", 900.0);
        row.0.insert(column.to_owned(), text(value));
        assert!(LongQueries.never_listed(&row).is_some(), "{column}");
    }
}
