//! `pgmedic lint`.

use super::global::{Exit, Failure, Global};
use super::output::Out;
use super::start::unloaded;
use super::text::count;
use crate::decide::catalogue;
use crate::engine::load::{Report, lint};
use clap::Args;
use std::path::PathBuf;

/// Check configuration and playbooks: every fault and its place
///
/// Each with what to write instead. Ends with 1 when there is an error; warnings alone are fine.
#[derive(Args, Debug)]
pub(super) struct Command {
    /// Configurations and playbooks; without any, that of --config with all its playbooks
    #[arg(value_name = "FILE")]
    files: Vec<PathBuf>,
}

impl Command {
    pub(super) fn run(self, global: &Global, out: &Out) -> Result<Exit, Failure> {
        let files = if self.files.is_empty() { vec![global.config.clone()] } else { self.files };
        let report = lint(&files, &catalogue()).map_err(|e| unloaded(&e))?;
        out.rendered(&report.faults, || report.sources.render(&report.faults, out.paint.on))?;
        out.note(&summary(&report));
        Ok(if report.has_errors() { Exit::TROUBLE } else { Exit::FINE })
    }
}

fn summary(report: &Report) -> String {
    let errors = report.faults.iter().filter(|f| f.is_error()).count();
    let warnings = report.faults.len() - errors;
    let files = count(report.checked.len(), "file");
    if report.faults.is_empty() {
        return format!("{files} checked, no faults");
    }
    format!("{files} checked: {}, {}", count(errors, "error"), count(warnings, "warning"))
}
