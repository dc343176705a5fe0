//! `pgmedic schema`.

use super::global::{Exit, Failure};
use super::output::raw;
use crate::decide::{catalogue, unit};
use crate::syntax::schema::text;
use crate::{config, playbook};
use clap::{Args, ValueEnum};

/// Print the JSON Schema of a file, for editors
///
/// For example: `pgmedic schema playbook > playbook.schema.json`, and as the first line of a playbook
/// `# yaml-language-server: $schema=playbook.schema.json`
#[derive(Args, Debug)]
pub(super) struct Command {
    /// Which file
    #[arg(value_name = "FILE")]
    of: Sort,
}

/// What can be described.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum Sort {
    /// pgmedic.yaml
    Config,
    /// A playbook
    Playbook,
    /// A file of playbook tests
    Tests,
}

impl Command {
    pub(super) fn run(self) -> Result<Exit, Failure> {
        let schema = match self.of {
            Sort::Config => config::schema::schema(),
            Sort::Playbook => playbook::schema::schema(&catalogue()),
            Sort::Tests => unit::schema::schema(),
        };
        raw(text(&schema).as_bytes())?;
        Ok(Exit::FINE)
    }
}
