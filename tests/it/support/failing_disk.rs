//! A disk that no longer says that it wrote, or no longer writes: every sync, or every write to a place in a file, of
//! a program that is started with it fails with EIO.

use super::places;
use super::process::run;
use std::path::PathBuf;
use std::process::Command;

/// What stands before the C library's own calls. A file that is there makes those fail that its text names.
const SHIM: &str = r#"
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/types.h>
#include <unistd.h>
static int ill(char what) {
    const char *sign = getenv("PGMEDIC_TEST_ILL_DISK");
    char read_there = 0;
    int fd = sign ? open(sign, O_RDONLY | O_CLOEXEC) : -1;
    if (fd < 0) return 0;
    if (read(fd, &read_there, 1) != 1) read_there = 0;
    close(fd);
    return read_there == what;
}
#define FAILING(what, type, name, declared, passed) \
    type name declared { \
        type (*real) declared = (type (*) declared)dlsym(RTLD_NEXT, #name); \
        if (ill(what)) { errno = EIO; return -1; } \
        return real passed; \
    }
FAILING('s', int, fdatasync, (int fd), (fd))
FAILING('s', int, fsync, (int fd), (fd))
FAILING('w', ssize_t, pwrite, (int fd, const void *from, size_t n, off_t at), (fd, from, n, at))
FAILING('w', ssize_t, pwrite64, (int fd, const void *from, size_t n, off64_t at), (fd, from, n, at))
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
        self.is_ill_of("syncs");
    }

    /// From now on every write fails.
    pub fn fail_writes(&self) {
        self.is_ill_of("writes");
    }

    fn is_ill_of(&self, what: &str) {
        let sign = self.0.join("new");
        std::fs::write(&sign, what).expect("the sign");
        std::fs::rename(sign, self.0.join("ill")).expect("the sign");
    }

    /// From now on all is made, and succeeds.
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
