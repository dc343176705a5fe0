//! Only in these windows.

use super::{Answer, Guard, Scene, Scope};
use crate::model::Timestamp;
use crate::model::time::{in_words, since};
use crate::schedule::{Open, Spans};

/// The guard `allow_in`.
pub(super) struct AllowIn;

impl Guard for AllowIn {
    fn name(&self) -> &'static str {
        "allow_in"
    }

    fn about(&self) -> &'static str {
        "With `guard.allow_in: [WINDOW…]` one of these windows must be open; it is asked again before each candidate, \
         so nothing new begins after the close. A window that is not configured, or cannot be read, is not open."
    }

    fn scope(&self) -> Scope {
        Scope::Run
    }

    fn check(&self, scene: &Scene) -> Option<Answer> {
        let wanted = &scene.playbook.guard.allow_in;
        if wanted.is_empty() {
            return None;
        }
        let mut closed = Vec::new();
        for name in wanted {
            match look(scene, name) {
                Err(why) => closed.push(why),
                Ok(Look { open: Some(open), .. }) => return Some(Answer::Pass(told(name, &open, scene.now))),
                Ok(Look { opens_next: Some(next), .. }) => {
                    let until = in_words(since(next, scene.now));
                    closed.push(format!("window `{name}` opens in {until}, at {}", minute(next)));
                }
                Ok(_) => closed.push(format!("window `{name}` never opens")),
            }
        }
        Some(Answer::Stop(closed.join("; ")))
    }
}

/// A window as it stands now.
pub(super) struct Look {
    pub open: Option<Open>,
    pub opens_next: Option<Timestamp>,
}

/// Looks at a window by its name.
///
/// # Errors
/// When it is not configured or cannot be read: whoever asks must not take that for either state.
pub(super) fn look(scene: &Scene, name: &str) -> Result<Look, String> {
    let windows = scene.policy.windows.get(name).ok_or_else(|| format!("window `{name}` is not configured"))?;
    let spans =
        Spans::new(windows, &scene.policy.timezone).map_err(|e| format!("window `{name}` cannot be read: {e}"))?;
    Ok(Look { open: spans.open(scene.now), opens_next: spans.opens_next(scene.now) })
}

/// An open window in words.
pub(super) fn told(name: &str, open: &Open, now: Timestamp) -> String {
    format!(
        "window `{name}` is open since {}, closes in {} at {}",
        minute(open.since),
        in_words(since(open.closes, now)),
        minute(open.closes)
    )
}

fn minute(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d %H:%M UTC").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Window;
    use crate::guards::fixture::{World, at};
    use crate::model::Duration;

    fn nightly() -> World {
        let mut world = World::of_a_table();
        let span = Window { cron: "0 1 * * *".to_owned(), lasts: Duration::from_hours(4), timezone: None };
        world.policy.windows.insert("nightly".to_owned(), vec![span]);
        world.playbook.guard.allow_in = vec!["nightly".to_owned()];
        world
    }

    #[test]
    fn an_open_window_lets_through_and_says_how_long_it_stays_open() {
        insta::assert_snapshot!(nightly().passed(&AllowIn), @"window `nightly` is open since 2026-11-24 01:00 UTC, closes in 3h at 2026-11-24 05:00 UTC");
    }

    #[test]
    fn a_closed_window_stops_and_says_when_it_opens() {
        let mut world = nightly();
        world.now = at("2026-11-24T05:00:00Z");
        insta::assert_snapshot!(world.stopped(&AllowIn), @"window `nightly` opens in 20h, at 2026-11-25 01:00 UTC");
    }

    #[test]
    fn an_unknown_or_unreadable_window_is_not_open() {
        let mut world = nightly();
        world.playbook.guard.allow_in = vec!["weekend".to_owned()];
        assert_eq!(world.stopped(&AllowIn), "window `weekend` is not configured");
        let mut world = nightly();
        world.policy.timezone = "Mars/Base".to_owned();
        assert!(world.stopped(&AllowIn).contains("cannot be read"));
    }

    #[test]
    fn one_open_window_of_several_is_enough_and_none_wanted_says_nothing() {
        let mut world = nightly();
        world.playbook.guard.allow_in.insert(0, "weekend".to_owned());
        assert!(world.passed(&AllowIn).contains("`nightly` is open"));
        world.playbook.guard.allow_in.clear();
        assert_eq!(world.check(&AllowIn), None);
    }
}
