//! `pgmedic targets`.

use super::global::{Exit, Failure, Global};
use super::output::Out;
use super::status::of_daemon;
use super::status_text;
use crate::model::Timestamp;
use clap::Args;

/// List the targets as the daemon sees them
#[derive(Args, Debug)]
pub(super) struct Command {}

impl Command {
    pub(super) async fn run(self, global: &Global, out: &Out) -> Result<Exit, Failure> {
        let Command {} = self;
        let status = of_daemon(global).await?;
        out.list(&status.targets, |t| status_text::targets(t, Timestamp::now(), out.paint, out.width))?;
        Ok(Exit::FINE)
    }
}
