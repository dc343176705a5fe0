//! Reading the log back: of a running daemon, of one that stands still, or of a copy. The index is used
//! when it is there and free, and the answers are the same without it.

mod block;
mod folded;
mod glance;
mod lookup;
mod scan;
mod tail;

pub use folded::state;
pub use tail::{Tail, tail};

use super::index::Lent;
use super::layout::Layout;
use crate::model::time::before;
use crate::model::{Duration, Record, RecordKind, Timestamp, Verdict};
use lookup::Lookup;
use scan::{Reach, scan};
use std::collections::BTreeSet;
use std::io;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

/// Most places of damage that one reading tells of.
const MOST_DAMAGED: usize = 100;
/// How far a record's time may lie before that of its run's ULID: clocks are set back.
const CLOCK_SLACK: Duration = Duration::from_hours(24);

/// Which records. Everything that is set must hold.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Filter {
    /// Not before this moment.
    pub since: Option<Timestamp>,
    /// Before this moment.
    pub until: Option<Timestamp>,
    /// Of this target.
    pub target: Option<String>,
    /// Of this playbook.
    pub playbook: Option<String>,
    /// Of this kind.
    pub kind: Option<RecordKind>,
    /// With this verdict.
    pub verdict: Option<Verdict>,
    /// Of this run (the whole ULID).
    pub run: Option<String>,
    /// At most so many.
    pub limit: Option<usize>,
    /// The newest first; else in the order in which they were written.
    pub newest_first: bool,
}

impl Filter {
    /// Whether a record is meant; `limit` aside.
    #[must_use]
    pub fn matches(&self, record: &Record) -> bool {
        let body = &record.body;
        let is = |wanted: &Option<String>, value: Option<&str>| wanted.as_deref().is_none_or(|w| value == Some(w));
        self.since.is_none_or(|since| record.time >= since)
            && self.until.is_none_or(|until| record.time < until)
            && is(&self.target, body.target.as_deref())
            && is(&self.playbook, body.playbook.as_ref().map(|p| p.name.as_str()))
            && is(&self.run, body.run.as_deref())
            && self.kind.is_none_or(|kind| body.kind == kind)
            && self.verdict.is_none_or(|verdict| body.verdict == Some(verdict))
    }
}

/// What a reading came to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Listing {
    /// Records shown.
    pub shown: usize,
    /// Lines passed over because they are no records, each with its place: the log is damaged there.
    pub damaged: Vec<String>,
}

/// A record with its exact bytes.
#[derive(Clone, Debug, PartialEq)]
pub struct Stored {
    /// The line as stored, without its line feed.
    pub line: Vec<u8>,
    /// What it says.
    pub record: Record,
}

/// Why a question has no answer.
#[derive(Debug, thiserror::Error)]
pub enum QueryError {
    /// Not a data directory.
    #[error("there is no audit log in {}: give the data directory, or a copy of it", .0.display())]
    NoLog(PathBuf),
    /// No such run.
    #[error("no run in the log is or begins with `{0}`")]
    NoRun(String),
    /// Several runs begin so.
    #[error("`{prefix}` is not one run: {}", runs.join(", "))]
    Ambiguous {
        /// As asked.
        prefix: String,
        /// The first of those that begin so.
        runs: Vec<String>,
    },
    /// The system refused.
    #[error("cannot read the audit log: {0}")]
    Io(#[from] io::Error),
}

/// Called with each record's exact bytes (without the line feed) and what they say; may stop the reading.
pub type Visit<'a> = &'a mut dyn FnMut(&[u8], &Record) -> ControlFlow<()>;

/// Shows the records of `data_dir`'s log that are meant, one at a time, in bounded memory.
///
/// # Errors
/// No log there, or the system refuses. Damaged lines are no error: they are passed over and told of.
pub fn list(data_dir: &Path, filter: &Filter, visit: Visit) -> Result<Listing, QueryError> {
    list_beside(data_dir, filter, visit, None)
}

/// As [`list`]; beside the writer with the index that it lends.
pub(super) fn list_beside(
    data_dir: &Path,
    filter: &Filter,
    visit: Visit,
    lent: Option<&Lent>,
) -> Result<Listing, QueryError> {
    let layout = logged(data_dir)?;
    let mut listing = Listing::default();
    if filter.limit == Some(0) {
        return Ok(listing);
    }
    let Listing { shown, damaged } = &mut listing;
    let mut show = |line: &[u8], record: &Record| {
        if !filter.matches(record) {
            return ControlFlow::Continue(());
        }
        *shown += 1;
        visit(line, record)?;
        if filter.limit.is_some_and(|limit| *shown >= limit) {
            ControlFlow::Break(())
        } else {
            ControlFlow::Continue(())
        }
    };
    let reach = Reach { since: filter.since, until: filter.until, ..Reach::default() };
    let lookup = Lookup::new(&layout, filter, lent).and_then(|mut lookup| Some((lookup.begin()?, lookup)));
    match lookup {
        None => drop(scan(&layout, reach, filter.newest_first, damaged, &mut show)?),
        Some((blocks, lookup)) => lookup.show(blocks, reach, damaged, &mut show)?,
    }
    Ok(listing)
}

/// All records of one run, in order. Its ULID, or a beginning of it that no other run has.
///
/// # Errors
/// As [`list`]; no such run; several.
pub fn run(data_dir: &Path, id: &str) -> Result<Vec<Stored>, QueryError> {
    let id = id.to_ascii_uppercase();
    let whole = ulid::Ulid::from_string(&id).is_ok();
    let mut runs = BTreeSet::new();
    let mut records = Vec::new();
    let filter =
        Filter { run: whole.then(|| id.clone()), since: earliest(&id), newest_first: true, ..Filter::default() };
    list(data_dir, &filter, &mut |line, record| {
        let Some(run) =
            record.body.run.as_ref().filter(|run| !id.is_empty() && run.to_ascii_uppercase().starts_with(&id))
        else {
            return ControlFlow::Continue(());
        };
        runs.insert(run.clone());
        records.push(Stored { line: line.to_vec(), record: record.clone() });
        if runs.len() > 5 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    })?;
    match runs.len() {
        0 => Err(QueryError::NoRun(id)),
        1 => {
            records.reverse();
            Ok(records)
        }
        _ => Err(QueryError::Ambiguous { prefix: id, runs: runs.into_iter().collect() }),
    }
}

/// The earliest moment at which a run whose ULID begins so can have left a record: its first ten
/// characters are its time.
fn earliest(prefix: &str) -> Option<Timestamp> {
    let padded = format!("{prefix:0<26}");
    let ulid = ulid::Ulid::from_string(&padded).ok()?;
    let began = Timestamp::from_millisecond(i64::try_from(ulid.timestamp_ms()).ok()?).ok()?;
    Some(before(began, CLOCK_SLACK))
}

/// The data directory, if there is a log in it.
fn logged(data_dir: &Path) -> Result<Layout, QueryError> {
    let layout = Layout::new(data_dir);
    if layout.segments()?.is_empty() { Err(QueryError::NoLog(data_dir.to_owned())) } else { Ok(layout) }
}

fn note_damage(damaged: &mut Vec<String>, layout: &Layout, segment: u64, offset: u64, why: &str) {
    if damaged.len() < MOST_DAMAGED {
        damaged.push(format!("{}, byte {offset}: {why}", layout.segment(segment).display()));
    }
}
