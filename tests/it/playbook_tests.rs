//! `pgmedic test` over tests of playbooks: those that are shipped, the one of the documentation, and what is said
//! when something does not come as expected or a file cannot be read.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test's helpers stop it like the test itself")]

use regex::Regex;
use serde_json::Value as Json;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

const SHIPPED: [&str; 3] = ["cancel-long-queries", "grow-starved-pools", "refresh-statistics"];

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn pgmedic(folder: &Path, args: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_pgmedic"));
    command.args(args).current_dir(folder).env_remove("PGMEDIC_CONFIG").output().unwrap()
}

fn text_of(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// A folder with files in it.
fn folder(files: &[(&str, &str)]) -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    for (name, text) in files {
        let path = dir.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
    dir
}

fn shipped(path: &str) -> String {
    std::fs::read_to_string(root().join("playbooks").join(path)).unwrap()
}

/// What the tests of a shipped playbook say with one text replaced everywhere: the exit code and what is printed.
fn with(playbook: &str, right: &str, wrong: &str) -> (Option<i32>, String) {
    let tests = shipped(&format!("tests/{playbook}.yaml"));
    assert!(tests.contains(right), "{playbook}: {right}");
    let name = format!("{playbook}.yaml");
    let dir = folder(&[(&name, &shipped(&name)), ("tests/it.yaml", &tests.replace(right, wrong))]);
    let output = pgmedic(dir.path(), &["test", "tests/it.yaml"]);
    (output.status.code(), text_of(&output.stdout))
}

#[test]
fn the_shipped_playbooks_decide_as_their_tests_say() {
    // Without FILE, as whoever cloned the repository would.
    let output = pgmedic(&root(), &["test"]);
    let (said, summary) = (text_of(&output.stdout), text_of(&output.stderr));
    assert_eq!(output.status.code(), Some(0), "{said}{summary}");
    assert!(summary.starts_with("3 files: ") && summary.contains(" 0 failed"), "{summary}");
    for playbook in SHIPPED {
        let output = pgmedic(&root(), &["lint", &format!("playbooks/tests/{playbook}.yaml")]);
        assert_eq!(output.status.code(), Some(0), "{}", text_of(&output.stdout));
    }
}

/// The files of a page's examples, by the names before them.
fn examples(page: &str) -> Vec<(String, String)> {
    let block = Regex::new(r"(?s)<!-- file: (\S+) -->\n```yaml\n(.*?)```").unwrap();
    block.captures_iter(page).map(|one| (one[1].to_owned(), one[2].to_owned())).collect()
}

#[test]
fn the_example_of_the_documentation_passes() {
    let page = std::fs::read_to_string(root().join("docs/testing-playbooks.md")).unwrap();
    let files = examples(&page);
    assert_eq!(files.len(), 2);
    let files: Vec<(&str, &str)> = files.iter().map(|(name, text)| (name.as_str(), text.as_str())).collect();
    let dir = folder(&files);
    let output = pgmedic(dir.path(), &["test", "-o", "json"]);
    assert_eq!(output.status.code(), Some(0), "{}{}", text_of(&output.stdout), text_of(&output.stderr));
    let checks: Vec<Json> = text_of(&output.stdout).lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let what: Vec<&str> = checks.iter().map(|check| check["what"].as_str().unwrap()).collect();
    let first = ["the run", "candidate 7", "candidate 8", "what the finder lists", "the actions"];
    let rest = ["what people are told", "the end", "the run", "the run", "the run"];
    assert_eq!(what, [first, rest].concat());
    let lint = pgmedic(dir.path(), &["lint", "playbooks/tests/end-runaways.yaml"]);
    assert_eq!(lint.status.code(), Some(0), "{}", text_of(&lint.stdout));
    // The daemon cannot tell yet whether a condition holds.
    let lint = pgmedic(dir.path(), &["lint", "playbooks/end-runaways.yaml"]);
    assert!(text_of(&lint.stdout).contains("error[not-supported-yet]: `when` is not supported yet"));
}

#[test]
fn each_expectation_can_fail() {
    let cases = [
        ("cancel-long-queries", "reason: at most observe by playbook", "reason: at most observe by the daemon"),
        ("cancel-long-queries", "{candidate: 4711, verdict: observe}", "{candidate: 4711, verdict: act}"),
        ("cancel-long-queries", "        - {candidate: 2, verdict: act}\n", ""),
        ("cancel-long-queries", "detail: 3 of 3 this run", "detail: 4 of 4 this run"),
        ("cancel-long-queries", "{name: blast_radius, verdict: pass}", "{name: blast_radius, verdict: none}"),
        ("cancel-long-queries", "{name: blast_radius, verdict: pass}", "{name: already_analyzed, verdict: pass}"),
        ("cancel-long-queries", "not_listed: [5]", "not_listed: []"),
        ("cancel-long-queries", "not_listed: [5]", "not_listed: [4, 5]"),
        ("cancel-long-queries", "action: cancel_backend, statement: pg_cancel_backend", "action: terminate_backend"),
        ("cancel-long-queries", "after: 30s", "after: 31s"),
        ("cancel-long-queries", "told: [acted]", "told: [failed]"),
        ("cancel-long-queries", "helped: 1", "helped: 0"),
        ("cancel-long-queries", "another 2m", "another 3m"),
        ("cancel-long-queries", "times: 3", "times: 2"),
        ("cancel-long-queries", "ago: 3m, outcome: failed", "ago: 3m, outcome: refused"),
        ("cancel-long-queries", "name: role, verdict: stop", "name: role, verdict: pass"),
        ("cancel-long-queries", "server: {role: standby, ownership: elsewhere}", "server: {role: standby}"),
        (
            "cancel-long-queries",
            "candidates: []\n    expect:\n      verdict: skip",
            "candidates: []\n    expect:\n      verdict: quiet",
        ),
        ("grow-starved-pools", "takes_back: true, ", ""),
        ("grow-starved-pools", "SET default_pool_size = 40", "SET default_pool_size = 30"),
        ("grow-starved-pools", "told: [reverted]", "told: []"),
        ("grow-starved-pools", "max_connections: 60", "max_connections: 600"),
        ("refresh-statistics", "timezone: Europe/Berlin", "timezone: UTC"),
        ("refresh-statistics", "opens in 20h", "opens in 21h"),
        ("refresh-statistics", "not_listed: [small, fresh]", "not_listed: [fresh]"),
        ("refresh-statistics", "ago: 30m", "ago: 90m"),
    ];
    for (playbook, right, wrong) in cases {
        let (exit, said) = with(playbook, right, wrong);
        assert_eq!(exit, Some(1), "{playbook}: {wrong}\n{said}");
        assert!(said.starts_with("FAILED tests/it.yaml:") && !said.contains("error["), "{wrong}\n{said}");
    }
}

#[test]
fn a_failure_shows_what_was_expected_beside_what_came() {
    let (_, said) = with("cancel-long-queries", "verdict: stop, detail: another 2m", "verdict: pass");
    insta::assert_snapshot!(said.trim_end(), @r"
    FAILED tests/it.yaml:103
        what was acted on rests for five minutes: candidate 4711
        - expected guard cooldown: pass
        + came     guard cooldown: stop: terminate_backend ended `failed` 3m ago; it is left alone for another 2m (cooldown 5m)
    ");
    let (_, said) = with("cancel-long-queries", "not_listed: [5]", "not_listed: []");
    assert!(said.contains("+ came     5 is not listed: it is within the finder's limits"), "{said}");
    let (_, said) = with("refresh-statistics", "not_listed: [small, fresh]", "not_listed: [small]");
    assert!(said.contains("10000 rows changed, which is not above its threshold of 10050"), "{said}");
}

#[test]
fn a_slip_of_the_pen_is_one_fault_at_its_place() {
    let cases = [
        ("playbook: cancel-long-queries\n", "playbook: cancel-long-query\n", "unknown-playbook"),
        ("pid: 4711", "pdi: 4711", "unknown-key"),
        ("query_start: 20m ago", "query_start: 20 minutes", "wrong-type"),
        ("query_start: 20m ago", "query: SELECT 9", "missing-key"),
        ("{pid: 2, query_start", "{pid: 1, query_start", "duplicate-name"),
        ("{candidate: 3, verdict: act}", "{candidate: 33, verdict: act}", "unknown-candidate"),
        ("{name: role, verdict: stop}", "{name: rule, verdict: stop}", "unknown-guard"),
        ("{name: role, verdict: stop}", "{name: role, verdict: stopped}", "unknown-word"),
        ("like: 4711, action: cancel_backend", "like: 4711, action: cancel", "unknown-action"),
        ("server: {client_backends: 40}", "server: {client_backend: 40}", "unknown-key"),
        ("server: {client_backends: 40}", "server: {version: 12}", "out-of-bounds"),
        ("server: {client_backends: 40}", "input_series: []", "no-effect"),
        ("server: {client_backends: 40}", "history: {breaker: open}", "not-supported-yet"),
        ("{cancel-long-queries: {mode: enforce}}", "{cancel-long-queries: {moed: enforce}}", "unknown-key"),
        ("{cancel-long-queries: {mode: enforce}}", "{other: {mode: enforce}}", "unknown-playbook"),
        ("labels: {env: prod}", "vars: {long_query: soon}", "bad-duration"),
        ("labels: {env: prod}", "vars: {long_qury: 5m}", "unknown-variable"),
        ("playbooks: [../cancel", "playbooks: [../nothing-like", "no-playbooks"),
        ("protect: {users: [\"backup_*\"]}", "breaker: {failures: 3}", "not-supported-yet"),
    ];
    let tests = shipped("tests/cancel-long-queries.yaml");
    let books = [("cancel-long-queries.yaml", shipped("cancel-long-queries.yaml"))];
    for (right, wrong, code) in cases {
        assert!(tests.contains(right), "{right}");
        let broken = tests.replacen(right, wrong, 1);
        let dir = folder(&[(books[0].0, &books[0].1), ("tests/it.yaml", &broken)]);
        let output = pgmedic(dir.path(), &["lint", "-o", "json", "tests/it.yaml"]);
        let faults: Vec<Json> =
            text_of(&output.stdout).lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        let codes: Vec<&str> = faults.iter().map(|fault| fault["code"].as_str().unwrap()).collect();
        assert!(codes.contains(&code), "{wrong}: {faults:?}");
        assert!(faults.iter().all(|fault| fault["file"] == "tests/it.yaml"), "{wrong}: {faults:?}");
        assert_eq!(pgmedic(dir.path(), &["test", "tests/it.yaml"]).status.code(), Some(1), "{wrong}");
    }
}

const CONFIGURED: &str = r#"
version: 1
mode: enforce
timezone: Asia/Seoul
targets:
  - name: orders
    dsn: postgresql://pgmedic@db1/postgres?sslmode=verify-full
    mode: enforce
    labels: {env: prod}
    vars: {long_query: 30m}
    overrides: {cancel-long-queries: {mode: enforce}}
freezes: [{name: sale, from: 2026-11-27T00:00:00+09:00, until: 2026-11-30T00:00:00+09:00, targets: ['env="prod"']}]
playbooks: [books/*.yaml]
"#;

const OF_CONFIGURED: &str = r"
version: 1
config: ../../pgmedic.yaml
playbook: cancel-long-queries
tests:
  - name: the target's own limit
    target: {name: orders}
    at: 2026-11-26T23:59:59+09:00
    candidates: [{pid: 7, query_start: 31m ago}, {pid: 8, query_start: 29m ago}]
    expect: {verdict: act, decisions: [{candidate: 7, verdict: act}], not_listed: [8]}
  - name: the freeze
    target: {name: orders}
    at: 2026-11-27T00:00:00+09:00
    candidates: [{pid: 7, query_start: 31m ago}]
    expect: {verdict: observe, reason: freeze `sale`, decisions: [{candidate: 7, verdict: observe}]}
  - name: a test's own words count more
    target: {name: orders, vars: {long_query: 10m}}
    freezes: []
    at: 2026-11-27T00:00:00+09:00
    candidates: [{pid: 7, query_start: 11m ago}]
    expect: {verdict: act, decisions: [{candidate: 7, verdict: act}]}
";

#[test]
fn targets_and_policy_come_from_the_configuration() {
    let book = shipped("cancel-long-queries.yaml");
    let files = [
        ("pgmedic.yaml", CONFIGURED),
        ("books/one.yaml", &book),
        ("books/tests/one.yaml", OF_CONFIGURED),
        // Something else in that folder is none of pgmedic's business.
        ("books/tests/values.yaml", "replicas: 3\n"),
    ];
    let dir = folder(&files);
    let output = pgmedic(dir.path(), &["test"]);
    assert_eq!(output.status.code(), Some(0), "{}{}", text_of(&output.stdout), text_of(&output.stderr));
    assert!(text_of(&output.stderr).starts_with("1 file: 7 checks passed, 0 failed"), "{}", text_of(&output.stderr));
    let wrong = OF_CONFIGURED.replacen("{name: orders}", "{name: order}", 1);
    let dir = folder(&[files[0], files[1], ("books/tests/one.yaml", &wrong)]);
    let said = text_of(&pgmedic(dir.path(), &["test"]).stdout);
    assert!(said.contains("there is no target `order` in ") && said.contains("did you mean `orders`?"), "{said}");
}

#[test]
fn without_files_of_tests_it_says_where_they_would_be() {
    let dir = folder(&[("tests/values.yaml", "replicas: 3\n")]);
    let output = pgmedic(dir.path(), &["test"]);
    assert_eq!(output.status.code(), Some(2));
    insta::assert_snapshot!(text_of(&output.stderr).trim_end(), @"pgmedic: there is no file of tests in tests, playbooks/tests, rules/tests: name files of tests, or put them there (`--config` says beside what to look)");
}

const HEAVY: &str = r#"
tests:
  - name: heavy
    input_series: [{series: 'x{a="b"}', values: '1x100000'}]
    promql_expr_test: [{expr: 'sum(max_over_time(x[10000m:1m]))', eval_time: 100000m}]
"#;

#[test]
fn a_file_that_takes_too_long_is_given_up_with_a_clear_word() {
    let rules = "groups: [{name: g, rules: [{record: y, expr: 'sum(max_over_time(x[1000m:1m]))'}]}]\n";
    let tests = format!("rule_files: [rules.yml]\n{}", HEAVY.trim_start());
    let dir = folder(&[("rules.yml", rules), ("heavy.yaml", &tests)]);
    let begun = std::time::Instant::now();
    let output = pgmedic(dir.path(), &["test", "--timeout", "1s", "heavy.yaml"]);
    assert_eq!(output.status.code(), Some(1));
    let said = text_of(&output.stdout);
    assert!(said.contains("heavy.yaml was not done within 1s") && said.contains("--timeout"), "{said}");
    assert!(begun.elapsed().as_secs() < 60, "{said}");
    let output = pgmedic(dir.path(), &["test", "--timeout", "soon", "heavy.yaml"]);
    assert_eq!(output.status.code(), Some(2));
}

/// A file with one test of a shipped playbook, what `pgmedic` says about it, and the codes of its faults.
fn one(command: &str, test: &str) -> (String, Vec<String>) {
    let book = shipped("cancel-long-queries.yaml");
    let head = "version: 1\nplaybooks: [../cancel-long-queries.yaml]\nplaybook: cancel-long-queries\ntests:\n";
    let test = format!("{head}  - {}\n", test.trim().replace('\n', "\n    "));
    let dir = folder(&[("cancel-long-queries.yaml", &book), ("tests/it.yaml", &test)]);
    let said = text_of(&pgmedic(dir.path(), &[command, "tests/it.yaml"]).stdout);
    let code = Regex::new(r"(?m)^ *(?:error|warning)\[([a-z-]+)\]").unwrap();
    let codes = code.captures_iter(&said).map(|found| found[1].to_owned()).collect();
    (said, codes)
}

#[test]
fn one_fault_hides_no_other() {
    let rest = "candidates: [{pid: 7, query_start: 1h}]\nhistory: {actions: [{candidate: 7, action: cancel, ago: 5}]}\n\
                expect: {verdict: acts, decisions: [{candidate: 7, verdict: act}]}";
    let others = ["wrong-type", "bad-duration", "unknown-action", "unknown-word"];
    for (head, own) in [
        ("target: {name: a}\nat: soon", "bad-moment"),
        ("target: {name: a b}\nat: 2026-01-01T00:00:00Z", "bad-name"),
        ("playbook: cancel\ntarget: {name: a}\nat: 2026-01-01T00:00:00Z", "unknown-playbook"),
    ] {
        let (said, codes) = one("lint", &format!("{head}\n{rest}"));
        assert!(codes.contains(&own.to_owned()), "{said}");
        for other in others {
            assert!(codes.iter().any(|code| code == other), "{other} of {head}: {said}");
        }
        // The row that could not be read is candidate 7.
        assert!(!codes.iter().any(|code| code == "unknown-candidate"), "{said}");
    }
}

#[test]
fn a_value_of_the_wrong_sort_comes_with_the_right_one() {
    let (said, _) = one(
        "lint",
        "target: {name: a}\nat: 2026-01-01T00:00:00Z\nserver: {client_backends: \"16\"}\n\
         candidates: [{pid: 7, query_start: 1h}, {pid: 8, query_start: 10 minutes ago}]\n\
         outcomes: [{candidate: 7, action: cancel_backend, outcome: done, gone: yes}]\nexpect: {runs: no}",
    );
    for help in ["without quotes: 16", "write `1h ago`", "write `10m ago`", "write `false`"] {
        assert!(said.contains(help), "{help}: {said}");
    }
}

#[test]
fn the_past_of_a_file_is_bounded() {
    let action = "{action: cancel_backend, ago: 1m, times: 1000}, ".repeat(40);
    let (said, codes) = one(
        "test",
        &format!(
            "target: {{name: a}}\nat: 2026-01-01T00:00:00Z\ncandidates: [{{pid: 7, query_start: 1h ago}}]\n\
             history: {{actions: [{action}]}}\nexpect: {{verdict: act}}"
        ),
    );
    assert_eq!(codes, ["too-large"], "{said}");
    assert!(said.contains("more than 10000 actions and pauses of the past"), "{said}");
}

#[test]
fn hundreds_of_rows_that_are_left_out_are_told_at_once() {
    let rows: Vec<String> = (1..=900).map(|pid| format!("{{pid: {pid}, query_start: 1s ago}}")).collect();
    let names: Vec<String> = (1..=900).map(|pid| pid.to_string()).collect();
    let (said, codes) = one(
        "test",
        &format!(
            "target: {{name: a}}\nat: 2026-01-01T00:00:00Z\ncandidates: [{}]\n\
             expect: {{verdict: quiet, not_listed: [{}]}}",
            rows.join(", "),
            names.join(", ")
        ),
    );
    assert!(codes.is_empty() && said.is_empty(), "{said}");
}

#[test]
fn a_statement_is_shown_only_to_whoever_expects_one() {
    let written = "after: 30s, statement: pg_terminate_backend";
    let (_, said) = with("cancel-long-queries", written, "after: 31s");
    assert!(said.contains("terminate_backend on 4711 after 30s") && !said.contains("SELECT"), "{said}");
    let (_, said) = with("cancel-long-queries", written, "after: 31s, statement: SELECT");
    assert!(said.contains("terminate_backend on 4711 after 30s: ") && said.contains("pg_terminate_backend"), "{said}");
}

#[test]
fn a_file_that_cannot_be_opened_keeps_no_result_back() {
    let book = shipped("cancel-long-queries.yaml");
    let tests = shipped("tests/cancel-long-queries.yaml");
    let dir = folder(&[("cancel-long-queries.yaml", &book), ("tests/it.yaml", &tests)]);
    let output = pgmedic(dir.path(), &["test", "--junit", "it.xml", "nowhere.yaml", "tests/it.yaml"]);
    assert_eq!(output.status.code(), Some(2));
    let (said, told) = (text_of(&output.stdout), text_of(&output.stderr));
    assert!(told.contains("2 files: ") && told.contains(", 1 failed"), "{told}");
    assert!(told.contains("cannot read nowhere.yaml") && said.contains("FAILED nowhere.yaml"), "{said}{told}");
    let junit = std::fs::read_to_string(dir.path().join("it.xml")).unwrap();
    assert!(junit.contains("tests/it.yaml") && junit.contains("cannot read nowhere.yaml"), "{junit}");
}

#[test]
fn an_alert_that_is_nowhere_is_a_warning_where_nothing_is_expected_of_it() {
    let rules = "groups: [{name: g, rules: [{alert: Lagging, expr: lag > 5}]}]\n";
    let tests = "rule_files: [rules.yml]\ntests:\n  - alert_rule_test:\n      - {alertname: Laging, exp_alerts: []}\n      \
                 - {alertname: Lagging, exp_alerts: []}\n";
    let dir = folder(&[("rules.yml", rules), ("it.yml", tests)]);
    let output = pgmedic(dir.path(), &["lint", "it.yml"]);
    let said = text_of(&output.stdout);
    assert_eq!((output.status.code(), said.matches("no-effect").count()), (Some(0), 1), "{said}");
    assert!(said.contains("no file of rules has an alert `Laging`") && said.contains("`Lagging`?"), "{said}");
}
