//! `pgmedic completions`.

use super::Cli;
use super::global::{Exit, Failure};
use super::output::Out;
use clap::{Args, CommandFactory};

/// Print the completions of a shell
///
/// For example: `pgmedic completions bash > /etc/bash_completion.d/pgmedic`
#[derive(Args, Debug)]
pub(super) struct Command {
    /// Which shell
    shell: clap_complete::Shell,
}

impl Command {
    pub(super) fn run(self, out: &Out) -> Result<Exit, Failure> {
        let mut script = Vec::new();
        clap_complete::generate(self.shell, &mut Cli::command(), "pgmedic", &mut script);
        out.raw(&script)?;
        Ok(Exit::FINE)
    }
}
