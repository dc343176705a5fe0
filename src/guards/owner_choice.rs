//! What an owner switched off stays off.

use super::{Answer, Guard, Scene, Scope};
use crate::model::Candidate;

/// The guard `owner_choice`.
pub(super) struct OwnerChoice;

impl Guard for OwnerChoice {
    fn name(&self) -> &'static str {
        "owner_choice"
    }

    fn about(&self) -> &'static str {
        "A table with `autovacuum_enabled = off` is left alone: its owner chose when it is vacuumed and analyzed. \
         `ALTER TABLE … RESET (autovacuum_enabled)` gives it back."
    }

    fn scope(&self) -> Scope {
        Scope::Candidate
    }

    fn check(&self, scene: &Scene) -> Option<Answer> {
        let Some(Candidate::Table(table)) = scene.candidate else { return None };
        Some(if table.autovacuum_off {
            Answer::Stop(format!("its owner {} turned autovacuum off on it: their choice", table.owner))
        } else {
            Answer::Pass("autovacuum is not turned off on it".to_owned())
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::guards::fixture::World;

    #[test]
    fn a_table_without_autovacuum_is_its_owners() {
        let mut world = World::of_a_table();
        assert_eq!(world.passed(&OwnerChoice), "autovacuum is not turned off on it");
        world.table().autovacuum_off = true;
        assert_eq!(world.stopped(&OwnerChoice), "its owner app turned autovacuum off on it: their choice");
        assert_eq!(World::of_a_query().check(&OwnerChoice), None);
    }
}
