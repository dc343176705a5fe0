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
         or queries (regular expressions, matched after leading comments). A query of which only the first keywords are \
         recorded (`audit.query_text: none`, or literals that cannot be told apart) is protected wherever queries are. A \
         playbook only adds to policy."
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
        let unread =
            places.iter().any(|(protect, _)| !protect.queries.is_empty()) && called.query.is_some_and(is_outline);
        Some(match hit {
            Some((what, place)) => Answer::Stop(format!("protected by {what} of {place}")),
            None if unread => Answer::Stop(
                "query texts are protected by pattern, and of this one only the keywords that it begins with are known"
                    .to_owned(),
            ),
            None => Answer::Pass("nothing protects it by name".to_owned()),
        })
    }
}

/// Finders cut a text down to keywords where they must not, or cannot, keep more.
fn is_outline(query: &str) -> bool {
    let keywords = |c: char| c.is_ascii_uppercase() || c.is_ascii_digit() || " _;…".contains(c);
    query.ends_with('…') && query.chars().all(keywords)
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
    fn a_text_that_is_not_recorded_may_be_a_protected_one() {
        let mut world = World::of_a_query();
        world.backend().query = "SELECT …".to_owned();
        world.passed(&Protected);
        world.policy.protect.queries.push(regex::Regex::new("payroll").unwrap());
        assert!(world.stopped(&Protected).contains("only the keywords"));
        world.backend().query = "SELECT $1 FROM orders …".to_owned();
        world.passed(&Protected);
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
