//! `pgmedic test`.

use super::global::{Exit, Failure, Format};
use super::output::Out;
use super::start::unloaded;
use super::text::count;
use crate::engine::load::{self, RuleTests};
use crate::rules::unit::{Check, run};
use clap::Args;
use regex::Regex;
use std::path::PathBuf;
use std::time::{Duration, Instant};

/// A test that takes longer has failed.
const LONGEST_TEST: Duration = Duration::from_mins(10);

mod junit;
mod text;

/// Run unit tests of rules: series in, samples and alerts expected
///
/// The files are those of `promtool test rules`. No database is needed. Ends with 1 when anything did not
/// come as expected, or a file has an error.
#[derive(Args, Debug)]
pub(super) struct Command {
    /// Files of tests
    #[arg(value_name = "FILE", required = true)]
    files: Vec<PathBuf>,
    /// Only tests whose name matches this regular expression
    #[arg(long, value_name = "REGEX")]
    run: Option<String>,
    /// Also write the results to a file, as the XML of `JUnit`
    #[arg(long, value_name = "FILE")]
    junit: Option<PathBuf>,
}

impl Command {
    pub(super) fn run(self, out: &Out) -> Result<Exit, Failure> {
        let wanted = match &self.run {
            None => None,
            Some(text) => Some(Regex::new(text).map_err(|error| {
                Failure::usage(format!("--run takes a regular expression, and `{text}` is none: {error}"))
            })?),
        };
        let mut checks = Vec::new();
        for file in &self.files {
            let tests = load::rule_tests(file).map_err(|error| unloaded(&error))?;
            checks.extend(checked(file, &tests, wanted.as_ref(), out));
        }
        if let Some(file) = &self.junit {
            let written = std::fs::write(file, junit::report(&checks));
            written.map_err(|error| Failure::usage(format!("cannot write {}: {error}", file.display())))?;
        }
        out.list(&checks, |checks| text::failures(checks, out.paint))?;
        let failed = checks.iter().filter(|check| !check.passed).count();
        let passed = count(checks.len() - failed, "check");
        out.note(&format!("{}: {passed} passed, {failed} failed", count(self.files.len(), "file")));
        if checks.is_empty() {
            out.note("No test was run: the files have none, or --run names none of them.");
        }
        Ok(if failed > 0 { Exit::TROUBLE } else { Exit::FINE })
    }
}

/// Runs the tests of a file. One with errors is a check that failed.
fn checked(file: &std::path::Path, tests: &RuleTests, wanted: Option<&Regex>, out: &Out) -> Vec<Check> {
    let name = file.display().to_string();
    for pattern in &tests.empty {
        out.complain(&format!("{name}: `{pattern}` under rule_files names no file"));
    }
    let Some((read, groups)) = &tests.sound else {
        let told = tests.sources.render(&tests.faults, out.paint.on && out.format == Format::Text);
        let line = tests.faults.iter().find(|fault| fault.file == name).map_or(1, |fault| fault.line);
        let what = "the file and its rule files".to_owned();
        return vec![Check {
            file: name,
            line,
            test: String::new(),
            what,
            passed: false,
            error: Some(told.trim_end().to_owned()),
            missing: Vec::new(),
            unexpected: Vec::new(),
        }];
    };
    let wanted = |name: &str| wanted.is_none_or(|regex| regex.is_match(name));
    let tests = read.tests.iter().filter(|test| wanted(&test.name));
    let timed = |test| {
        let began = Instant::now();
        run(&name, read, test, groups, &|| began.elapsed() > LONGEST_TEST)
    };
    tests.flat_map(timed).collect()
}
