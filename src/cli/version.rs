//! `pgmedic version`.

use super::global::{Exit, Failure};
use super::output::Out;
use clap::Args;
use serde::{Deserialize, Serialize};

/// Print which pgmedic this is
#[derive(Args, Debug)]
pub(super) struct Command {}

#[derive(Clone, Debug, Serialize, Deserialize)]
struct Version {
    version: String,
    /// Version of the audit log's format, of `pgmedic.yaml` and of playbooks.
    format: u32,
}

impl Command {
    pub(super) fn run(self, out: &Out) -> Result<Exit, Failure> {
        let Command {} = self;
        let version = Version { version: env!("CARGO_PKG_VERSION").to_owned(), format: 1 };
        out.one(&version, |v| format!("pgmedic {}\n", v.version))?;
        Ok(Exit::FINE)
    }
}
