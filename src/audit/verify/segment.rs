//! One segment after another, line by line.

use super::super::ahead::{Ahead, Read};
use super::super::fold::Fold;
use super::super::head::Head;
use super::super::index::Place;
use super::super::layout::Layout;
use super::super::lines::Line;
use super::super::snapshot::Snapshot;
use super::super::tree::Hash;
use super::{Fault, Pace, Progress, Report};
use crate::model::{Record, RecordKind, Timestamp};
use std::io;
use std::ops::ControlFlow;
use std::path::PathBuf;

/// Bytes between two calls of the progress.
const STRIDE: u64 = 1024 * 1024;

/// What is carried from line to line.
pub(super) struct Check<'a> {
    layout: &'a Layout,
    head: Option<&'a Head>,
    pace: Pace,
    progress: Progress<'a>,
    total: u64,
    done: u64,
    told: u64,
    fold: Fold,
    /// The next `seq`.
    next: u64,
    /// `seq` of the last record that could be read.
    read: u64,
    last_time: Timestamp,
    /// A line could not be read: the `seq` of the next one is not certain.
    doubt: bool,
    /// A fault was found since the last snapshot: tree and state differ because of it.
    tainted: bool,
    file: PathBuf,
    line: u64,
}

impl<'a> Check<'a> {
    pub(super) fn new(
        layout: &'a Layout,
        head: Option<&'a Head>,
        pace: Pace,
        total: u64,
        progress: Progress<'a>,
    ) -> Check<'a> {
        Check {
            layout,
            head,
            pace,
            progress,
            total,
            done: 0,
            told: 0,
            fold: Fold::new(String::new()),
            next: 1,
            read: 0,
            last_time: Timestamp::MIN,
            doubt: false,
            tainted: false,
            file: PathBuf::new(),
            line: 0,
        }
    }

    /// Root of the tree over what was read, in hex.
    pub(super) fn root(&self) -> String {
        hex::encode(self.fold.tree.root())
    }

    /// Reads one segment. Of the last one, the end may still be on its way to the disk.
    pub(super) fn segment(
        &mut self,
        first: u64,
        is_last: bool,
        report: &mut Report,
        sample: &mut dyn FnMut(&Record, Place),
    ) -> io::Result<ControlFlow<()>> {
        (self.file, self.line) = (self.layout.segment(first), 0);
        let mut lines = match self.pace {
            Pace::Fast => Ahead::open(&self.file)?,
            Pace::Unhurried => Ahead::unhurried(&self.file)?,
        };
        let leaves = Leaves::read(self.layout, first, is_last)?;
        while let Some(read) = lines.next()? {
            let line = &read.line;
            self.line += 1;
            self.done += line.end() - line.offset;
            if !line.complete {
                self.unfinished(line, is_last, report);
                break;
            }
            let place = Place { segment: first, offset: line.offset };
            self.one(first, read, &leaves, report, &mut |record| sample(record, place));
            if self.done >= self.told + STRIDE {
                self.told = self.done;
                if (self.progress)(self.done, self.total).is_break() {
                    return Ok(ControlFlow::Break(()));
                }
            }
        }
        if !is_last && leaves.count() != Some(self.next.saturating_sub(first)) {
            self.line += 1;
            let had = leaves.count().map_or("none".to_owned(), |n| n.to_string());
            let what = format!(
                "the segment ends after {} records, its .leaves file has {had}",
                self.next.saturating_sub(first)
            );
            self.fault(report, self.next, what);
        }
        Ok(ControlFlow::Continue(()))
    }

    fn one(&mut self, first: u64, read: &Read, leaves: &Leaves, report: &mut Report, sample: &mut dyn FnMut(&Record)) {
        report.records += 1;
        let leaf = read.leaf;
        let record = match &read.record {
            Ok(record) => record,
            Err(why) => {
                self.fault(report, self.next, why.clone());
                self.fold.tree.push(leaf);
                self.next += 1;
                self.doubt = true;
                return;
            }
        };
        if self.line == 1 {
            self.snapshot(first, record, report);
        } else if record.body.kind == RecordKind::Snapshot {
            self.fault(report, record.seq, "a snapshot stands within the segment, not at its beginning".to_owned());
        }
        // What says that it is of an earlier segment is not what was written here either.
        let altered = leaves.of(record.seq).map_or(record.seq < first, |written| written != leaf);
        if !self.in_order(record.seq, altered, report) {
            return;
        }
        if record.time < self.last_time {
            let what = format!("its time {} is before that of the record before it, {}", record.time, self.last_time);
            self.fault(report, record.seq, what);
        }
        if altered {
            let what = "the line is not what was written: its hash is another than in the .leaves file beside it";
            self.fault(report, record.seq, what.to_owned());
        }
        self.last_time = record.time;
        self.fold.accept(record, leaf);
        self.against_head(record.seq, report);
        sample(record);
    }

    /// Whether the line is to be counted as the next record.
    /// `altered`: it is not what was written under its number.
    fn in_order(&mut self, seq: u64, altered: bool, report: &mut Report) -> bool {
        let doubt = std::mem::take(&mut self.doubt);
        if seq > self.next && !doubt {
            let what = match seq - self.next {
                1 => format!("record {} is missing, record {seq} stands in its place", self.next),
                _ => format!("records {} to {} are missing, record {seq} stands in their place", self.next, seq - 1),
            };
            self.fault(report, self.next, what);
        }
        if seq <= self.read || (seq < self.next && !doubt) {
            // Its number itself may be what was altered: then it is the record that belongs here.
            let (named, what) = if altered {
                (self.next, format!("the line says record {seq} and is not what was written under that number"))
            } else {
                (seq, format!("record {seq} stands here out of order or once more"))
            };
            self.fault(report, named, format!("{what}; record {} belongs here", self.next));
            return false;
        }
        self.read = seq;
        self.next = seq + 1;
        true
    }

    /// The first record of a segment: it must say what was read before it, and is gone on with.
    fn snapshot(&mut self, first: u64, record: &Record, report: &mut Report) {
        let read = Snapshot::read(record).and_then(|snapshot| Ok((snapshot.tree(record.seq)?, snapshot)));
        let (tree, snapshot) = match read {
            Ok(read) => read,
            Err(why) => return self.fault(report, first, why),
        };
        if first != record.seq {
            self.fault(report, first, format!("the segment's name says that it begins with record {first}"));
        }
        let tainted = self.tainted || self.next != record.seq;
        if !tainted && tree != self.fold.tree {
            let what = "the records before have another tree than this snapshot says: one of them was changed, and its \
                        hash with it";
            self.fault(report, first, what.to_owned());
        } else if !tainted && snapshot.is_ours() && snapshot.state != self.fold.state {
            let what = "the records before fold to another state than this snapshot says";
            self.fault(report, first, what.to_owned());
        }
        if first > 1 && !self.fold.log.is_empty() && snapshot.log != self.fold.log {
            let what = format!("the segment is of log {}, those before it are of {}", snapshot.log, self.fold.log);
            self.fault(report, first, what);
        }
        self.fold = Fold { log: snapshot.log, state: snapshot.state, tree };
        self.tainted = false;
    }

    fn against_head(&mut self, seq: u64, report: &mut Report) {
        let other = self.head.is_some_and(|h| h.size == self.fold.tree.size() && h.root != self.root());
        if other && !self.tainted {
            let what = "the tree up to here has another root than the file head says: a record of this segment was \
                        changed, and its hash with it, or head was";
            self.fault(report, seq, what.to_owned());
        }
    }

    fn unfinished(&mut self, line: &Line, is_last: bool, report: &mut Report) {
        if is_last && self.head.is_none_or(|h| self.next > h.size) {
            report.unfinished = line.bytes.len() as u64;
        } else {
            self.fault(report, self.next, "the line is cut off".to_owned());
        }
    }

    /// After the last segment.
    pub(super) fn end(&mut self, report: &mut Report) {
        if let Some(head) = self.head.filter(|h| self.next <= h.size) {
            self.line += 1;
            let what = format!("the log ends here, and head says that {} records were written", head.size);
            self.fault(report, self.next, what);
        }
        let _ = (self.progress)(self.done, self.total);
    }

    fn fault(&mut self, report: &mut Report, seq: u64, what: String) {
        self.tainted = true;
        report.fault(Fault { file: self.file.clone(), line: self.line, seq, what });
    }
}

/// The hashes beside a segment.
struct Leaves {
    first: u64,
    bytes: Option<Vec<u8>>,
    is_last: bool,
}

impl Leaves {
    fn read(layout: &Layout, first: u64, is_last: bool) -> io::Result<Leaves> {
        let bytes = match std::fs::read(layout.leaves(first)) {
            Ok(bytes) => Some(bytes),
            Err(e) if e.kind() == io::ErrorKind::NotFound => None,
            Err(e) => return Err(e),
        };
        Ok(Leaves { first, bytes, is_last })
    }

    /// How many there are; `None` without a file.
    fn count(&self) -> Option<u64> {
        self.bytes.as_ref().map(|bytes| bytes.len() as u64 / 32)
    }

    /// The hash of a record. In the last segment it may not be written yet (or be a hole after a power cut).
    fn of(&self, seq: u64) -> Option<Hash> {
        let at = usize::try_from(seq.checked_sub(self.first)?).ok()?.checked_mul(32)?;
        let hash: Hash = self.bytes.as_ref()?.get(at..at + 32)?.try_into().ok()?;
        (!self.is_last || hash != [0; 32]).then_some(hash)
    }
}
