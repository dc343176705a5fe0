//! What became of ticks that should have come while pgmedic was not there, and clocks that jump.

use super::{Fire, Plan};
use crate::model::time::{after as later, before, since};
use crate::model::{Duration, Timestamp};
use crate::playbook::OnMissed;

/// No tick is made up for later than this after it was due.
const LONGEST_DEADLINE: Duration = Duration::from_mins(10);
/// Missed ticks are counted up to here.
const MOST_COUNTED: u32 = 1_000;
/// A clock that is off by more than this has jumped.
const JUMP: Duration = Duration::from_mins(5);

/// Ticks that should have come and did not.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Missed {
    /// How many; 1000 stands for at least 1000.
    pub count: u32,
    /// The one tick to run now for all of them.
    pub make_up: Option<Fire>,
}

impl Missed {
    /// In words: `3 ticks`, `at least 1000 ticks`.
    #[must_use]
    pub fn in_words(&self) -> String {
        match self.count {
            MOST_COUNTED.. => format!("at least {MOST_COUNTED} ticks"),
            1 => "1 tick".to_owned(),
            n => format!("{n} ticks"),
        }
    }
}

/// Looks for ticks after `last_nominal` that became due up to `now`. At most one of them, the newest,
/// is made up for, and only while its start deadline has not passed. A plan that never ran has missed
/// nothing.
#[must_use]
pub fn missed(plan: &Plan, last_nominal: Option<Timestamp>, now: Timestamp, on_missed: OnMissed) -> Missed {
    let Some(last) = last_nominal else { return Missed::default() };
    let passed = plan.ticks_after(last).take(MOST_COUNTED as usize).take_while(|fire| fire.due <= now).count();
    let count = u32::try_from(passed).unwrap_or(MOST_COUNTED);
    let make_up = match on_missed {
        OnMissed::Once if count > 0 => newest_due(plan, last, now),
        _ => None,
    };
    Missed { count, make_up }
}

fn newest_due(plan: &Plan, last: Timestamp, now: Timestamp) -> Option<Fire> {
    // Nothing that was due earlier than the longest deadline can be made up for, so the search begins there.
    let earliest = before(before(now, plan.delay), LONGEST_DEADLINE + Duration::from_secs(1));
    let fire = plan.ticks_after(last.max(earliest)).take_while(|fire| fire.due <= now).last()?;
    (since(now, fire.due) <= start_deadline(plan, fire.nominal)).then_some(fire)
}

/// How long after it was due a tick may still begin: half the distance to the next one, at most 10
/// minutes.
#[must_use]
pub fn start_deadline(plan: &Plan, nominal: Timestamp) -> Duration {
    let next = plan.next_after(nominal).map(|next| since(next.nominal, nominal) / 2);
    next.map_or(LONGEST_DEADLINE, |half| half.min(LONGEST_DEADLINE))
}

/// A jump of the clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Jump {
    /// It was set ahead by so much, or the machine slept.
    Ahead(Duration),
    /// It was set back by so much.
    Back(Duration),
}

impl Jump {
    /// In words: `the clock went back by 1h`.
    #[must_use]
    pub fn in_words(&self) -> String {
        let (direction, by) = match self {
            Jump::Ahead(by) => ("ahead", by),
            Jump::Back(by) => ("back", by),
        };
        format!("the clock went {direction} by {}", crate::model::time::in_words(*by))
    }
}

/// Whether the clock shows something else than it should (by a clock that only goes forward), by more
/// than 5 minutes.
#[must_use]
pub fn clock_jumped(expected: Timestamp, actual: Timestamp) -> Option<Jump> {
    let (ahead, back) = (since(actual, expected), since(expected, actual));
    if actual > later(expected, JUMP) {
        Some(Jump::Ahead(ahead))
    } else if expected > later(actual, JUMP) {
        Some(Jump::Back(back))
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::playbook::Trigger;
    use std::collections::BTreeMap;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn cron(expression: &str) -> Plan {
        let trigger = Trigger::Cron { expression: expression.to_owned(), timezone: None, jitter: Duration::ZERO };
        Plan::new(&trigger, &BTreeMap::new(), "UTC", "k").unwrap()
    }

    #[test]
    fn many_missed_ticks_make_one_run_at_most() {
        let plan = cron("*/10 * * * *");
        let (last, now) = (at("2026-11-24T00:00:00Z"), at("2026-11-24T06:04:00Z"));
        let once = missed(&plan, Some(last), now, OnMissed::Once);
        assert_eq!(once.count, 36);
        assert_eq!(once.make_up.map(|f| f.nominal), Some(at("2026-11-24T06:00:00Z")));
        assert_eq!(missed(&plan, Some(last), now, OnMissed::Skip), Missed { count: 36, make_up: None });
    }

    #[test]
    fn nothing_is_made_up_for_after_half_the_interval_or_ten_minutes() {
        let short = cron("*/10 * * * *");
        let late = |plan: &Plan, last, now| missed(plan, Some(at(last)), at(now), OnMissed::Once);
        assert_eq!(late(&short, "2026-11-24T00:00:00Z", "2026-11-24T00:15:01Z"), Missed { count: 1, make_up: None });
        let daily = cron("0 2 * * *");
        let in_time = late(&daily, "2026-11-23T02:00:00Z", "2026-11-24T02:10:00Z");
        assert_eq!(in_time.make_up.map(|f| f.nominal), Some(at("2026-11-24T02:00:00Z")));
        assert_eq!(late(&daily, "2026-11-23T02:00:00Z", "2026-11-24T02:10:01Z").make_up, None);
    }

    #[test]
    fn a_month_of_seconds_is_counted_in_a_moment() {
        let plan = cron("* * * * * *");
        let month = missed(&plan, Some(at("2026-10-24T00:00:00Z")), at("2026-11-24T00:00:00Z"), OnMissed::Once);
        assert_eq!(month.in_words(), "at least 1000 ticks");
        assert_eq!(month.make_up.map(|f| f.nominal), Some(at("2026-11-24T00:00:00Z")));
    }

    #[test]
    fn a_plan_that_never_ran_or_a_clock_set_back_missed_nothing() {
        let plan = cron("* * * * *");
        let now = at("2026-11-24T00:00:30Z");
        assert_eq!(missed(&plan, None, now, OnMissed::Once), Missed::default());
        assert_eq!(missed(&plan, Some(at("2026-11-24T09:00:00Z")), now, OnMissed::Once), Missed::default());
    }

    #[test]
    fn a_jump_is_more_than_five_minutes_either_way() {
        let expected = at("2026-11-24T12:00:00Z");
        assert_eq!(clock_jumped(expected, at("2026-11-24T12:05:00Z")), None);
        assert_eq!(clock_jumped(expected, at("2026-11-24T11:55:00Z")), None);
        let back = clock_jumped(expected, at("2026-11-24T11:00:00Z")).unwrap();
        assert_eq!(back.in_words(), "the clock went back by 1h");
        assert_eq!(clock_jumped(expected, at("2026-11-24T14:00:00Z")), Some(Jump::Ahead(Duration::from_hours(2))));
    }
}
