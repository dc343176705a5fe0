//! Dumps under any name.

use super::{Answer, Guard, Scene, Scope};
use crate::model::names::strip_leading_comments;
use crate::model::{Backend, Candidate};

/// A dump locks every table before it copies the first. No usual query holds so many.
const MANY_LOCKS: i64 = 20;

/// The guard `dump_like`.
pub(super) struct DumpLike;

impl Guard for DumpLike {
    fn name(&self) -> &'static str {
        "dump_like"
    }

    fn about(&self) -> &'static str {
        "A logical dump, under whatever name it runs: a session called pg_dump or pg_dumpall, or a COPY … TO STDOUT in \
         a transaction that holds locks on at least 20 relations. No `guard.include` releases it: an ended dump is a \
         backup that is missing when it is needed."
    }

    fn scope(&self) -> Scope {
        Scope::Candidate
    }

    fn check(&self, scene: &Scene) -> Option<Answer> {
        let Some(Candidate::Backend(backend)) = scene.candidate else { return None };
        let locks = backend.relation_locks;
        let application = backend.application.to_ascii_lowercase();
        if application.contains("pg_dump") {
            return Some(Answer::Stop(format!("it is a dump by its name `{}`", backend.application)));
        }
        if copies_out(backend) && locks >= MANY_LOCKS {
            return Some(Answer::Stop(format!(
                "it looks like a dump: COPY TO STDOUT in a transaction with locks on {locks} relations (a dump from \
                 {MANY_LOCKS})"
            )));
        }
        Some(Answer::Pass(format!("no dump: locks on {locks} relations")))
    }
}

fn copies_out(backend: &Backend) -> bool {
    let mut words = strip_leading_comments(&backend.query).split_whitespace().map(str::to_ascii_lowercase);
    // A text of which only the first words are recorded does not say where to.
    let outwards = |word: String| word.trim_end_matches(';') == "stdout" || word == "…";
    words.next().is_some_and(|first| first == "copy") && words.any(outwards)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::guards::fixture::World;

    #[test]
    fn a_copy_of_which_no_more_is_recorded_may_go_out() {
        let mut world = World::of_a_query();
        world.backend().query = "COPY …".to_owned();
        world.backend().relation_locks = 20;
        assert!(world.stopped(&DumpLike).contains("looks like a dump"));
    }

    #[test]
    fn an_ordinary_query_is_no_dump_however_many_locks_it_holds() {
        let mut world = World::of_a_query();
        assert_eq!(world.passed(&DumpLike), "no dump: locks on 2 relations");
        world.backend().relation_locks = 500;
        assert_eq!(world.passed(&DumpLike), "no dump: locks on 500 relations");
        assert_eq!(World::of_a_table().check(&DumpLike), None);
    }

    #[test]
    fn a_dump_is_seen_by_its_name_or_by_what_it_does() {
        let mut world = World::of_a_query();
        world.backend().application = "pg_dumpall".to_owned();
        assert!(world.stopped(&DumpLike).contains("`pg_dumpall`"));
        let mut world = World::of_a_query();
        world.backend().query = "/* nightly */ COPY public.orders (id, total) TO stdout;".to_owned();
        world.backend().relation_locks = 19;
        assert_eq!(world.passed(&DumpLike), "no dump: locks on 19 relations");
        world.backend().relation_locks = 20;
        insta::assert_snapshot!(world.stopped(&DumpLike), @"it looks like a dump: COPY TO STDOUT in a transaction with locks on 20 relations (a dump from 20)");
    }
}
