//! A primary and a standby need different remedies.

use super::{Answer, Guard, Scene, Scope};
use crate::model::Role;

/// The guard `role`.
pub(super) struct ReplicationRole;

impl Guard for ReplicationRole {
    fn name(&self) -> &'static str {
        "role"
    }

    fn about(&self) -> &'static str {
        "The server must have the replication role that the playbook wants (`guard.role`: `primary`, the default, \
         `standby` or `any`); it is asked again at each look, so a failover in between stops the run."
    }

    fn scope(&self) -> Scope {
        Scope::Run
    }

    fn check(&self, scene: &Scene) -> Option<Answer> {
        let is = if scene.facts.server.in_recovery { Role::Standby } else { Role::Primary };
        let wanted = scene.playbook.guard.role;
        if wanted == Role::Any {
            return Some(Answer::Pass(format!("the server is a {}, any role will do", word(is))));
        }
        Some(if wanted == is {
            Answer::Pass(format!("the server is a {}, as wanted", word(is)))
        } else {
            Answer::Stop(format!("the server is a {}, the playbook wants a {}", word(is), word(wanted)))
        })
    }
}

fn word(role: Role) -> &'static str {
    Role::ALL.iter().find(|(_, r)| *r == role).map_or("", |(word, _)| word)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::guards::fixture::World;

    #[test]
    fn the_role_must_be_the_one_that_the_playbook_wants() {
        let mut world = World::of_a_query();
        assert_eq!(world.passed(&ReplicationRole), "the server is a primary, as wanted");
        world.facts.server.in_recovery = true;
        assert_eq!(world.stopped(&ReplicationRole), "the server is a standby, the playbook wants a primary");
        world.playbook.guard.role = Role::Any;
        assert_eq!(world.passed(&ReplicationRole), "the server is a standby, any role will do");
        world.playbook.guard.role = Role::Standby;
        assert_eq!(world.passed(&ReplicationRole), "the server is a standby, as wanted");
    }
}
