//! `pgmedic lint` for programs: JSON, GitHub's workflow commands, SARIF.

use serde_json::Value as Json;
use std::path::Path;
use std::process::{Command, Output};

const CONFIG: &str =
    "version: 1\ntargets: [{name: ö, dsn: 'host=/run', mode: enforced}]\nplaybooks: ['../play, books/*.yaml']\n";

/// The program in `conf` beside `play, books`, with options behind `lint`.
fn lint(folder: &Path, files: &[&str], options: &[&str]) -> Output {
    std::fs::create_dir_all(folder.join("conf")).unwrap();
    std::fs::create_dir_all(folder.join("play, books")).unwrap();
    std::fs::write(folder.join("conf/pgmedic.yaml"), CONFIG).unwrap();
    std::fs::write(folder.join("play, books/a%.yaml"), "version: 1\nname: a\nfind: long_querys\nowner: x\n").unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_pgmedic"));
    command.arg("lint").args(files).args(options).arg("-q").current_dir(folder).env_clear();
    command.output().unwrap()
}

const BOTH: [&str; 2] = ["conf/pgmedic.yaml", "conf/../play, books/a%.yaml"];

fn text(output: Output) -> String {
    assert_eq!(output.status.code(), Some(1), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn json_is_one_object_a_fault() {
    let folder = tempfile::tempdir().unwrap();
    let lines = text(lint(folder.path(), &BOTH, &["-o", "json"]));
    let faults: Vec<Json> = lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    insta::assert_json_snapshot!("json", faults);
}

#[test]
fn github_shows_each_beside_its_line() {
    let folder = tempfile::tempdir().unwrap();
    insta::assert_snapshot!("github", text(lint(folder.path(), &BOTH, &["--format", "github"])));
}

#[test]
fn sarif_has_all_that_the_standard_requires() {
    let folder = tempfile::tempdir().unwrap();
    let log: Json = serde_json::from_str(&text(lint(folder.path(), &BOTH, &["--format", "sarif"]))).unwrap();
    assert_eq!(log["version"], "2.1.0");
    let run = &log["runs"][0];
    let driver = &run["tool"]["driver"];
    assert_eq!(driver["name"], "pgmedic");
    let rules = driver["rules"].as_array().unwrap();
    let ids: std::collections::BTreeSet<&str> = rules.iter().map(|rule| rule["id"].as_str().unwrap()).collect();
    assert_eq!(ids.len(), rules.len(), "ids are unique");
    for rule in rules {
        assert!(rule["help"]["text"].as_str().is_some_and(|t| !t.is_empty()), "{rule}");
        assert!(rule["shortDescription"]["text"].as_str().is_some_and(|t| !t.is_empty()), "{rule}");
    }
    let mut results = run["results"].as_array().unwrap().clone();
    for result in &mut results {
        let index = usize::try_from(result["ruleIndex"].as_u64().unwrap()).unwrap();
        assert_eq!(rules[index]["id"], result["ruleId"]);
        assert!(["error", "warning"].contains(&result["level"].as_str().unwrap()));
        // It changes with each new rule.
        result.as_object_mut().unwrap().remove("ruleIndex");
    }
    insta::assert_json_snapshot!("sarif", results);
}

#[test]
fn a_file_outside_the_working_directory_keeps_its_whole_path() {
    let folder = tempfile::tempdir().unwrap();
    text(lint(folder.path(), &BOTH, &["--format", "sarif"]));
    let mut command = Command::new(env!("CARGO_BIN_EXE_pgmedic"));
    let output = command.args(["lint", "--format", "sarif", "-q", "../play, books/a%.yaml"]);
    let output = output.current_dir(folder.path().join("conf")).env_clear().output().unwrap();
    let log: Json = serde_json::from_slice(&output.stdout).unwrap();
    let place = &log["runs"][0]["results"][0]["locations"][0]["physicalLocation"]["artifactLocation"];
    let uri = place["uri"].as_str().unwrap();
    assert!(uri.starts_with("file:///") && uri.ends_with("/play%2C%20books/a%25.yaml"), "{uri}");
    assert!(place.get("uriBaseId").is_none());
}

#[test]
fn two_formats_at_once_are_wrong_usage() {
    let folder = tempfile::tempdir().unwrap();
    let output = lint(folder.path(), &BOTH, &["--format", "sarif", "-o", "json"]);
    assert_eq!(output.status.code(), Some(2));
}

#[test]
fn schemas_are_printed_as_they_are_kept() {
    for (of, kept) in [("config", "pgmedic.schema.json"), ("playbook", "playbook.schema.json")] {
        let output = Command::new(env!("CARGO_BIN_EXE_pgmedic")).args(["schema", of]).env_clear().output().unwrap();
        assert!(output.status.success());
        let kept = std::fs::read_to_string(super::root().join("docs/reference").join(kept)).unwrap();
        assert_eq!(String::from_utf8(output.stdout).unwrap(), kept);
    }
}
