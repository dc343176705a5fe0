use super::super::testing::{order, pool, row, server};
use super::*;
use crate::model::query::Cell;
use crate::playbook::Arg;

fn size(pool: &Pool, args: &[(&'static str, u64)]) -> Result<u32, String> {
    new_size(pool, &Args(args.iter().map(|(k, n)| (*k, Arg::Count(*n))).collect()))
}

fn shown(pool_size: &str) -> Vec<Row> {
    vec![row([("name", Cell::Text("shop".to_owned())), ("pool_size", Cell::Text(pool_size.to_owned()))])]
}

fn sent() -> ActAnswer {
    ActAnswer { sent: true, ..ActAnswer::default() }
}

#[test]
fn what_is_no_longer_as_it_was_seen_is_left_as_it_is() {
    let (candidate, args, server) = (Candidate::Pool(pool()), Args::default(), server(150_018));
    let order = order(&candidate, &args, &server);
    let deed = SetPoolSize.deed(&order).unwrap();
    assert_eq!(deed.act.precondition.unwrap().sql, "SHOW CONFIG");
    assert_eq!(deed.act.wanted, [("key", "default_pool_size".to_owned()), ("value", "4".to_owned())]);
    let judged = SetPoolSize.judge(&order, &ActAnswer::default(), None);
    let Judgement::Ended(outcome) = judged else { unreachable!("{judged:?}") };
    assert_eq!(outcome.status, OutcomeStatus::Refused);
    insta::assert_snapshot!(outcome.detail, @"nothing was sent: default_pool_size of main was 4 when it was looked at and is another now, so somebody else has changed it");
    let judged = SetPoolSize.judge_undo(&order, &json!({"default_pool_size": 2}), &ActAnswer::default(), None);
    assert!(matches!(judged, Judgement::Ended(o) if o.status == OutcomeStatus::Refused));
}

#[test]
fn at_most_doubled_and_within_step_and_max() {
    assert_eq!(size(&pool(), &[]), Ok(8));
    assert_eq!(size(&pool(), &[("step", 2)]), Ok(6));
    assert_eq!(size(&pool(), &[("max", 5)]), Ok(5));
    assert_eq!(size(&pool(), &[("max", 4)]), Err("default_pool_size is 4 already, and may be at most 4".to_owned()));
}

#[test]
fn never_past_what_the_server_has_room_for() {
    // 97 usable, 10 stay free: 87. 12 in pools, 3 of them grow together.
    let with_direct = |direct_clients| Pool { direct_clients, ..pool() };
    assert_eq!(size(&with_direct(63), &[]), Ok(8), "12 + 63 + 3 × 4 = 87");
    assert_eq!(size(&with_direct(64), &[]), Ok(7));
    assert_eq!(size(&with_direct(72), &[]), Ok(5));
    insta::assert_snapshot!(size(&with_direct(73), &[]).unwrap_err(), @"the server has no room: pools may open 12 connections and 73 clients connect directly, of 97 usable ones less a tenth; one more each for 3 pools would be too many");
    assert!(size(&with_direct(u32::MAX), &[]).is_err());
}

#[test]
fn a_size_of_its_own_is_out_of_reach() {
    insta::assert_snapshot!(size(&Pool { own_size: true, ..pool() }, &[]).unwrap_err(), @"shop has a pool_size of its own (4), which default_pool_size does not reach: change it in pgbouncer.ini and RELOAD");
}

#[test]
fn the_value_before_is_kept_and_set_back() {
    let (candidate, args, server) = (Candidate::Pool(pool()), Args::default(), server(150_018));
    let order = order(&candidate, &args, &server);
    let deed = SetPoolSize.deed(&order).unwrap();
    assert_eq!(deed.act.statement, "SET default_pool_size = 8");
    assert_eq!(deed.act.place, Place::Pooler("main".to_owned()));
    assert_eq!(
        (deed.before.clone(), deed.after),
        (Some(json!({"default_pool_size": 4})), Some(json!({"default_pool_size": 8})))
    );
    let back = SetPoolSize.undo(&order, &deed.before.unwrap()).unwrap();
    assert_eq!(
        (back.act.statement.as_str(), back.after),
        ("SET default_pool_size = 4", Some(json!({"default_pool_size": 4})))
    );
    let judged = SetPoolSize.judge_undo(&order, &json!({"default_pool_size": 4}), &sent(), Some(&shown("4")));
    assert!(matches!(judged, Judgement::Ended(o) if o.status == OutcomeStatus::Done));
    assert!(SetPoolSize.undo(&order, &json!({"default_pool_size": "four"})).is_none());
}

#[test]
fn it_is_done_when_the_database_shows_it() {
    let (candidate, args, server) = (Candidate::Pool(pool()), Args::default(), server(150_018));
    let judge = |seen: Option<&[Row]>| match SetPoolSize.judge(&order(&candidate, &args, &server), &sent(), seen) {
        Judgement::Ended(outcome) => (true, outcome),
        Judgement::NotYet(outcome) => (false, outcome),
    };
    assert_eq!(judge(None).1.status, OutcomeStatus::Unknown);
    assert_eq!(
        judge(Some(&shown("8"))),
        (true, Outcome::new(OutcomeStatus::Done, "pool_size of shop on main is 8 now"))
    );
    let (ended, outcome) = judge(Some(&shown("4")));
    assert_eq!((ended, outcome.status), (false, OutcomeStatus::Done), "so that it is verified and taken back");
    insta::assert_snapshot!(outcome.detail, @"default_pool_size of main is 8 now, but does not reach shop: its pool_size of its own stays 4. Change it in pgbouncer.ini and RELOAD");
    let undone = SetPoolSize.judge_undo(
        &order(&candidate, &args, &server),
        &json!({"default_pool_size": 4}),
        &sent(),
        Some(&shown("8")),
    );
    assert!(matches!(undone, Judgement::NotYet(o) if o.status == OutcomeStatus::Failed));
}
