//! `pgmedic status`.

use super::global::{Exit, Failure, Global};
use super::output::Out;
use super::{reach, status_text};
use crate::engine::api::Status;
use crate::model::Timestamp;
use clap::Args;

/// Show what is going on: pauses, the audit log, targets, playbooks
///
/// Ends with 1 when no daemon is running, or when its audit log cannot be written.
#[derive(Args, Debug)]
pub(super) struct Command {}

impl Command {
    pub(super) async fn run(self, global: &Global, out: &Out) -> Result<Exit, Failure> {
        let Command {} = self;
        let status = of_daemon(global).await?;
        out.one(&status, |s| status_text::status(s, Timestamp::now(), out.paint, out.width))?;
        Ok(if status.audit.trouble.is_some() { Exit::TROUBLE } else { Exit::FINE })
    }
}

/// What the daemon says of itself.
pub(super) async fn of_daemon(global: &Global) -> Result<Status, Failure> {
    let Some(daemon) = reach::daemon(global)? else {
        let config = global.config.display();
        return Err(Failure::trouble(format!(
            "it is not running: nothing answers for {config}. Start it with `pgmedic serve --config {config}`"
        )));
    };
    Ok(daemon.status().await?)
}
