//! `pgmedic pause`.

use super::global::{Exit, Failure, Global};
use super::output::Out;
use super::{offline, reach};
use crate::engine::api::PauseRequest;
use crate::model::history::Scope;
use crate::model::time::{in_words, parse_duration};
use clap::Args;
use std::time::Duration;

/// Stand still: nothing is acted on until resumed; deciding and recording go on
///
/// Works without a daemon too: the order is written to the audit log, and the next start obeys it.
#[derive(Args, Debug)]
pub(super) struct Command {
    #[command(flatten)]
    scope: ScopeArgs,
    /// End by itself after this long: 30m, 2h
    #[arg(long = "for", value_name = "DURATION", value_parser = parse_duration)]
    lasts: Option<Duration>,
    /// Also stop what is under way
    #[arg(long)]
    abort: bool,
    /// Why, for those who find everything standing still
    #[arg(long, value_name = "TEXT", default_value = "")]
    reason: String,
}

/// What a pause covers.
#[derive(Args, Debug)]
pub(super) struct ScopeArgs {
    /// Only on this target
    #[arg(long)]
    target: Option<String>,
    /// Only this playbook
    #[arg(long)]
    playbook: Option<String>,
}

impl ScopeArgs {
    /// As the engine takes it.
    pub(super) fn scope(self) -> Scope {
        Scope { target: self.target, playbook: self.playbook }
    }
}

/// The scope in words.
pub(super) fn covered(scope: &Scope) -> String {
    match (&scope.target, &scope.playbook) {
        (None, None) => "everything".to_owned(),
        (Some(t), None) => format!("everything on target {t}"),
        (None, Some(p)) => format!("playbook {p}"),
        (Some(t), Some(p)) => format!("playbook {p} on target {t}"),
    }
}

impl Command {
    pub(super) async fn run(self, global: &Global, out: &Out) -> Result<Exit, Failure> {
        let request = PauseRequest {
            scope: self.scope.scope(),
            for_seconds: self.lasts.map(|d| d.as_secs()),
            reason: self.reason,
            abort: self.abort,
        };
        let lasts = self.lasts.map_or_else(|| "until `pgmedic resume`".to_owned(), |d| format!("for {}", in_words(d)));
        let what = covered(&request.scope);
        if let Some(daemon) = reach::daemon(global)? {
            daemon.pause(&request).await?;
            out.note(&format!("paused: {what}, {lasts}"));
        } else {
            offline::pause(global, out, &request).await?;
            out.note(&format!("paused: {what}, {lasts}. No daemon is running; the next one obeys"));
        }
        Ok(Exit::FINE)
    }
}
