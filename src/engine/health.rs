//! Whether a target can be reached. After a look that failed no trigger looks again: one look of the target's own does,
//! at moments of its own, so that neither many playbooks nor many targets come back in step. People are told when it
//! goes and when it comes back.

use super::daemon::own_notice;
use crate::model::record::{Draft, RecordKind};
use crate::model::time::{after, in_words, since};
use crate::model::{Duration, Timestamp};
use sha2::{Digest, Sha256};

/// The first rest after a failed look; it doubles up to [`LONGEST_REST`].
const FIRST_REST: Duration = Duration::from_secs(1);
const LONGEST_REST: Duration = Duration::from_mins(1);
/// One failed look may be a hiccup; people are told of the second in a row.
const TOLD_AFTER: u32 = 2;

/// A look of whose end nothing was heard for so long is begun again; its own deadline is shorter.
const LOST_AFTER: Duration = Duration::from_mins(2);

/// How the last looks at a target went.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Health {
    failures: u32,
    since: Option<Timestamp>,
    retry_at: Option<Timestamp>,
    /// When the look was begun that is under way.
    looking: Option<Timestamp>,
    why: String,
}

impl Health {
    /// Why no trigger looks at the target now; none when the last look succeeded.
    #[must_use]
    pub fn resting(&self, now: Timestamp) -> Option<String> {
        let why = self.trouble()?;
        let next = match self.rest_until(now) {
            Some(until) => format!("in {}", in_words(since(until, now))),
            None => "under way".to_owned(),
        };
        Some(format!("{why} ({} looks in a row failed; the next is {next})", self.failures))
    }

    fn rest_until(&self, now: Timestamp) -> Option<Timestamp> {
        // One that is farther away than any rest was set by a clock that has been set back since.
        self.retry_at.filter(|at| *at > now && since(*at, now) <= LONGEST_REST)
    }

    /// When the target wants to look again.
    #[must_use]
    pub fn wakes(&self) -> Option<Timestamp> {
        self.looking.map(|begun| after(begun, LOST_AFTER)).or(self.retry_at)
    }

    /// Whether the target is to be looked at now; whoever asks does so.
    pub fn look_now(&mut self, now: Timestamp) -> bool {
        let under_way = self.looking.is_some_and(|begun| begun <= now && since(now, begun) < LOST_AFTER);
        let due = self.failures > 0 && !under_way && self.rest_until(now).is_none();
        if due {
            self.looking = Some(now);
        }
        due
    }

    /// The configuration changed: the next look is worth trying at once.
    pub fn try_again(&mut self) {
        self.retry_at = None;
    }

    /// Why the target cannot be reached, as far as is known.
    #[must_use]
    pub fn trouble(&self) -> Option<&str> {
        (self.failures > 0).then_some(self.why.as_str())
    }

    /// A look failed. The record of it, when people should know.
    pub fn failed(&mut self, target: &str, why: &str, now: Timestamp) -> Option<Draft> {
        // Several playbooks looked at once: that is one failure.
        if self.rest_until(now).is_some() {
            return None;
        }
        self.looking = None;
        self.failures = self.failures.saturating_add(1);
        self.since.get_or_insert(now);
        why.clone_into(&mut self.why);
        self.retry_at = Some(after(now, rest(target, self.failures)));
        (self.failures == TOLD_AFTER).then(|| {
            let headline = format!("target {target} cannot be reached");
            let lines = vec![why.to_owned(), "Nothing is decided or done there until it answers again.".to_owned()];
            told(target, &headline, lines)
        })
    }

    /// A look succeeded. The record of it, when people had been told of the trouble.
    pub fn succeeded(&mut self, target: &str, now: Timestamp) -> Option<Draft> {
        let was = std::mem::take(self);
        let began = was.since.filter(|_| was.failures >= TOLD_AFTER)?;
        let away = in_words(since(now, began));
        Some(told(target, &format!("target {target} answers again"), vec![format!("It was away for {away}.")]))
    }
}

/// Doubling rests, spread by up to a quarter so that a fleet does not come back in step.
fn rest(target: &str, failures: u32) -> Duration {
    let doubled = FIRST_REST.saturating_mul(1 << failures.saturating_sub(1).min(10)).min(LONGEST_REST);
    let hash = Sha256::digest(format!("{target} {failures}"));
    doubled.mul_f64(1.0 - f64::from(hash[0]) / 1024.0)
}

/// The record of a message about a target itself.
pub(super) fn told(target: &str, headline: &str, lines: Vec<String>) -> Draft {
    let mut draft = Draft {
        target: Some(target.to_owned()),
        actor: Some("daemon".to_owned()),
        reason: Some(headline.to_owned()),
        ..Draft::new(RecordKind::Lifecycle)
    };
    draft.set_notice(&own_notice(&format!("target {target}"), headline, lines));
    draft
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(1_790_000_000 + second).unwrap()
    }

    #[test]
    fn rests_grow_and_people_are_told_once_each_way() {
        let mut health = Health::default();
        assert_eq!(health.failed("orders", "connection refused", at(0)), None, "one failure is a hiccup");
        assert!(health.resting(at(0)).is_some_and(|why| why.contains("connection refused")));
        assert_eq!(
            health.failed("orders", "connection refused", at(0)),
            None,
            "the same failure, seen by another playbook"
        );
        assert!(!health.look_now(at(0)), "it rests");
        assert!(health.look_now(at(1)));
        assert!(!health.look_now(at(1)), "one look at a time");
        assert!(
            health.resting(at(1)).is_some_and(|why| why.ends_with("(1 looks in a row failed; the next is under way)"))
        );
        let told = health.failed("orders", "connection refused", at(1)).unwrap();
        assert_eq!(told.reason.unwrap(), "target orders cannot be reached");
        for n in 3..20 {
            assert_eq!(health.failed("orders", "connection refused", at(60 * n)), None);
        }
        let wait = since(health.retry_at.unwrap(), at(60 * 19));
        assert!(wait > LONGEST_REST / 2 && wait <= LONGEST_REST, "{wait:?}");
        let back = health.succeeded("orders", at(2_000)).unwrap();
        assert_eq!(back.notice().unwrap().lines, ["It was away for 33m 20s."]);
        assert_eq!(health.succeeded("orders", at(2_001)), None);
    }

    #[test]
    fn a_clock_that_was_set_back_does_not_prolong_a_rest() {
        let mut health = Health::default();
        health.failed("orders", "timeout", at(7_200));
        assert!(!health.look_now(at(7_200)));
        assert!(health.look_now(at(0)));
    }

    #[test]
    fn a_look_that_is_never_heard_of_again_is_begun_anew() {
        let mut health = Health::default();
        health.failed("orders", "timeout", at(0));
        assert!(health.look_now(at(10)));
        assert_eq!(health.wakes(), Some(at(130)));
        assert!(!health.look_now(at(129)) && health.look_now(at(130)));
    }

    #[test]
    fn rests_double_are_bounded_and_spread() {
        let names: Vec<String> = (0..200).map(|n| format!("orders-{n}")).collect();
        for failures in [1, 2, 3, 6, 7, 8, 50, u32::MAX] {
            let whole = Duration::from_secs(1 << failures.saturating_sub(1).min(6)).min(LONGEST_REST);
            let mut rests: Vec<Duration> = names.iter().map(|name| rest(name, failures)).collect();
            assert!(
                rests.iter().all(|r| *r + Duration::from_millis(1) > whole.mul_f64(0.75) && *r <= whole),
                "{failures}"
            );
            rests.sort();
            // Of 200 targets that went at once, at most a fifth comes back in one tenth of the spread.
            let tenth = whole.mul_f64(0.025);
            let crowd = rests.iter().map(|r| rests.iter().filter(|o| **o >= *r && **o < *r + tenth).count()).max();
            assert!(crowd <= Some(40), "{failures}: {crowd:?} of {} in {tenth:?}", rests.len());
        }
        let order = |failures| {
            let mut order: Vec<&String> = names.iter().collect();
            order.sort_by_key(|name| rest(name, failures));
            order
        };
        assert_ne!(order(7), order(8), "who comes last now does not come last again");
    }

    #[test]
    fn a_hiccup_is_not_told_when_it_is_over() {
        let mut health = Health::default();
        assert_eq!(health.failed("orders", "timeout", at(0)), None);
        assert_eq!(health.succeeded("orders", at(5)), None);
    }
}
