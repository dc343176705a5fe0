//! The program as the shell sees it: help, errors, exit codes, pipes.

// Helpers of tests may panic as tests do; clippy knows that only of the tests themselves.
#![allow(clippy::unwrap_used)]

use crate::support::Home;
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
    insta::assert_snapshot!(told(&pgmedic(folder().path(), &["-h"])), @"
    exit: 0
    out: PostgreSQL remediation under guard: it decides, acts only as far as you let it, and records every
    out: decision
    out:
    out: Usage: pgmedic [OPTIONS] <COMMAND>
    out:
    out: Commands:
    out:   serve        Run the daemon: evaluate playbooks by their triggers until told to stop
    out:   run          Run one playbook on one target now, to its end
    out:   plan         Show what would be done now and why not; touches nothing
    out:   why          Say why a playbook acts on a target or does not; touches nothing
    out:   status       Show what is going on: pauses, the audit log, targets, playbooks
    out:   targets      List the targets as the daemon sees them
    out:   playbooks    List the playbooks: modes, targets, when they are due, how they ended
    out:   lint         Check configuration, playbooks and rule files: every fault and its place
    out:   test         Run tests of playbooks and rules: rows and series in, decisions and alerts expected
    out:   grants       Print the SQL for pgmedic's roles: what the loaded playbooks need and no more
    out:   audit        Read the record of what was decided and done
    out:   pause        Stand still: nothing is acted on until resumed; deciding and recording go on
    out:   resume       End a pause of exactly this scope
    out:   reload       Have the daemon read configuration and playbooks again: all or nothing
    out:   schema       Print the JSON Schema of a file, for editors
    out:   version      Print which pgmedic this is
    out:   completions  Print the completions of a shell
    out:   help         Print this message or the help of the given subcommand(s)
    out:
    out: Options:
    out:   -h, --help     Print help (see more with '--help')
    out:   -V, --version  Print version
    out:
    out: Options of every command:
    out:       --config <FILE>    The configuration file [env: PGMEDIC_CONFIG=] [default: pgmedic.yaml]
    out:   -o, --output <FORMAT>  How to print what was found [default: text] [possible values: text, json,
    out:                          jsonl, yaml]
    out:       --json             Short for `-o json`
    out:       --color <WHEN>     When to use colour; `NO_COLOR` turns `auto` off [default: auto] [possible
    out:                          values: auto, always, never]
    out:   -q, --quiet            Print results and errors only
    out:
    out: Exit codes: 0 fine; 1 it ran and found trouble; 2 wrong usage, or a file that cannot be opened; 3
    out: held for approval.
    ");
}

#[test]
fn a_wrong_word_is_a_usage_error_with_a_hint() {
    insta::assert_snapshot!(told(&pgmedic(folder().path(), &["statsu"])), @"
    exit: 2
    err: error: unrecognized subcommand 'statsu'
    err:
    err:   tip: some similar subcommands exist: 'targets', 'status'
    err:
    err: Usage: pgmedic [OPTIONS] <COMMAND>
    err:
    err: For more information, try '--help'.
    ");
    insta::assert_snapshot!(told(&pgmedic(folder().path(), &["run", "p", "--target", "t", "--mode", "hard"])), @"
    exit: 2
    err: error: invalid value 'hard' for '--mode <MODE>': there are observe, approve, enforce
    err:
    err: For more information, try '--help'.
    ");
    insta::assert_snapshot!(told(&pgmedic(folder().path(), &["status", "--json", "-o", "yaml"])), @"
    exit: 2
    err: error: the argument '--json' cannot be used with '--output <FORMAT>'
    err:
    err: Usage: pgmedic status --json
    err:
    err: For more information, try '--help'.
    ");
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
    insta::assert_snapshot!(told(&pgmedic(folder.path(), &["status"])), @"
    exit: 1
    err: pgmedic: it is not running: nothing answers for pgmedic.yaml. Start it with `pgmedic serve --config pgmedic.yaml`
    ");
    insta::assert_snapshot!(told(&pgmedic(folder.path(), &["reload"])), @"
    exit: 1
    err: pgmedic: no daemon is running, so there is nothing to reload: it reads its files when it starts
    ");
}

#[test]
fn lint_shows_the_place_of_each_fault_and_warnings_alone_are_fine() {
    let sound = configured(SOUND);
    insta::assert_snapshot!(told(&pgmedic(sound.path(), &["lint"])), @"
    exit: 0
    out: warning[no-playbooks]: no playbooks are named, so nothing will be done
    out:  --> pgmedic.yaml:1:1
    out:   |
    out: 1 | version: 1
    out:   | ^^^^^^^^^^
    out:   |
    out:   = help: add `playbooks: [playbooks/*.yaml]`
    err: 1 file checked: 0 errors, 1 warning
    ");
    let faulty = configured("version: 1\nmode: enforcing\ntargets: []\nplaybook: []\n");
    insta::assert_snapshot!(told(&pgmedic(faulty.path(), &["lint", "--color", "never"])), @"
    exit: 1
    out: warning[no-playbooks]: no playbooks are named, so nothing will be done
    out:  --> pgmedic.yaml:1:1
    out:   |
    out: 1 | version: 1
    out:   | ^^^^^^^^^^
    out:   |
    out:   = help: add `playbooks: [playbooks/*.yaml]`
    out:
    out: error[unknown-word]: `enforcing` is none of `observe`, `approve`, `enforce`
    out:  --> pgmedic.yaml:2:7
    out:   |
    out: 2 | mode: enforcing
    out:   |       ^^^^^^^^^
    out:   |
    out:   = help: did you mean `enforce`?
    out:
    out: error[empty-selector]: an empty list leaves nothing to look after
    out:  --> pgmedic.yaml:3:10
    out:   |
    out: 3 | targets: []
    out:   |          ^^
    out:   |
    out:   = help: write what is meant, or leave the key out
    out:
    out: error[unknown-key]: `playbook` is no key of the configuration
    out:  --> pgmedic.yaml:4:1
    out:   |
    out: 4 | playbook: []
    out:   | ^^^^^^^^
    out:   |
    out:   = help: did you mean `playbooks`?
    err: 3 errors, 1 warning
    ");
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
    insta::assert_snapshot!(told(&pgmedic(faulty.path(), &["pause", "--for", "2h", "--reason", "migration"])), @"
    exit: 0
    err: paused: everything, for 2h. No daemon is running; the next one obeys
    ");
    let ordered = pgmedic(faulty.path(), &["audit", "list", "--kind", "control", "--json"]);
    let ordered: serde_json::Value = serde_json::from_slice(&ordered.stdout).unwrap();
    let until = ordered["evidence"]["until"].as_str().unwrap();
    assert!(until.len() <= "2026-11-24T20:00:00.000000Z".len(), "no precision that nobody asked for: {until}");
    insta::assert_snapshot!(told(&pgmedic(faulty.path(), &["resume", "--target", "orders"])), @"
    exit: 1
    err: pgmedic: there is no pause of exactly everything on target orders (paused: everything)
    ");
    insta::assert_snapshot!(told(&pgmedic(faulty.path(), &["resume"])), @"
    exit: 0
    err: resumed: everything
    ");
    let again = pgmedic(faulty.path(), &["resume"]);
    assert_eq!(again.status.code(), Some(1), "{}", told(&again));
    let sound = configured(SOUND);
    insta::assert_snapshot!(told(&pgmedic(sound.path(), &["pause", "--target", "order"])), @"
    exit: 2
    err: pgmedic: there is no target order (there are: orders)
    ");
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
    let words = told(&pgmedic(folder().path(), &["plan", "--dsn", "postgresql://me@127.0.0.1:1/postgres"]));
    assert_eq!(words.matches("Connection refused").count(), 1, "one trouble, told once: {words}");
    for wrong in ["db1", "mysql://me@db1/shop"] {
        let usage = pgmedic(folder().path(), &["plan", "--dsn", wrong]);
        assert_eq!(usage.status.code(), Some(2), "{}", told(&usage));
    }
    let unknown =
        pgmedic(folder().path(), &["plan", "cancel-long-query", "--dsn", "postgresql://me@127.0.0.1:1/postgres"]);
    insta::assert_snapshot!(told(&unknown), @"
    exit: 2
    err: pgmedic: there is no playbook `cancel-long-query`; did you mean `cancel-long-queries`? (there are: cancel-long-queries, grow-starved-pools, refresh-statistics)
    ");
}

#[test]
fn a_target_out_of_reach_is_trouble_for_whoever_asks() {
    let folder = configured(&format!("{SOUND}playbooks: [p.yaml]\n"));
    let playbook = "version: 1\nname: p\nabout: a\ntargets: all\nfind: stale_statistics\ndo: [analyze]\n";
    std::fs::write(folder.path().join("p.yaml"), playbook).unwrap();
    for args in [&["run", "p", "--target", "orders"][..], &["why", "p", "--target", "orders"], &["plan"]] {
        let output = pgmedic(folder.path(), args);
        let told = told(&output);
        assert!(output.status.code() == Some(1) && told.contains("refused"), "{args:?}: {told}");
    }
}

#[test]
fn a_data_directory_too_deep_for_a_socket_is_said_to_be_that() {
    let folder = configured(&SOUND.replace("./data", &"x".repeat(120)));
    for command in ["status", "serve"] {
        let told = told(&pgmedic(folder.path(), &[command]));
        assert!(told.starts_with("exit: 1") && !told.contains("sudo"), "{told}");
    }
    assert!(told(&pgmedic(folder.path(), &["status"])).contains("a shorter path"));
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

#[test]
fn a_running_daemon_answers_over_its_socket_and_the_log_is_read_as_stored() {
    let home = Home::new("targets:\n  - {name: orders, dsn: \"postgresql://me@127.0.0.1:1/postgres\"}\n", &[]);
    let daemon = home.serve();
    let (code, out, _) = home.run(&["status", "-o", "json"]);
    let status: serde_json::Value = serde_json::from_str(&out).unwrap();
    assert_eq!((code, &status["targets"][0]["name"]), (0, &serde_json::json!("orders")), "{out}");
    assert_eq!(home.run(&["pause", "--target", "orders", "--reason", "migration"]).0, 0);
    assert!(home.run(&["status"]).1.contains("paused: target orders"));
    assert_eq!(home.run(&["resume"]).0, 1, "another scope");
    assert_eq!(home.run(&["run", "no-such", "--target", "orders"]).0, 2);
    assert_eq!(home.run(&["reload"]).0, 0);
    let second = home.run(&["serve"]);
    assert!(second.0 == 1 && second.2.contains("another pgmedic answers"), "{second:?}");
    assert_eq!(daemon.end("TERM").0, Some(0));
    // Each line is found in the files byte by byte.
    let stored = std::fs::read_to_string(home.path("data/audit/00000000000000000001.jsonl")).unwrap();
    let (code, listed, _) = home.run(&["audit", "list", "--json", "--kind", "control"]);
    assert!(code == 0 && listed.contains("migration"), "{listed}");
    assert!(listed.lines().all(|line| stored.lines().any(|s| s == line)), "{listed}");
    let data = home.path("data");
    let copy = pgmedic(folder().path(), &["audit", "verify", "--dir", data.to_str().unwrap()]);
    assert!(told(&copy).starts_with("exit: 0\nout: sound: "), "{}", told(&copy));
    assert_eq!(home.run(&["audit", "show", "NOSUCHRUN"]).0, 2);
}

#[test]
fn damage_is_named_and_ends_with_1() {
    let home = Home::new("targets: []\n", &[]);
    assert_eq!(home.run(&["pause", "--reason", "migration"]).0, 0);
    let segment = home.path("data/audit/00000000000000000001.jsonl");
    let text = std::fs::read_to_string(&segment).unwrap();
    std::fs::write(&segment, text.replace("migration", "vacations")).unwrap();
    let (code, out, _) = home.run(&["audit", "verify", "--color", "never"]);
    assert!(code == 1 && out.contains("DAMAGED") && out.contains("seq 2"), "{out}");
}
