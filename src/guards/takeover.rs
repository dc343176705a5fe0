//! Whoever takes a target over from another pgmedic does not know what that one did a moment before: it waits,
//! and its hourly limits begin half spent.

use super::{Answer, Guard, Scene, Scope, mode};
use crate::model::right::Right;
use crate::model::time::in_words;
use crate::model::{Duration, History, Mode, Ownership, Timestamp};

/// The shortest wait after a takeover.
const SHORTEST: Duration = Duration::from_mins(5);

/// The guard `takeover`.
pub(super) struct Takeover;

impl Guard for Takeover {
    fn name(&self) -> &'static str {
        "takeover"
    }

    fn about(&self) -> &'static str {
        "A pgmedic that stood by while another one held the right to act, and then took it over, does not know what \
         the other one did: it acts only after 5m, or after the playbook's `guard.cooldown` if that is longer. Its \
         hourly limits are half spent for an hour (see `limits` and `same_query`). It counts from the `lifecycle` \
         record of the takeover, so a restart does not end it. One that finds the right free, and has never stood by, \
         acts at once."
    }

    fn scope(&self) -> Scope {
        Scope::Run
    }

    fn check(&self, scene: &Scene) -> Option<Answer> {
        if mode::allowed(scene) == Mode::Observe {
            return None;
        }
        let target = scene.facts.target.as_str();
        let held = scene.facts.server.ownership == Ownership::Held;
        if let Some(Right::StandsBy { holder, .. }) = scene.history.rights.get(target).filter(|_| held) {
            let why = format!("the right to act is here, but that it was taken over from {holder} is not recorded yet");
            return Some(Answer::Stop(why));
        }
        Some(match waited(scene.history, target, scene.playbook.guard.cooldown, scene.now)? {
            Ok(over) => Answer::Pass(over),
            Err(why) => Answer::Stop(why),
        })
    }
}

/// Whether a playbook with this cooldown has waited long enough after a takeover of the target, in words; `None`
/// when there was none.
#[must_use]
pub fn waited(history: &History, target: &str, cooldown: Duration, now: Timestamp) -> Option<Result<String, String>> {
    let (from, ago) = history.took_over(target, now)?;
    let wait = cooldown.max(SHORTEST);
    let took = format!("took over from another pgmedic {} ago", in_words(ago));
    let left = wait.saturating_sub(ago);
    if left.is_zero() {
        return Some(Ok(format!("{took}; the wait of {} is over", in_words(wait))));
    }
    let whose = if wait > SHORTEST { " (the playbook's cooldown)" } else { "" };
    Some(Err(format!(
        "{took}; acts after {}{whose}, in another {}, because nobody here knows what that one did last ({from})",
        in_words(wait),
        in_words(left)
    )))
}

/// The part of a limit that counts as spent because of a takeover.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Spent {
    /// How much: half, rounded up, so that never more than half is left. Of a limit of 1 nothing is.
    pub n: u32,
    /// How long ago the takeover was.
    pub ago: Duration,
}

/// What of a limit over `period` counts as spent, after a takeover `ago`.
#[must_use]
pub fn spent(ago: Option<Duration>, limit: u32, period: Duration) -> Option<Spent> {
    let ago = ago.filter(|ago| *ago < period)?;
    Some(Spent { n: limit - limit / 2, ago }).filter(|spent| spent.n > 0)
}

impl Spent {
    /// What it counts for.
    #[must_use]
    pub fn counts(&self) -> String {
        format!("count for the takeover {} ago", in_words(self.ago))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::guards::fixture::{World, at};

    fn took_over(minutes: u64) -> World {
        let mut world = World::of_a_query();
        world.took_over("orders", minutes);
        world
    }

    #[test]
    fn a_takeover_holds_for_five_minutes_or_the_longer_cooldown() {
        assert_eq!(World::of_a_query().check(&Takeover), None);
        insta::assert_snapshot!(took_over(1).stopped(&Takeover), @"took over from another pgmedic 1m ago; acts after 5m, in another 4m, because nobody here knows what that one did last (pid 99)");
        assert!(took_over(4).stopped(&Takeover).contains("in another 1m"));
        insta::assert_snapshot!(took_over(5).passed(&Takeover), @"took over from another pgmedic 5m ago; the wait of 5m is over");
        let mut world = took_over(5);
        world.playbook.guard.cooldown = Duration::from_mins(20);
        insta::assert_snapshot!(world.stopped(&Takeover), @"took over from another pgmedic 5m ago; acts after 20m (the playbook's cooldown), in another 15m, because nobody here knows what that one did last (pid 99)");
        world.now = at("2026-11-24T02:15:00Z");
        assert!(world.passed(&Takeover).contains("the wait of 20m is over"));
        world.playbook.guard.cooldown = Duration::from_secs(1);
        world.now = at("2026-11-24T01:59:00Z");
        assert!(world.stopped(&Takeover).contains("acts after 5m"), "a short cooldown shortens nothing");
    }

    #[test]
    fn a_clock_set_back_does_not_shorten_it() {
        let mut world = took_over(4);
        world.now = at("2026-11-24T01:00:00Z");
        assert!(world.stopped(&Takeover).contains("in another 5m"));
    }

    #[test]
    fn another_target_and_observing_do_not_wait() {
        let mut world = World::of_a_query();
        world.took_over("crm", 1);
        assert_eq!(world.check(&Takeover), None);
        let mut world = took_over(1);
        world.playbook.mode = Mode::Observe;
        assert_eq!(world.check(&Takeover), None);
    }

    #[test]
    fn a_takeover_that_is_not_recorded_stops_too() {
        let mut world = World::of_a_query();
        let stands_by = Right::StandsBy { holder: "pid 7".to_owned(), since: world.now };
        world.history.rights.insert("orders".to_owned(), stands_by);
        assert!(world.stopped(&Takeover).contains("taken over from pid 7"));
        world.facts.server.ownership = Ownership::Elsewhere("pid 7".to_owned());
        assert_eq!(world.check(&Takeover), None, "the guard `ownership` says it");
    }

    #[test]
    fn half_is_rounded_so_that_never_more_than_half_is_left() {
        let hour = Duration::from_hours(1);
        let of = |limit| spent(Some(Duration::from_mins(59)), limit, hour).map(|spent| spent.n);
        assert_eq!([0, 1, 2, 3, 20, u32::MAX].map(of), [None, Some(1), Some(1), Some(2), Some(10), Some(1 << 31)]);
        assert_eq!(spent(Some(hour), 20, hour), None);
        assert_eq!(spent(None, 20, hour), None);
    }
}
