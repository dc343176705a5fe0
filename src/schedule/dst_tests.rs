//! Both changes of New York and of Lord Howe (half an hour), and Seoul, which has none.

use super::Calendar;
use crate::model::Timestamp;
use proptest::prelude::*;

const NEW_YORK: &str = "America/New_York";
const LORD_HOWE: &str = "Australia/Lord_Howe";
const SEOUL: &str = "Asia/Seoul";

/// The moments from `from` (excluded) to `until` (included), as local time with offset.
fn moments(expression: &str, zone: &str, from: &str, until: &str) -> Vec<String> {
    let calendar = Calendar::new(expression, zone).unwrap();
    let (from, until): (Timestamp, Timestamp) = (from.parse().unwrap(), until.parse().unwrap());
    let zone = super::zone(zone).unwrap();
    std::iter::successors(calendar.next_after(from), |at| calendar.next_after(*at))
        .take_while(|at| *at <= until)
        .map(|at| at.to_zoned(zone.clone()).strftime("%d %H:%M:%S %:z").to_string())
        .collect()
}

fn new_york_gap(expression: &str) -> Vec<String> {
    moments(expression, NEW_YORK, "2026-03-08T05:59:00Z", "2026-03-08T08:05:00Z")
}

fn new_york_fold(expression: &str) -> Vec<String> {
    moments(expression, NEW_YORK, "2026-11-01T04:59:00Z", "2026-11-01T07:05:00Z")
}

#[test]
fn a_fixed_time_in_the_gap_runs_once_right_after_it() {
    assert_eq!(new_york_gap("30 2 * * *"), ["08 03:00:00 -04:00"]);
    assert_eq!(new_york_gap("15 30 2 * * *"), ["08 03:00:00 -04:00"]);
    // A list is fixed too, and several times in one gap are still one run. croner by itself skips these.
    assert_eq!(new_york_gap("0,30 2 * * *"), ["08 03:00:00 -04:00"]);
    assert_eq!(new_york_gap("30 1-3 * * *"), ["08 01:30:00 -05:00", "08 03:00:00 -04:00", "08 03:30:00 -04:00"]);
    let days = moments("30 2 * * *", NEW_YORK, "2026-03-07T00:00:00Z", "2026-03-10T00:00:00Z");
    assert_eq!(days, ["07 02:30:00 -05:00", "08 03:00:00 -04:00", "09 02:30:00 -04:00"]);
}

#[test]
fn a_fixed_time_right_after_the_gap_does_not_run_twice() {
    assert_eq!(new_york_gap("0 2,3 * * *"), ["08 03:00:00 -04:00"]);
}

#[test]
fn a_fixed_time_in_the_fold_runs_the_first_time_only() {
    assert_eq!(new_york_fold("30 1 * * *"), ["01 01:30:00 -04:00"]);
    assert_eq!(new_york_fold("0,30 1 * * *"), ["01 01:00:00 -04:00", "01 01:30:00 -04:00"]);
    assert_eq!(new_york_fold("0 1,2 * * *"), ["01 01:00:00 -04:00", "01 02:00:00 -05:00"]);
    // Asked during the second half, when both halves of the wall clock have been seen.
    let later = moments("45 1 * * *", NEW_YORK, "2026-11-01T06:30:00Z", "2026-11-02T07:00:00Z");
    assert_eq!(later, ["02 01:45:00 -05:00"]);
}

#[test]
fn stars_and_steps_skip_the_gap_and_run_in_both_hours_of_the_fold() {
    assert_eq!(new_york_gap("0 * * * *"), ["08 01:00:00 -05:00", "08 03:00:00 -04:00", "08 04:00:00 -04:00"]);
    assert_eq!(new_york_gap("*/30 2 * * *"), Vec::<String>::new());
    assert_eq!(new_york_gap("30 */2 * * *"), Vec::<String>::new());
    assert_eq!(new_york_gap("0-30/30 2 * * *"), Vec::<String>::new(), "a step without a star is a step");
    assert_eq!(new_york_gap("@hourly").len(), 3);
    assert_eq!(
        new_york_fold("*/30 1 * * *"),
        ["01 01:00:00 -04:00", "01 01:30:00 -04:00", "01 01:00:00 -05:00", "01 01:30:00 -05:00"]
    );
    assert_eq!(new_york_fold("0 * * * *"), ["01 01:00:00 -04:00", "01 01:00:00 -05:00", "01 02:00:00 -05:00"]);
}

#[test]
fn lord_howe_shifts_by_half_an_hour() {
    // 2026-10-04 02:00 becomes 02:30; 2026-04-05 02:00 becomes 01:30.
    let gap = |e| moments(e, LORD_HOWE, "2026-10-03T15:00:00Z", "2026-10-03T16:10:00Z");
    assert_eq!(gap("15 2 * * *"), ["04 02:30:00 +11:00"]);
    assert_eq!(gap("*/15 2 * * *"), ["04 02:30:00 +11:00", "04 02:45:00 +11:00"]);
    assert_eq!(gap("0,15,45 2 * * *"), ["04 02:30:00 +11:00", "04 02:45:00 +11:00"]);
    let fold = |e| moments(e, LORD_HOWE, "2026-04-04T14:00:00Z", "2026-04-04T16:00:00Z");
    assert_eq!(fold("45 1 * * *"), ["05 01:45:00 +11:00"]);
    assert_eq!(fold("45 * * * *"), ["05 01:45:00 +11:00", "05 01:45:00 +10:30"]);
    assert_eq!(fold("15 1 * * *"), ["05 01:15:00 +11:00"]);
}

#[test]
fn seoul_has_no_changes_and_seconds_come_first() {
    let moments = |e| moments(e, SEOUL, "2026-03-07T15:00:00Z", "2026-03-08T15:00:00Z");
    assert_eq!(moments("30 2 * * *"), ["08 02:30:00 +09:00"]);
    assert_eq!(moments("5 30 2 * * *"), ["08 02:30:05 +09:00"]);
    assert_eq!(moments("0 * * * *").len(), 24);
    assert_eq!(moments("@daily").len(), 1);
}

#[test]
fn what_never_comes_is_none_and_a_year_is_no_field() {
    let never = Calendar::new("0 0 30 2 *", "UTC").unwrap();
    assert_eq!(never.next_after("2026-01-01T00:00:00Z".parse().unwrap()), None);
    for expression in ["", "* * * *", "0 0 2 * * * 2027", "61 * * * *", "0 25 * * *", "*/90 * * * *", "a b c d e"] {
        assert!(Calendar::new(expression, "UTC").is_err(), "{expression}");
    }
}

proptest! {
    #[test]
    fn moments_go_strictly_forward_and_none_comes_twice(
        from in 1_772_000_000_i64..1_798_000_000,
        step in 0_i64..7_200,
        zone in prop::sample::select(vec![NEW_YORK, LORD_HOWE, SEOUL]),
        expression in prop::sample::select(vec![
            "30 2 * * *", "30 1 * * *", "*/15 * * * *", "0,15,30 1,2 * * *", "0 */2 * * *", "*/7 1 * * 0", "5 0-59 1-3 * * *",
        ]),
    ) {
        let calendar = Calendar::new(expression, zone).unwrap();
        // Asked again from any moment before it, the next one is the same one: there is no other in between.
        let from = Timestamp::from_second(from).unwrap();
        let next = calendar.next_after(from).unwrap();
        prop_assert!(next > from);
        let between = from.checked_add(jiff::SignedDuration::from_secs(step)).unwrap();
        let again = calendar.next_after(between).unwrap();
        prop_assert!(again > between);
        let expected = if between < next { again == next } else { again > next };
        prop_assert!(expected, "{next} then {again}");
    }
}
