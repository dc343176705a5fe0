use super::super::testing::{at, order, row, server, table};
use super::*;
use crate::model::query::Cell;
use crate::playbook::{Arg, Args};

fn deed(version: i32, args: &Args, time_left: Duration) -> Result<Deed, String> {
    let (candidate, server) = (Candidate::Table(table()), server(version));
    Analyze.deed(&Order { time_left, ..order(&candidate, args, &server) })
}

fn judged(version: i32, table: Table, answer: &ActAnswer, seen: Option<&[Row]>) -> (bool, Outcome) {
    let (candidate, args, server) = (Candidate::Table(table), Args::default(), server(version));
    match Analyze.judge(&order(&candidate, &args, &server), answer, seen) {
        Judgement::Ended(outcome) => (true, outcome),
        Judgement::NotYet(outcome) => (false, outcome),
    }
}

fn look(same: bool, busy: bool, paused: Cell, analyzed: &str) -> Vec<Row> {
    vec![row([
        ("same", Cell::Bool(same)),
        ("busy", Cell::Bool(busy)),
        ("paused", paused),
        ("analyzed", Cell::Time(at(analyzed))),
        ("modified", Cell::Int(0)),
        ("rows", Cell::Float(6_000.0)),
    ])]
}

fn sent(warnings: &[&str]) -> ActAnswer {
    ActAnswer { sent: true, rows: Vec::new(), warnings: warnings.iter().map(|w| (*w).to_owned()).collect() }
}

#[test]
fn the_statement_is_quoted_and_bounded() {
    let deed = deed(170_010, &Args::default(), Duration::from_mins(2)).unwrap();
    let statement =
        r#"/* pgmedic run=01JDQ0000000000000000000RN playbook=test */ ANALYZE (SKIP_LOCKED) "public"."we""ird""#;
    assert_eq!(deed.act.statement, statement);
    let settings: Vec<String> = deed.act.settings.iter().map(|(k, v)| format!("{k}={v}")).collect();
    insta::assert_snapshot!(settings.join("\n"), @"
    statement_timeout=120000
    lock_timeout=500
    idle_in_transaction_session_timeout=0
    idle_session_timeout=0
    transaction_timeout=0
    ");
}

#[test]
fn the_timeout_is_the_parameter_or_what_is_left() {
    let args = Args([("statement_timeout", Arg::Duration(Duration::from_mins(1)))].into());
    let timeout = |deed: Deed| deed.act.settings[0].1.clone();
    assert_eq!(timeout(deed(130_023, &args, Duration::from_hours(1)).unwrap()), "60000");
    assert_eq!(timeout(deed(130_023, &args, Duration::from_secs(9)).unwrap()), "9000");
    let why = deed(130_023, &args, Duration::from_millis(300)).unwrap_err();
    assert_eq!(why, "only 0.3s are left of the run's time");
}

#[test]
fn warnings_are_failures_in_the_servers_words() {
    let denied = sent(&["permission denied to analyze \"orders\", skipping it"]);
    let (ended, outcome) = judged(160_014, table(), &denied, None);
    assert_eq!((ended, outcome.status), (true, OutcomeStatus::Failed));
    assert!(outcome.detail.contains("permission denied to analyze"), "{}", outcome.detail);
}

#[test]
fn it_is_done_when_the_server_shows_it() {
    let before = look(true, false, Cell::Null, "2026-11-24T20:00:00Z");
    let (ended, outcome) = judged(150_018, table(), &sent(&[]), Some(&before));
    assert_eq!((ended, outcome.status), (false, OutcomeStatus::Failed));
    let after = look(true, false, Cell::Null, "2026-11-24T20:10:00Z");
    let (ended, outcome) = judged(150_018, table(), &sent(&[]), Some(&after));
    assert_eq!((ended, outcome.status), (true, OutcomeStatus::Done));
    assert_eq!(outcome.detail, "analyzed; 6000 rows estimated; changed rows since then 0 (before: 4000)");
}

#[test]
fn thirteen_keeps_nothing_about_parents() {
    let parent = || Table { partitioned: true, last_analyzed: None, never_analyzed: None, ..table() };
    assert_eq!(judged(130_023, parent(), &sent(&[]), None).1.status, OutcomeStatus::Done);
    assert!(!judged(140_023, parent(), &sent(&[]), None).0, "14 does");
    assert_eq!(judged(130_023, parent(), &sent(&["skipping"]), None).1.status, OutcomeStatus::Failed);
}

#[test]
fn what_was_not_sent_says_why() {
    let unsent = ActAnswer::default();
    let status = |seen: Option<Vec<Row>>| {
        let (ended, outcome) = judged(150_018, table(), &unsent, seen.as_deref());
        (ended, outcome.status, outcome.detail)
    };
    let then = "2026-11-24T20:00:00Z";
    let (ended, refused, _) = status(None);
    assert_eq!((ended, refused), (false, OutcomeStatus::Refused));
    let (_, gone, detail) = status(Some(look(false, false, Cell::Null, then)));
    assert_eq!((gone, detail.as_str()), (OutcomeStatus::Gone, "public.we\"ird with oid 16384 is no longer there"));
    let (_, busy, detail) = status(Some(look(true, true, Cell::Null, then)));
    assert_eq!(busy, OutcomeStatus::Refused);
    assert!(detail.contains("by another session right now"), "{detail}");
    let (_, paused, detail) = status(Some(look(true, false, Cell::Text("why".to_owned()), then)));
    assert_eq!(
        (paused, detail.as_str()),
        (OutcomeStatus::Refused, "pgmedic.paused is set for the role that acts: why")
    );
}

fn parent() -> Table {
    Table { partitioned: true, leaf_last_analyzed: Some(at("2026-11-24T20:00:00Z")), ..table() }
}

/// A look at a parent of three leaves.
fn parts(analyzed: &str, leaves: i64) -> Vec<Row> {
    let mut rows = look(true, false, Cell::Null, analyzed);
    rows[0].0.extend([("leaves".to_owned(), Cell::Int(3)), ("leaves_analyzed".to_owned(), Cell::Int(leaves))]);
    rows
}

const BEFORE: &str = "2026-11-24T20:00:00Z";
const SINCE: &str = "2026-11-24T20:10:00Z";

#[test]
fn what_was_cut_off_says_which_part_is_done() {
    let cut_off = |version: i32, status: OutcomeStatus, seen: Option<Vec<Row>>| {
        let (candidate, args, server) = (Candidate::Table(parent()), Args::default(), server(version));
        let order = order(&candidate, &args, &server);
        assert!(Analyze.in_parts(&order));
        let outcome = Analyze.cut_off(&order, Outcome::new(status, "cancelled"), seen.as_deref());
        format!("{} {}", outcome.status.word(), outcome.detail)
    };
    let refused = OutcomeStatus::Refused;
    let all = [
        cut_off(150_018, refused, Some(parts(BEFORE, 0))),
        cut_off(150_018, refused, Some(parts(SINCE, 0))),
        cut_off(150_018, refused, Some(parts(SINCE, 2))),
        cut_off(150_018, OutcomeStatus::TimedOut, Some(parts(SINCE, 2))),
        cut_off(150_018, refused, None),
        cut_off(130_023, refused, Some(parts(BEFORE, 0))),
        cut_off(130_023, refused, Some(parts(BEFORE, 1))),
    ];
    insta::assert_snapshot!(all.join("\n"), @"
    refused cancelled; nothing of it was analyzed
    failed cancelled; the parent was analyzed before, and none of 3 leaves
    failed cancelled; the parent and 2 of 3 leaves were analyzed before, and stay so
    timed_out cancelled; the parent and 2 of 3 leaves were analyzed before, and stay so
    failed cancelled; how much of it was analyzed before could not be seen
    failed cancelled; none of 3 leaves was analyzed before; of the parent PostgreSQL 13 does not show it
    failed cancelled; the parent and 1 of 3 leaves were analyzed before, and stay so
    ");
}

#[test]
fn a_plain_table_is_analyzed_whole_or_not_at_all() {
    let (candidate, args, server) = (Candidate::Table(table()), Args::default(), server(150_018));
    assert!(!Analyze.in_parts(&order(&candidate, &args, &server)));
}

#[test]
fn a_parent_without_all_its_leaves_is_not_recalled_as_done() {
    let recalled = |seen: Vec<Row>| {
        let (candidate, args, server) = (Candidate::Table(parent()), Args::default(), server(150_018));
        match Analyze.recall(&order(&candidate, &args, &server), None, &seen) {
            Judgement::Ended(outcome) => (true, outcome),
            Judgement::NotYet(outcome) => (false, outcome),
        }
    };
    let (ended, outcome) = recalled(parts(SINCE, 3));
    assert_eq!((ended, outcome.status), (true, OutcomeStatus::Done));
    let (ended, outcome) = recalled(parts(SINCE, 2));
    assert_eq!((ended, outcome.status), (false, OutcomeStatus::Failed));
    assert_eq!(outcome.detail, "it was cut off: the parent and 2 of 3 leaves were analyzed and stay so");
}
