//! `pgmedic audit show`.

use super::{list, unanswered};
use crate::audit::query;
use crate::cli::global::{Exit, Failure, Format};
use crate::cli::output::Out;
use crate::cli::story::{Setting, story};
use crate::cli::text::printable;
use crate::model::Record;
use clap::Args;
use std::path::Path;

/// Tell one run as a story: why, on what evidence, what was done, whether it helped
#[derive(Args, Debug)]
pub(super) struct Command {
    /// The run (ULID), or a beginning of it that no other run has
    run: String,
}

impl Command {
    pub(super) fn run(self, data_dir: &Path, out: &Out) -> Result<Exit, Failure> {
        let stored = query::run(data_dir, &self.run).map_err(|e| unanswered(&e))?;
        if out.format == Format::Text {
            let records: Vec<Record> = stored.iter().map(|s| printable(&s.record)).collect();
            out.raw(story(&records, Setting { paint: out.paint, width: out.width }).as_bytes())?;
        } else {
            list::print(&stored, out)?;
        }
        Ok(Exit::FINE)
    }
}
