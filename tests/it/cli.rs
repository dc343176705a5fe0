//! The program as the shell sees it: help, errors, exit codes, pipes.

use std::path::Path;
use std::process::{Command, Output, Stdio};

/// The program in an empty folder, with nothing of this machine's surroundings.
fn pgmedic(folder: &Path, args: &[&str]) -> Output {
    command(folder, args).output().unwrap()
}

fn command(folder: &Path, args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_pgmedic"));
    command.args(args).current_dir(folder).env_clear();
    command
}

/// Exit code, standard output and standard error as one text.
fn told(output: &Output) -> String {
    let code = output.status.code().map_or("a signal".to_owned(), |c| c.to_string());
    let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    let mut told = format!("exit: {code}\n");
    for (name, text) in [("out", out), ("err", err)] {
        for line in text.lines() {
            told += format!("{name}: {line}").trim_end();
            told += "\n";
        }
    }
    told
}

fn folder() -> tempfile::TempDir {
    tempfile::tempdir().unwrap()
}

const SOUND: &str =
    "version: 1\ndata_dir: ./data\ntargets:\n  - {name: orders, dsn: \"postgresql://me@127.0.0.1:1/postgres\"}\n";

fn configured(text: &str) -> tempfile::TempDir {
    let folder = folder();
    std::fs::write(folder.path().join("pgmedic.yaml"), text).unwrap();
    folder
}

#[test]
fn help_shows_the_commands_and_the_exit_codes() {
    insta::assert_snapshot!(told(&pgmedic(folder().path(), &["-h"])), @"");
}

#[test]
fn a_wrong_word_is_a_usage_error_with_a_hint() {
    insta::assert_snapshot!(told(&pgmedic(folder().path(), &["statsu"])), @"");
    insta::assert_snapshot!(told(&pgmedic(folder().path(), &["run", "p", "--target", "t", "--mode", "hard"])), @"");
    insta::assert_snapshot!(told(&pgmedic(folder().path(), &["status", "--json", "-o", "yaml"])), @"");
}

#[test]
fn a_file_that_cannot_be_opened_ends_with_2() {
    for args in [&["lint"][..], &["serve"], &["status"], &["pause"], &["plan"], &["lint", "no.yaml"]] {
        let output = pgmedic(folder().path(), args);
        assert_eq!(output.status.code(), Some(2), "{args:?}: {}", told(&output));
    }
}

#[test]
fn without_a_daemon_status_and_reload_say_so_and_end_with_1() {
    let folder = configured(SOUND);
    insta::assert_snapshot!(told(&pgmedic(folder.path(), &["status"])), @"");
    insta::assert_snapshot!(told(&pgmedic(folder.path(), &["reload"])), @"");
}

#[test]
fn lint_is_silent_about_what_is_sound_and_shows_the_place_of_what_is_not() {
    let sound = configured(SOUND);
    insta::assert_snapshot!(told(&pgmedic(sound.path(), &["lint"])), @"");
    let faulty = configured("version: 1\nmode: enforcing\ntarget: []\n");
    insta::assert_snapshot!(told(&pgmedic(faulty.path(), &["lint", "--color", "never"])), @"");
    let lines = pgmedic(faulty.path(), &["lint", "--json", "-q"]);
    assert_eq!(lines.status.code(), Some(1));
    for line in String::from_utf8(lines.stdout).unwrap().lines() {
        let fault: serde_json::Value = serde_json::from_str(line).unwrap();
        assert_eq!(fault["file"], "pgmedic.yaml", "{line}");
    }
}

#[test]
fn a_faulty_configuration_does_not_start_and_ends_with_1() {
    let faulty = configured("version: 1\nmode: enforcing\n");
    let output = pgmedic(faulty.path(), &["serve"]);
    let told = told(&output);
    assert!(output.status.code() == Some(1) && told.contains("enforcing"), "{told}");
}

#[test]
fn pause_and_resume_work_without_a_daemon_and_with_a_faulty_configuration() {
    let faulty = configured("version: 1\ndata_dir: ./data\nmode: enforcing\n");
    insta::assert_snapshot!(told(&pgmedic(faulty.path(), &["pause", "--for", "2h", "--reason", "migration"])), @"");
    insta::assert_snapshot!(told(&pgmedic(faulty.path(), &["resume", "--target", "orders"])), @"");
    insta::assert_snapshot!(told(&pgmedic(faulty.path(), &["resume"])), @"");
    let again = pgmedic(faulty.path(), &["resume"]);
    assert_eq!(again.status.code(), Some(1), "{}", told(&again));
    let sound = configured(SOUND);
    insta::assert_snapshot!(told(&pgmedic(sound.path(), &["pause", "--target", "order"])), @"");
}

#[test]
fn a_plan_of_a_server_out_of_reach_is_trouble() {
    let output = pgmedic(folder().path(), &["plan", "--dsn", "postgresql://me@127.0.0.1:1/postgres", "--json"]);
    assert_eq!(output.status.code(), Some(1), "{}", told(&output));
    let out = String::from_utf8(output.stdout).unwrap();
    assert_eq!(out.lines().count(), 3, "one compact object a playbook: {out}");
    for line in out.lines() {
        let plan: serde_json::Value = serde_json::from_str(line).unwrap();
        assert!(plan["reason"].as_str().unwrap().starts_with("unreachable: "), "{line}");
    }
    let unknown =
        pgmedic(folder().path(), &["plan", "cancel-long-query", "--dsn", "postgresql://me@127.0.0.1:1/postgres"]);
    insta::assert_snapshot!(told(&unknown), @"");
}

#[test]
fn versions_and_completions_are_printed() {
    let version = told(&pgmedic(folder().path(), &["version", "-o", "json"]));
    assert!(version.contains(concat!("\"version\": \"", env!("CARGO_PKG_VERSION"), "\"")), "{version}");
    for shell in ["bash", "zsh", "fish"] {
        let output = pgmedic(folder().path(), &["completions", shell]);
        let script = String::from_utf8(output.stdout).unwrap();
        assert!(output.status.success() && script.contains("detailed-exitcode"), "{shell}");
    }
}

#[test]
fn a_closed_pipe_ends_quietly() {
    // Nobody reads: the write fails at once, whatever its size.
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let output = command(folder().path(), &["completions", "bash"])
        .stdout(writer)
        .stderr(Stdio::piped())
        .spawn()
        .unwrap()
        .wait_with_output()
        .unwrap();
    assert_eq!(told(&output), "exit: 0\n");
}
