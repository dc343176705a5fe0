//! Reads a file of rule tests and the rule files that it names.

use super::origin::Disk;
use super::{LoadError, Reading, Sources, glob};
use crate::rules;
use crate::rules::read::GroupSpec;
use crate::rules::unit::{self, TestFile};
use crate::syntax::Fault;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// A file of rule tests with its rules.
#[derive(Debug)]
pub struct RuleTests {
    /// The tests, and the groups of all rule files; nothing when there is an error in any of them.
    pub sound: Option<(TestFile, Vec<GroupSpec>)>,
    /// All faults of the file and its rule files.
    pub faults: Vec<Fault>,
    /// Patterns of rule files that name no file.
    pub empty: Vec<String>,
    /// To render the faults with.
    pub sources: Sources,
}

/// Reads a file of rule tests.
///
/// # Errors
/// [`LoadError::Unreadable`] for a file that cannot be opened.
pub fn rule_tests(file: &Path) -> Result<RuleTests, LoadError> {
    let mut reading = Reading::new(&Disk);
    let mut empty = Vec::new();
    let mut groups = Vec::new();
    let tests = match reading.text(file)? {
        None => None,
        Some(text) => {
            let (tests, faults) = unit::read(&file.display().to_string(), &text);
            reading.faults.extend(faults);
            tests
        }
    };
    if let Some(tests) = &tests {
        let folder = file.parent().unwrap_or(Path::new(""));
        let mut seen: BTreeSet<PathBuf> = BTreeSet::new();
        for pattern in &tests.rule_files {
            let found = glob::expand(&folder.join(pattern)).unwrap_or_default();
            if found.is_empty() {
                empty.push(pattern.clone());
            }
            for path in found.into_iter().filter(|path| seen.insert(path.clone())) {
                let Some(text) = reading.text(&path)? else { continue };
                let (read, faults) = rules::read(&path.display().to_string(), &text);
                groups.extend(read);
                reading.faults.extend(faults);
            }
        }
    }
    let faults = reading.sorted_faults();
    let sound = tests.map(|tests| (tests, groups)).filter(|_| !faults.iter().any(Fault::is_error));
    Ok(RuleTests { sound, faults, empty, sources: reading.sources })
}
