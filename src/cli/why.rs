//! `pgmedic why`.

use super::global::{Exit, Failure, Global};
use super::output::Out;
use super::{foreground, plan_text, reach};
use clap::Args;

/// Say why a playbook acts on a target or does not; touches nothing
#[derive(Args, Debug)]
pub(super) struct Command {
    /// The playbook
    playbook: String,
    /// The target
    #[arg(long)]
    target: String,
}

impl Command {
    pub(super) async fn run(self, global: &Global, out: &Out) -> Result<Exit, Failure> {
        let report = match reach::daemon(global)? {
            Some(daemon) => daemon.why(&self.playbook, &self.target).await?,
            None => foreground::why(global, &self.playbook, &self.target).await?,
        };
        out.one(&report, |r| plan_text::why(r, out.paint, out.width))?;
        Ok(if plan_text::blind(&report.plan).is_some() { Exit::TROUBLE } else { Exit::FINE })
    }
}
