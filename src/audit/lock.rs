//! One process per data directory.

use super::layout::{Layout, open_file};
use super::{OpenError, io_error};
use std::fs::{File, TryLockError};
use std::io::{Read, Write};

/// Held as long as it lives, and given back by the kernel however the process ends.
#[derive(Debug)]
pub(super) struct Lock {
    #[expect(dead_code, reason = "the open file is the lock")]
    file: File,
    #[expect(dead_code, reason = "the open folder is the lock")]
    folder: File,
}

/// Takes the data directory for this process. The folder of the log is locked besides the file: people delete
/// what is called `lock` when a program does not start, and two writers would spoil the log.
pub(super) fn take(layout: &Layout) -> Result<Lock, OpenError> {
    let path = layout.lock();
    let mut file = open_file(&path).map_err(io_error("cannot open", &path))?;
    let folder = File::open(layout.audit()).map_err(io_error("cannot open", layout.audit()))?;
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => return Err(taken(layout, &mut file)),
        Err(TryLockError::Error(e)) => return Err(io_error("cannot lock", &path)(e)),
    }
    // Some file systems cannot lock a folder: the file is what counts there.
    if let Err(TryLockError::WouldBlock) = folder.try_lock() {
        return Err(taken(layout, &mut file));
    }
    let written = file.set_len(0).and_then(|()| writeln!(file, "{}", std::process::id()));
    written.map_err(io_error("cannot write", &path))?;
    Ok(Lock { file, folder })
}

fn taken(layout: &Layout, file: &mut File) -> OpenError {
    let mut pid = String::new();
    // Only for the message: who holds it is known by the kernel, not by this text.
    let _ = file.read_to_string(&mut pid);
    let pid = if pid.trim().is_empty() { "(its number was in the file `lock`, which is gone)" } else { pid.trim() };
    OpenError::Locked { dir: layout.data_dir().to_owned(), pid: pid.to_owned() }
}
