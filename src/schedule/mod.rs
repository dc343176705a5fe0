//! Cron, distances and windows: when something is next due, and whether a window is open.
//!
//! Nominal times are what limits, misfires and the persisted last-fire key go by; jitter only delays
//! the moment at which one is carried out. No clock is read here: the caller says what time it is.

mod calendar;
mod missed;
mod windows;

#[cfg(test)]
mod dst_tests;

pub use calendar::Calendar;
pub use missed::{Jump, Missed, clock_jumped, missed, start_deadline};
pub use windows::{Open, Spans, open, opens_next};

use crate::config::Window;
use crate::model::time::{after as later, before};
use crate::model::{Duration, Timestamp};
use crate::playbook::Trigger;
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;

/// An IANA time zone.
pub type Zone = jiff::tz::TimeZone;

/// No loop over ticks is longer, however short the distance between them.
const MOST_LOOKED_AT: usize = 10_000;

/// A clock that was further ahead than this holds no distance back (see [`Plan::next_due`]).
const FAR_AHEAD: Duration = Duration::from_hours(1);

/// A time zone by its IANA name (`Asia/Seoul`, `UTC`).
///
/// # Errors
/// Says so when the zone database does not know the name.
pub fn zone(name: &str) -> Result<Zone, String> {
    Zone::get(name).map_err(|_| format!("`{name}` is not an IANA time zone; write for example Asia/Seoul or UTC"))
}

/// One tick: the moment that it stands for, and the moment at which it is carried out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fire {
    /// What the calendar says; the key under which a tick runs at most once.
    pub nominal: Timestamp,
    /// `nominal` plus the jitter of this playbook and target.
    pub due: Timestamp,
}

/// A trigger, compiled for one playbook and target.
#[derive(Clone, Debug)]
pub struct Plan {
    ticks: Ticks,
    delay: Duration,
}

#[derive(Clone, Debug)]
enum Ticks {
    Every(Duration),
    Calendars(Vec<Calendar>),
}

impl Plan {
    /// Compiles a trigger. `key` names playbook and target: it alone decides where within the jitter
    /// this plan fires, so a restart shifts nothing and targets do not fire together.
    ///
    /// # Errors
    /// Says which expression, zone or window name is wrong.
    pub fn new(
        trigger: &Trigger,
        windows: &BTreeMap<String, Vec<Window>>,
        default_zone: &str,
        key: &str,
    ) -> Result<Plan, String> {
        let (ticks, jitter) = match trigger {
            Trigger::Every { every, .. } if every.is_zero() => {
                return Err("`every` must be above zero; write for example 30s".to_owned());
            }
            Trigger::Every { every, jitter } => (Ticks::Every(*every), *jitter),
            Trigger::Cron { expression, timezone, jitter } => {
                let calendar = Calendar::new(expression, timezone.as_deref().unwrap_or(default_zone))?;
                (Ticks::Calendars(vec![calendar]), *jitter)
            }
            Trigger::Window { name, jitter } => {
                let spans = windows.get(name).ok_or_else(|| unknown_window(name, windows))?;
                let opens = |w: &Window| Calendar::new(&w.cron, w.timezone.as_deref().unwrap_or(default_zone));
                (Ticks::Calendars(spans.iter().map(opens).collect::<Result<_, _>>()?), *jitter)
            }
        };
        Ok(Plan { ticks, delay: share_of(jitter, key) })
    }

    /// The first tick whose nominal time lies after `after`; `None` when there is none before the end
    /// of the calendar (an expression such as February 30).
    #[must_use]
    pub fn next_after(&self, after: Timestamp) -> Option<Fire> {
        let nominal = match &self.ticks {
            Ticks::Every(every) => next_multiple(*every, after),
            Ticks::Calendars(calendars) => calendars.iter().filter_map(|c| c.next_after(after)).min(),
        }?;
        Some(Fire { nominal, due: later(nominal, self.delay) })
    }

    /// The tick to wait for: the first that was not run yet and is not due yet.
    ///
    /// `last_nominal` is the last tick that was run or given up. It holds even when the clock was set
    /// back: a nominal time is never handed out twice. Ticks that became due in between are what
    /// [`missed`] speaks of.
    ///
    /// Only a distance begins anew when the clock was more than an hour ahead: its moments are nobody's
    /// appointments, and standing still until the wall clock catches up would do more harm.
    #[must_use]
    pub fn next_due(&self, last_nominal: Option<Timestamp>, now: Timestamp) -> Option<Fire> {
        let from = before(now, self.delay);
        let last_nominal = match self.ticks {
            Ticks::Every(every) => {
                let far = later(now, every.max(FAR_AHEAD));
                last_nominal.filter(|last| *last <= far)
            }
            Ticks::Calendars(_) => last_nominal,
        };
        self.next_after(last_nominal.map_or(from, |last| last.max(from)))
    }

    /// Ticks after `from` in order, at most [`MOST_LOOKED_AT`].
    fn ticks_after(&self, from: Timestamp) -> impl Iterator<Item = Fire> {
        let first = self.next_after(from);
        std::iter::successors(first, |fire| self.next_after(fire.nominal)).take(MOST_LOOKED_AT)
    }
}

fn unknown_window(name: &str, windows: &BTreeMap<String, Vec<Window>>) -> String {
    let known: Vec<&str> = windows.keys().map(String::as_str).collect();
    let known = if known.is_empty() { "no windows are configured".to_owned() } else { known.join(", ") };
    format!("there is no window `{name}` ({known})")
}

/// The first multiple of `every` since the epoch that lies after `after`.
fn next_multiple(every: Duration, after: Timestamp) -> Option<Timestamp> {
    let every = i128::try_from(every.as_nanos()).ok()?;
    let count = after.as_nanosecond().div_euclid(every).checked_add(1)?;
    Timestamp::from_nanosecond(count.checked_mul(every)?).ok()
}

/// A delay below `jitter`, in whole milliseconds, that depends on the key alone.
fn share_of(jitter: Duration, key: &str) -> Duration {
    let whole = u64::try_from(jitter.as_millis()).unwrap_or(u64::MAX);
    if whole == 0 {
        return Duration::ZERO;
    }
    let digest = Sha256::digest(key.as_bytes());
    let seed = digest.iter().take(8).fold(0_u64, |seed, byte| seed << 8 | u64::from(*byte));
    Duration::from_millis(seed % whole)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn every(every: u64, jitter: u64, key: &str) -> Plan {
        let trigger = Trigger::Every { every: Duration::from_secs(every), jitter: Duration::from_secs(jitter) };
        Plan::new(&trigger, &BTreeMap::new(), "UTC", key).unwrap()
    }

    #[test]
    fn distances_are_aligned_to_the_epoch_whenever_the_daemon_starts() {
        let plan = every(30, 0, "a/b");
        let first = plan.next_after(at("2026-11-24T20:19:12.5Z")).unwrap();
        assert_eq!(first.nominal, at("2026-11-24T20:19:30Z"));
        assert_eq!(first.due, first.nominal);
        assert_eq!(plan.next_after(first.nominal).unwrap().nominal, at("2026-11-24T20:20:00Z"));
    }

    #[test]
    fn jitter_is_stable_for_a_key_and_differs_between_keys() {
        let now = at("2026-11-24T20:19:12Z");
        let due = |key: &str| every(60, 60, key).next_after(now).unwrap().due;
        assert_eq!(due("vacuum/orders"), due("vacuum/orders"));
        assert_ne!(due("vacuum/orders"), due("vacuum/crm"));
        let fire = every(60, 60, "vacuum/orders").next_after(now).unwrap();
        assert!(fire.due >= fire.nominal && fire.due < later(fire.nominal, Duration::from_mins(1)));
    }

    #[test]
    fn a_tick_whose_jitter_has_not_passed_is_still_to_come() {
        let plan = every(60, 60, "vacuum/orders");
        let fire = plan.next_after(at("2026-11-24T20:19:12Z")).unwrap();
        assert!(fire.due > fire.nominal);
        assert_eq!(plan.next_due(None, fire.nominal), Some(fire), "a restart between nominal and due loses nothing");
        assert_ne!(plan.next_due(Some(fire.nominal), fire.nominal), Some(fire), "and does not run it twice");
    }

    #[test]
    fn a_distance_does_not_wait_for_a_clock_that_was_days_ahead() {
        let trigger = Trigger::Every { every: Duration::from_secs(30), jitter: Duration::ZERO };
        let plan = Plan::new(&trigger, &BTreeMap::new(), "UTC", "p@t").unwrap();
        let now: Timestamp = "2026-11-24T20:10:00Z".parse().unwrap();
        let last = later(now, Duration::from_hours(48));
        assert_eq!(plan.next_due(Some(last), now).unwrap().nominal, later(now, Duration::from_secs(30)));
    }

    #[test]
    fn a_clock_set_back_refires_nothing() {
        let plan = every(30, 0, "k");
        let last = at("2026-11-24T20:20:00Z");
        let fire = plan.next_due(Some(last), at("2026-11-24T20:10:00Z")).unwrap();
        assert_eq!(fire.nominal, at("2026-11-24T20:20:30Z"));
    }

    #[test]
    fn faults_say_what_to_write_instead() {
        let cron = |expression: &str, zone: &str| Trigger::Cron {
            expression: expression.to_owned(),
            timezone: Some(zone.to_owned()),
            jitter: Duration::ZERO,
        };
        let why = |t: &Trigger| Plan::new(t, &BTreeMap::new(), "UTC", "k").unwrap_err();
        assert!(why(&cron("0 2 * *", "UTC")).contains("0 2 * *"));
        assert!(why(&cron("0 2 * * *", "Mars/Base")).contains("Mars/Base"));
        let window = Trigger::Window { name: "nigthly".to_owned(), jitter: Duration::ZERO };
        assert!(why(&window).contains("nigthly"));
        let zero = Trigger::Every { every: Duration::ZERO, jitter: Duration::ZERO };
        assert!(why(&zero).contains("every"));
    }

    #[test]
    fn a_window_trigger_fires_when_any_of_its_spans_opens() {
        let span = |cron: &str, zone: Option<&str>| Window {
            cron: cron.to_owned(),
            lasts: Duration::from_hours(1),
            timezone: zone.map(str::to_owned),
        };
        let windows = BTreeMap::from([(
            "nightly".to_owned(),
            vec![span("0 1 * * *", None), span("0 1 * * *", Some("Asia/Seoul"))],
        )]);
        let trigger = Trigger::Window { name: "nightly".to_owned(), jitter: Duration::ZERO };
        let plan = Plan::new(&trigger, &windows, "UTC", "k").unwrap();
        let fires: Vec<Timestamp> = plan.ticks_after(at("2026-11-24T00:00:00Z")).take(2).map(|f| f.nominal).collect();
        assert_eq!(fires, [at("2026-11-24T01:00:00Z"), at("2026-11-24T16:00:00Z")]);
    }

    proptest! {
        #[test]
        fn distances_go_strictly_forward(from in 0_i64..4_000_000_000, step in 1_u64..100_000, jitter in 0_u64..100_000) {
            let plan = every(step, jitter, "k");
            let from = Timestamp::from_second(from).unwrap();
            let mut last = from;
            for fire in plan.ticks_after(from).take(5) {
                prop_assert!(fire.nominal > last);
                prop_assert_eq!(plan.next_due(Some(last), before(last, Duration::from_secs(1000))).unwrap(), fire);
                last = fire.nominal;
            }
        }
    }
}
