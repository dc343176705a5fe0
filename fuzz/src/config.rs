//! `pgmedic.yaml` in a world without other files: read, its faults rendered.

use super::render;
use pgmedic::config::{Surroundings, Text, read};
use std::path::{Path, PathBuf};

struct Paper;

impl Surroundings for Paper {
    fn files(&self, pattern: &Path) -> Result<Vec<PathBuf>, String> {
        Ok(vec![pattern.to_owned()])
    }

    fn text(&self, file: &Path) -> Result<Option<String>, String> {
        Err(format!("{} is not there", file.display()))
    }

    fn value(&self, _: &Text) -> Result<String, String> {
        Ok("value".to_owned())
    }
}

/// Reads.
pub fn run(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let (_, faults) = read(Path::new("pgmedic.yaml"), text, &Paper);
    render(&faults, text);
}
