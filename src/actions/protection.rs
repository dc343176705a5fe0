//! What an acting statement itself leaves alone, whatever was decided before it: DESIGN §3.4 as SQL,
//! in one place. Guards decide with more knowledge but on an older look; this decides in the act.

use crate::model::progress;

/// Programs whose sessions are never ended, by `application_name`.
const TOOLS: &str = "(pg_dump|pg_restore|pg_basebackup|pg_receivewal|pgbackrest|barman|wal-[ge]|patroni|postgres_fdw)";

/// An expression over `a` (a row of `pg_stat_activity`) and `r` (its session user in `pg_roles`, left
/// joined): why the session is protected, or null. `copy` is the parameter that says `copy` when the
/// session was decided on as a COPY: that one command with a progress may be ended, if a playbook
/// includes it, but not when a session has only begun it since.
pub(super) fn protected(major: i32, copy: &str) -> String {
    let progress = progress::sql(major);
    format!(
        "CASE
      WHEN a.backend_type <> 'client backend' THEN 'it is a ' || a.backend_type
      WHEN a.pid = pg_backend_pid() OR a.application_name ~* '^pgmedic' THEN 'it is a session of pgmedic itself'
      WHEN r.rolsuper IS NOT FALSE THEN 'its session user is a superuser'
      WHEN r.rolreplication THEN 'its session user has REPLICATION'
      WHEN a.application_name ~* '{TOOLS}'
        THEN 'its application_name is ' || quote_literal(a.application_name)
      WHEN a.wait_event = 'SyncRep' THEN 'it waits for synchronous replication: its commit is done here and only the standby has not confirmed it'
      ELSE (SELECT 'it is in the middle of a command that must not be cut short: ' || p.what
              FROM ({progress}) p WHERE p.pid = a.pid AND p.what <> {copy} LIMIT 1)
    END"
    )
}

/// An expression: what `pgmedic.paused` says for the role of this session, in any database, or null
/// when it does not say to stand still. It is read from the catalog, so that it reaches sessions that
/// were there before.
pub(super) fn paused() -> &'static str {
    "(SELECT s.why FROM pg_db_role_setting d CROSS JOIN LATERAL (
        SELECT btrim(substr(e.entry, strpos(e.entry, '=') + 1)) AS why FROM unnest(d.setconfig) AS e(entry)
         WHERE lower(e.entry) LIKE 'pgmedic.paused=%') s
      WHERE (d.setrole = 0 OR d.setrole IN (SELECT m.oid FROM pg_roles m WHERE m.rolname IN (session_user, current_user)))
        AND lower(s.why) NOT IN ('', 'off', 'false', 'no', '0') LIMIT 1)"
}

/// The words of a refusal that [`paused`] gave.
pub(super) fn paused_words(why: &str) -> String {
    format!("pgmedic.paused is set for the role that acts: {why}")
}

#[cfg(test)]
mod tests {
    #[test]
    fn every_reason_of_the_design_is_there() {
        insta::assert_snapshot!(super::protected(13, "$5::text"), @r"
        CASE
              WHEN a.backend_type <> 'client backend' THEN 'it is a ' || a.backend_type
              WHEN a.pid = pg_backend_pid() OR a.application_name ~* '^pgmedic' THEN 'it is a session of pgmedic itself'
              WHEN r.rolsuper IS NOT FALSE THEN 'its session user is a superuser'
              WHEN r.rolreplication THEN 'its session user has REPLICATION'
              WHEN a.application_name ~* '(pg_dump|pg_restore|pg_basebackup|pg_receivewal|pgbackrest|barman|wal-[ge]|patroni|postgres_fdw)'
                THEN 'its application_name is ' || quote_literal(a.application_name)
              WHEN a.wait_event = 'SyncRep' THEN 'it waits for synchronous replication: its commit is done here and only the standby has not confirmed it'
              ELSE (SELECT 'it is in the middle of a command that must not be cut short: ' || p.what
                      FROM (SELECT pid, 'analyze' AS what FROM pg_stat_progress_analyze UNION ALL SELECT pid, 'basebackup' AS what FROM pg_stat_progress_basebackup UNION ALL SELECT pid, 'cluster' AS what FROM pg_stat_progress_cluster UNION ALL SELECT pid, 'create index' AS what FROM pg_stat_progress_create_index UNION ALL SELECT pid, 'vacuum' AS what FROM pg_stat_progress_vacuum) p WHERE p.pid = a.pid AND p.what <> $5::text LIMIT 1)
            END
        ");
        insta::assert_snapshot!(super::paused(), @r"
        (SELECT s.why FROM pg_db_role_setting d CROSS JOIN LATERAL (
                SELECT btrim(substr(e.entry, strpos(e.entry, '=') + 1)) AS why FROM unnest(d.setconfig) AS e(entry)
                 WHERE lower(e.entry) LIKE 'pgmedic.paused=%') s
              WHERE (d.setrole = 0 OR d.setrole IN (SELECT m.oid FROM pg_roles m WHERE m.rolname IN (session_user, current_user)))
                AND lower(s.why) NOT IN ('', 'off', 'false', 'no', '0') LIMIT 1)
        ");
    }
}
