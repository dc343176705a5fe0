//! `pgmedic resume`.

use super::global::{Exit, Failure, Global};
use super::output::Out;
use super::pause::{ScopeArgs, covered};
use super::{offline, reach};
use clap::Args;

/// End a pause of exactly this scope
#[derive(Args, Debug)]
pub(super) struct Command {
    #[command(flatten)]
    scope: ScopeArgs,
}

impl Command {
    pub(super) async fn run(self, global: &Global, out: &Out) -> Result<Exit, Failure> {
        let scope = self.scope.scope();
        let what = covered(&scope);
        match reach::daemon(global)? {
            Some(daemon) => daemon.resume(&scope).await?,
            None => offline::resume(global, &scope).await?,
        }
        out.note(&format!("resumed: {what}"));
        Ok(Exit::FINE)
    }
}
