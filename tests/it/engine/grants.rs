//! The roles as `pgmedic grants` makes them: enough for the three remedies, and what is missing is said.

use super::remedies::{POOLS, crowd, helped};
use super::{LONG_QUERIES, STATISTICS};
use crate::support::{Certificates, Cluster, Home, PgBouncer, each_major, eventually};
use std::process::{Command, Stdio};

/// Roles that no template knows.
fn target(cluster: &Cluster, more: &str) -> String {
    let dsn = cluster.dsn("medic look", "postgres").replace(' ', "%20");
    format!(
        "mode: enforce\ntargets:\n  - name: orders\n    dsn: {dsn}?sslmode=disable\n    act_as: {{user: \"medic'act\"}}\n    mode: enforce\n{more}"
    )
}

/// Runs a script through psql as superuser, as its first lines say.
fn psql(cluster: &Cluster, home: &Home, script: &str) {
    home.write("grants.sql", script);
    let mut psql = Command::new("psql");
    psql.args(["-X", "-f"]).arg(home.path("grants.sql")).arg(cluster.dsn("postgres", "postgres"));
    let output = psql.stdin(Stdio::null()).output().expect("psql");
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success() && !said.contains("ERROR"), "{said}\n{script}");
}

/// A stale table in a schema that is not open to everybody.
fn stale_table(cluster: &Cluster) {
    cluster.psql("app", "CREATE SCHEMA sales AUTHORIZATION app");
    for statement in [
        "CREATE TABLE sales.t AS SELECT g FROM generate_series(1, 20000) g",
        "ANALYZE sales.t",
        "UPDATE sales.t SET g = g",
    ] {
        cluster.psql("app", &format!("SET ROLE app; {statement}"));
    }
}

each_major!(with_these_roles_alone_all_three_are_remedied, async |cluster: Cluster| {
    let Some(bouncer) = PgBouncer::start(&cluster, &[("default_pool_size", "2")]) else { return };
    let pooler = format!("    pgbouncer: [{{name: main, dsn: \"{}\"}}]\n", bouncer.dsn("pgmedic", "pgbouncer"));
    let home = Home::new(&target(&cluster, &pooler), &[LONG_QUERIES, STATISTICS, POOLS]);
    stale_table(&cluster);
    cluster.psql("postgres", "REVOKE CONNECT ON DATABASE app FROM PUBLIC");
    let admin = cluster.dsn("postgres", "postgres");
    let (code, script, said) = home.run(&["grants", "--allow-ownership", "--dsn", &admin]);
    assert_eq!(code, 0, "{said}");
    psql(&cluster, &home, &script);
    psql(&cluster, &home, &script);
    crowd(&bouncer, 4).await;
    let runaway = cluster.sleeper("app", "app", "SELECT pg_sleep(120)").await;
    let _daemon = home.serve();
    assert_eq!(runaway.ended().await, Err(Some("57014".to_owned())), "{}", home.log());
    let all = ["end-long-queries", "refresh-statistics", "grow-pools"];
    eventually(async || all.iter().all(|playbook| helped(&home, playbook))).await;
    let rights = "SELECT rolsuper OR rolcreaterole OR rolcreatedb OR rolreplication OR rolbypassrls, rolconnlimit \
                    FROM pg_roles WHERE rolname LIKE 'medic%'";
    assert_eq!(cluster.psql("postgres", rights), "f|8\nf|8");
    let (_, again, _) = home.run(&["grants", "--allow-ownership"]);
    assert!(again.contains("\\set ON_ERROR_STOP on") && !again.contains("was not looked at"), "{again}");
});

each_major!(a_script_for_no_version_runs_on_all, async |cluster: Cluster| {
    let home = Home::new(&target(&cluster, ""), &[LONG_QUERIES, STATISTICS]);
    // The roles are not there yet, so that the target's own login cannot look.
    let (code, script, said) = home.run(&["grants"]);
    assert_eq!(code, 0, "{said}");
    assert!(said.contains("was not looked at") && script.contains("was not looked at"), "{said}\n{script}");
    psql(&cluster, &home, &script);
    let members = "SELECT string_agg(r.rolname, ' ' ORDER BY r.rolname) FROM pg_auth_members m \
                     JOIN pg_roles r ON r.oid = m.roleid JOIN pg_roles a ON a.oid = m.member \
                    WHERE a.rolname = 'medic''act'";
    let want = match cluster.major() {
        ..16 => "pg_monitor pg_signal_backend",
        16 => "pg_monitor pg_signal_backend pg_use_reserved_connections",
        17.. => "pg_maintain pg_monitor pg_signal_backend pg_use_reserved_connections",
    };
    assert_eq!(cluster.psql("postgres", members), want);
});

#[tokio::test]
async fn ownership_is_given_only_when_asked_for_and_never_a_superusers() {
    let Some(cluster) = Cluster::start(15) else { return };
    let home = Home::new(&target(&cluster, ""), &[STATISTICS]);
    stale_table(&cluster);
    cluster.psql("app", "CREATE TABLE sales.by_dba AS SELECT 1 AS n");
    cluster.psql("app", "CREATE ROLE deputy IN ROLE postgres");
    cluster.psql("app", "CREATE TABLE sales.by_deputy AS SELECT 1 AS n");
    cluster.psql("app", "ALTER TABLE sales.by_deputy OWNER TO deputy");
    let admin = cluster.dsn("postgres", "postgres");
    let lines = |args: &[&str]| {
        let (_, script, _) = home.run(&[&["grants", "--dsn", &admin], args].concat());
        let of = |owner: &str| {
            let grant = format!("GRANT \"{owner}\" TO");
            script.lines().find(|l| l.contains(&grant)).unwrap_or_default().to_owned()
        };
        [of("app"), of("postgres"), of("deputy")]
    };
    let grants = |first: &str| {
        let grant = |(comment, owner)| format!("{comment}GRANT \"{owner}\" TO \"medic'act\";");
        [(first, "app"), ("-- ", "postgres"), ("-- ", "deputy")].map(grant)
    };
    assert_eq!(lines(&[]), grants("-- "));
    assert_eq!(lines(&["--allow-ownership"]), grants(""));
}

const NIGHTLY: &str = "
version: 1
name: nightly-queries
about: Ends what runs too long at night.
mode: enforce
triggers: [{cron: \"0 3 1 1 *\"}]
targets: all
find: {long_queries: {longer_than: 1s}}
do: [cancel_backend]
";

each_major!(a_missing_pg_monitor_is_found_at_start_and_told_once, async |cluster: Cluster| {
    let home = Home::new(&target(&cluster, ""), &[LONG_QUERIES, NIGHTLY]);
    let (_, script, _) = home.run(&["grants", "--dsn", &cluster.dsn("postgres", "postgres")]);
    psql(&cluster, &home, &script);
    cluster.psql("postgres", "REVOKE pg_monitor FROM \"medic look\"");
    let runaway = cluster.sleeper("app", "app", "SELECT pg_sleep(120)").await;
    let _daemon = home.serve();
    let of = |kind: &str| {
        let about = |r: &serde_json::Value| r["reason"].to_string().contains("pg_monitor");
        home.of_kind(kind).into_iter().filter(about).collect::<Vec<_>>()
    };
    eventually(async || !of("decision").is_empty() && !of("lifecycle").is_empty()).await;
    tokio::time::sleep(std::time::Duration::from_secs(3)).await;
    let (decisions, told) = (of("decision"), of("lifecycle"));
    assert_eq!((decisions.len(), told.len()), (1, 1), "{decisions:?}\n{told:?}");
    assert!(decisions[0]["reason"].as_str().is_some_and(|r| r.starts_with("privilege:")), "{decisions:?}");
    assert_eq!(decisions[0]["verdict"], "skip");
    assert_eq!(home.of_kind("intent"), Vec::<serde_json::Value>::new());
    let (_, status, _) = home.run(&["status"]);
    assert!(status.contains("up, but pg_monitor is missing"), "{status}");
    let (_, plan, _) = home.run(&["plan"]);
    assert!(plan.contains("pg_monitor"), "{plan}");
    cluster.psql("postgres", "GRANT pg_monitor TO \"medic look\"");
    assert_eq!(runaway.ended().await, Err(Some("57014".to_owned())), "{}", home.log());
    let (_, status, _) = home.run(&["status"]);
    assert!(!status.contains("is missing"), "{status}");
    assert_eq!(of("lifecycle").len(), 2, "told when it is there again");
});

#[tokio::test]
async fn a_playbook_that_rests_until_new_year_does_not_hide_what_is_missing() {
    let Some(cluster) = Cluster::start(15) else { return };
    cluster.psql("postgres", "CREATE ROLE \"medic look\" LOGIN; CREATE ROLE \"medic'act\" LOGIN");
    let home = Home::new(&target(&cluster, ""), &[NIGHTLY]);
    let _daemon = home.serve();
    let told = |what: &str| {
        let lifecycle = home.of_kind("lifecycle");
        lifecycle.iter().filter(|r| r["reason"].to_string().contains(&format!("{what} is missing"))).count()
    };
    eventually(async || told("pg_monitor") == 1).await;
    let (_, status, _) = home.run(&["status"]);
    assert!(status.contains("up, but pg_monitor is missing"), "{status}");
    cluster.psql("postgres", "GRANT pg_monitor TO \"medic look\"");
    let (code, _, said) = home.run(&["reload"]);
    assert_eq!(code, 0, "{said}");
    eventually(async || told("pg_signal_backend") == 1).await;
    assert_eq!(told("pg_monitor"), 1);
}

#[tokio::test]
async fn its_line_for_pg_hba_is_one_that_the_server_takes_and_its_roles_have_a_limit() {
    let made = Certificates::make();
    let settings = made.settings();
    let settings: Vec<(&str, &str)> = settings.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let Some(cluster) = Cluster::start_with(15, &settings) else { return };
    let home = Home::new(&target(&cluster, "    databases: [app]\n"), &[LONG_QUERIES, STATISTICS]);
    let (code, script, said) = home.run(&["grants", "--dsn", &cluster.dsn("postgres", "postgres")]);
    assert_eq!(code, 0, "{said}");
    for role in ["medic look", "medic''act"] {
        let create = format!("SELECT 'CREATE ROLE \"{role}\" LOGIN CONNECTION LIMIT 8'");
        assert!(script.contains(&create), "{create}\n{script}");
    }
    let head = "-- pg_hba.conf, above whatever else would match; then SELECT pg_reload_conf():\n-- ";
    let line = script.split_once(head).and_then(|(_, rest)| rest.lines().next()).unwrap_or_default();
    cluster.admit(&format!("{line}\nlocal all all trust\nhost all all 127.0.0.1/32 trust\n")).await;
    let rules = "SELECT type, database, user_name, address, auth_method, error FROM pg_hba_file_rules \
                 ORDER BY line_number LIMIT 1";
    let taken = r#"hostssl|{app,postgres}|{"medic look",medic'act}|samehost|scram-sha-256|"#;
    assert_eq!(cluster.psql("postgres", rules), taken, "{line}");
}

#[tokio::test]
async fn without_ownership_the_analyze_fails_and_says_so() {
    let Some(cluster) = Cluster::start(15) else { return };
    let home = Home::new(&target(&cluster, ""), &[STATISTICS]);
    stale_table(&cluster);
    let (_, script, _) = home.run(&["grants", "--dsn", &cluster.dsn("postgres", "postgres")]);
    psql(&cluster, &home, &script);
    let _daemon = home.serve();
    eventually(async || home.outcomes().contains(&"analyze failed".to_owned())).await;
    let outcome = home.of_kind("outcome")[0]["outcome"].to_string();
    assert!(outcome.contains("only table or database owner"), "{outcome}");
}

#[tokio::test]
async fn several_targets_are_data_and_no_script() {
    let Some(cluster) = Cluster::start(15) else { return };
    let dsn = cluster.dsn("postgres", "postgres");
    let two = format!("targets:\n  - {{name: orders, dsn: \"{dsn}\"}}\n  - {{name: crm, dsn: \"{dsn}\"}}\n");
    let home = Home::new(&two, &[STATISTICS]);
    let (code, _, said) = home.run(&["grants"]);
    assert_eq!(code, 2, "{said}");
    assert!(said.contains("--target") && said.contains("orders, crm"), "{said}");
    let (code, said, _) = home.run(&["grants", "-o", "json"]);
    let reports: Vec<serde_json::Value> = said.lines().map(|l| serde_json::from_str(l).expect("JSON")).collect();
    assert_eq!((code, reports.len()), (0, 2), "{said}");
    assert_eq!(reports[1]["major"], 15);
    assert!(reports[1]["remarks"][0].as_str().is_some_and(|r| r.contains("superuser")), "{said}");
}
