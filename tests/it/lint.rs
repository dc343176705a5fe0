//! What users write, and what they are told when it is wrong.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test's helpers stop it like the test itself")]

mod advice;
mod catalogue;
mod config;
mod fleet;
mod formats;
mod messages;
mod playbook;
mod random;
mod schema;

use pgmedic::config::{Config, Surroundings, Text};
use pgmedic::syntax::{self, Fault};
use std::path::{Path, PathBuf};

/// A world in which every file is there and no variable is set.
struct Paper;

impl Surroundings for Paper {
    fn files(&self, pattern: &Path) -> Result<Vec<PathBuf>, String> {
        Ok(vec![pattern.to_owned()])
    }

    fn text(&self, file: &Path) -> Result<Option<String>, String> {
        Err(format!("{} is not there", file.display()))
    }

    fn value(&self, _: &Text) -> Result<String, String> {
        Err("the environment variable GIT_SHA is not set".to_owned())
    }
}

fn read_config(text: &str) -> (Option<Config>, Vec<Fault>) {
    pgmedic::config::read(Path::new("pgmedic.yaml"), text, &Paper)
}

fn read_playbook(text: &str) -> (Option<pgmedic::playbook::Playbook>, Vec<Fault>) {
    pgmedic::playbook::read("playbook.yaml", text, &catalogue::CATALOGUE)
}

fn rendered(faults: &[Fault], text: &str) -> String {
    syntax::render(faults, &|_| Some(text.to_owned()), false)
}

/// The repository's folder: the tests read what it ships.
fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// The playbooks that are shipped; their tests stand in a folder beside them.
fn shipped_playbooks() -> Vec<PathBuf> {
    let entries = std::fs::read_dir(root().join("playbooks")).unwrap();
    entries.map(|entry| entry.unwrap().path()).filter(|path| path.is_file()).collect()
}

/// The codes of the faults, in order: what a test compares where the words do not matter.
fn codes(faults: &[Fault]) -> Vec<&'static str> {
    faults.iter().map(|f| f.code).collect()
}
