//! A disk that is soon full.

use super::process::run;
use std::fs::File;
use std::io::Write;
use std::path::Path;
use std::process::Command;

/// A small file system, gone with the value.
pub struct SmallDisk {
    place: tempfile::TempDir,
    /// What it is in, unless it is in memory.
    _image: Option<tempfile::NamedTempFile>,
}

impl SmallDisk {
    /// One in memory: `16m`. None, said loudly, without the right to mount; a failure under `tests/run.sh`.
    pub fn mount(size: &str) -> Option<SmallDisk> {
        let option = format!("size={size}");
        SmallDisk::with(None, &["-t", "tmpfs", "-o", &option, "pgmedic-test"])
    }

    /// As [`SmallDisk::mount`], but an ext4 in an image file, as real disks are. Nothing is kept for root, who
    /// runs the tests.
    pub fn ext4(mebibytes: u64) -> Option<SmallDisk> {
        let image = tempfile::NamedTempFile::new().expect("an image");
        image.as_file().set_len(mebibytes << 20).expect("its size");
        run(Command::new("/sbin/mkfs.ext4").args(["-q", "-F", "-m", "0"]).arg(image.path()));
        let path = image.path().to_string_lossy().into_owned();
        SmallDisk::with(Some(image), &["-o", "loop", &path])
    }

    fn with(image: Option<tempfile::NamedTempFile>, source: &[&str]) -> Option<SmallDisk> {
        let place = tempfile::tempdir().expect("a temporary folder");
        let status = Command::new("mount").args(source).arg(place.path()).status();
        let mounted = status.is_ok_and(|s| s.success());
        if !mounted {
            super::places::skipped("a small disk needs the right to mount a tmpfs or a loop device");
        }
        mounted.then_some(SmallDisk { place, _image: image })
    }

    /// Writes until nothing more fits.
    pub fn fill(&self) {
        let mut file = File::create(self.place.path().join("filler")).expect("a file");
        for size in [65_536, 4_096] {
            while file.write_all(&vec![b'x'; size]).is_ok() {}
        }
    }

    /// Makes room again.
    pub fn free(&self) {
        std::fs::remove_file(self.place.path().join("filler")).expect("the filler");
    }

    /// Where it is mounted.
    pub fn path(&self) -> &Path {
        self.place.path()
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        // Lazily: after a failed test the log may still be open for a moment.
        let _ = Command::new("umount").arg("-l").arg(self.place.path()).status();
    }
}
