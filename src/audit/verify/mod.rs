//! Checking the whole log, from its first record to `head`: every byte is under the tree's root, and
//! every snapshot says what the records before it fold to.

mod segment;

use super::head::{self, Head};
use super::index::{Index, Looked, Place};
use super::layout::Layout;
use super::query::QueryError;
use crate::model::Record;
use segment::Check;
use std::io;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

/// Most faults that a report lists; beyond it they are only counted.
const MOST_FAULTS: usize = 1_000;
/// Records for which the index is asked, spread over the log: so it is held for a moment only.
const ASKED: u64 = 20_000;

/// One thing that is not as it was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// The file.
    pub file: PathBuf,
    /// The line in it, from 1.
    pub line: u64,
    /// The record that stands there, or should.
    pub seq: u64,
    /// What is wrong.
    pub what: String,
}

impl std::fmt::Display for Fault {
    fn fmt(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result {
        write!(f, "{}, line {}, seq {}: {}", self.file.display(), self.line, self.seq, self.what)
    }
}

/// How the index agrees with the log. It can always be built again, so that this is no damage.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum IndexCheck {
    /// There is none, the daemon has it, or it does not open.
    #[default]
    NotRead,
    /// It knows the records that it was asked for.
    Agrees,
    /// It does not; deleting the folder `index` lets the next start build it again.
    Differs(String),
}

/// What a verification found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// Records read.
    pub records: u64,
    /// Segments read.
    pub segments: u64,
    /// Root of the tree over what was read, in hex.
    pub root: String,
    /// All that is wrong, in the order of the log; at most 1,000.
    pub faults: Vec<Fault>,
    /// Faults beyond those.
    pub more_faults: u64,
    /// Bytes of a last line that is still being written, or that a crash tore: the next start cuts it.
    pub unfinished: u64,
    /// The index.
    pub index: IndexCheck,
    /// Whether it was told to stop before the end.
    pub stopped: bool,
}

impl Report {
    /// Whether the log is as it was written.
    #[must_use]
    pub fn is_sound(&self) -> bool {
        self.faults.is_empty() && !self.stopped
    }

    fn fault(&mut self, fault: Fault) {
        if self.faults.len() < MOST_FAULTS { self.faults.push(fault) } else { self.more_faults += 1 }
    }
}

/// Told about once for each MiB of the bytes that are done, and of all; may stop the verification.
pub type Progress<'a> = &'a mut dyn FnMut(u64, u64) -> ControlFlow<()>;

/// How many processors a verification may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Pace {
    /// All of them: somebody waits for the answer.
    Fast,
    /// One, and that with rests.
    Unhurried,
}

/// Verifies the log in `data_dir`, also a copy and also while a daemon writes it. Streams: memory does
/// not grow with the log. A log that is longer than `head` is normal; one that is shorter lost records.
///
/// # Errors
/// No log there, or the system refuses. What is wrong with the log is in the report.
pub fn verify(data_dir: &Path, progress: Progress) -> Result<Report, QueryError> {
    let size = head::read(&Layout::new(data_dir))?.map_or(0, |head| head.size);
    let step = (size / ASKED).max(1);
    let mut asked: Vec<(Record, Place)> = Vec::new();
    let mut report = walk(data_dir, Pace::Fast, progress, &mut |record, place| {
        if record.seq.is_multiple_of(step) {
            asked.push((bare(record), place));
        }
    })?;
    if !report.stopped {
        report.index = ask_index(&Layout::new(data_dir), &asked);
    }
    Ok(report)
}

/// As [`verify`], without the index and with one thread.
pub(super) fn verify_log(data_dir: &Path, progress: Progress) -> Result<Report, QueryError> {
    walk(data_dir, Pace::Unhurried, progress, &mut |_, _| {})
}

fn walk(
    data_dir: &Path,
    pace: Pace,
    progress: Progress,
    seen: &mut dyn FnMut(&Record, Place),
) -> Result<Report, QueryError> {
    let layout = Layout::new(data_dir);
    // First of all: a daemon may write on, and then the log is longer than this.
    let head = head::read(&layout)?;
    let segments = layout.segments()?;
    let mut report = Report::default();
    let Some(last) = segments.last().copied() else {
        return no_segment(&layout, head, report);
    };
    if head.is_none() {
        let what = "it is missing or unreadable: whether the log lost its end cannot be told".to_owned();
        report.fault(Fault { file: layout.head(), line: 1, seq: 0, what });
    }
    let total =
        segments.iter().filter_map(|first| std::fs::metadata(layout.segment(*first)).ok()).map(|m| m.len()).sum();
    let mut check = Check::new(&layout, head.as_ref(), pace, total, progress);
    for first in segments {
        match check.segment(first, first == last, &mut report, seen) {
            // A daemon whose disk was full took its beginning back.
            Err(e) if first == last && e.kind() == io::ErrorKind::NotFound => break,
            read => report.stopped = read?.is_break(),
        }
        if report.stopped {
            break;
        }
        report.segments += 1;
    }
    report.root = check.root();
    if !report.stopped {
        check.end(&mut report);
    }
    Ok(report)
}

fn no_segment(layout: &Layout, head: Option<Head>, mut report: Report) -> Result<Report, QueryError> {
    let Some(head) = head.filter(|h| h.size > 0) else {
        return Err(QueryError::NoLog(layout.data_dir().to_owned()));
    };
    let what = format!("it says that {} records were written, and there is no segment", head.size);
    report.fault(Fault { file: layout.head(), line: 1, seq: head.size, what });
    Ok(report)
}

/// Only what the index knows of a record.
fn bare(record: &Record) -> Record {
    let mut body = crate::model::Draft::new(record.body.kind);
    body.run.clone_from(&record.body.run);
    body.target.clone_from(&record.body.target);
    body.playbook.clone_from(&record.body.playbook);
    body.verdict = record.body.verdict;
    Record { seq: record.seq, time: record.time, body }
}

fn ask_index(layout: &Layout, asked: &[(Record, Place)]) -> IndexCheck {
    let Some(index) = Index::for_reading(&layout.index()) else { return IndexCheck::NotRead };
    let known = asked.iter().take_while(|(record, _)| record.seq <= index.size());
    let mut answer = IndexCheck::Agrees;
    let mut looked = Looked::default();
    for (record, place) in known {
        match index.knows(record, *place, &mut looked) {
            Ok(true) => continue,
            Ok(false) => answer = IndexCheck::Differs(format!("record {} is not in it as it stands", record.seq)),
            Err(why) => answer = IndexCheck::Differs(why),
        }
        break;
    }
    index.let_go();
    answer
}
