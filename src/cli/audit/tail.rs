//! `pgmedic audit tail`.

use super::lines::row;
use super::unanswered;
use super::wanted::Wanted;
use crate::audit::query::{self, Filter, Stored};
use crate::cli::global::{Exit, Failure, Format};
use crate::cli::output::Out;
use crate::cli::text::printable;
use clap::Args;
use std::ops::ControlFlow;
use std::path::Path;
use std::time::Duration;

/// How often the log is looked at while nothing comes.
const PAUSE: Duration = Duration::from_millis(300);

/// Show the newest records, and then each new one as it becomes durable, until interrupted
#[derive(Args, Debug)]
pub(super) struct Command {
    #[command(flatten)]
    wanted: Wanted,
    /// Begin with the newest N records
    #[arg(short = 'n', long, value_name = "N", default_value_t = 10)]
    lines: usize,
}

impl Command {
    pub(super) async fn run(self, data_dir: &Path, out: &Out) -> Result<Exit, Failure> {
        let filter = self.wanted.filter(Some(self.lines));
        let mut from = newest(data_dir)? + 1;
        let mut first = Vec::new();
        query::list(data_dir, &filter, &mut |line, record| {
            first.push(Stored { line: line.to_vec(), record: record.clone() });
            ControlFlow::Continue(())
        })
        .map_err(|e| unanswered(&e))?;
        for stored in first.iter().rev() {
            print(stored, out)?;
            from = from.max(stored.record.seq + 1);
        }
        let mut tail = query::tail(data_dir, from).map_err(|e| unanswered(&e))?;
        loop {
            match tail.poll().map_err(|e| unanswered(&e))? {
                Some(stored) if filter.matches(&stored.record) => print(&stored, out)?,
                Some(_) => {}
                None => tokio::time::sleep(PAUSE).await,
            }
        }
    }
}

/// `seq` of the last record; 0 for an empty log.
fn newest(data_dir: &Path) -> Result<u64, Failure> {
    let mut seq = 0;
    let last = Filter { limit: Some(1), newest_first: true, ..Filter::default() };
    let seen = query::list(data_dir, &last, &mut |_, record| {
        seq = record.seq;
        ControlFlow::Break(())
    });
    seen.map(|_| seq).map_err(|e| unanswered(&e))
}

fn print(stored: &Stored, out: &Out) -> Result<(), Failure> {
    if out.format != Format::Text {
        // One document after the other has no end, so a stream is lines in every format but text.
        return out.raw(&[&stored.line[..], b"\n"].concat());
    }
    let columns = row(&printable(&stored.record));
    let filled: Vec<&str> = columns.iter().map(String::as_str).filter(|c| *c != "-").collect();
    out.raw(format!("{}\n", filled.join("  ")).as_bytes())
}
