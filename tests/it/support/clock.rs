//! A wall clock that a test can move, through libfaketime.

use super::places;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// The clock of the programs that are started with it. Timers and deadlines go on by the real one.
pub struct Clock {
    dir: PathBuf,
    library: PathBuf,
}

impl Clock {
    /// One that shows the real time. None, said loudly, when libfaketime is not on this machine; a failure when
    /// `tests/run.sh` put it there.
    pub fn start() -> Option<Clock> {
        let folders =
            [format!("/usr/lib/{}-linux-gnu", std::env::consts::ARCH), "/usr/lib".into(), "/usr/lib64".into()];
        let library = folders.iter().map(|dir| Path::new(dir).join("faketime/libfaketimeMT.so.1")).find(|l| l.exists());
        let Some(library) = library else {
            places::skipped("no libfaketime on this machine: tests/run.sh installs it");
            return None;
        };
        let clock = Clock { dir: places::fresh("clock-"), library };
        clock.show(Duration::ZERO);
        Some(clock)
    }

    /// From now on it is ahead of the real time by so much.
    pub fn show(&self, ahead: Duration) {
        let next = self.dir.join("next");
        std::fs::write(&next, format!("+{}s\n", ahead.as_secs())).expect("the clock");
        std::fs::rename(next, self.dir.join("now")).expect("the clock");
    }

    /// What a program's environment says to see it.
    pub fn environment(&self) -> Vec<(String, String)> {
        let pairs = [
            ("LD_PRELOAD", self.library.to_string_lossy().into_owned()),
            ("FAKETIME_TIMESTAMP_FILE", self.dir.join("now").to_string_lossy().into_owned()),
            ("FAKETIME_NO_CACHE", "1".to_owned()),
            ("FAKETIME_DONT_FAKE_MONOTONIC", "1".to_owned()),
        ];
        pairs.map(|(name, value)| (name.to_owned(), value)).into()
    }
}

impl Drop for Clock {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.dir);
    }
}
