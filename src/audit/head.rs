//! The file `head`: how far the log has surely come. It is written after each covering fdatasync and
//! never synced itself, so it may lag behind the log; a log shorter than it has lost records.

use super::layout::{Layout, open_file};
use rustix::fs::{Access, AtFlags, accessat};
use serde::{Deserialize, Serialize};
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::PathBuf;

/// Bytes of the file, always the same, so that one write within one sector replaces all of it.
const WIDTH: usize = 128;

/// Size and root of the tree.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Head {
    pub(super) size: u64,
    /// In hex.
    pub(super) root: String,
}

/// What the file says; `None` when it is missing or unreadable as JSON (it is never synced: a power
/// cut may take it).
pub(super) fn read(layout: &Layout) -> io::Result<Option<Head>> {
    match std::fs::read(layout.head()) {
        Ok(bytes) => Ok(serde_json::from_slice(&bytes).ok()),
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(e) => Err(e),
    }
}

/// The open file.
#[derive(Debug)]
pub(super) struct HeadFile {
    path: PathBuf,
    /// The directory that it is in: looking there for it is quicker than by its whole path.
    dir: File,
    file: File,
}

impl HeadFile {
    /// Opens the file, and makes it when it is not there.
    pub(super) fn open(layout: &Layout) -> io::Result<HeadFile> {
        let path = layout.head();
        Ok(HeadFile { file: open_file(&path)?, dir: File::open(layout.audit())?, path })
    }

    /// Overwrites it in place, or makes it again when somebody has deleted it: without it a log that lost its
    /// end looks whole. Not synced.
    pub(super) fn write(&mut self, head: &Head) -> io::Result<()> {
        let mut text = serde_json::to_string(head)?;
        let padding = (WIDTH - 1).saturating_sub(text.len());
        text.extend(std::iter::repeat_n(' ', padding));
        text.push('\n');
        if accessat(&self.dir, "head", Access::EXISTS, AtFlags::empty()).is_err() {
            self.file = open_file(&self.path)?;
        }
        self.file.write_all_at(text.as_bytes(), 0)
    }

    /// Makes it durable: at the start and the end of a segment, where it costs nothing.
    pub(super) fn sync(&self) -> io::Result<()> {
        self.file.sync_data()
    }
}
