//! What policy or the playbook protects by name.

use super::{Answer, Guard, Scene, Scope};

/// The guard `protected`.
pub(super) struct Protected;

impl Guard for Protected {
    fn name(&self) -> &'static str {
        "protected"
    }

    fn about(&self) -> &'static str {
        "Candidates that `policy.protect` (that of the configuration and of the target together) or the playbook's \
         `guard.protect` names: by users, databases, applications, client_addrs, tables (globs; networks for addresses) \
         or queries (regular expressions, matched after leading comments). A playbook only adds to policy."
    }

    fn scope(&self) -> Scope {
        Scope::Candidate
    }

    fn check(&self, scene: &Scene) -> Option<Answer> {
        let called = scene.candidate?.called();
        let places = [
            (&scene.policy.protect, "policy.protect"),
            (&scene.playbook.guard.protect, "the playbook's guard.protect"),
        ];
        let hit = places.iter().find_map(|(protect, place)| protect.matching(&called).map(|what| (what, place)));
        Some(match hit {
            Some((what, place)) => Answer::Stop(format!("protected by {what} of {place}")),
            None => Answer::Pass("nothing protects it by name".to_owned()),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::guards::fixture::{World, names};

    #[test]
    fn what_is_not_named_is_let_through() {
        let mut world = World::of_a_query();
        world.policy.protect.names.users = names(&["etl"]);
        assert_eq!(world.passed(&Protected), "nothing protects it by name");
    }

    #[test]
    fn the_pattern_and_its_place_are_said() {
        let mut world = World::of_a_query();
        world.playbook.guard.protect.names.applications = names(&["bill*"]);
        insta::assert_snapshot!(world.stopped(&Protected), @"protected by applications `bill*` of the playbook's guard.protect");
        world.policy.protect.names.users = names(&["app"]);
        insta::assert_snapshot!(world.stopped(&Protected), @"protected by users `app` of policy.protect");
    }

    #[test]
    fn queries_and_tables_are_protected_too() {
        let mut world = World::of_a_query();
        world.policy.protect.queries.push(regex::Regex::new("(?i)^select").unwrap());
        world.backend().query = "/* app=shop */ SELECT $1".to_owned();
        assert!(world.stopped(&Protected).contains("queries `(?i)^select`"));
        let mut world = World::of_a_table();
        world.policy.protect.names.tables = names(&["public.*"]);
        assert!(world.stopped(&Protected).contains("tables `public.*`"));
    }
}
