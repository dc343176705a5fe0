//! Commands that change the schema or carry a batch: a naive finder lists them, and they are seldom
//! the harm.

use super::{Answer, Guard, Scene, Scope};
use crate::model::Candidate;
use crate::model::names::strip_leading_comments;
use crate::playbook::Include;

struct List {
    include: Include,
    key: &'static str,
    what: &'static str,
    words: &'static [&'static str],
}

const LISTS: [List; 2] = [
    List {
        include: Include::Ddl,
        key: "ddl",
        what: "DDL",
        words: &[
            "ALTER", "ANALYSE", "ANALYZE", "CLUSTER", "COMMENT", "CREATE", "DROP", "GRANT", "IMPORT", "REASSIGN",
            "REFRESH", "REINDEX", "REVOKE", "SECURITY", "TRUNCATE", "VACUUM",
        ],
    },
    List { include: Include::Batch, key: "batch", what: "a batch command", words: &["CALL", "COPY", "DO"] },
];

/// The guard `ddl_or_batch`.
pub(super) struct DdlOrBatch;

impl Guard for DdlOrBatch {
    fn name(&self) -> &'static str {
        "ddl_or_batch"
    }

    fn about(&self) -> &'static str {
        "A session that runs DDL (ALTER, ANALYZE, CLUSTER, COMMENT, CREATE, DROP, GRANT, IMPORT, REASSIGN, REFRESH, \
         REINDEX, REVOKE, SECURITY, TRUNCATE, VACUUM) or a batch command (CALL, COPY, DO), by the first word of each \
         statement of its query text after comments. `guard.include: [ddl]` or `[batch]` lets them be candidates. A \
         query whose first word cannot be read (no text recorded, cut off inside a comment) is left alone too, unless \
         both are included."
    }

    fn scope(&self) -> Scope {
        Scope::Candidate
    }

    fn check(&self, scene: &Scene) -> Option<Answer> {
        let Some(Candidate::Backend(backend)) = scene.candidate else { return None };
        let includes = |what: Include| scene.playbook.guard.include.contains(&what);
        let words: Vec<String> = strip_leading_comments(&backend.query).split(';').filter_map(first_word).collect();
        if words.is_empty() && !(includes(Include::Ddl) && includes(Include::Batch)) {
            return Some(Answer::Stop("its query text cannot be read, so it may be DDL or a batch".to_owned()));
        }
        let found: Vec<(&List, &String)> = LISTS
            .iter()
            .filter_map(|list| Some((list, words.iter().find(|word| list.words.contains(&word.as_str()))?)))
            .collect();
        if let Some((list, word)) = found.iter().find(|(list, _)| !includes(list.include)) {
            let key = list.key;
            return Some(Answer::Stop(format!(
                "it runs {} ({word}); `guard.include: [{key}]` would allow it",
                list.what
            )));
        }
        let allowed: Vec<String> = found.iter().map(|(list, word)| format!("{} ({word})", list.what)).collect();
        Some(Answer::Pass(if allowed.is_empty() {
            "neither DDL nor a batch command".to_owned()
        } else {
            format!("it runs {}, which the playbook includes", allowed.join(" and "))
        }))
    }
}

/// The first word of a statement in capitals. A `;` inside a literal makes statements of what is none:
/// that can only stop more.
fn first_word(statement: &str) -> Option<String> {
    let text = strip_leading_comments(statement).trim_start_matches(|c: char| c == '(' || c.is_whitespace());
    let word: String = text.chars().take_while(|c| c.is_ascii_alphabetic() || *c == '_').collect();
    (!word.is_empty()).then(|| word.to_ascii_uppercase())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::guards::fixture::World;

    fn running(query: &str) -> World {
        let mut world = World::of_a_query();
        query.clone_into(&mut world.backend().query);
        world
    }

    #[test]
    fn queries_and_changes_of_rows_are_let_through() {
        for query in
            ["SELECT $1", "(select $1) union (select $2)", "with x as (select $1) select", "UPDATE t SET a = $1;"]
        {
            assert_eq!(running(query).passed(&DdlOrBatch), "neither DDL nor a batch command", "{query}");
        }
        assert_eq!(World::of_a_table().check(&DdlOrBatch), None);
    }

    #[test]
    fn ddl_and_batches_are_left_alone_behind_comments_and_other_statements_too() {
        let cases = [
            ("ALTER TABLE t ADD c int", "DDL (ALTER)"),
            ("/*app='x'*/ refresh materialized view v", "DDL (REFRESH)"),
            ("-- nightly\nvacuum t", "DDL (VACUUM)"),
            ("BEGIN; create index concurrently i on t (a)", "DDL (CREATE)"),
            ("DO $$ begin end $$", "a batch command (DO)"),
            ("call nightly()", "a batch command (CALL)"),
            ("COPY t TO STDOUT", "a batch command (COPY)"),
        ];
        for (query, what) in cases {
            let why = running(query).stopped(&DdlOrBatch);
            assert!(why.contains(what), "{query}: {why}");
        }
    }

    #[test]
    fn what_cannot_be_read_is_left_alone() {
        for query in ["", "/* a comment that is cut off", "<insufficient privilege>"] {
            assert!(running(query).stopped(&DdlOrBatch).contains("cannot be read"), "{query}");
        }
    }

    #[test]
    fn a_playbook_includes_one_without_the_other() {
        let mut world = running("ALTER TABLE t ADD c int");
        world.playbook.guard.include = vec![Include::Batch];
        assert!(world.stopped(&DdlOrBatch).contains("guard.include: [ddl]"));
        world.playbook.guard.include = vec![Include::Ddl];
        assert_eq!(world.passed(&DdlOrBatch), "it runs DDL (ALTER), which the playbook includes");
        world.backend().query = "ALTER TABLE t ADD c int; CALL x()".to_owned();
        assert!(world.stopped(&DdlOrBatch).contains("CALL"), "each of several must be included");
    }
}
