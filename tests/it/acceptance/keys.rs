//! Every word of the design is known: read, or refused as "not supported yet", and never ignored.

use serde_json::Value as Json;
use std::process::Command;

const CONFIG: &str = r#"
version: 1
mode: enforce
data_dir: ./data
timezone: Asia/Seoul
notify: [dba-slack]
http:
  listen: 127.0.0.1:8432
  probe_listen: none
  socket: {roles: {dba: approver}}
  tokens: [{name: review, role: viewer, token: "${file:secrets/review-token}"}]
target_defaults: {mode: observe, collect_every: 10s, labels: {team: shop}}
target_files: [targets.d/*.yaml]
targets:
  - name: orders
    dsn: postgresql://pgmedic@db1/postgres?sslmode=verify-full&sslrootcert=ca.pem
    password: ${env:ORDERS_PASSWORD}
    act_as: {user: pgmedic_act, password: "${env:ACT_PASSWORD}"}
    mode: enforce
    labels: {env: prod}
    collect_every: 10s
    series_labels: {job: postgres, instance: "db1:9187"}
    databases: ["*"]
    host: {cpus: 16, memory: 64GiB, cpu_busy: 'PROMQL', data_free_bytes: 'PROMQL', wal_free_bytes: 'PROMQL'}
    vars: {long_query: 30m}
    policy: {protect: {users: [etl]}}
    overrides: {cancel-long-queries: {mode: observe}}
    pgbouncer: [{name: orders-pool, dsn: "postgresql://pgmedic@db1:6432/pgbouncer", persist: file, config_file: /etc/pgbouncer/pgbouncer.ini}]
    patroni: {urls: ["https://db1:8008"]}
    pgbackrest: {stanza: main}
    kubernetes: {namespace: pg, cluster: production-pg}
policy:
  protect: {users: ["backup_*"], databases: [], applications: ["pg_dump*", "pgbackrest*"], client_addrs: [], queries: ['(?i)^create index concurrently'], tables: ["audit.*"]}
  limits:
    disruptive:  {per_run: 5, per_playbook_hour: 20, per_target_hour: 30, fleet_hour: 100, same_query: {max: 3, per: 1h}}
    maintenance: {per_run: 200, at_once_per_target: 1, at_once_fleet: 10}
  ceilings: {irreversible: approve}
  breaker: {failures: 3, within: 15m, consecutive_runs: 2, open_for: 1h}
  coincidence: {share: 0.4, at_least: 3}
  allow_custom_sql: true
windows: {nightly: [{cron: "0 1 * * *", lasts: 4h}], office: [{cron: "0 9 * * 1-5", lasts: 9h}]}
freezes: [{name: black-friday, from: 2026-11-27T00:00:00Z, until: 2026-11-30T00:00:00Z, targets: ['env="prod"'], except: [], ceiling: observe}]
rules: [rules/*.yml]
custom_metrics: [metrics/*.yaml]
metrics: {prometheus: {url: "https://prom:9090", bearer: "${file:prom}", max_age: 1m}}
webhooks: [{name: alertmanager, format: alertmanager, bearer: "${env:AM_TOKEN}"}]
channels:
  - {name: dba-slack, slack: {webhook_url: "${env:SLACK_URL}"}, events: [acted, held, failed, reverted, unknown, breaker, daemon], match: ['env="prod"']}
  - {name: ops, webhook: {url: "https://ops.example/hook", secret: "${env:OPS_SECRET}"}}
audit: {retain: 400d, query_text: redacted, checkpoint_sinks: [{file: /mnt/worm/pgmedic.checkpoints}]}
playbooks: []
"#;

const PLAYBOOK: &str = r#"
version: 1
name: cancel-long-queries
about: Cancel, then terminate, application queries that run too long.
owner: dba-team
severity: warning
runbook_url: https://wiki.example/long
labels: {service: shop}
enabled: true
mode: enforce
vars: {long_query: 5m}
triggers:
  - every: 30s
  - cron: "0 */2 * * *"
    timezone: Europe/Berlin
    jitter: 5m
  - window: nightly
  - alert: PostgresLongRunningQuery
    matchers: ['severity="critical"']
    recheck: 30s
    give_up_after: 1h
targets: ['env="prod"']
when:
  promql: pgmedic_long_queries{over="5m"} > 0
  for: 1m
find:
  long_queries: {longer_than: "${var:long_query}", except: {users: [billing]}, only: {databases: ["${alert:datname}"]}, overrides: [{match: {users: [reporting]}, longer_than: 2h}]}
guard:
  role: primary
  limits: {per_run: 3}
  cooldown: 5m
  allow_in: [nightly]
  not_in: [office]
  time_budget: 1h
  unless: {promql: pg_replication_lag_bytes > 100e6, on_no_data: stop}
  while: {promql: up}
  protect: {users: [billing]}
  include: [ddl]
queue: {name: maintenance, priority: 10}
do:
  - cancel_backend
  - wait: 30s
  - terminate_backend: {mode: approve}
verify: {within: 2m, also: up == 1, no_worse_than: {promql: up, percent: 10, over: 5m}}
notify: [dba-slack]
on_overlap: skip
on_missed: skip
"#;

/// The faults of a file, each as its code and the word that its message begins with.
fn faults(text: &str) -> Vec<(String, String)> {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("written.yaml");
    std::fs::write(&file, text).unwrap();
    let output =
        Command::new(env!("CARGO_BIN_EXE_pgmedic")).args(["lint", "-q", "--json"]).arg(&file).output().unwrap();
    let said = String::from_utf8(output.stdout).unwrap();
    let parts = |line: &str| {
        let fault: Json = serde_json::from_str(line).unwrap();
        let message = fault["message"].as_str().unwrap().to_owned();
        // Advice refuses nothing.
        let refused = fault["severity"] == "error";
        let word = message.split('`').nth(1).unwrap_or_default().to_owned();
        refused.then(|| (fault["code"].as_str().unwrap().to_owned(), word))
    };
    said.lines().filter_map(parts).collect()
}

fn not_yet(text: &str) -> Vec<String> {
    let faults = faults(text);
    let others: Vec<_> = faults.iter().filter(|(code, _)| code != "not-supported-yet").collect();
    assert!(others.is_empty(), "{others:?}");
    faults.into_iter().map(|(_, word)| word).collect()
}

#[test]
fn of_the_designs_configuration_only_later_keys_are_refused_and_each_by_its_name() {
    let later = [
        "http.listen",
        "probe_listen",
        "tokens",
        // Once under `target_defaults`, once at the target.
        "collect_every",
        "collect_every",
        "series_labels",
        "host",
        "persist: file",
        "config_file",
        "patroni",
        "pgbackrest",
        "kubernetes",
        "breaker",
        "coincidence",
        "allow_custom_sql: true",
        "rules",
        "custom_metrics",
        "metrics",
        "webhooks",
        "retain",
        "checkpoint_sinks",
    ];
    assert_eq!(not_yet(CONFIG), later);
}

#[test]
fn of_the_designs_playbook_only_later_keys_are_refused_and_each_by_its_name() {
    let mut later = vec!["alert", "matchers", "recheck", "give_up_after", "when", "${alert:…}", "unless", "while"];
    later.extend(["queue", "also", "no_worse_than"]);
    assert_eq!(not_yet(PLAYBOOK), later);
}

#[test]
fn every_finder_and_action_of_the_design_is_there_or_announced() {
    let finders = "long_queries long_transactions idle_in_transaction lock_blockers idle_connections xmin_holders \
        stale_statistics dead_tuples wraparound_risk autovacuum_starved invalid_indexes bloated_indexes unused_indexes \
        duplicate_indexes missing_indexes setting_advice pending_restart config_errors starved_pools oversized_pools \
        pool_sizing inactive_slots orphaned_prepared_xacts exhausting_sequences lagging_replicas overdue_backups \
        archive_failures sql";
    let actions = "cancel_backend terminate_backend analyze vacuum vacuum_freeze set_table_options \
        reindex_concurrently drop_index_concurrently create_index_concurrently alter_system alter_role set_pool_size \
        reconnect_pool drop_slot rollback_prepared run_backup patch_patroni patch_percona_cluster sql call_webhook";
    let here = ["long_queries", "stale_statistics", "starved_pools"];
    for finder in finders.split_whitespace() {
        let found = faults_of_playbook(&format!("find: {finder}\n"));
        let wanted = if here.contains(&finder) { vec![] } else { vec!["not-supported-yet"] };
        assert_eq!(found, wanted, "{finder}");
    }
    let done_to = |action: &str| match action {
        "cancel_backend" | "terminate_backend" => Some("long_queries"),
        "analyze" => Some("stale_statistics"),
        "set_pool_size" => Some("starved_pools"),
        _ => None,
    };
    for action in actions.split_whitespace() {
        let finder = done_to(action);
        let found = faults_of_playbook(&format!("find: {}\ndo: [{action}]\n", finder.unwrap_or("long_queries")));
        let wanted = if finder.is_some() { vec![] } else { vec!["not-supported-yet"] };
        assert_eq!(found, wanted, "{action}");
    }
}

fn faults_of_playbook(body: &str) -> Vec<&'static str> {
    let text = format!("version: 1\nname: a\n{body}");
    let (_, faults) = pgmedic::playbook::read("a.yaml", &text, &pgmedic::decide::catalogue());
    faults.iter().map(|f| f.code).collect()
}

#[test]
fn durations_are_those_of_prometheus() {
    for good in ["30s", "1h30m", "1d", "1w", "1y", "1m500ms"] {
        assert!(
            faults_of_playbook(&format!("find: long_queries\ntriggers: [{{every: {good}}}]\n")).is_empty(),
            "{good}"
        );
    }
    for bad in ["30", "1.5h", "30m1h", "1h1h", "-5m", "1 h", "5min", "\"\""] {
        let codes = faults_of_playbook(&format!("find: long_queries\ntriggers: [{{every: {bad}}}]\n"));
        assert_eq!(codes.len(), 1, "{bad}: {codes:?}");
    }
}

#[test]
fn the_first_override_that_matches_holds() {
    use pgmedic::model::{Duration, names::Called};
    let text = "version: 1\nname: a\nfind: {long_queries: {longer_than: 5m, overrides: [{match: {users: [rep*]}, \
        longer_than: 2h}, {match: {users: [reporting]}, longer_than: 3h}]}}\n";
    let (playbook, faults) = pgmedic::playbook::read("a.yaml", text, &pgmedic::decide::catalogue());
    assert!(faults.is_empty(), "{faults:?}");
    let args = playbook.unwrap().find.args;
    let of = |user| args.for_candidate(&Called { user: Some(user), ..Called::default() }).duration("longer_than");
    assert_eq!(of("reporting"), Some(Duration::from_hours(2)));
    assert_eq!(of("app"), Some(Duration::from_mins(5)));
}

#[test]
fn what_policy_leaves_out_is_what_the_design_writes() {
    use pgmedic::config::{Ceilings, Limits, read};
    let block = CONFIG.split_once("  limits:\n").unwrap().1.split_once("  breaker:").unwrap().0;
    let text = format!("version: 1\nplaybooks: []\ntargets: [{{name: a, dsn: 'host=a'}}]\npolicy:\n  limits:\n{block}");
    let (config, _) = read("pgmedic.yaml".as_ref(), &text, &super::budget::Nothing);
    let config = config.unwrap();
    assert_eq!(config.limits, Limits::default());
    assert_eq!(config.ceilings, Ceilings::default());
}
