//! One trigger of one playbook on one target: what is due now, what was missed, when to wake.

use crate::model::Timestamp;
use crate::model::record::Trigger;
use crate::model::time::since;
use crate::playbook::OnMissed;
use crate::schedule::{Fire, Plan, missed, start_deadline};

/// A trigger and where it stands.
#[derive(Clone, Debug)]
pub struct Ticker {
    /// Index into the world's playbooks.
    pub playbook: usize,
    trigger: Trigger,
    plan: Plan,
    next: Option<Fire>,
    /// Nominal time of the last tick that was run or given up.
    pub last: Option<Timestamp>,
    /// When it was last asked: an earlier moment shows that the clock was set back.
    asked: Timestamp,
}

/// What a ticker has to say at some moment.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Due {
    /// Run now for this.
    pub run: Option<Trigger>,
    /// Ticks that were given up.
    pub missed: u32,
}

impl Ticker {
    /// A ticker that last fired at `last`, as far as is known, with what it missed since.
    #[must_use]
    pub fn new(
        playbook: usize,
        trigger: Trigger,
        plan: Plan,
        last: Option<Timestamp>,
        now: Timestamp,
        on_missed: OnMissed,
    ) -> (Ticker, Due) {
        let mut ticker = Ticker { playbook, trigger, plan, next: None, last, asked: now };
        let due = ticker.catch_up(last, now, on_missed);
        ticker.next = ticker.plan.next_due(ticker.last, now);
        (ticker, due)
    }

    /// When it wants to be asked next.
    #[must_use]
    pub fn wakes(&self) -> Option<Timestamp> {
        self.next.map(|fire| fire.due)
    }

    /// Under which its last nominal time is remembered.
    #[must_use]
    pub fn key(&self, target: &str, playbook: &str) -> String {
        format!("{target} {playbook} {} {}", self.trigger.kind, self.trigger.detail)
    }

    /// What is due at `now`. A tick that is a little late still runs; one that is later than its start
    /// deadline was missed.
    pub fn due(&mut self, now: Timestamp, on_missed: OnMissed) -> Due {
        if std::mem::replace(&mut self.asked, now) > now {
            self.next = self.plan.next_due(self.last, now);
        }
        let Some(fire) = self.next.filter(|fire| fire.due <= now) else { return Due::default() };
        self.last = Some(fire.nominal);
        let in_time = since(now, fire.due) <= start_deadline(&self.plan, fire.nominal);
        let mut due = self.catch_up(Some(fire.nominal), now, on_missed);
        if due.run.is_some() {
            // The newest tick makes up for this one, too.
            due.missed += 1;
        } else if in_time {
            due.run = Some(self.named(fire));
        } else {
            due.missed += 1;
        }
        self.next = self.plan.next_due(self.last, now);
        due
    }

    fn catch_up(&mut self, last: Option<Timestamp>, now: Timestamp, on_missed: OnMissed) -> Due {
        let missed = missed(&self.plan, last, now, on_missed);
        if missed.count == 0 {
            return Due::default();
        }
        if let Some(fire) = missed.make_up {
            self.last = Some(fire.nominal);
        }
        let made_up = u32::from(missed.make_up.is_some());
        Due { run: missed.make_up.map(|fire| self.named(fire)), missed: missed.count - made_up }
    }

    fn named(&self, fire: Fire) -> Trigger {
        Trigger { nominal: Some(fire.nominal), ..self.trigger.clone() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Duration;
    use crate::playbook;
    use std::collections::BTreeMap;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn every_minute(last: Option<&str>, now: &str, on_missed: OnMissed) -> (Ticker, Due) {
        let trigger = playbook::Trigger::Every { every: Duration::from_mins(1), jitter: Duration::ZERO };
        let plan = Plan::new(&trigger, &BTreeMap::new(), "UTC", "p@t").unwrap();
        let named = Trigger { kind: "every".into(), detail: "1m".into(), nominal: None };
        Ticker::new(0, named, plan, last.map(at), at(now), on_missed)
    }

    #[test]
    fn ticks_run_once_each_and_late_ones_within_their_deadline() {
        let (mut ticker, due) = every_minute(None, "2026-01-01T00:00:10Z", OnMissed::Skip);
        assert_eq!(due, Due::default());
        assert_eq!(ticker.wakes(), Some(at("2026-01-01T00:01:00Z")));
        let run = ticker.due(at("2026-01-01T00:01:20Z"), OnMissed::Skip).run.unwrap();
        assert_eq!(run.nominal, Some(at("2026-01-01T00:01:00Z")));
        assert_eq!(ticker.due(at("2026-01-01T00:01:21Z"), OnMissed::Skip), Due::default());
        let late = ticker.due(at("2026-01-01T00:02:45Z"), OnMissed::Skip);
        assert_eq!((late.run, late.missed), (None, 1));
    }

    #[test]
    fn a_clock_that_was_set_back_refires_nothing_and_a_distance_begins_anew() {
        let (mut ticker, _) = every_minute(None, "2026-01-01T03:00:10Z", OnMissed::Skip);
        assert!(ticker.due(at("2026-01-01T03:01:00Z"), OnMissed::Skip).run.is_some());
        assert_eq!(ticker.due(at("2026-01-01T02:59:00Z"), OnMissed::Skip), Due::default());
        assert_eq!(ticker.wakes(), Some(at("2026-01-01T03:02:00Z")), "two minutes back: none runs twice");
        assert_eq!(ticker.due(at("2026-01-01T00:00:30Z"), OnMissed::Skip), Due::default());
        assert_eq!(ticker.wakes(), Some(at("2026-01-01T00:01:00Z")), "three hours back: it does not stand still");
        assert!(ticker.due(at("2026-01-01T00:01:00Z"), OnMissed::Skip).run.is_some());
    }

    #[test]
    fn after_a_long_sleep_nothing_or_one_run_makes_up() {
        let (mut skipping, _) = every_minute(None, "2026-01-01T00:00:10Z", OnMissed::Skip);
        let due = skipping.due(at("2026-01-01T01:00:40Z"), OnMissed::Skip);
        assert_eq!((due.run.is_none(), due.missed), (true, 60));
        let (_, due) = every_minute(Some("2026-01-01T00:00:00Z"), "2026-01-01T01:00:05Z", OnMissed::Once);
        assert_eq!(due.run.unwrap().nominal, Some(at("2026-01-01T01:00:00Z")));
        assert_eq!(due.missed, 59);
    }
}
