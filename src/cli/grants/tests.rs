use super::report::{Choice, Report, report};
use super::script::script;
use super::seen::{Owned, Role, Seen};
use crate::decide::catalogue;
use crate::drivers::address::Address;
use crate::engine::load::load;
use crate::engine::world::World;
use serde_json::json;

const PLAYBOOK: &str = "
version: 1
name: refresh
about: Refreshes statistics.
targets: all
find: {stale_statistics: {except: {schemas: [staging]}}}
do: [analyze]
";

/// One target with one playbook.
fn world(playbook: &str) -> World {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
    let target = "{name: orders, dsn: \"postgresql://look@db1/postgres\", act_as: {user: act}}";
    let protect = "policy: {protect: {tables: [\"audit.*\"]}}";
    write("pgmedic.yaml", &format!("version: 1\ntargets: [{target}]\n{protect}\nplaybooks: [p.yaml]\n"));
    write("p.yaml", playbook);
    let loaded = load(&folder.path().join("pgmedic.yaml"), &catalogue()).unwrap_or_else(|e| panic!("{e}"));
    World::of(&loaded).unwrap().remove(0)
}

fn choice(major: i32, acting: &str) -> Choice {
    let text = str::to_owned;
    let address = Address { user: text("look"), host: text("db1"), port: text("5432"), database: text("postgres") };
    Choice { major: Some(major), allow_ownership: true, address, acting: text(acting), poolers: Vec::new() }
}

fn table(schema: &str, owner: &str, open: bool) -> Owned {
    Owned {
        database: "app".to_owned(),
        schema: schema.to_owned(),
        name: "t".to_owned(),
        owner: owner.to_owned(),
        superuser: owner == "postgres",
        open,
    }
}

fn seen(major: i32) -> Seen {
    let server = json!({
        "version_num": major * 10_000, "system_identifier": "1", "timeline": 1, "in_recovery": false, "client_backends": 1,
        "max_connections": 100, "reserved_connections": 3, "deadlock_timeout_milliseconds": 1000, "paused_by_role": null,
        "privileges": {"monitor": true, "signal_backend": true}, "ownership": {"state": "not_needed"}, "databases": ["app"]
    });
    let role = Role { name: "look".to_owned(), superuser: true, inherits: false, connections: 3 };
    let tables = vec![
        table("public", "shop", true),
        table("sales", "shop", false),
        table("sales", "postgres", false),
        table("audit", "auditor", false),
        table("staging", "loader", false),
    ];
    Seen::of(serde_json::from_value(server).unwrap(), vec![role], tables)
}

fn on(major: i32) -> Report {
    report(&world(PLAYBOOK), &choice(major, "act"), Some(&seen(major)), None)
}

/// Statements that are run, then those that are not.
fn sql(report: &Report) -> Vec<String> {
    let all = report.statements.iter().filter(|s| !s.sql.starts_with("SELECT"));
    all.map(|s| if s.commented_out.is_some() { format!("-- {}", s.sql) } else { s.sql.clone() }).collect()
}

#[test]
fn each_major_is_granted_the_least_that_it_knows() {
    insta::assert_debug_snapshot!(sql(&on(15)), @r##"
    [
        "GRANT pg_monitor TO \"look\";",
        "GRANT pg_monitor TO \"act\";",
        "-- GRANT \"postgres\" TO \"act\";",
        "GRANT \"shop\" TO \"act\";",
        "GRANT CONNECT ON DATABASE \"app\" TO \"act\", \"look\";",
        "GRANT CONNECT ON DATABASE \"postgres\" TO \"act\", \"look\";",
        "GRANT USAGE ON SCHEMA \"sales\" TO \"act\";",
    ]
    "##);
    insta::assert_debug_snapshot!(sql(&on(16)), @r##"
    [
        "GRANT pg_monitor TO \"look\";",
        "GRANT pg_monitor TO \"act\";",
        "GRANT pg_use_reserved_connections TO \"look\";",
        "GRANT pg_use_reserved_connections TO \"act\";",
        "-- GRANT \"postgres\" TO \"act\" WITH INHERIT TRUE, SET FALSE;",
        "GRANT \"shop\" TO \"act\" WITH INHERIT TRUE, SET FALSE;",
        "GRANT CONNECT ON DATABASE \"app\" TO \"act\", \"look\";",
        "GRANT CONNECT ON DATABASE \"postgres\" TO \"act\", \"look\";",
        "GRANT USAGE ON SCHEMA \"sales\" TO \"act\";",
    ]
    "##);
    insta::assert_debug_snapshot!(sql(&on(18)), @r##"
    [
        "GRANT pg_monitor TO \"look\";",
        "GRANT pg_monitor TO \"act\";",
        "GRANT pg_use_reserved_connections TO \"look\";",
        "GRANT pg_use_reserved_connections TO \"act\";",
        "GRANT pg_maintain TO \"act\";",
        "GRANT CONNECT ON DATABASE \"app\" TO \"act\", \"look\";",
        "GRANT CONNECT ON DATABASE \"postgres\" TO \"act\", \"look\";",
        "GRANT USAGE ON SCHEMA \"sales\" TO \"act\";",
        "-- GRANT MAINTAIN ON ALL TABLES IN SCHEMA \"public\" TO \"act\";",
        "-- GRANT MAINTAIN ON ALL TABLES IN SCHEMA \"sales\" TO \"act\";",
    ]
    "##);
}

#[test]
fn the_script_says_of_each_statement_why_and_what_else() {
    insta::assert_snapshot!(script(&on(16)), @r##"
    -- The roles of target orders (db1, port 5432), for PostgreSQL 16.
    -- Run it as superuser: pgmedic grants … | psql -X. Once more does no harm.
    -- Playbooks: refresh. Actions: analyze.
    -- LOOK: look is a superuser. pgmedic needs none, and a superuser may do everything: use another
    -- role.
    -- LOOK: look has NOINHERIT, so that no membership below helps it: ALTER ROLE "look" INHERIT.
    -- LOOK: look may open 3 connections: ALTER ROLE "look" CONNECTION LIMIT 8.

    \set ON_ERROR_STOP on

    -- The login that looks. Where it is there already it stays as it is. Then give it a password:
    -- \password "look"
    SELECT 'CREATE ROLE "look" LOGIN CONNECTION LIMIT 8' WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'look') \gexec

    -- The login that acts. Where it is there already it stays as it is. Then give it a password:
    -- \password "act"
    SELECT 'CREATE ROLE "act" LOGIN CONNECTION LIMIT 8' WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'act') \gexec

    -- Without it the views hide what other users' sessions do, and every finder would say that all is
    -- well.
    -- Also permits: reading every session's query text and client address and all settings; running
    -- functions that scan a table under a light lock (pgstattuple and its like).
    GRANT pg_monitor TO "look";

    -- Without it the views hide from it what others do: no session is cancelled or terminated.
    -- Maintenance goes on: who waits for it is found by pg_locks, but not what kind of session that is.
    -- Also permits: reading every session's query text and client address and all settings; running
    -- functions that scan a table under a light lock (pgstattuple and its like).
    GRANT pg_monitor TO "act";

    -- Lets it come in when the server is full, which is when it is needed; useful once
    -- reserved_connections is set to 2 or more (needs a restart).
    -- Also permits: nothing else.
    GRANT pg_use_reserved_connections TO "look";

    -- Lets it come in when the server is full, which is when it is needed; useful once
    -- reserved_connections is set to 2 or more (needs a restart).
    -- Also permits: nothing else.
    GRANT pg_use_reserved_connections TO "act";

    -- Below PostgreSQL 17 only a table's owner may ANALYZE it; for others the server skips it with a
    -- warning.
    -- Also permits: everything that the owner may: read and change the rows, ALTER and DROP its tables.
    -- NOT DONE: postgres, owner of 1 of the tables, is a superuser or can make itself one, and so could
    -- pgmedic: give the tables another owner.
    -- GRANT "postgres" TO "act" WITH INHERIT TRUE, SET FALSE;

    -- Below PostgreSQL 17 only a table's owner may ANALYZE it; for others the server skips it with a
    -- warning.
    -- Also permits: everything that the owner may: read and change the rows, ALTER and DROP its tables.
    GRANT "shop" TO "act" WITH INHERIT TRUE, SET FALSE;

    -- Everybody has it unless somebody took it away.
    -- Also permits: sessions in this database; reading its tables takes further grants.
    GRANT CONNECT ON DATABASE "app" TO "act", "look";

    -- Everybody has it unless somebody took it away.
    -- Also permits: sessions in this database; reading its tables takes further grants.
    GRANT CONNECT ON DATABASE "postgres" TO "act", "look";

    \connect app

    -- Without it the tables of the schema cannot be named in a statement.
    -- Also permits: naming whatever is in the schema; reading or changing it takes further grants.
    GRANT USAGE ON SCHEMA "sales" TO "act";

    -- pg_hba.conf, above whatever else would match; then SELECT pg_reload_conf():
    -- hostssl all look,act ADDRESS_OF_PGMEDIC/32 scram-sha-256
    "##);
}

#[test]
fn one_role_for_both_is_granted_each_thing_once() {
    let both = report(&world(PLAYBOOK), &choice(18, "look"), Some(&seen(18)), None);
    let monitor = sql(&both).iter().filter(|s| s.contains("pg_monitor")).count();
    assert_eq!((both.statements.iter().filter(|s| s.sql.contains("CREATE ROLE")).count(), monitor), (1, 1));
}

#[test]
fn a_disabled_playbook_needs_nothing() {
    let off = format!("{PLAYBOOK}enabled: false\n");
    let report = report(&world(&off), &choice(15, "act"), Some(&seen(15)), None);
    assert!(report.actions.is_empty() && !sql(&report).iter().any(|s| s.contains("shop")), "{report:?}");
}
