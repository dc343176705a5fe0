use super::super::testing::{answer, ask, defaults, row, server, text, users, with};
use super::*;
use crate::model::query::Cell;

fn stale(oid: i64, owner: &str, modified: i64, threshold: f64, never: Cell) -> Row {
    row([
        ("oid", Cell::Int(oid)),
        ("schema", text("public")),
        ("name", text("orders")),
        ("owner", text(owner)),
        ("partitioned", Cell::Bool(false)),
        ("rows", Cell::Float(1e6)),
        ("modified", Cell::Int(modified)),
        ("threshold", Cell::Float(threshold)),
        ("analyzed", Cell::Null),
        ("leaf_analyzed", Cell::Null),
        ("never", never),
        ("autovacuum_off", Cell::Bool(false)),
    ])
}

fn oids(found: &Found) -> Vec<u32> {
    let oid = |c: &Candidate| if let Candidate::Table(t) = c { t.oid } else { 0 };
    found.candidates.iter().map(oid).collect()
}

#[test]
fn databases_come_together_with_the_worst_first() {
    let (args, server) = (defaults(&StaleStatistics), server(150_018));
    let shop = vec![stale(1, "app", 4_000, 2_000.0, Cell::Bool(false))];
    let crm = vec![
        stale(2, "app", 2_000, 1_900.0, Cell::Bool(true)),
        stale(3, "app", 9_000, 2_000.0, Cell::Bool(false)),
        stale(4, "app", 9_000, 8_000.0, Cell::Null),
    ];
    let answers = [answer(NAME, "shop", shop), answer(NAME, "crm", crm)];
    let found = StaleStatistics.read(&ask(&args, &server, None), &answers);
    assert_eq!(oids(&found), [2, 3, 1, 4]);
    let found = StaleStatistics.read(&ask(&with(args, "limit", Arg::Count(2)), &server, None), &answers);
    assert_eq!(oids(&found), [2, 3], "the limit holds for all databases together");
    assert_eq!(found.beyond_limit, 2);
}

#[test]
fn at_least_is_the_smallest_threshold() {
    let overrides = vec![(users(&["etl"]), Args([("at_least", Arg::Count(50_000))].into()))];
    let (args, server) = (with(defaults(&StaleStatistics), "overrides", Arg::Overrides(overrides)), server(150_018));
    let rows = vec![stale(1, "app", 1_500, 60.0, Cell::Bool(false)), stale(2, "etl", 40_000, 60.0, Cell::Bool(false))];
    let found = StaleStatistics.read(&ask(&args, &server, None), &[answer(NAME, "shop", rows)]);
    assert_eq!(oids(&found), [1]);
    let Candidate::Table(table) = &found.candidates[0] else { unreachable!("a table") };
    assert!((table.threshold_rows - 1_000.0).abs() < 1e-9, "{}", table.threshold_rows);
}

#[test]
fn selectors_make_the_server_list_more_than_the_limit() {
    let server = server(150_018);
    let listed = |args: &Args| StaleStatistics.questions(&ask(args, &server, None))[0].params[1].clone();
    assert_eq!(listed(&defaults(&StaleStatistics)), Value::Int8(200));
    let args = with(defaults(&StaleStatistics), "except", Arg::Selector(Box::new(users(&["etl"]))));
    assert_eq!(listed(&args), Value::Int8(10_000));
}

#[test]
fn what_the_server_did_not_list_is_counted_or_said() {
    let server = server(150_018);
    let mut listed = stale(1, "app", 4_000, 2_000.0, Cell::Bool(false));
    listed.0.insert("stale".to_owned(), Cell::Int(12_001));
    let answers = [answer(NAME, "shop", vec![listed])];
    let args = defaults(&StaleStatistics);
    let found = StaleStatistics.read(&ask(&args, &server, None), &answers);
    assert_eq!((found.beyond_limit, found.unreadable.len()), (12_000, 0));
    let args = with(args, "except", Arg::Selector(Box::new(users(&["etl"]))));
    let found = StaleStatistics.read(&ask(&args, &server, None), &answers);
    assert_eq!(found.beyond_limit, 0);
    assert_eq!(found.unreadable, ["12001 tables in shop are stale; only the first 10000 were judged"]);
}

#[test]
fn a_second_look_asks_one_database_for_one_table() {
    let (args, server) = (defaults(&StaleStatistics), server(150_018));
    let rows = vec![stale(7, "app", 4_000, 2_000.0, Cell::Bool(false))];
    let first =
        StaleStatistics.read(&ask(&args, &server, None), &[answer(NAME, "shop", rows.clone())]).candidates.remove(0);
    let asked = StaleStatistics.questions(&ask(&args, &server, Some(&first)));
    assert_eq!((&asked[0].place, &asked[0].params[2]), (&Place::ReadIn("shop".to_owned()), &Value::Oid(7)));
    let again = StaleStatistics.read(&ask(&args, &server, Some(&first)), &[answer(NAME, "shop", rows)]);
    assert_eq!(oids(&again), [7]);
    let other = vec![stale(8, "app", 4_000, 2_000.0, Cell::Bool(false))];
    let other = StaleStatistics.read(&ask(&args, &server, Some(&first)), &[answer(NAME, "shop", other)]);
    assert!(other.candidates.is_empty(), "a table made again under the same name is another one");
}

#[test]
fn a_database_that_refuses_is_named() {
    let (args, server) = (defaults(&StaleStatistics), server(150_018));
    let refused = Answer { name: NAME, from: "crm".to_owned(), rows: Err("too many connections".to_owned()) };
    let found = StaleStatistics.read(&ask(&args, &server, None), &[refused]);
    assert_eq!(found.unreadable, ["statistics of tables of crm: too many connections"]);
}
