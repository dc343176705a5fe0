//! Rule files and their unit tests, `tests/rules/*.yaml`, judged by pgmedic as by `promtool`.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test's helpers stop it like the test itself")]

use crate::promql::prometheus::program;
use regex::Regex;
use serde_json::Value as Json;
use std::path::PathBuf;
use std::process::{Command, Output};

/// The files of tests, and whether all in them comes as expected.
const FILES: [(&str, bool); 18] = [
    ("pass.yaml", true),
    ("fuzzy.yaml", true),
    ("until.yaml", true),
    ("seldom.yaml", true),
    ("often.yaml", true),
    ("absent.yaml", true),
    ("numbers.yaml", true),
    ("out_of_range_series.yaml", false),
    ("out_of_range_expr.yaml", false),
    ("out_of_range_sample.yaml", false),
    ("quoted_sample.yaml", false),
    ("fail.yaml", false),
    ("exact.yaml", false),
    ("limit.yaml", false),
    ("duplicate.yaml", false),
    ("faulty_rules.yaml", false),
    ("faulty_series.yaml", false),
    ("unknown_key.yaml", false),
];

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/rules")
}

fn pgmedic(args: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_pgmedic")).args(args).current_dir(folder()).output().unwrap()
}

fn text_of(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

#[test]
fn verdicts_are_as_expected() {
    for (file, passes) in FILES {
        let output = pgmedic(&["test", file]);
        assert_eq!(output.status.code(), Some(i32::from(!passes)), "{file}: {}", text_of(&output));
    }
    let missing = pgmedic(&["test", "nowhere.yaml"]);
    assert_eq!(missing.status.code(), Some(2), "a file that cannot be opened");
}

#[test]
fn verdicts_are_those_of_promtool() {
    let Some(promtool) = program("promtool") else { return };
    for (file, passes) in FILES {
        let output = Command::new(&promtool).args(["test", "rules", file]).current_dir(folder()).output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.success(), passes, "{file}: {said}");
    }
}

/// What every template of `rules.yaml` says, by the annotation's name.
fn annotations(said: &str) -> Vec<(String, String)> {
    let one = Regex::new(r#"(\w+)(?:=|: )("(?:[^"\\]|\\.)*")"#).unwrap();
    let mut all: Vec<(String, String)> = one.captures_iter(said).map(|c| (c[1].to_owned(), c[2].to_owned())).collect();
    all.sort();
    all.dedup();
    all
}

#[test]
fn templates_say_what_they_say_in_prometheus() {
    let Some(promtool) = program("promtool") else { return };
    let output = Command::new(promtool).args(["test", "rules", "fail.yaml"]).current_dir(folder()).output().unwrap();
    let theirs = String::from_utf8_lossy(&output.stderr).into_owned();
    let theirs = annotations(theirs.lines().find(|line| line.contains("Annotations:{around")).unwrap());
    let ours = text_of(&pgmedic(&["test", "fail.yaml"]));
    let ours = annotations(ours.split("\n\n").next().unwrap());
    let ours: Vec<_> = ours.into_iter().filter(|(name, _)| name != "alertname" && name != "job").collect();
    assert!(ours.len() >= 17, "{ours:?}");
    assert_eq!(ours, theirs);
}

#[test]
fn a_failure_says_only_what_differs() {
    let said = text_of(&pgmedic(&["test", "fail.yaml"]));
    let part = said.split("\n\n").find(|part| part.contains("alert Several")).unwrap();
    insta::assert_snapshot!(part, @r#"
    FAILED fail.yaml:14
        nobody fires: alert Several at 1m
        - expected {alertname="Several", job="c", team="shop"}
        + came     {alertname="Several", job="b", team="shop"}
    "#);
}

#[test]
fn a_fault_in_a_rule_is_shown_at_its_place() {
    let said = text_of(&pgmedic(&["lint", "broken.yaml"]));
    insta::assert_snapshot!(said, @r#"
    error[bad-expression]: unclosed left parenthesis
     --> broken.yaml:5:18
      |
    5 |         expr: sum(
      |                  ^
      |
      = help: close it with `)`

    error[bad-template]: this template cannot be read: function "nope" not defined
     --> broken.yaml:8:36
      |
    8 |         annotations: {summary: '{{ nope }}'}
      |                                    ^
      |
      = help: see docs/testing-rules.md for the functions that templates have
    "#);
    assert_eq!(pgmedic(&["lint", "rules.yaml", "pass.yaml"]).status.code(), Some(0));
}

#[test]
fn results_are_for_programs_too() {
    let dir = tempfile::tempdir().unwrap();
    let junit = dir.path().join("junit.xml");
    let args = ["test", "pass.yaml", "fail.yaml", "--run", "^(recording|nobody)", "-o", "json", "--junit"];
    let output = pgmedic(&[&args[..], &[junit.to_str().unwrap()]].concat());
    assert_eq!(output.status.code(), Some(1));
    let lines: Vec<Json> = text_of(&output).lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let failed = lines.iter().filter(|line| line["passed"] == false).count();
    assert_eq!((lines.len(), failed), (13, 4), "{lines:#?}");
    assert!(lines.iter().all(|line| ["recording", "nobody fires"].contains(&line["test"].as_str().unwrap())));
    let xml = std::fs::read_to_string(junit).unwrap();
    assert_eq!((xml.matches("<testcase").count(), xml.matches("<failure").count()), (13, 4));
    assert!(xml.contains(r#"<testsuite name="fail.yaml" tests="4" failures="4">"#), "{xml}");
    assert_eq!(pgmedic(&["test", "pass.yaml", "--run", "("]).status.code(), Some(2));
}

#[test]
fn what_a_file_may_ask_for_is_bounded() {
    let dir = tempfile::tempdir().unwrap();
    let said = |text: &str| {
        let file = dir.path().join("t.yaml");
        std::fs::write(&file, text).unwrap();
        let output = pgmedic(&["test", file.to_str().unwrap()]);
        assert_eq!(output.status.code(), Some(1));
        text_of(&output)
    };
    let series = "  - {series: m, values: '0x900000'}\n".repeat(12);
    let many = said(&format!("tests:\n- input_series:\n{series}"));
    assert!(many.contains("more than 10000000 values"), "{many}");
    let long = said("tests:\n- promql_expr_test: [{expr: 'vector(1)', eval_time: 200y}]\n");
    assert!(long.contains("more than 1000000 times"), "{long}");
    let histogram = said("tests:\n- input_series: [{series: m, values: '{{schema:1}}'}]\n");
    assert!(histogram.contains("native histograms are not supported"), "{histogram}");
    let playbook = said("playbook: a.yaml\ntests: []\n");
    assert!(playbook.contains("`version` is missing in a file of playbook tests"), "{playbook}");
}

/// Neither many short evaluations nor long series keep whoever runs the test waiting.
#[test]
fn a_test_of_rules_can_be_stopped() {
    for text in [
        "tests:\n- promql_expr_test: [{expr: 'vector(1)', eval_time: 10000h}]\n",
        // All samples come in front of the second evaluation.
        "evaluation_interval: 10d\ntests:\n- interval: 1s\n  input_series: [{series: m, values: '0x900000'}]\n  \
         promql_expr_test: [{expr: m, eval_time: 10d}]\n",
    ] {
        let (file, faults) = pgmedic::rules::unit::read("t.yaml", text);
        let file = file.unwrap_or_else(|| panic!("{faults:?}"));
        let asked = std::cell::Cell::new(0);
        let stop = || asked.replace(asked.get() + 1) >= 9;
        let checks = pgmedic::rules::unit::run("t.yaml", &file, &file.tests[0], &[], &stop);
        let why = checks[0].error.as_deref().unwrap_or_default();
        assert!(checks.len() == 1 && why.contains("took too long and was stopped"), "{checks:?}");
    }
}

#[test]
fn a_test_can_begin_at_a_time() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("t.yaml");
    for start in ["2026-01-01T00:00:00Z", "1767225600"] {
        let text = format!(
            "tests:\n- interval: 1m\n  start_timestamp: {start}\n  input_series: [{{series: m, values: '1 2'}}]\n  \
             promql_expr_test: [{{expr: 'timestamp(m) * (m == 2)', eval_time: 1m, exp_samples: [{{value: 3534451320}}]}}]\n"
        );
        std::fs::write(&file, text).unwrap();
        let output = pgmedic(&["test", file.to_str().unwrap()]);
        assert_eq!(output.status.code(), Some(0), "{}", text_of(&output));
    }
}
