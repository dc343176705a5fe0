//! `pgmedic audit …`: reading the record. Needs no daemon and no secret; a copy of the data directory
//! will do. `list` asks a daemon that is there, because it holds the index.

mod lines;
mod list;
mod show;
mod tail;
mod verify;
mod wanted;

use super::global::{Exit, Failure, Global};
use super::output::Out;
use super::reach;
use crate::audit::query::QueryError;
use clap::{Args, Subcommand};
use std::path::PathBuf;

/// Read the record of what was decided and done
#[derive(Args, Debug)]
pub(super) struct Command {
    /// Read this data directory, or a copy of it, instead of that of --config
    #[arg(long, global = true, value_name = "DATA_DIR")]
    dir: Option<PathBuf>,
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    List(list::Command),
    Show(show::Command),
    Tail(tail::Command),
    Verify(verify::Command),
}

impl Command {
    pub(super) async fn run(self, global: &Global, out: &Out) -> Result<Exit, Failure> {
        let data_dir = match self.dir {
            Some(dir) => dir,
            None => reach::data_dir(&global.config)?,
        };
        match self.what {
            What::List(c) => c.run(&data_dir, out).await,
            What::Show(c) => c.run(&data_dir, out),
            What::Verify(c) => c.run(&data_dir, out),
            What::Tail(c) => c.run(&data_dir, out).await,
        }
    }
}

fn unanswered(error: &QueryError) -> Failure {
    match error {
        QueryError::Io(_) => Failure::trouble(error.to_string()),
        // A folder or a run that is not there is a wrong word on the command line.
        _ => Failure::usage(error.to_string()),
    }
}
