//! `pgmedic serve`.

use super::global::{Exit, Failure, Global};
use super::{start, systemd};
use crate::decide::catalogue;
use crate::engine::Reload;
use crate::engine::api::Control;
use crate::engine::load::{Loaded, load};
use crate::http::Socket;
use crate::http::access::Roles;
use clap::Args;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;
use tracing_subscriber::filter::LevelFilter;

/// Run the daemon: evaluate playbooks by their triggers until told to stop
///
/// SIGTERM and SIGINT stop it within 10 s: no new action starts, one under way is finished or cancelled and
/// recorded. SIGHUP reads configuration and playbooks again.
#[derive(Args, Debug)]
pub(super) struct Command {}

impl Command {
    pub(super) async fn run(self, global: &Global) -> Result<Exit, Failure> {
        let Command {} = self;
        start::logging(LevelFilter::INFO);
        // Before anything is begun, so that a signal during the start is not lost.
        let mut signals = Signals::new()?;
        let loaded = start::loaded(&global.config)?;
        warn_of(&loaded);
        let ready = ready(&loaded);
        let data_dir = loaded.config.data_dir.clone();
        let socket = bind(&data_dir)?;
        let (roles, current) = watch::channel(loaded.config.socket_roles.clone());
        let daemon = start::engine(loaded, reload(global.config.clone(), data_dir, roles), None).await?;
        let stop = CancellationToken::new();
        let serving = tokio::spawn(socket.serve(daemon.control(), current, stop.clone()));
        tracing::info!("{ready}");
        systemd::notify("READY=1");
        let why = signals.until_stop(&*daemon.control()).await;
        tracing::info!("stopping: {why}");
        systemd::notify("STOPPING=1");
        stop.cancel();
        // Requests under way are answered while the engine sees its runs through.
        let (served, ()) = tokio::join!(serving, daemon.stop(why));
        if let Err(error) = served {
            tracing::error!(%error, "the socket ended badly");
        }
        tracing::info!("stopped");
        Ok(Exit::FINE)
    }
}

fn bind(data_dir: &Path) -> Result<Socket, Failure> {
    let made = std::fs::DirBuilder::new().recursive(true).mode(0o750).create(data_dir);
    made.map_err(|e| Failure::trouble(format!("data_dir {} cannot be made: {e}", data_dir.display())))?;
    Socket::bind(data_dir).map_err(|e| Failure::trouble(e.to_string()))
}

/// Reads everything again; the roles of the socket's peers change with it.
fn reload(config: PathBuf, data_dir: PathBuf, roles: watch::Sender<Roles>) -> Reload {
    Arc::new(move || {
        let loaded = load(&config, &catalogue()).map_err(|e| e.to_string())?;
        warn_of(&loaded);
        // With another data_dir the engine refuses the whole reload.
        if loaded.config.data_dir == data_dir {
            roles.send_replace(loaded.config.socket_roles.clone());
        }
        Ok(loaded)
    })
}

fn warn_of(loaded: &Loaded) {
    for fault in &loaded.warnings {
        tracing::warn!("{}:{}:{}: {}", fault.file, fault.line, fault.column, fault.message);
    }
}

fn ready(loaded: &Loaded) -> String {
    let enabled = loaded.playbooks.iter().filter(|p| p.enabled).count();
    let (targets, all) = (loaded.config.targets.len(), loaded.playbooks.len());
    let mode = loaded.config.mode.word();
    format!("ready: {targets} target(s), {all} playbook(s) of which {enabled} enabled, mode at most {mode}")
}

struct Signals {
    term: Signal,
    int: Signal,
    hup: Signal,
}

impl Signals {
    fn new() -> Result<Signals, Failure> {
        let on = |kind| signal(kind).map_err(|e| Failure::trouble(format!("signals cannot be received: {e}")));
        let [term, int, hup] = [SignalKind::terminate(), SignalKind::interrupt(), SignalKind::hangup()].map(on);
        Ok(Signals { term: term?, int: int?, hup: hup? })
    }

    /// Reloads at each SIGHUP; returns at the first signal to stop.
    async fn until_stop(&mut self, control: &dyn Control) -> &'static str {
        loop {
            tokio::select! {
                _ = self.term.recv() => return "SIGTERM",
                _ = self.int.recv() => return "SIGINT",
                _ = self.hup.recv() => match control.reload("signal:SIGHUP").await {
                    Ok(changes) => tracing::info!("{changes}"),
                    Err(refusal) => tracing::error!("not reloaded, the old configuration goes on: {refusal}"),
                },
            }
        }
    }
}
