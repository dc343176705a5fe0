//! The segment that is being written: its durable length, and the room kept free behind it.

use super::layout::{Layout, open_file, sync_dir};
use super::medium::{Medium, is_full};
use super::tree::Hash;
use std::fs::{self, File};
use std::io;
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::PathBuf;

/// Bytes kept reserved behind the last record, so that what came of an action can still be written
/// when the disk is full.
pub(super) const HEADROOM: u64 = 1024 * 1024;

/// Why nothing was appended.
#[derive(Debug)]
pub(super) enum Fault {
    /// The disk is full. The segment is as it was before.
    Full(io::Error),
    /// What is on the disk is no longer known.
    Broken(&'static str, io::Error),
}

/// The segment that is being written.
pub(super) struct Segment {
    /// `seq` of its first record.
    pub(super) first: u64,
    /// Bytes that are durable.
    pub(super) len: u64,
    /// Hashes of its records.
    pub(super) leaves: Vec<Hash>,
    pub(super) medium: Box<dyn Medium>,
    path: PathBuf,
    /// Device and number of the file that is written.
    file: (u64, u64),
    leaves_file: File,
    /// How many of `leaves` are in their file.
    leaves_written: usize,
    /// Bytes for which room is reserved; the largest number where the file system cannot reserve.
    reserved: u64,
}

impl Segment {
    /// Opens one that is there, `len` bytes of which are durable.
    pub(super) fn open(layout: &Layout, first: u64, len: u64, leaves: Vec<Hash>) -> io::Result<Segment> {
        let path = layout.segment(first);
        let opened = open_file(&path)?;
        let file = identity(&opened.metadata()?);
        let leaves_file = open_file(&layout.leaves(first))?;
        let leaves_written = leaves.len();
        let medium = Box::new(opened);
        Ok(Segment { first, len, leaves, medium, path, file, leaves_file, leaves_written, reserved: len })
    }

    /// Makes a new one, durably there and empty.
    pub(super) fn create(layout: &Layout, first: u64) -> io::Result<Segment> {
        let opened = open_file(&layout.segment(first))?;
        // A file of that name can only be the rest of an attempt that failed before its first record.
        opened.set_len(0)?;
        opened.sync_all()?;
        open_file(&layout.leaves(first))?.set_len(0)?;
        sync_dir(layout.audit())?;
        Segment::open(layout, first, 0, Vec::new())
    }

    /// Whether what is written here is still what a reader finds under the segment's name. Whoever deletes,
    /// replaces or edits it would otherwise let pgmedic act on with a record that nobody will ever read.
    ///
    /// # Errors
    /// What is there instead.
    pub(super) fn is_in_place(&self) -> Result<(), String> {
        let found = |what: String| Err(format!("{} {what}", self.path.display()));
        match fs::symlink_metadata(&self.path) {
            Err(e) if e.kind() == io::ErrorKind::NotFound => found("was deleted or renamed".to_owned()),
            Err(e) => found(format!("cannot be looked at: {e}")),
            Ok(meta) if identity(&meta) != self.file => found("was replaced by another file".to_owned()),
            Ok(meta) if meta.len() != self.len => {
                found(format!("was changed: it has {} bytes and not the {} that were written", meta.len(), self.len))
            }
            Ok(_) => Ok(()),
        }
    }

    /// Whether the headroom is (or can be) reserved behind the next `bytes` bytes.
    ///
    /// # Errors
    /// The disk is full.
    pub(super) fn make_room(&mut self, bytes: u64) -> io::Result<()> {
        let least = self.len.saturating_add(bytes).saturating_add(HEADROOM);
        if self.reserved >= least {
            return Ok(());
        }
        // Some more than asked for, so that not every group needs it; just as asked when that is too much.
        let reserve = |to: u64| self.medium.reserve(self.len, to).map(|()| to);
        match reserve(least.saturating_add(HEADROOM)).or_else(|_| reserve(least)) {
            Ok(to) => self.reserved = to,
            Err(e) if is_full(&e) => return Err(e),
            // A file system that cannot reserve: then writing itself will tell.
            Err(_) => self.reserved = u64::MAX,
        }
        Ok(())
    }

    /// Appends bytes and makes them durable. Unless `into_headroom`, the headroom stays free.
    pub(super) fn append(&mut self, bytes: &[u8], into_headroom: bool) -> Result<(), Fault> {
        if let Err(full) = self.make_room(bytes.len() as u64)
            && !into_headroom
        {
            return Err(Fault::Full(full));
        }
        if let Err(e) = self.medium.write(bytes, self.len) {
            let broken = !is_full(&e);
            self.reserved = self.len;
            self.medium.truncate(self.len).map_err(|e| Fault::Broken("cannot cut off an unfinished write", e))?;
            return Err(if broken { Fault::Broken("cannot write", e) } else { Fault::Full(e) });
        }
        if let Err(e) = self.medium.sync() {
            // Its writers are told that nothing was written: a later start should not find it, if that can be helped.
            let _ = self.medium.truncate(self.len);
            return Err(Fault::Broken("fdatasync failed", e));
        }
        self.len += bytes.len() as u64;
        Ok(())
    }

    /// Writes hashes of durable records beside them. Their file may lag: it is completed when the segment is sealed.
    pub(super) fn write_leaves(&mut self) {
        let missing = self.leaves[self.leaves_written..].concat();
        if self.leaves_file.write_all_at(&missing, self.leaves_written as u64 * 32).is_ok() {
            self.leaves_written = self.leaves.len();
        }
    }

    /// Completes the hashes, makes them durable, and gives back what was reserved.
    pub(super) fn seal(&self) -> io::Result<()> {
        self.leaves_file.write_all_at(&self.leaves.concat(), 0)?;
        self.leaves_file.set_len(self.leaves.len() as u64 * 32)?;
        self.leaves_file.sync_all()
    }

    /// Gives back the room that was reserved and not used.
    pub(super) fn give_back(&self) -> io::Result<()> {
        self.medium.truncate(self.len)
    }
}

fn identity(meta: &fs::Metadata) -> (u64, u64) {
    (meta.dev(), meta.ino())
}
