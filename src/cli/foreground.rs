//! What commands do when no daemon is running.

use super::global::{Failure, Global};
use super::output::Out;
use super::start;
use crate::engine::api::{PlanReport, PlanRequest, RunReport, RunRequest, WhyReport};
use crate::engine::load::Loaded;
use crate::engine::peek;
use crate::http::access::Caller;
use crate::model::History;
use std::sync::Arc;
use tokio::signal::unix::{SignalKind, signal};
use tracing_subscriber::filter::LevelFilter;

const NO_DAEMON: &str = "No daemon is running; what was done before is read from its log.";

/// What would be done now. Opens no audit log.
pub(super) async fn plan(global: &Global, out: &Out, request: &PlanRequest) -> Result<Vec<PlanReport>, Failure> {
    start::logging(LevelFilter::WARN);
    let loaded = start::loaded(&global.config)?;
    out.note(NO_DAEMON);
    Ok(peek::plan(&loaded, &start::live(), request, &*past(&loaded)?).await?)
}

/// Why, in words.
pub(super) async fn why(global: &Global, playbook: &str, target: &str) -> Result<WhyReport, Failure> {
    start::logging(LevelFilter::WARN);
    let loaded = start::loaded(&global.config)?;
    let request = PlanRequest { playbooks: vec![playbook.to_owned()], target: Some(target.to_owned()) };
    let mut plans = peek::plan(&loaded, &start::live(), &request, &*past(&loaded)?).await?;
    let Some(plan) = plans.pop() else {
        return Err(Failure::usage(format!("{playbook} does not select the target {target}: look at its `targets`")));
    };
    Ok(WhyReport { plan, lines: vec![NO_DAEMON.to_owned()] })
}

fn past(loaded: &Loaded) -> Result<Arc<History>, Failure> {
    peek::past(&loaded.config.data_dir).map_err(|e| Failure::trouble(e.to_string()))
}

/// One run, with an engine of its own: recorded and guarded as any other.
pub(super) async fn run(global: &Global, out: &Out, request: RunRequest) -> Result<RunReport, Failure> {
    start::logging(LevelFilter::WARN);
    let loaded = start::loaded(&global.config)?;
    let unused = std::sync::Arc::new(|| Err("a run in the foreground does not reload".to_owned()));
    let daemon = start::engine(loaded, unused, Some(request.target.clone())).await?;
    out.note("No daemon is running: this run goes on in the foreground (Ctrl-C stops it in an orderly way).");
    let actor = Caller::own().actor;
    let control = daemon.control();
    let ended = tokio::select! {
        ended = control.run(request, &actor) => Some(ended),
        () = interrupted() => None,
    };
    daemon.stop(if ended.is_some() { "the run in the foreground has ended" } else { "interrupted" }).await;
    match ended {
        Some(report) => Ok(report?),
        None => Err(Failure::trouble("interrupted: `pgmedic audit list` shows what had been done")),
    }
}

/// Ctrl-C or SIGTERM.
async fn interrupted() {
    let (Ok(mut int), Ok(mut term)) = (signal(SignalKind::interrupt()), signal(SignalKind::terminate())) else {
        // Without handlers the signals end the process at once, and recovery looks after the run.
        return std::future::pending().await;
    };
    tokio::select! { _ = int.recv() => {}, _ = term.recv() => {} }
}
