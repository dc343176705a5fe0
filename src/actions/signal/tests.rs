use super::super::testing::{at, backend, order, row, server};
use super::super::{Action, cancel_backend::CancelBackend, terminate_backend::TerminateBackend};
use super::*;
use crate::model::query::Cell;
use crate::playbook::Args;

fn judged(action: &dyn Action, rows: Vec<Row>, seen: Option<&[Row]>) -> (bool, Outcome) {
    let (candidate, args, server) = (Candidate::Backend(backend()), Args::default(), server(150_018));
    let answer = ActAnswer { sent: true, rows, warnings: vec!["PID 42 is not a PostgreSQL server process".to_owned()] };
    match action.judge(&order(&candidate, &args, &server), &answer, seen) {
        Judgement::Ended(outcome) => (true, outcome),
        Judgement::NotYet(outcome) => (false, outcome),
    }
}

fn acted(protected: Cell, paused: Cell, signalled: Cell) -> Vec<Row> {
    let sent_at = Cell::Time(at("2026-11-24T20:10:00Z"));
    vec![row([("protected", protected), ("paused", paused), ("sent_at", sent_at), ("signalled", signalled)])]
}

fn sent() -> Vec<Row> {
    acted(Cell::Null, Cell::Null, Cell::Bool(true))
}

fn look(state: Cell, same_session: bool, same_query: bool) -> Vec<Row> {
    vec![row([
        ("looked_at", Cell::Time(at("2026-11-24T20:10:00.04Z"))),
        ("state", state),
        ("same_session", Cell::Bool(same_session)),
        ("same_query", Cell::Bool(same_query)),
    ])]
}

fn text(text: &str) -> Cell {
    Cell::Text(text.to_owned())
}

#[test]
fn the_statement_names_its_run_and_its_whole_victim() {
    let (candidate, args, server) = (Candidate::Backend(backend()), Args::default(), server(130_023));
    let deed = CancelBackend.deed(&order(&candidate, &args, &server)).unwrap();
    let protected = protection::protected(13, "$5::text");
    let statement = deed.act.statement.replace(&protected, "PROTECTED").replace(protection::paused(), "PAUSED");
    insta::assert_snapshot!(statement, @r"
    /* pgmedic run=01JDQ0000000000000000000RN playbook=test */ WITH victim AS MATERIALIZED (
      SELECT a.pid, PROTECTED AS protected,
        PAUSED AS paused
        FROM pg_stat_activity a LEFT JOIN pg_roles r ON r.oid = a.usesysid
       WHERE a.pid = $1::int4 AND a.backend_start = $2::timestamptz AND a.state = 'active'
         AND a.xact_start IS NOT DISTINCT FROM $3::timestamptz AND a.query_start IS NOT DISTINCT FROM $4::timestamptz
    )
    SELECT v.protected, v.paused, clock_timestamp() AS sent_at,
           CASE WHEN v.protected IS NULL AND v.paused IS NULL THEN pg_cancel_backend(v.pid) END AS signalled
      FROM victim v
    ");
    let at = |text| Value::Timestamp(Some(at(text)));
    let identity = [at("2026-11-24T20:00:00Z"), at("2026-11-24T20:01:00Z"), at("2026-11-24T20:02:00Z")];
    assert_eq!(deed.act.params[1..4], identity);
    assert_eq!((&deed.act.params[0], &deed.act.params[4]), (&Value::Int4(42), &Value::Text(String::new())));
    let terminate = TerminateBackend.deed(&order(&candidate, &args, &server)).unwrap();
    assert_eq!(terminate.act.statement, deed.act.statement.replace("pg_cancel_backend(", "pg_terminate_backend("));
}

#[test]
fn only_a_copy_may_be_ended_in_its_progress() {
    let (args, server) = (Args::default(), server(150_018));
    for (progress, allowed) in [("copy", "copy"), ("create index", ""), ("vacuum", "")] {
        let candidate = Candidate::Backend(Backend { progress: Some(progress.to_owned()), ..backend() });
        let deed = CancelBackend.deed(&order(&candidate, &args, &server)).unwrap();
        assert_eq!(deed.act.params[4], Value::Text(allowed.to_owned()));
    }
}

#[test]
fn a_statement_without_a_start_is_left_alone() {
    let candidate = Candidate::Backend(Backend { query_start: None, ..backend() });
    let (args, server) = (Args::default(), server(150_018));
    let why = CancelBackend.deed(&order(&candidate, &args, &server)).unwrap_err();
    assert!(why.contains("cannot be told from the next"), "{why}");
}

#[test]
fn no_row_is_gone_and_a_reason_is_refused() {
    let (ended, outcome) = judged(&CancelBackend, Vec::new(), None);
    assert_eq!((ended, outcome.status), (true, OutcomeStatus::Gone));
    let paused = acted(Cell::Null, text("upgrade, ask Bob"), Cell::Null);
    let (ended, outcome) = judged(&CancelBackend, paused, None);
    assert_eq!((ended, outcome.status), (true, OutcomeStatus::Refused));
    assert_eq!(outcome.detail, "pgmedic.paused is set for the role that acts: upgrade, ask Bob");
    let protected = acted(text("its session user is a superuser"), Cell::Null, Cell::Null);
    let (ended, outcome) = judged(&TerminateBackend, protected, None);
    assert_eq!((ended, outcome.status), (true, OutcomeStatus::Refused));
    assert_eq!(outcome.detail, "protected in the act: its session user is a superuser");
}

#[test]
fn a_signal_sent_is_not_its_effect() {
    assert_eq!(judged(&CancelBackend, sent(), None).1.status, OutcomeStatus::Unknown);
    let (ended, outcome) = judged(&CancelBackend, sent(), Some(&look(text("active"), true, true)));
    assert_eq!((ended, outcome.status), (false, OutcomeStatus::Failed));
    assert_eq!(outcome.detail, "the cancel was sent, but the query was still there 3s later");
    let idle = look(text("idle in transaction (aborted)"), true, false);
    let (ended, outcome) = judged(&CancelBackend, sent(), Some(&idle));
    assert_eq!((ended, outcome.status), (true, OutcomeStatus::Done));
    let words = "the query ended within 40 ms of the cancel; its session is now idle in transaction (aborted)";
    assert_eq!(outcome.detail, words);
    // A terminated session is gone only when it is gone.
    assert!(!judged(&TerminateBackend, sent(), Some(&idle)).0);
    let (ended, outcome) = judged(&TerminateBackend, sent(), Some(&look(Cell::Null, false, false)));
    assert_eq!((ended, outcome.detail.as_str()), (true, "the session ended within 40 ms of the terminate"));
    assert_eq!(judged(&CancelBackend, sent(), Some(&[])).1.status, OutcomeStatus::Unknown);
}

#[test]
fn a_signal_that_found_nobody_is_gone() {
    let unsent = || acted(Cell::Null, Cell::Null, Cell::Bool(false));
    let (ended, outcome) = judged(&CancelBackend, unsent(), Some(&look(Cell::Null, false, false)));
    assert_eq!((ended, outcome.status), (true, OutcomeStatus::Gone));
    let (ended, outcome) = judged(&CancelBackend, unsent(), Some(&look(text("active"), true, true)));
    assert_eq!((ended, outcome.status), (false, OutcomeStatus::Failed));
    assert!(outcome.detail.ends_with("PID 42 is not a PostgreSQL server process"), "{}", outcome.detail);
}
