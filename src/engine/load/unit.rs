//! Reads a file of tests and the files that it names: rules, or playbooks and their configuration.

use super::origin::Disk;
use super::{LoadError, Reading, Sources, glob, sort};
use crate::decide::unit::{self as decisions, catalogue};
use crate::rules;
use crate::rules::read::GroupSpec;
use crate::rules::unit::{self, TestFile};
use crate::syntax::fault::{quote, suggest};
use crate::syntax::{Fault, Severity};
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// A file of tests with what it tests.
#[derive(Debug)]
pub struct Tests {
    /// Nothing when there is an error in the file or in any that it names.
    pub sound: Option<Sound>,
    /// All faults of the file and those that it names.
    pub faults: Vec<Fault>,
    /// Patterns of rule files that name no file.
    pub empty: Vec<String>,
    /// To render the faults with.
    pub sources: Sources,
}

/// What is tested.
#[derive(Debug)]
pub enum Sound {
    /// Rules: the tests, and the groups of all rule files.
    Rules(TestFile, Vec<GroupSpec>),
    /// Playbooks.
    Playbooks(Vec<decisions::Test>),
}

/// Reads a file of tests; what it tests is told by its keys.
///
/// # Errors
/// [`LoadError::Unreadable`] for a file that cannot be opened.
pub fn tests(file: &Path) -> Result<Tests, LoadError> {
    let mut reading = Reading::new(&Disk);
    let mut empty = Vec::new();
    let sound = match reading.text(file)? {
        None => None,
        Some(text) if sort::of_playbooks(&file.display().to_string(), &text) => {
            reading.playbook_tests(file, &text)?.map(Sound::Playbooks)
        }
        Some(text) => reading.rule_tests(file, &text, &mut empty)?,
    };
    let faults = reading.sorted_faults();
    let sound = sound.filter(|_| !faults.iter().any(Fault::is_error));
    Ok(Tests { sound, faults, empty, sources: reading.sources })
}

/// Faults of a file of tests of rules, read beside the rules that it names; what is wrong with those is told when
/// they are checked themselves.
pub(super) fn lint(file: &Path, text: &str) -> Vec<Fault> {
    let name = file.display().to_string();
    let mut beside = Reading::new(&Disk);
    if beside.rule_tests(file, text, &mut Vec::new()).is_err() {
        // A file of rules that cannot be opened says nothing about the tests' own text.
        return unit::read(&name, text).1;
    }
    beside.faults.into_iter().filter(|fault| fault.file == name).collect()
}

/// Tests that expect nothing of an alert that is nowhere: they pass whatever the rules say.
fn idle_alerts(name: &str, text: &str, tests: &TestFile, groups: &[GroupSpec]) -> Vec<Fault> {
    let rules = groups.iter().flat_map(|group| &group.rules).filter(|rule| rule.alert.is_some());
    let there: BTreeSet<&str> = rules.map(|rule| rule.name.as_str()).collect();
    let cases = tests.tests.iter().flat_map(|test| &test.alerts);
    let idle = cases.filter(|case| case.expected.is_empty() && !there.contains(case.alert.as_str()));
    let told = idle.map(|case| {
        let message = format!(
            "no file of rules has an alert {}: that nothing is expected of it always comes true",
            quote(&case.alert)
        );
        Fault::at(name, text, case.span, Severity::Warning, "no-effect", message)
            .with_help(suggest(&case.alert, there.iter().copied()))
    });
    told.collect()
}

impl Reading<'_> {
    fn rule_tests(&mut self, file: &Path, text: &str, empty: &mut Vec<String>) -> Result<Option<Sound>, LoadError> {
        let name = file.display().to_string();
        let (tests, faults) = unit::read(&name, text);
        self.faults.extend(faults);
        let Some(tests) = tests else { return Ok(None) };
        let folder = file.parent().unwrap_or(Path::new(""));
        let mut groups = Vec::new();
        let mut seen: BTreeSet<PathBuf> = BTreeSet::new();
        for pattern in &tests.rule_files {
            let found = glob::expand(&folder.join(pattern)).unwrap_or_default();
            if found.is_empty() {
                empty.push(pattern.clone());
            }
            for path in found.into_iter().filter(|path| seen.insert(path.clone())) {
                let Some(text) = self.text(&path)? else { continue };
                let (read, faults) = rules::read(&path.display().to_string(), &text);
                groups.extend(read);
                self.faults.extend(faults);
            }
        }
        if !groups.is_empty() && !self.faults.iter().any(Fault::is_error) {
            self.faults.extend(idle_alerts(&name, text, &tests, &groups));
        }
        Ok(Some(Sound::Rules(tests, groups)))
    }

    /// Reads playbook tests with the configuration and the playbooks that they name; their faults are kept.
    pub(super) fn playbook_tests(
        &mut self,
        file: &Path,
        text: &str,
    ) -> Result<Option<Vec<decisions::Test>>, LoadError> {
        let name = file.display().to_string();
        let folder = file.parent().unwrap_or(Path::new(""));
        let header = decisions::header(&name, text);
        let known = self.faults.len();
        let (mut config, mut playbooks) = (None, Vec::new());
        if let Some((written, _)) = &header.config {
            let path = folder.join(written);
            let text = self.text(&path)?;
            let read = text.map(|text| self.config(&path, &text, &catalogue())).transpose()?.flatten();
            if let Some((read, named, _)) = read {
                config = Some(read);
                playbooks.extend(named);
            }
        }
        for (pattern, span) in &header.playbooks {
            let found = glob::expand(&folder.join(pattern)).and_then(|found| match found.as_slice() {
                [] => Err(format!("{} names no file", quote(pattern))),
                _ => Ok(found),
            });
            if let Err(why) = &found {
                let fault = Fault::at(&name, text, *span, Severity::Error, "no-playbooks", why.clone());
                self.faults.push(fault.with_help("relative paths start at this file's folder"));
            }
            for path in found.unwrap_or_default() {
                let Some(text) = self.text(&path)? else { continue };
                playbooks.extend(self.playbook(&path, &text, &catalogue()));
            }
        }
        if self.faults[known..].iter().any(Fault::is_error) {
            // Without what it tests nobody knows what its tests may say.
            return Ok(None);
        }
        let given = decisions::Given { config: config.as_ref(), playbooks: &playbooks, texts: &self.sources.0 };
        let (tests, faults) = decisions::read(&name, text, &given);
        self.faults.extend(faults);
        Ok(tests)
    }
}
