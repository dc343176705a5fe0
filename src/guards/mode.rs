//! How far the run may go: the lowest of all ceilings.

use super::{Answer, Guard, Scene, Scope};
use crate::model::Mode;
use crate::playbook::TargetSelector;

/// The guard `mode`.
pub(super) struct Ceilings;

impl Guard for Ceilings {
    fn name(&self) -> &'static str {
        "mode"
    }

    fn about(&self) -> &'static str {
        "The lowest ceiling wins: that of the daemon (`mode`), the target (`targets[].mode`), the playbook (`mode`), \
         the step (`do: [{ACTION: {mode: …}}]`) and the action's class (`policy.ceilings`). A playbook that does not \
         say on which `targets` it may act only observes, and one without steps only tells people."
    }

    fn scope(&self) -> Scope {
        Scope::Run
    }

    fn check(&self, scene: &Scene) -> Option<Answer> {
        if scene.playbook.steps.is_empty() {
            return Some(Answer::Cap(Mode::Observe, "it only tells people: the playbook has no steps".to_owned()));
        }
        let all = ceilings(scene);
        let (mode, lowest) = all.iter().min_by_key(|(mode, _)| *mode)?;
        if *mode == Mode::Enforce {
            let places: Vec<&str> = all.iter().map(|(_, place)| place.as_str()).collect();
            return Some(Answer::Pass(format!("enforce by all ceilings: {}", places.join(", "))));
        }
        let others = all.iter().filter(|(_, place)| place != lowest);
        let others: Vec<String> = others.map(|(other, place)| format!("{place} {}", other.word())).collect();
        Some(Answer::Cap(*mode, format!("at most {} by {lowest} ({})", mode.word(), others.join(", "))))
    }
}

/// The mode that all ceilings allow.
pub(super) fn allowed(scene: &Scene) -> Mode {
    if scene.playbook.steps.is_empty() {
        return Mode::Observe;
    }
    ceilings(scene).iter().map(|(mode, _)| *mode).min().unwrap_or_default()
}

/// Every ceiling and where it comes from, from the widest to the narrowest.
fn ceilings(scene: &Scene) -> Vec<(Mode, String)> {
    let mut all = vec![
        (scene.policy.daemon_mode, "the daemon".to_owned()),
        (scene.policy.target_mode, format!("target {}", scene.facts.target)),
        (scene.playbook.mode, format!("playbook {}", scene.playbook.name)),
    ];
    if matches!(scene.playbook.targets, TargetSelector::Unwritten) {
        all.push((Mode::Observe, "the playbook's `targets`, which are not written".to_owned()));
    }
    if let Some(rung) = scene.rung {
        if let Some(mode) = rung.mode {
            all.push((mode, format!("step {}", rung.action.name)));
        }
        let class = rung.action.class;
        all.push((scene.policy.ceilings.of(class), format!("policy for {} actions", class.word())));
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::guards::fixture::World;
    use crate::playbook::Step;

    fn capped(world: &World) -> (Mode, String) {
        match world.check(&Ceilings) {
            Some(Answer::Cap(mode, why)) => (mode, why),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn enforce_needs_every_ceiling() {
        insta::assert_snapshot!(World::of_a_query().passed(&Ceilings), @"enforce by all ceilings: the daemon, target orders, playbook remedy, policy for disruptive actions");
    }

    #[test]
    fn the_lowest_ceiling_wins_and_is_named() {
        let mut world = World::of_a_query();
        world.policy.target_mode = Mode::Approve;
        let (mode, why) = capped(&world);
        assert_eq!(mode, Mode::Approve);
        insta::assert_snapshot!(why, @"at most approve by target orders (the daemon enforce, playbook remedy enforce, policy for disruptive actions enforce)");
        world.policy.daemon_mode = Mode::Observe;
        assert_eq!(capped(&world).0, Mode::Observe);
    }

    type Change = fn(&mut World);

    #[test]
    fn each_ceiling_counts() {
        let lowered: [(&str, Change); 5] = [
            ("the daemon", |w| w.policy.daemon_mode = Mode::Observe),
            ("playbook remedy", |w| w.playbook.mode = Mode::Observe),
            ("policy for disruptive actions", |w| w.policy.ceilings.disruptive = Mode::Observe),
            ("the playbook's `targets`", |w| w.playbook.targets = TargetSelector::Unwritten),
            ("step cancel_backend", |w| {
                if let Some(Step::Act(step)) = w.playbook.steps.first_mut() {
                    step.mode = Some(Mode::Observe);
                }
            }),
        ];
        for (place, lower) in lowered {
            let mut world = World::of_a_query();
            lower(&mut world);
            let (mode, why) = capped(&world);
            assert_eq!(mode, Mode::Observe, "{place}");
            assert!(why.starts_with(&format!("at most observe by {place}")), "{why}");
        }
    }

    #[test]
    fn a_playbook_without_steps_only_tells_people() {
        let mut world = World::of_a_query();
        world.playbook.steps.clear();
        assert_eq!(capped(&world), (Mode::Observe, "it only tells people: the playbook has no steps".to_owned()));
    }
}
