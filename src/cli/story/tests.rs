use super::*;
use serde_json::{Value as Json, json};

fn told(records: &[Json]) -> String {
    let base = json!({"run": "01KAW3QZ8G0000000000000000", "target": "orders"});
    let records: Vec<Record> = records
        .iter()
        .enumerate()
        .map(|(n, own)| {
            let mut record = base.clone();
            record["seq"] = json!(n + 12);
            record["playbook"] = json!({"name": "cancel-long-queries", "digest": "3f2a"});
            for (name, value) in own.as_object().unwrap() {
                record[name] = value.clone();
            }
            serde_json::from_value(record).unwrap()
        })
        .collect();
    story(&records, Setting { paint: Paint { on: false }, width: None })
}

fn at(seconds: u32) -> String {
    format!("2026-11-24T20:{:02}:{:02}.000000Z", 19 + seconds / 60, seconds % 60)
}

fn backend() -> Json {
    json!({
        "key": "backend:4711:1:2", "title": "pid 4711 (app@shop, psql), running 12m 3s", "kind": "backend",
        "pid": 4711, "backend_start": "2026-11-24T20:00:00Z", "xact_start": null, "query_start": null,
        "state": "active", "backend_type": "client backend", "user": "app", "database": "shop",
        "application": "psql", "client_addr": null, "superuser": false, "replication": false, "wait": null,
        "progress": null, "relation_locks": 1, "running_seconds": 723.0, "limit_seconds": 300.0,
        "query": "select $1\nfrom orders", "fingerprint": "x"
    })
}

fn pool() -> Json {
    json!({
        "key": "pool:orders-pool:shop:app", "kind": "pool", "pooler": "orders-pool", "database": "shop", "user": "app",
        "title": "pool shop/app on orders-pool (9 clients waiting, the oldest 4.0s; 5 of 5 servers in use)",
        "waiting_clients": 9, "max_wait_seconds": 4.0, "active_servers": 5, "idle_servers": 0, "pool_size": 5,
        "own_size": false, "default_pool_size": 5, "pools_by_default": 1, "pools_total": 5, "direct_clients": 2,
        "usable_connections": 97
    })
}

fn table_of(name: &str) -> Json {
    json!({
        "key": format!("table:shop:16400:public.{name}"), "kind": "table", "database": "shop", "schema": "public",
        "name": name, "title": format!("table public.{name} in shop (50000 rows changed since its last ANALYZE, threshold 10050)"),
        "oid": 16400, "owner": "app", "partitioned": false, "rows": 1e5, "modified_rows": 50000,
        "threshold_rows": 10050.0, "last_analyzed": null, "leaf_last_analyzed": null, "never_analyzed": true,
        "autovacuum_off": false
    })
}

fn facts(candidates: &[Json]) -> Json {
    json!({
        "target": "orders", "labels": {"env": "prod"}, "looked_at": at(0), "candidates": candidates,
        "unreadable": ["database crm: permission denied"],
        "server": {
            "version_num": 150_018, "system_identifier": "77", "timeline": 1, "in_recovery": false, "client_backends": 5,
            "max_connections": 60, "reserved_connections": 3, "deadlock_timeout_milliseconds": 1000,
            "paused_by_role": null, "privileges": {"monitor": true, "signal_backend": true},
            "ownership": {"state": "held"}, "databases": ["shop", "crm"]
        }
    })
}

/// An hour and more of it: one intent too old for the limits, two that count, one of maintenance.
fn history() -> Json {
    let intent = |at: &str, target: &str, class: &str| {
        json!({"at": at, "run": "01K", "target": target, "playbook": "p", "class": class, "candidate": "c",
               "same_query": null})
    };
    let ended = json!({"at": "2026-11-24T20:16:00Z", "status": "timed_out", "action": "cancel_backend", "run": "01J"});
    json!({
        "intents": [intent("2026-11-24T19:00:00Z", "orders", "disruptive"),
                    intent("2026-11-24T20:00:00Z", "crm", "disruptive"),
                    intent("2026-11-24T20:10:00Z", "orders", "disruptive"),
                    intent("2026-11-24T20:11:00Z", "orders", "maintenance")],
        "open": [],
        "ended": [[["orders", "cancel-long-queries", "backend:4711:1:2"], ended]],
        "pauses": [[{"playbook": "refresh-statistics"}, {"actor": "user:alice", "reason": "migration",
                    "since": "2026-11-24T20:00:00Z", "until": "2026-11-24T22:00:00.123456789Z"}]],
        "told": {}
    })
}

fn trigger(detail: &str) -> Json {
    json!({"time": at(0), "kind": "trigger", "actor": "daemon",
           "trigger": {"kind": "every", "detail": detail, "nominal": "2026-11-24T20:19:00Z"}})
}

fn guard(name: &str, verdict: &Json, detail: &str) -> Json {
    json!({"name": name, "verdict": verdict, "detail": detail})
}

fn asked(limits: &str) -> Json {
    let pass = json!("pass");
    json!([
        guard("role", &pass, "a primary, as wanted"),
        guard("cooldown", &pass, "not acted on before"),
        guard("limits", &pass, limits)
    ])
}

#[test]
fn a_run_that_only_observes() {
    let text = told(&[
        trigger("30s"),
        json!({"time": at(0), "kind": "decision", "mode": "observe", "verdict": "observe", "reason": "1 long query",
               "guards": [guard("role", &json!("pass"), "a primary, as wanted"),
                          guard("mode", &json!("at_most_observe"), "the playbook's mode is observe")],
               "evidence": {"candidates_found": 230, "candidates_not_shown": 229, "facts": facts(&[backend()]),
                            "history": history(), "queue": {"waiting": [1, 2]}}}),
        json!({"time": at(0), "kind": "decision", "mode": "observe", "verdict": "observe", "candidate": backend(),
               "reason": "it ran 12m 3s, limit 5m", "guards": [guard("protected", &json!("pass"), "no pattern matches")],
               "evidence": {"notice": {"event": "observed", "incident": "i", "headline": "1 query of app runs 12m", "lines": []}},
               "notify": ["dba-slack"]}),
    ]);
    insta::assert_snapshot!(text, @"
    Run 01KAW3QZ8G0000000000000000: cancel-long-queries on orders
      trigger    every 30s, due 2026-11-24 20:19:00Z
      asked by   daemon
      began      2026-11-24 20:19:00Z, record 12
      ended      2026-11-24 20:19:00Z, record 14, 0s later
      playbook   cancel-long-queries (SHA-256 of its text 3f2a)
      mode       observe
      concluded  observe: 1 long query

    Evidence
      server    PostgreSQL 15.18, a primary; clients use 5 of 57 usable connections
      found     230 candidates; 229 of them are only counted in the record
      not read  database crm: permission denied
      paused    playbook refresh-statistics, by user:alice since 2026-11-24 20:00:00Z, until 2026-11-24 22:00:00Z: migration
      limits    2 disruptive actions in the last hour, 1 of them on orders
      earlier   cancel_backend on backend:4711:1:2: timed out, 3m ago (run 01J)
      queue.waiting: 1, 2

    Guards of the run
      pass             role  a primary, as wanted
      at most observe  mode  the playbook's mode is observe

    1. pid 4711 (app@shop, psql), running 12m 3s
      query: select $1
             from orders
      seen: active (limit 5m), from the server's own socket since 2026-11-24 20:00:00Z, 1 relation lock
      20:19:00  decided to only record it (observe): it ran 12m 3s, limit 5m
                pass  protected  no pattern matches

    Messages
      20:19:00  for dba-slack: observed: 1 query of app runs 12m
    ");
}

#[test]
fn a_ladder_climbed_to_its_end() {
    let rung = |name: &str, sql: &str| json!({"name": name, "class": "disruptive", "arguments": {}, "statement": sql});
    let sql = "/* pgmedic run=01K playbook=cancel-long-queries */\nselect pg_cancel_backend(pid)\nfrom pg_stat_activity\nwhere pid = $1";
    let text = told(&[
        trigger("30s"),
        json!({"time": at(0), "kind": "decision", "mode": "enforce", "verdict": "act", "reason": "1 long query",
               "guards": [guard("role", &json!("pass"), "a primary, as wanted")]}),
        json!({"time": at(1), "kind": "decision", "mode": "enforce", "verdict": "act", "candidate": backend(),
               "reason": "it ran 12m 3s, limit 5m", "guards": asked("0 of 5 in this run")}),
        json!({"time": at(1), "kind": "intent", "candidate": backend(), "action": rung("cancel_backend", sql),
               "reason": "it ran 12m 3s, limit 5m", "guards": asked("0 of 5 in this run")}),
        json!({"time": at(2), "kind": "outcome", "candidate": backend(), "action": rung("cancel_backend", sql),
               "outcome": {"status": "failed", "detail": "the signal was sent, and the query still runs"}}),
        json!({"time": at(32), "kind": "decision", "verdict": "act", "candidate": backend(), "reason": "still running",
               "guards": asked("1 of 5 in this run")}),
        json!({"time": at(32), "kind": "intent", "candidate": backend(), "guards": asked("1 of 5 in this run"),
               "action": rung("terminate_backend", "select pg_terminate_backend(pid)")}),
        json!({"time": at(33), "kind": "outcome", "candidate": backend(), "action": rung("terminate_backend", ""),
               "outcome": {"status": "done", "detail": "the session is gone"}}),
        json!({"time": at(70), "kind": "verification", "candidate": backend(),
               "outcome": {"status": "done", "detail": "the query no longer runs"}}),
        json!({"time": at(70), "kind": "verification", "reason": "1 of 1 helped", "notify": ["dba-slack"],
               "evidence": {"notice": {"event": "acted", "incident": "i", "headline": "ended 1 query of app", "lines": []}}}),
        json!({"time": at(71), "kind": "notification", "evidence": {"channel": "dba-slack", "of": 21,
               "status": "delivered", "attempts": 1, "detail": "200 OK"}}),
    ]);
    insta::assert_snapshot!(text, @"
    Run 01KAW3QZ8G0000000000000000: cancel-long-queries on orders
      trigger    every 30s, due 2026-11-24 20:19:00Z
      asked by   daemon
      began      2026-11-24 20:19:00Z, record 12
      ended      2026-11-24 20:20:11Z, record 22, 1m 11s later
      playbook   cancel-long-queries (SHA-256 of its text 3f2a)
      mode       enforce
      concluded  act: 1 long query

    Guards of the run
      pass  role  a primary, as wanted

    1. pid 4711 (app@shop, psql), running 12m 3s
      query: select $1
             from orders
      seen: active (limit 5m), from the server's own socket since 2026-11-24 20:00:00Z, 1 relation lock
      20:19:01  decided to act: it ran 12m 3s, limit 5m
                pass  cooldown  not acted on before
                pass  limits    0 of 5 in this run
                1 guard of the run: as above
      20:19:01  announced cancel_backend
                class: disruptive
                sent: statement 1 below (4 lines)
                all 3 guards were asked again and passed
      20:19:02  1s later: outcome of cancel_backend: failed: the signal was sent, and the query still runs
      20:19:32  30s later: decided to act: still running
                pass  limits  1 of 5 in this run
                2 guards asked again: passed as before
      20:19:32  announced terminate_backend
                class: disruptive
                sent: select pg_terminate_backend(pid)
                all 3 guards were asked again and passed
      20:19:33  1s later: outcome of terminate_backend: done: the session is gone
      20:20:10  37s later: looked whether it helped: done: the query no longer runs

    The run
      20:20:10  looked whether it helped: 1 of 1 helped

    Messages
      20:20:10  for dba-slack: acted: ended 1 query of app
      20:20:11  dba-slack: delivered after 1 attempt: 200 OK

    Statements as sent
      1. /* pgmedic run=01K playbook=cancel-long-queries */
         select pg_cancel_backend(pid)
         from pg_stat_activity
         where pid = $1
    ");
}

#[test]
fn statistics_renewed() {
    let action = json!({"name": "analyze", "class": "maintenance", "arguments": {"lock_timeout": "500ms"},
                        "statement": "ANALYZE (VERBOSE) \"public\".\"a\""});
    let text = told(&[
        json!({"time": at(0), "kind": "trigger", "actor": "user:alice", "trigger": {"kind": "manual"}}),
        json!({"time": at(0), "kind": "intent", "candidate": table_of("a"), "action": action}),
        json!({"time": at(9), "kind": "outcome", "candidate": table_of("a"), "action": action,
               "outcome": {"status": "timed_out", "detail": "cancelled after 9s: the window closed"}}),
    ]);
    insta::assert_snapshot!(text, @r#"
    Run 01KAW3QZ8G0000000000000000: cancel-long-queries on orders
      trigger   manual
      asked by  user:alice
      began     2026-11-24 20:19:00Z, record 12
      ended     2026-11-24 20:19:09Z, record 14, 9s later
      playbook  cancel-long-queries (SHA-256 of its text 3f2a)

    1. table public.a in shop (50000 rows changed since its last ANALYZE, threshold 10050)
      seen: about 100000 rows, owner app, never analyzed
      20:19:00  announced analyze
                class: maintenance
                with: lock_timeout 500ms
                sent: ANALYZE (VERBOSE) "public"."a"
      20:19:09  9s later: outcome of analyze: timed out: cancelled after 9s: the window closed
    "#);
}

#[test]
fn a_pool_enlarged_and_put_back() {
    let action = json!({"name": "set_pool_size", "class": "disruptive", "arguments": {"step": 5, "max": 20},
                        "statement": "SET default_pool_size = 10"});
    let back = json!({"name": "set_pool_size", "class": "disruptive", "statement": "SET default_pool_size = 5"});
    let text = told(&[
        trigger("15s"),
        json!({"time": at(1), "kind": "intent", "candidate": pool(), "action": action, "before": {"default_pool_size": 5},
               "after": {"default_pool_size": 10}}),
        json!({"time": at(1), "kind": "outcome", "candidate": pool(), "action": action,
               "before": {"default_pool_size": 5}, "after": {"default_pool_size": 10},
               "outcome": {"status": "done", "detail": "default_pool_size is 10"}}),
        json!({"time": at(61), "kind": "verification", "candidate": pool(),
               "outcome": {"status": "failed", "detail": "9 clients still wait"}}),
        json!({"time": at(61), "kind": "revert", "candidate": pool(), "action": back, "before": 10, "after": 5,
               "outcome": {"status": "done", "detail": "default_pool_size is 5 again"}, "reason": "it did not help"}),
    ]);
    insta::assert_snapshot!(text, @"
    Run 01KAW3QZ8G0000000000000000: cancel-long-queries on orders
      trigger   every 15s, due 2026-11-24 20:19:00Z
      asked by  daemon
      began     2026-11-24 20:19:00Z, record 12
      ended     2026-11-24 20:20:01Z, record 16, 1m 1s later
      playbook  cancel-long-queries (SHA-256 of its text 3f2a)

    1. pool shop/app on orders-pool (9 clients waiting, the oldest 4.0s; 5 of 5 servers in use)
      seen: its size is default_pool_size (5), which reaches 1 pool; 0 servers idle; all pools may open 5, 2 sessions come from elsewhere, PostgreSQL takes 97
      20:19:01  announced set_pool_size
                class: disruptive
                with: max 20, step 5
                sent: SET default_pool_size = 10
                before: default_pool_size 5
                after: default_pool_size 10
      20:19:01  outcome of set_pool_size: done: default_pool_size is 10
      20:20:01  1m later: looked whether it helped: failed: 9 clients still wait
      20:20:01  took it back: done: default_pool_size is 5 again; it did not help
                class: disruptive
                sent: SET default_pool_size = 5
                before: 10
                after: 5
    ");
}

#[test]
fn a_run_that_was_stopped() {
    let text = told(&[
        trigger("30s"),
        json!({"time": at(0), "kind": "decision", "verdict": "skip", "reason": "paused: by user:alice: migration",
               "guards": [guard("paused", &json!("stop"), "paused by user:alice: migration")]}),
    ]);
    insta::assert_snapshot!(text, @"
    Run 01KAW3QZ8G0000000000000000: cancel-long-queries on orders
      trigger    every 30s, due 2026-11-24 20:19:00Z
      asked by   daemon
      began      2026-11-24 20:19:00Z, record 12
      ended      2026-11-24 20:19:00Z, record 13, 0s later
      playbook   cancel-long-queries (SHA-256 of its text 3f2a)
      concluded  skip: paused: by user:alice: migration

    Guards of the run
      stop  paused  paused by user:alice: migration
    ");
    assert_eq!(story(&[], Setting { paint: Paint { on: false }, width: None }), "");
}

#[test]
fn long_evidence_is_cut_and_says_so() {
    let rows: Vec<Json> = (0..60).map(|n| json!({"n": n})).collect();
    let text =
        told(&[json!({"time": at(0), "kind": "decision", "verdict": "act", "reason": "", "evidence": {"rows": rows}})]);
    assert!(
        text.contains("rows.40.n: 39") && !text.contains("rows.41") && text.contains("and 20 lines more"),
        "{text}"
    );
}
