//! Sessions that are never ended, whatever policy or a playbook says.

use super::{Answer, Guard, Scene, Scope};
use crate::model::{Backend, Candidate};

/// Programs that back up, restore, replicate or hold a cluster together, as they name their sessions.
const PROGRAMS: &[&str] = &[
    "pg_dump",
    "pg_restore",
    "pg_basebackup",
    "pg_receivewal",
    "pg_recvlogical",
    "pgbackrest",
    "barman",
    "wal-g",
    "wal-e",
    "patroni",
    "postgres_fdw",
];

/// The guard `never_touched`.
pub(super) struct NeverTouched;

impl Guard for NeverTouched {
    fn name(&self) -> &'static str {
        "never_touched"
    }

    fn about(&self) -> &'static str {
        "Sessions that are never ended and that no setting releases: pgmedic's own; what is no client backend \
         (walsenders, autovacuum, parallel workers); sessions of superusers and of roles with REPLICATION; backups, \
         restores and dumps by the name that they give themselves (pg_dump, pg_restore, pg_basebackup, pg_receivewal, \
         pgBackRest, Barman, WAL-G, WAL-E), Patroni and postgres_fdw; a VACUUM, ANALYZE, CLUSTER, CREATE INDEX or \
         base backup that reports its progress; a commit that waits for synchronous replication, which a cancel would \
         report as done before it is safe; and sessions that hide what they do (`track_activities = off`)."
    }

    fn scope(&self) -> Scope {
        Scope::Candidate
    }

    fn check(&self, scene: &Scene) -> Option<Answer> {
        let Some(Candidate::Backend(backend)) = scene.candidate else { return None };
        Some(match reason(backend) {
            Some(why) => Answer::Stop(why),
            None => Answer::Pass("an ordinary client session".to_owned()),
        })
    }
}

fn reason(b: &Backend) -> Option<String> {
    let application = b.application.to_ascii_lowercase();
    if application.starts_with("pgmedic") {
        return Some(format!("it is pgmedic's own session (`{}`)", b.application));
    }
    if b.backend_type != "client backend" {
        return Some(format!("it is no client session but `{}`", b.backend_type));
    }
    if b.superuser {
        return Some(format!("it is the session of a superuser ({})", b.user));
    }
    if b.replication {
        return Some(format!("its role {} has REPLICATION", b.user));
    }
    if PROGRAMS.iter().any(|program| application.contains(program)) {
        return Some(format!("it is a backup, a restore or cluster management by its name `{}`", b.application));
    }
    // A COPY reports its progress too; whether it may be ended is for `ddl_or_batch` and `dump_like` to say.
    if let Some(progress) = b.progress.as_ref().filter(|progress| *progress != "copy") {
        return Some(format!("it is in the middle of {progress}; ending that wastes the work or leaves debris"));
    }
    if b.wait.as_deref().is_some_and(|wait| wait.ends_with("SyncRep")) {
        return Some(
            "it has committed and waits for synchronous replication; a cancel would hide that it may be lost"
                .to_owned(),
        );
    }
    if b.state == "disabled" || b.query_start.is_none() {
        return Some("it hides what it does (track_activities = off): it cannot be judged".to_owned());
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::guards::fixture::World;

    #[test]
    fn an_ordinary_session_is_let_through_and_other_kinds_are_not_asked() {
        assert_eq!(World::of_a_query().passed(&NeverTouched), "an ordinary client session");
        assert_eq!(World::of_a_table().check(&NeverTouched), None);
        let mut world = World::of_a_query();
        world.backend().progress = Some("copy".to_owned());
        assert_eq!(world.passed(&NeverTouched), "an ordinary client session");
    }

    type Change = fn(&mut Backend);

    #[test]
    fn each_case_has_its_own_reason() {
        let cases: [(&str, Change); 11] = [
            ("pgmedic's own", |b| b.application = "pgmedic orders act".to_owned()),
            ("`walsender`", |b| b.backend_type = "walsender".to_owned()),
            ("`autovacuum worker`", |b| b.backend_type = "autovacuum worker".to_owned()),
            ("superuser", |b| b.superuser = true),
            ("REPLICATION", |b| b.replication = true),
            ("backup", |b| b.application = "pgBackRest [backup]".to_owned()),
            ("`Patroni heartbeat`", |b| b.application = "Patroni heartbeat".to_owned()),
            ("vacuum", |b| b.progress = Some("vacuum".to_owned())),
            ("synchronous replication", |b| b.wait = Some("IPC/SyncRep".to_owned())),
            ("track_activities", |b| b.state = "disabled".to_owned()),
            ("track_activities", |b| b.query_start = None),
        ];
        for (word, change) in cases {
            let mut world = World::of_a_query();
            change(world.backend());
            let why = world.stopped(&NeverTouched);
            assert!(why.contains(word), "{word}: {why}");
        }
    }
}
