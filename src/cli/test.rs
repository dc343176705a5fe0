//! `pgmedic test`.

use super::global::{Exit, Failure, Format, Global};
use super::output::Out;
use super::start::unloaded;
use super::text::count;
use crate::decide::unit as decisions;
use crate::engine::load::{self, Sound, Tests};
use crate::model::time;
use crate::rules::unit::{self, Check};
use clap::Args;
use regex::Regex;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

mod junit;
mod text;

/// Run tests of playbooks and rules: rows and series in, decisions and alerts expected
///
/// Tests of rules are the files of `promtool test rules`; tests of playbooks have `version`, `playbooks` and
/// `tests`. No database is needed. Ends with 1 when anything did not come as expected, or a file has an error.
#[derive(Args, Debug)]
pub(super) struct Command {
    /// Files of tests; without any, those in tests, playbooks/tests and rules/tests beside --config, and in tests
    /// beside its playbooks
    #[arg(value_name = "FILE")]
    files: Vec<PathBuf>,
    /// Only tests whose name matches this regular expression
    #[arg(long, value_name = "REGEX")]
    run: Option<String>,
    /// Also write the results to a file, as the XML of `JUnit`
    #[arg(long, value_name = "FILE")]
    junit: Option<PathBuf>,
    /// Give up on a file after so long, its reading included
    #[arg(long, value_name = "DURATION", default_value = "5m", value_parser = time::parse_duration)]
    timeout: Duration,
}

impl Command {
    pub(super) fn run(self, global: &Global, out: &Out) -> Result<Exit, Failure> {
        let wanted = match &self.run {
            None => None,
            Some(text) => Some(Regex::new(text).map_err(|error| {
                Failure::usage(format!("--run takes a regular expression, and `{text}` is none: {error}"))
            })?),
        };
        let files = if self.files.is_empty() { beside(&global.config)? } else { self.files };
        let mut checks = Vec::new();
        let mut unread = Vec::new();
        for file in &files {
            let until = (Instant::now(), self.timeout);
            match load::tests(file) {
                Ok(tests) => checks.extend(checked(file, &tests, wanted.as_ref(), until, out)),
                Err(error) => {
                    let why = error.to_string();
                    // Whoever reads only the results must see it too.
                    checks.push(failed(&file.display().to_string(), 1, "", "the file", why.clone()));
                    unread.push(why);
                }
            }
        }
        if let Some(file) = &self.junit {
            let written = std::fs::write(file, junit::report(&checks));
            written.map_err(|error| Failure::usage(format!("cannot write {}: {error}", file.display())))?;
        }
        out.list(&checks, |checks| text::failures(checks, out.paint))?;
        let failed = checks.iter().filter(|check| !check.passed).count();
        let passed = count(checks.len() - failed, "check");
        out.note(&format!("{}: {passed} passed, {failed} failed", count(files.len(), "file")));
        if checks.is_empty() {
            out.note("No test was run: the files have none, or --run names none of them.");
        }
        if !unread.is_empty() {
            return Err(Failure::usage(unread.join("\n")));
        }
        Ok(if failed > 0 { Exit::TROUBLE } else { Exit::FINE })
    }
}

/// The files of tests that belong to a configuration.
fn beside(config: &Path) -> Result<Vec<PathBuf>, Failure> {
    let (files, folders) = load::test_files(config).map_err(|error| unloaded(&error))?;
    if files.is_empty() {
        let folders: Vec<String> = folders.iter().map(|folder| folder.display().to_string()).collect();
        return Err(Failure::usage(format!(
            "there is no file of tests in {}: name files of tests, or put them there (`--config` says beside what to \
             look)",
            folders.join(", ")
        )));
    }
    Ok(files)
}

/// Runs the tests of a file. One with errors is a check that failed, and so is one that takes too long.
fn checked(
    file: &Path,
    tests: &Tests,
    wanted: Option<&Regex>,
    (begun, timeout): (Instant, Duration),
    out: &Out,
) -> Vec<Check> {
    let name = file.display().to_string();
    for pattern in &tests.empty {
        out.complain(&format!("{name}: `{pattern}` under rule_files names no file"));
    }
    let Some(sound) = &tests.sound else {
        let told = tests.sources.render(&tests.faults, out.paint.on && out.format == Format::Text);
        let line = tests.faults.iter().find(|fault| fault.file == name).map_or(1, |fault| fault.line);
        return vec![failed(&name, line, "", "the file and those that it names", told.trim_end().to_owned())];
    };
    let wanted = |name: &str| wanted.is_none_or(|regex| regex.is_match(name));
    let stop = || begun.elapsed() >= timeout;
    let mut checks = Vec::new();
    let late = |line: usize, test: &str, checks: &mut Vec<Check>| {
        let why = format!(
            "{name} was not done within {}; make its expressions or its series lighter, or give it more time with \
             --timeout",
            time::in_words(timeout)
        );
        checks.push(failed(&name, line, test, "the time", why));
    };
    match sound {
        Sound::Rules(file, groups) => {
            for test in file.tests.iter().filter(|test| wanted(&test.name)) {
                checks.extend(unit::run(&name, file, test, groups, &stop));
                if stop() {
                    late(test.line, &test.name, &mut checks);
                    break;
                }
            }
        }
        Sound::Playbooks(tests) => {
            for test in tests.iter().filter(|test| wanted(&test.name)) {
                checks.extend(decisions::run(&name, test, &stop));
                if stop() {
                    late(test.line, &test.name, &mut checks);
                    break;
                }
            }
        }
    }
    checks
}

/// A check of which nothing could be compared.
fn failed(file: &str, line: usize, test: &str, what: &str, why: String) -> Check {
    Check {
        file: file.to_owned(),
        line,
        test: test.to_owned(),
        what: what.to_owned(),
        passed: false,
        error: Some(why),
        missing: Vec::new(),
        unexpected: Vec::new(),
    }
}
