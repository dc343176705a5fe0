//! `pgmedic audit verify`.

use super::unanswered;
use crate::audit::verify::{IndexCheck, Report, verify};
use crate::cli::global::{Exit, Failure};
use crate::cli::output::Out;
use crate::cli::text::count;
use clap::Args;
use indicatif::{ProgressBar, ProgressDrawTarget};
use serde::{Deserialize, Serialize};
use std::ops::ControlFlow;
use std::path::Path;

/// Check every byte of the log: the tree, the order, the snapshots
///
/// Ends with 1 when anything is not as it was written, and names the place.
#[derive(Args, Debug)]
pub(super) struct Command {}

/// What programs are told.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Verified {
    sound: bool,
    records: u64,
    segments: u64,
    root: String,
    faults: Vec<String>,
    more_faults: u64,
    unfinished_bytes: u64,
    index: String,
}

impl Command {
    pub(super) fn run(self, data_dir: &Path, out: &Out) -> Result<Exit, Failure> {
        let Command {} = self;
        let bar = ProgressBar::new(0);
        if out.quiet {
            bar.set_draw_target(ProgressDrawTarget::hidden());
        }
        let report = verify(data_dir, &mut |done, all| {
            bar.set_length(all);
            bar.set_position(done);
            ControlFlow::Continue(())
        });
        bar.finish_and_clear();
        let verified = Verified::of(&report.map_err(|e| unanswered(&e))?);
        out.one(&verified, |v| text(v, out))?;
        Ok(if verified.sound { Exit::FINE } else { Exit::TROUBLE })
    }
}

impl Verified {
    fn of(report: &Report) -> Verified {
        Verified {
            sound: report.is_sound(),
            records: report.records,
            segments: report.segments,
            root: report.root.clone(),
            faults: report.faults.iter().map(ToString::to_string).collect(),
            more_faults: report.more_faults,
            unfinished_bytes: report.unfinished,
            index: match &report.index {
                IndexCheck::NotRead => "not read (in use, or not there)".to_owned(),
                IndexCheck::Agrees => "agrees".to_owned(),
                IndexCheck::Differs(how) => format!("differs: {how}; delete the folder `index`, and it is rebuilt"),
            },
        }
    }
}

fn text(v: &Verified, out: &Out) -> String {
    let mut lines: Vec<String> = v.faults.iter().map(|f| out.paint.red(f)).collect();
    if v.more_faults > 0 {
        lines.push(format!("… and {} faults more", v.more_faults));
    }
    let segments = count(usize::try_from(v.segments).unwrap_or(usize::MAX), "segment");
    let read = format!("{} records in {segments}, root {}", v.records, v.root);
    lines.push(if v.sound {
        format!("{}: {read}", out.paint.green("sound"))
    } else {
        format!(
            "{}: {read}. Keep a copy of the data directory as it is before anything else.",
            out.paint.red("DAMAGED")
        )
    });
    if v.unfinished_bytes > 0 {
        lines.push(format!(
            "The last line is unfinished ({} bytes): being written, or torn by a crash.",
            v.unfinished_bytes
        ));
    }
    lines.push(format!("index: {}", v.index));
    lines.join("\n") + "\n"
}
