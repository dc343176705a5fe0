//! `pgmedic audit list`.

use super::lines::listed;
use super::unanswered;
use super::wanted::{Limit, Wanted};
use crate::audit::query::{self, Filter, Stored};
use crate::cli::global::{Exit, Failure, Format};
use crate::cli::output::{Out, raw};
use crate::cli::text::printable;
use crate::http::client::Client;
use crate::model::Record;
use clap::Args;
use serde_json::Value as Json;
use std::ops::ControlFlow;
use std::path::Path;

/// List records, the newest last
///
/// As text one line a record; in json and jsonl each record exactly as stored.
#[derive(Args, Debug)]
pub(super) struct Command {
    #[command(flatten)]
    wanted: Wanted,
    #[command(flatten)]
    limit: Limit,
}

impl Command {
    pub(super) async fn run(self, data_dir: &Path, out: &Out) -> Result<Exit, Failure> {
        let filter = self.wanted.filter(Some(self.limit.limit.get()));
        let (found, damaged) = match ask_daemon(data_dir, &filter).await {
            Some(found) => (found, Vec::new()),
            None => read(data_dir, &filter)?,
        };
        print(&found, out)?;
        if found.len() == self.limit.limit.get() && out.format == Format::Text {
            out.note(&format!("The newest {}; there may be more: --limit N, --since WHEN.", found.len()));
        }
        for place in &damaged {
            out.complain(&format!("the log is damaged: {place}"));
        }
        Ok(if damaged.is_empty() { Exit::FINE } else { Exit::TROUBLE })
    }
}

/// What a running daemon finds by its index, which no other process can ask. `None` without one, and whenever its
/// answer is not all that there is to say: then the log is read.
async fn ask_daemon(data_dir: &Path, filter: &Filter) -> Option<Vec<Stored>> {
    let daemon = Client::connect(data_dir).ok()??;
    daemon.records(filter).await.ok()?
}

/// What the log itself says, and where it is damaged.
fn read(data_dir: &Path, filter: &Filter) -> Result<(Vec<Stored>, Vec<String>), Failure> {
    let mut found = Vec::new();
    let listing = query::list(data_dir, filter, &mut |line, record| {
        found.push(Stored { line: line.to_vec(), record: record.clone() });
        ControlFlow::Continue(())
    })
    .map_err(|e| unanswered(&e))?;
    // The newest were read first, and a person reads downwards.
    found.reverse();
    Ok((found, listing.damaged))
}

/// Records as text, as stored, or as YAML.
pub(super) fn print(records: &[Stored], out: &Out) -> Result<(), Failure> {
    match out.format {
        Format::Text => {
            let records: Vec<Record> = records.iter().map(|s| printable(&s.record)).collect();
            raw(listed(&records, out.width, out.paint).as_bytes())
        }
        Format::Json | Format::Jsonl => {
            let mut bytes = Vec::new();
            for stored in records {
                bytes.extend_from_slice(&stored.line);
                bytes.push(b'\n');
            }
            raw(&bytes)
        }
        Format::Yaml => {
            let all: Vec<Json> = records.iter().filter_map(|s| serde_json::from_slice(&s.line).ok()).collect();
            out.rendered(&all, String::new)
        }
    }
}
