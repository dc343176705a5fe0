//! Never in these windows.

use super::allow_in::{Look, look, told};
use super::{Answer, Guard, Scene, Scope};

/// The guard `not_in`.
pub(super) struct NotIn;

impl Guard for NotIn {
    fn name(&self) -> &'static str {
        "not_in"
    }

    fn about(&self) -> &'static str {
        "With `guard.not_in: [WINDOW…]` none of these windows may be open. A window that is not configured, or cannot \
         be read, stops the run too: unknown is not safe."
    }

    fn scope(&self) -> Scope {
        Scope::Run
    }

    fn check(&self, scene: &Scene) -> Option<Answer> {
        let unwanted = &scene.playbook.guard.not_in;
        if unwanted.is_empty() {
            return None;
        }
        for name in unwanted {
            match look(scene, name) {
                Err(why) => return Some(Answer::Stop(why)),
                Ok(Look { open: Some(open), .. }) => return Some(Answer::Stop(told(name, &open, scene.now))),
                Ok(_) => {}
            }
        }
        Some(Answer::Pass(format!("closed: {}", unwanted.join(", "))))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Window;
    use crate::guards::fixture::{World, at};
    use crate::model::Duration;

    #[test]
    fn an_open_or_unknown_window_stops() {
        let mut world = World::of_a_query();
        assert_eq!(world.check(&NotIn), None);
        world.playbook.guard.not_in = vec!["office".to_owned()];
        assert_eq!(world.stopped(&NotIn), "window `office` is not configured");
        let span = Window { cron: "0 9 * * 1-5".to_owned(), lasts: Duration::from_hours(9), timezone: None };
        world.policy.windows.insert("office".to_owned(), vec![span]);
        assert_eq!(world.passed(&NotIn), "closed: office");
        world.now = at("2026-11-24T10:00:00Z");
        assert!(world.stopped(&NotIn).contains("closes in 8h"));
    }
}
