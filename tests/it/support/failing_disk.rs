//! A disk that no longer says that it wrote: every sync of a program that is started with it fails with EIO.

use super::places;
use super::process::run;
use std::path::PathBuf;
use std::process::Command;

/// What stands before the C library's own calls. A file that is there makes them fail.
const SHIM: &str = r#"
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>
static int ill(void) { const char *sign = getenv("PGMEDIC_TEST_ILL_DISK"); return sign && access(sign, F_OK) == 0; }
#define FAILING(name) \
    int name(int fd) { \
        int (*real)(int) = (int (*)(int))dlsym(RTLD_NEXT, #name); \
        if (ill()) { errno = EIO; return -1; } \
        return real(fd); \
    }
FAILING(fdatasync)
FAILING(fsync)
"#;

/// The disk of the programs that are started with it; well until told otherwise.
pub struct FailingDisk(PathBuf);

impl FailingDisk {
    /// Builds the shim, which takes a moment.
    pub fn build() -> FailingDisk {
        let dir = places::fresh("disk-");
        std::fs::write(dir.join("shim.c"), SHIM).expect("the shim");
        let mut cc = Command::new("cc");
        cc.args(["-shared", "-fPIC", "-o"]).arg(dir.join("shim.so")).arg(dir.join("shim.c")).arg("-ldl");
        run(&mut cc);
        FailingDisk(dir)
    }

    /// From now on every sync fails.
    pub fn fail(&self) {
        std::fs::write(self.0.join("ill"), "").expect("the sign");
    }

    /// From now on syncs are made, and succeed.
    pub fn heal(&self) {
        std::fs::remove_file(self.0.join("ill")).expect("the sign");
    }

    /// What a program's environment says to write to it.
    pub fn environment(&self) -> Vec<(String, String)> {
        let path = |name| self.0.join(name).to_string_lossy().into_owned();
        vec![("LD_PRELOAD".to_owned(), path("shim.so")), ("PGMEDIC_TEST_ILL_DISK".to_owned(), path("ill"))]
    }
}

impl Drop for FailingDisk {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
