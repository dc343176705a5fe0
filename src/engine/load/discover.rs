//! The files of tests that belong to a configuration, for `pgmedic test` without a file.

use super::sort::{self, Sort};
use super::{LoadError, glob, load};
use crate::decide::catalogue;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// Folders beside the configuration in which tests are looked for…
const BESIDE: [&str; 3] = ["tests", "playbooks/tests", "rules/tests"];
/// …and that beside the playbooks that it names.
const TESTS: &str = "tests";
const PATTERN: &str = "*.{yaml,yml}";

/// The files of tests in the folders `tests`, `playbooks/tests` and `rules/tests` beside a configuration and in
/// `tests` beside the playbooks that it names, in order of path; and the folders that were looked into. Files that
/// are something else are left out.
///
/// # Errors
/// [`LoadError::Unreadable`] for a file or a folder that cannot be read.
pub fn test_files(config: &Path) -> Result<(Vec<PathBuf>, Vec<PathBuf>), LoadError> {
    let folder = config.parent().unwrap_or(Path::new(""));
    let mut folders: Vec<PathBuf> = BESIDE.iter().map(|name| folder.join(name)).collect();
    // A configuration that is faulty or missing is no reason not to look where tests usually are.
    let playbooks = load(config, &catalogue()).map(|loaded| loaded.config.playbook_files).unwrap_or_default();
    for playbook in &playbooks {
        let beside = playbook.parent().unwrap_or(Path::new("")).join(TESTS);
        if !folders.contains(&beside) {
            folders.push(beside);
        }
    }
    let mut files = BTreeSet::new();
    for folder in &folders {
        let unreadable = |why| LoadError::Unreadable { file: folder.clone(), why };
        for file in glob::expand(&folder.join(PATTERN)).map_err(unreadable)? {
            let bytes = std::fs::read(&file);
            let bytes = bytes.map_err(|error| LoadError::Unreadable { file: file.clone(), why: error.to_string() })?;
            let sort = sort::sort(&file.display().to_string(), &String::from_utf8_lossy(&bytes));
            if matches!(sort, Sort::Tests | Sort::PlaybookTests) {
                files.insert(file);
            }
        }
    }
    Ok((files.into_iter().collect(), folders))
}
