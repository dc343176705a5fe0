//! The few things a segment asks of its file; a test's medium can fail them.

use rustix::fs::{FallocateFlags, fallocate};
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;

/// A file that is appended to.
pub(super) trait Medium: Send {
    /// Writes all bytes at a place.
    fn write(&self, bytes: &[u8], at: u64) -> io::Result<()>;
    /// Makes what was written durable, its length included.
    fn sync(&self) -> io::Result<()>;
    /// Cuts it; what was reserved behind is given back.
    fn truncate(&self, length: u64) -> io::Result<()>;
    /// Reserves room on the disk up to a length, without growing the file.
    fn reserve(&self, from: u64, to: u64) -> io::Result<()>;
}

impl Medium for File {
    fn write(&self, bytes: &[u8], at: u64) -> io::Result<()> {
        self.write_all_at(bytes, at)
    }

    fn sync(&self) -> io::Result<()> {
        self.sync_data()
    }

    fn truncate(&self, length: u64) -> io::Result<()> {
        self.set_len(length)
    }

    fn reserve(&self, from: u64, to: u64) -> io::Result<()> {
        loop {
            match fallocate(self, FallocateFlags::KEEP_SIZE, from, to - from) {
                Err(rustix::io::Errno::INTR) => {}
                done => return done.map_err(io::Error::from),
            }
        }
    }
}

/// Whether the disk (or a quota) is full: that passes by itself, other errors do not.
pub(super) fn is_full(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded | io::ErrorKind::WriteZero)
}
