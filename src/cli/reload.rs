//! `pgmedic reload`.

use super::global::{Exit, Failure, Global};
use super::output::Out;
use super::reach;
use clap::Args;

/// Have the daemon read configuration and playbooks again: all or nothing
#[derive(Args, Debug)]
pub(super) struct Command {}

impl Command {
    pub(super) async fn run(self, global: &Global, out: &Out) -> Result<Exit, Failure> {
        let Command {} = self;
        let Some(daemon) = reach::daemon(global)? else {
            return Err(Failure::trouble(
                "no daemon is running, so there is nothing to reload: it reads its files when it starts",
            ));
        };
        let changes = daemon.reload().await?;
        out.one(&changes, |c| format!("{}\n", c.trim_end()))?;
        Ok(Exit::FINE)
    }
}
