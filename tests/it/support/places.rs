//! Where servers' programs, templates and temporary folders are, and who runs them.

use std::path::{Path, PathBuf};
use std::process::Command;

/// The folder outside the repository that outlives test runs. Root's own home is closed to the user
/// that runs the servers, so that root's cache is elsewhere.
pub fn cache() -> PathBuf {
    let home = || PathBuf::from(std::env::var_os("HOME").unwrap_or_else(|| "/tmp".into())).join(".cache");
    std::env::var_os("PGMEDIC_TEST_CACHE").map_or_else(
        || if is_root() { PathBuf::from("/var/cache") } else { home() }.join("pgmedic-tests"),
        PathBuf::from,
    )
}

/// Says loudly that a test's means are missing; a failure where `tests/run.sh` has promised that all are there.
pub fn skipped(why: &str) {
    assert!(std::env::var_os("PGMEDIC_TEST_MAJORS").is_none(), "tests/run.sh promises what is missing: {why}");
    eprintln!("SKIPPED: {why}");
}

/// Whether this process is root: PostgreSQL and PgBouncer refuse to run as root.
pub fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

/// A command that runs as the user of servers: this one, or `postgres` when this one is root.
pub fn command(program: impl AsRef<Path>) -> Command {
    if !is_root() {
        return Command::new(program.as_ref());
    }
    let mut command = Command::new("setpriv");
    command.args(["--reuid=postgres", "--regid=postgres", "--clear-groups", "--"]).arg(program.as_ref());
    command
}

/// Gives a folder to the user of servers.
pub fn hand_over(path: &Path) {
    if is_root() {
        let status = Command::new("chown").arg("postgres:postgres").arg(path).status();
        assert!(status.is_ok_and(|s| s.success()), "chown {}", path.display());
    }
}

/// A fresh folder that belongs to the user of servers. Short: a Unix socket's path has 107 bytes at most.
pub fn fresh(prefix: &str) -> PathBuf {
    let dir = tempfile::Builder::new().prefix(prefix).tempdir().expect("a temporary folder").keep();
    hand_over(&dir);
    dir
}

/// The folder of a major's server programs: Debian's, else those that `tests/support/majors.sh` fetched.
pub fn bin(major: u32) -> Option<PathBuf> {
    let debian = PathBuf::from(format!("/usr/lib/postgresql/{major}/bin"));
    let fetched = cache().join(format!("postgresql-{major}/native/bin"));
    [debian, fetched].into_iter().find(|dir| dir.join("postgres").exists())
}

/// A port that was free a moment ago. Whoever takes it must be ready for having lost it.
pub fn free_port() -> u16 {
    let socket = std::net::TcpListener::bind(("127.0.0.1", 0)).expect("a free port");
    socket.local_addr().expect("its address").port()
}
