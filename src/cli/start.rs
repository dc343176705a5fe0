//! From a configuration file to a running engine, for the daemon and for the foreground.

use super::global::{Exit, Failure};
use crate::audit::{Audit, OpenError, Options};
use crate::decide::catalogue;
use crate::drivers::live::Live;
use crate::engine::load::{LoadError, Loaded, load, resolve};
use crate::engine::{Daemon, Reload, Setup};
use crate::model::Timestamp;
use std::io::IsTerminal;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::LevelFilter;

/// Reads configuration and playbooks.
///
/// # Errors
/// A file that cannot be opened; every fault, rendered.
pub(super) fn loaded(config: &Path) -> Result<Loaded, Failure> {
    load(config, &catalogue()).map_err(|e| unloaded(&e))
}

/// The failure of a configuration that cannot be loaded.
pub(super) fn unloaded(error: &LoadError) -> Failure {
    match error {
        LoadError::Unreadable { .. } => Failure::usage(error.to_string()),
        LoadError::Faulty { .. } => Failure::Told(Exit::TROUBLE, format!("the configuration has faults\n{error}")),
    }
}

/// Opens the audit log of a data directory.
///
/// # Errors
/// When another process has it, it is damaged, or the system refuses.
pub(super) async fn audit(data_dir: PathBuf) -> Result<Audit, Failure> {
    let open = move || Audit::open(&data_dir, Options::default(), Arc::new(Timestamp::now));
    let opened = tokio::task::spawn_blocking(open).await;
    let broken = |e| Failure::trouble(format!("opening the audit log broke off: {e}"));
    opened.map_err(broken)?.map_err(|e: OpenError| Failure::trouble(e.to_string()))
}

/// The door to real servers, for looking.
pub(super) fn live() -> Live {
    Live::new(Arc::new(resolve))
}

/// Starts an engine: the daemon's, or for one run on a target in the foreground.
///
/// # Errors
/// An audit log that cannot be used, a configuration that cannot be planned.
pub(super) async fn engine(loaded: Loaded, reload: Reload, foreground: Option<String>) -> Result<Daemon, Failure> {
    let audit = audit(loaded.config.data_dir.clone()).await?;
    let connect = Arc::new(live().with_log(&audit.log_id()));
    let setup = Setup { loaded, reload, audit, connect, foreground };
    Ok(Daemon::start(setup).await?)
}

/// Sends what the program tells about itself to standard error: as text to a terminal, else as JSON.
/// `RUST_LOG` overrides the level.
pub(super) fn logging(level: LevelFilter) {
    let filter = EnvFilter::builder().with_default_directive(level.into()).from_env_lossy();
    let lines = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    // A second call, in tests, changes nothing.
    let _ = if std::io::stderr().is_terminal() { lines.try_init() } else { lines.json().try_init() };
}
