//! What is found across files, and what is used although somebody should look at it: each with its message.

use super::root;
use pgmedic::engine::load::{self, Report};
use std::path::Path;

/// The faults of a configuration and its playbooks, as people read them.
fn linted(config: &str, playbooks: &[&str]) -> (Report, String) {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("pgmedic.yaml");
    std::fs::create_dir(dir.path().join("playbooks")).unwrap();
    std::fs::write(&file, config).unwrap();
    for (at, text) in playbooks.iter().enumerate() {
        std::fs::write(dir.path().join(format!("playbooks/{}.yaml", at + 1)), text).unwrap();
    }
    let report = load::lint(&[file], &pgmedic::decide::catalogue()).unwrap();
    let shown = report.sources.render(&report.faults, false);
    let folder = format!("{}/", dir.path().display());
    (report, shown.replace(&folder, ""))
}

const HEAD: &str = "version: 1\ntargets: [{name: a, dsn: 'host=/run', mode: enforce}]\nplaybooks: [playbooks/*.yaml]\n";

#[test]
fn names_that_meet_nothing_and_names_that_meet_twice() {
    let config = format!("{HEAD}windows: {{nightly: [{{cron: '0 1 * * *', lasts: 1h}}]}}\n");
    let one = "version: 1\nname: one\nfind: long_queries\nnotify: [pager]\nguard: {allow_in: [nigthly]}\n\
               triggers: [{window: dawn}]\ntargets: {names: [b]}\n";
    let two = "version: 1\nname: one\nfind: long_queries\n";
    let (report, shown) = linted(&config, &[one, two]);
    assert!(report.has_errors());
    insta::assert_snapshot!("names-across-files", shown);
}

#[test]
fn a_playbook_that_may_act_and_tells_nobody() {
    let enforce = "version: 1\nname: one\nmode: enforce\ntargets: all\nfind: long_queries\ndo: [cancel_backend]\n";
    let approve =
        "version: 1\nname: two\nmode: approve\nnotify: []\ntargets: all\nfind: long_queries\ndo: [cancel_backend]\n";
    let observe = "version: 1\nname: three\ntargets: all\nfind: long_queries\ndo: [cancel_backend]\n";
    let (report, shown) = linted(HEAD, &[enforce, approve, observe]);
    assert!(!report.has_errors(), "a warning stops nothing");
    insta::assert_snapshot!("no-channel", shown);
}

const TOLD: &str = "notify: [ops]\nchannels: [{name: ops, slack: {webhook_url: '${env:X}'}}]\n";

#[test]
fn a_rung_capped_by_its_own_class() {
    let config = format!("{HEAD}{TOLD}policy: {{ceilings: {{disruptive: approve, maintenance: observe}}}}\n");
    let head = "version: 1\nmode: enforce\ntargets: all\n";
    let one = format!(
        "{head}name: one\nfind: long_queries\ndo:\n  - cancel_backend\n  - wait: 5s\n  - terminate_backend: {{mode: approve}}\n"
    );
    let two = format!("{head}name: two\nfind: stale_statistics\ndo: [analyze]\n");
    let (report, shown) = linted(&config, &[&one, &two]);
    assert!(!report.has_errors(), "a warning stops nothing");
    insta::assert_snapshot!("capped-by-class", shown);
}

#[test]
fn protections_that_protect_nothing() {
    let config = "version: 1\ntargets: [{name: a, dsn: 'host=/run'}]\nplaybooks: [playbooks/*.yaml]\npolicy:\n  protect:\n    \
                  users: [backup_a, 'backup_*', postgres, postgres]\n    client_addrs: [db1.example, 10.0.0.0/8]\n    \
                  tables: [shop.audit.log]\n    databases: [a123456789b123456789c123456789d123456789e123456789f123456789g123]\n    \
                  queries: ['^--', '(?i)^\\s*/\\* backup', '^ select', '[a&&b]', 'select 1']\n";
    let one = "version: 1\nname: one\nfind: long_queries\nguard: {protect: {queries: ['^/\\* report \\*/']}}\n";
    let (report, shown) = linted(config, &[one]);
    assert!(!report.has_errors(), "a warning stops nothing");
    insta::assert_snapshot!("useless-protections", shown);
}

#[test]
fn protected_queries_without_their_texts() {
    let config = format!("{HEAD}audit: {{query_text: none}}\npolicy: {{protect: {{queries: ['^select 1']}}}}\n");
    let one = "version: 1\nname: one\nfind: long_queries\nguard:\n  protect:\n    queries: ['^copy']\n";
    let (report, shown) = linted(&config, &[one]);
    assert!(!report.has_errors(), "a warning stops nothing");
    insta::assert_snapshot!("queries-without-texts", shown);
    let (report, _) = linted(&config.replace("none", "redacted"), &[one]);
    assert!(report.faults.is_empty());
}

#[test]
fn two_targets_that_are_one_server() {
    let config = |more: &str| {
        format!(
            "version: 1\nplaybooks: []\ntarget_defaults: {{mode: enforce}}\ntargets:\n  \
             - {{name: a, dsn: \"postgresql://pgmedic@localhost/postgres\"}}\n  \
             - {{name: b, dsn: \"host=LOCALHOST port=5432 dbname=app\"{more}}}\n  \
             - {{name: c, dsn: \"host=localhost port=5433\"}}\n  \
             - {{name: d, dsn: \"host=localhost target_session_attrs=standby\"}}\n"
        )
    };
    let (report, shown) = linted(&config(""), &[]);
    assert!(!report.has_errors(), "a warning stops nothing");
    insta::assert_snapshot!("same-server", shown);
    let (report, shown) = linted(&config(", mode: observe"), &[]);
    assert!(!report.faults.iter().any(|f| f.code == "same-server"), "{shown}");
}

#[test]
fn connections_that_do_not_check_whom_they_reach() {
    let config = "version: 1\nplaybooks: []\ntargets:\n  - name: a\n    dsn: postgresql://pgmedic:x,y@db1/postgres\n    \
                  pgbouncer: [{name: p, dsn: \"host=db1 sslmode=require\"}]\n  - {name: b, dsn: \"host=db2 sslmode=disable\"}\n  \
                  - {name: c, dsn: \"host=db3 sslmode=verify-ca\"}\n  - {name: d, dsn: \"host=db4 sslmode=verify-full\"}\n  \
                  - {name: e, dsn: \"postgresql://127.0.0.1/postgres?sslmode=disable\"}\n";
    let (report, shown) = linted(config, &[]);
    assert!(!report.has_errors(), "a warning stops nothing");
    assert!(!shown.contains("x,y"), "{shown}");
    insta::assert_snapshot!("weak-sslmode", shown);
}

/// What is shipped gives nobody a warning to get used to.
#[test]
fn what_is_shipped_is_without_a_warning() {
    let report = load::lint(&[root().join("examples/pgmedic.yaml")], &pgmedic::decide::catalogue()).unwrap();
    assert!(report.faults.is_empty(), "{}", report.sources.render(&report.faults, false));
    let read = |file: &str| std::fs::read_to_string(root().join("examples/quickstart").join(file)).unwrap();
    let config = read("pgmedic.yaml").replace("@PG_PORT@", "5432").replace("@POOL_PORT@", "6432");
    let playbooks = ["end-runaway-queries", "grow-starved-pools", "refresh-statistics"];
    let playbooks = playbooks.map(|name| read(&format!("playbooks/{name}.yaml")));
    let (report, shown) = linted(&config, &playbooks.each_ref().map(String::as_str));
    assert!(report.faults.is_empty(), "{shown}");
}

/// Each code that the readers use is described for programs that show it apart from the file.
#[test]
fn every_code_has_a_rule() {
    let used = regex::Regex::new(
        r#"(?s)(?:\b(?:error|error_help|warning|neither|report|listed_files)\(|Severity::(?:Error|Warning),|Refers::\w+ =>)[^"]{0,160}?"([a-z][a-z0-9-]*)""#,
    )
    .unwrap();
    let mut codes = std::collections::BTreeSet::new();
    let rooms = ["src/syntax", "src/config", "src/playbook", "src/engine/load", "src/rules", "src/rules/unit"];
    for folder in rooms.into_iter().chain(["src/decide/unit"]) {
        for file in std::fs::read_dir(root().join(folder)).unwrap() {
            let file = file.unwrap().path();
            if file.is_file() {
                codes.extend(used_in(&file, &used));
            }
        }
    }
    codes.extend(used_in(&root().join("src/engine/load.rs"), &used));
    codes.insert(pgmedic::promql::lint::BAD_EXPRESSION.to_owned());
    codes.extend(pgmedic::promql::lint::REGISTRY.iter().map(|rule| rule.code.to_owned()));
    assert!(codes.len() > 40, "{codes:?}");
    let described: std::collections::BTreeSet<String> =
        pgmedic::syntax::rules::RULES.iter().map(|rule| rule.code.to_owned()).collect();
    let missing: Vec<&String> = codes.difference(&described).collect();
    assert!(missing.is_empty(), "codes without a rule: {missing:?}");
    let unused: Vec<&String> = described.difference(&codes).collect();
    assert!(unused.is_empty(), "rules without a use: {unused:?}");
    assert!(pgmedic::syntax::rules::RULES.is_sorted_by_key(|rule| rule.code), "not in order of code");
}

fn used_in(file: &Path, used: &regex::Regex) -> Vec<String> {
    let text = std::fs::read_to_string(file).unwrap();
    let code = text.split("#[cfg(test)]").next().unwrap();
    used.captures_iter(code).map(|found| found[1].to_owned()).collect()
}

/// The two actions that the rule about milder steps names are still called so.
#[test]
fn stronger_actions_are_there() {
    let catalogue = pgmedic::decide::catalogue();
    for (strong, mild) in pgmedic::playbook::useless::STRONGER {
        assert!(catalogue.action(strong).is_some() && catalogue.action(mild).is_some(), "{strong} {mild}");
    }
}
