//! `pgmedic lint`.

use super::global::{Exit, Failure, Global};
use super::output::{Out, raw};
use super::start::unloaded;
use super::text::count;
use crate::decide::catalogue;
use crate::engine::load::{LoadError, Sources, lint, load};
use crate::syntax::Fault;
use clap::{Args, ValueEnum};
use std::path::PathBuf;

mod github;
mod place;
mod sarif;

/// Check configuration, playbooks and rule files: every fault and its place
///
/// Each with what to write instead. Ends with 1 when there is an error; warnings alone are fine.
#[derive(Args, Debug)]
pub(super) struct Command {
    /// Configurations, playbooks, rule files and their tests; without any, that of --config with all its playbooks
    #[arg(value_name = "FILE")]
    files: Vec<PathBuf>,
    /// Print the faults for a code host instead
    #[arg(long, value_enum, value_name = "FORMAT", conflicts_with_all = ["output", "json"])]
    format: Option<Host>,
}

/// Formats of code hosts.
#[derive(Clone, Copy, Debug, ValueEnum)]
enum Host {
    /// Workflow commands of GitHub: a remark beside each line
    Github,
    /// SARIF 2.1.0
    Sarif,
}

/// What a check found.
struct Found {
    faults: Vec<Fault>,
    sources: Sources,
    /// Files that were checked, where that is known.
    checked: Option<usize>,
}

impl Command {
    pub(super) fn run(self, global: &Global, out: &Out) -> Result<Exit, Failure> {
        let found = if self.files.is_empty() { configuration(global) } else { files(&self.files) }?;
        match self.format {
            None => out.rendered(&found.faults, || found.sources.render(&found.faults, out.paint.on))?,
            Some(host) => raw(host.print(&found.faults)?.as_bytes())?,
        }
        out.note(&summary(&found));
        Ok(if found.faults.iter().any(Fault::is_error) { Exit::TROUBLE } else { Exit::FINE })
    }
}

impl Host {
    fn print(self, faults: &[Fault]) -> Result<String, Failure> {
        let working = std::env::current_dir();
        let working = working.map_err(|e| Failure::trouble(format!("the working directory is gone: {e}")))?;
        Ok(match self {
            Host::Github => github::commands(faults, &working),
            Host::Sarif => format!("{:#}\n", sarif::log(faults, &working)),
        })
    }
}

/// The file of `--config` is a configuration, whatever its keys look like.
fn configuration(global: &Global) -> Result<Found, Failure> {
    match load(&global.config, &catalogue()) {
        Ok(loaded) => {
            let checked = Some(loaded.config.playbook_files.len() + 1);
            Ok(Found { faults: loaded.warnings, sources: loaded.sources, checked })
        }
        Err(LoadError::Faulty { faults, sources }) => Ok(Found { faults, sources, checked: None }),
        Err(error @ LoadError::Unreadable { .. }) => Err(unloaded(&error)),
    }
}

fn files(files: &[PathBuf]) -> Result<Found, Failure> {
    let report = lint(files, &catalogue()).map_err(|e| unloaded(&e))?;
    Ok(Found { faults: report.faults, sources: report.sources, checked: Some(report.checked.len()) })
}

fn summary(found: &Found) -> String {
    let errors = found.faults.iter().filter(|f| f.is_error()).count();
    let warnings = found.faults.len() - errors;
    let checked = found.checked.map_or_else(String::new, |n| format!("{} checked: ", count(n, "file")));
    if found.faults.is_empty() {
        return format!("{checked}no faults");
    }
    format!("{checked}{}, {}", count(errors, "error"), count(warnings, "warning"))
}
