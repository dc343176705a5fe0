//! Periods in which less is allowed: a sale, a migration, the end of the year.

use super::{Answer, Guard, Scene, Scope};
use crate::config::Freeze;
use crate::model::time::in_words;

/// The guard `freeze`.
pub(super) struct Freezes;

impl Guard for Freezes {
    fn name(&self) -> &'static str {
        "freeze"
    }

    fn about(&self) -> &'static str {
        "Between `from` (included) and `until` (not included) of an entry of `freezes`, its `ceiling` (default \
         `observe`) holds on all targets that its matchers select, except for playbooks named in `except`. Of several \
         freezes the lowest ceiling wins."
    }

    fn scope(&self) -> Scope {
        Scope::Run
    }

    fn check(&self, scene: &Scene) -> Option<Answer> {
        let freeze = scene.policy.freezes.iter().filter(|f| holds(f, scene)).min_by_key(|f| f.ceiling)?;
        let left = in_words(crate::model::time::since(freeze.until, scene.now));
        let until = freeze.until.strftime("%Y-%m-%d %H:%M UTC");
        let detail =
            format!("at most {} by freeze `{}` until {until} (another {left})", freeze.ceiling.word(), freeze.name);
        Some(Answer::Cap(freeze.ceiling, detail))
    }
}

fn holds(freeze: &Freeze, scene: &Scene) -> bool {
    freeze.from <= scene.now
        && scene.now < freeze.until
        && freeze.targets.iter().all(|m| m.matches(&scene.facts.labels))
        && freeze.except.matching(&scene.playbook.name).is_none()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::guards::fixture::{World, at, names};
    use crate::model::{Matcher, Mode, Names};

    fn frozen() -> World {
        let mut world = World::of_a_query();
        world.policy.freezes.push(Freeze {
            name: "black-friday".to_owned(),
            from: at("2026-11-24T02:00:00Z"),
            until: at("2026-11-24T05:00:00Z"),
            targets: vec![Matcher::parse("env=\"prod\"").unwrap()],
            except: Names::default(),
            ceiling: Mode::Observe,
        });
        world
    }

    #[test]
    fn a_freeze_holds_from_its_first_moment() {
        let Some(Answer::Cap(mode, why)) = frozen().check(&Freezes) else { panic!("not capped") };
        assert_eq!(mode, Mode::Observe);
        insta::assert_snapshot!(why, @"at most observe by freeze `black-friday` until 2026-11-24 05:00 UTC (another 3h)");
    }

    #[test]
    fn outside_its_time_targets_and_playbooks_it_says_nothing() {
        let changes: [fn(&mut World); 4] = [
            |w| w.now = at("2026-11-24T01:59:59Z"),
            |w| w.now = at("2026-11-24T05:00:00Z"),
            |w| w.facts.labels.clear(),
            |w| w.policy.freezes[0].except = names(&["rem*"]),
        ];
        for change in changes {
            let mut world = frozen();
            change(&mut world);
            assert_eq!(world.check(&Freezes), None);
        }
    }

    #[test]
    fn of_two_freezes_the_lower_wins() {
        let mut world = frozen();
        let mut other = world.policy.freezes[0].clone();
        other.ceiling = Mode::Approve;
        world.policy.freezes.insert(0, other);
        assert!(matches!(world.check(&Freezes), Some(Answer::Cap(Mode::Observe, _))));
    }
}
