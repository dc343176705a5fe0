//! Where files come from: the disk, or the record of what was live.

use super::{LoadError, Reading, glob, resolve};
use crate::config::{Surroundings, Text};
use crate::syntax;
use globset::GlobBuilder;
use secrecy::ExposeSecret;
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::io::Read;
use std::path::{Path, PathBuf};

/// Files by name.
pub(super) trait Origin {
    /// The files that a pattern names, in order of path.
    fn files(&self, pattern: &Path) -> Result<Vec<PathBuf>, String>;

    /// A file's bytes, at most one more than may be read.
    fn bytes(&self, file: &Path) -> Result<Vec<u8>, LoadError>;

    /// What a reference to something that is no secret stands for.
    fn value(&self, text: &Text) -> Result<String, String>;
}

/// The disk and the environment.
pub(super) struct Disk;

impl Origin for Disk {
    fn files(&self, pattern: &Path) -> Result<Vec<PathBuf>, String> {
        glob::expand(pattern)
    }

    fn bytes(&self, file: &Path) -> Result<Vec<u8>, LoadError> {
        let unreadable = |e: std::io::Error| unreadable(file, &e.to_string());
        let mut bytes = Vec::new();
        let limit = syntax::parse::MAX_BYTES as u64 + 1;
        std::fs::File::open(file).map_err(unreadable)?.take(limit).read_to_end(&mut bytes).map_err(unreadable)?;
        Ok(bytes)
    }

    fn value(&self, text: &Text) -> Result<String, String> {
        resolve(text).map(|secret| secret.expose_secret().to_owned())
    }
}

/// Texts as a `config` record holds them.
pub(super) struct Recorded(pub BTreeMap<PathBuf, String>);

impl Origin for Recorded {
    fn files(&self, pattern: &Path) -> Result<Vec<PathBuf>, String> {
        let glob = GlobBuilder::new(&pattern.to_string_lossy()).literal_separator(true).build();
        let glob = glob.map_err(|e| e.to_string())?.compile_matcher();
        Ok(self.0.keys().filter(|file| file.as_path() == pattern || glob.is_match(file)).cloned().collect())
    }

    fn bytes(&self, file: &Path) -> Result<Vec<u8>, LoadError> {
        let text = self.0.get(file).ok_or_else(|| unreadable(file, "it is not in the record"))?;
        Ok(text.clone().into_bytes())
    }

    fn value(&self, _: &Text) -> Result<String, String> {
        Err("the record holds no values of references".to_owned())
    }
}

fn unreadable(file: &Path, why: &str) -> LoadError {
    LoadError::Unreadable { file: file.to_owned(), why: why.to_owned() }
}

/// An origin as the configuration's reader asks for it; what it reads is kept as a source.
pub(super) struct Around<'r, 'o> {
    reading: RefCell<&'r mut Reading<'o>>,
    /// The first file that could not be opened.
    unreadable: RefCell<Option<LoadError>>,
    /// The files of targets, in the order of reading.
    read: RefCell<Vec<PathBuf>>,
}

impl<'r, 'o> Around<'r, 'o> {
    pub fn new(reading: &'r mut Reading<'o>) -> Around<'r, 'o> {
        Around { reading: RefCell::new(reading), unreadable: RefCell::default(), read: RefCell::default() }
    }

    /// The first file that could not be opened, and the files of targets that could.
    pub fn into_seen(self) -> (Option<LoadError>, Vec<PathBuf>) {
        (self.unreadable.into_inner(), self.read.into_inner())
    }
}

impl Surroundings for Around<'_, '_> {
    fn files(&self, pattern: &Path) -> Result<Vec<PathBuf>, String> {
        self.reading.borrow().origin.files(pattern)
    }

    fn text(&self, file: &Path) -> Result<Option<String>, String> {
        let text = self.reading.borrow_mut().text(file);
        match text {
            Ok(text) => {
                self.read.borrow_mut().extend(text.is_some().then(|| file.to_owned()));
                Ok(text)
            }
            Err(e) => {
                let why = e.to_string();
                self.unreadable.borrow_mut().get_or_insert(e);
                Err(why)
            }
        }
    }

    fn value(&self, text: &Text) -> Result<String, String> {
        self.reading.borrow().origin.value(text)
    }
}
