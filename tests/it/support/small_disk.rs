//! A disk that is soon full.

use std::fs::File;
use std::io::Write;
use std::path::Path;
use std::process::Command;

/// A small file system in memory, gone with the value.
pub struct SmallDisk(tempfile::TempDir);

impl SmallDisk {
    /// Mounts one: `16m`. None, said loudly, without the right to mount; a failure under `tests/run.sh`.
    pub fn mount(size: &str) -> Option<SmallDisk> {
        let dir = tempfile::tempdir().expect("a temporary folder");
        let option = format!("size={size}");
        let status =
            Command::new("mount").args(["-t", "tmpfs", "-o", &option, "pgmedic-test"]).arg(dir.path()).status();
        let mounted = status.is_ok_and(|s| s.success());
        if !mounted {
            super::places::skipped("a small disk needs the right to mount a tmpfs");
        }
        mounted.then_some(SmallDisk(dir))
    }

    /// Writes until nothing more fits.
    pub fn fill(&self) {
        let mut file = File::create(self.0.path().join("filler")).expect("a file");
        for size in [65_536, 4_096] {
            while file.write_all(&vec![b'x'; size]).is_ok() {}
        }
    }

    /// Makes room again.
    pub fn free(&self) {
        std::fs::remove_file(self.0.path().join("filler")).expect("the filler");
    }

    /// Where it is mounted.
    pub fn path(&self) -> &Path {
        self.0.path()
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        // Lazily: after a failed test the log may still be open for a moment.
        let _ = Command::new("umount").arg("-l").arg(self.0.path()).status();
    }
}
