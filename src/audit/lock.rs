//! One process per data directory.

use super::layout::{Layout, open_file};
use super::{OpenError, io_error};
use std::fs::{File, TryLockError};
use std::io::{Read, Write};

/// Held as long as it lives, and given back by the kernel however the process ends.
#[derive(Debug)]
pub(super) struct Lock(#[expect(dead_code, reason = "the open file is the lock")] File);

/// Takes the data directory for this process.
pub(super) fn take(layout: &Layout) -> Result<Lock, OpenError> {
    let path = layout.lock();
    let mut file = open_file(&path).map_err(io_error("cannot open", &path))?;
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => {
            let mut pid = String::new();
            // Only for the message: who holds it is known by the kernel, not by this text.
            let _ = file.read_to_string(&mut pid);
            let dir = layout.data_dir().to_owned();
            return Err(OpenError::Locked { dir, pid: pid.trim().to_owned() });
        }
        Err(TryLockError::Error(e)) => return Err(io_error("cannot lock", &path)(e)),
    }
    let written = file.set_len(0).and_then(|()| writeln!(file, "{}", std::process::id()));
    written.map_err(io_error("cannot write", &path))?;
    Ok(Lock(file))
}
