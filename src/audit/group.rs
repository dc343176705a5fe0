//! Records on their way to the disk: staged one call after another, written and synced together.

use super::fold::{Fold, parse};
use super::layout::Layout;
use super::tree::{self, Hash};
use super::writer::Append;
use super::{AppendError, Entry};
use crate::decide::intent::may_append;
use crate::model::record::{Draft, Record, RecordKind};
use crate::model::verdict::GuardVerdict;
use crate::model::{GuardReport, Timestamp};
use std::fs::File;
use std::io::{BufRead, BufReader, ErrorKind, Read};

/// A line with what is known of it before it is written.
#[derive(Debug)]
pub(super) struct Staged {
    pub(super) record: Record,
    pub(super) leaf: Hash,
    /// Where it begins within the group.
    pub(super) offset: u64,
}

/// What one fdatasync covers.
#[derive(Default)]
pub(super) struct Group {
    /// Lines with their line feeds.
    pub(super) bytes: Vec<u8>,
    /// The lines in order.
    pub(super) records: Vec<Staged>,
    /// Who waits for it, with the `seq`s to answer.
    pub(super) waiting: Vec<(Append, Vec<u64>)>,
}

impl Group {
    /// Folds a call's entries in and adds their lines.
    ///
    /// # Errors
    /// When one of them must not be, or cannot be stored; then none of them is in.
    pub(super) fn stage(
        &mut self,
        fold: &mut Fold,
        entries: &mut [Entry],
        now: Timestamp,
        door: &Door,
    ) -> Result<Vec<u64>, AppendError> {
        let mut lines = Vec::with_capacity(entries.len());
        let mut revision = revision_of(&fold.state.live);
        for (seq, entry) in (fold.next()..).zip(&mut *entries) {
            let draft = entry.draft_mut();
            if draft.kind == RecordKind::Config {
                revision = draft.evidence.as_ref().and_then(revision_of);
            }
            draft.revision.clone_from(&revision);
            lines.push(Line::new(seq, now, draft).map_err(AppendError::Unwritable)?);
        }
        // Only an intent can be refused now; one that is not first would leave what was folded before it.
        let later = entries.iter().skip(1).any(|e| matches!(e, Entry::Intent { .. }));
        let before = later.then(|| fold.clone());
        for (line, entry) in lines.iter().zip(&*entries) {
            if let Entry::Intent { draft, bounds } = entry
                && let Err(guard) = door.open().and_then(|()| may_append(&fold.state.history, draft, bounds, now))
            {
                if let Some(before) = before {
                    *fold = before;
                }
                return Err(AppendError::Refused(guard));
            }
            fold.accept(&line.record, line.leaf);
        }
        Ok(lines.into_iter().map(|line| self.add(line)).collect())
    }

    /// Adds a line, which is folded in already.
    pub(super) fn add(&mut self, line: Line) -> u64 {
        let seq = line.record.seq;
        self.records.push(Staged { record: line.record, leaf: line.leaf, offset: self.bytes.len() as u64 });
        self.bytes.extend_from_slice(&line.bytes);
        self.bytes.push(b'\n');
        seq
    }
}

/// The configuration's own word for its version (`revision`), from the evidence of its record.
fn revision_of(config: &serde_json::Value) -> Option<String> {
    config.get("revision")?.as_str().map(str::to_owned)
}

/// A record as its line will be stored, and as it will be read back.
pub(super) struct Line {
    pub(super) bytes: Vec<u8>,
    pub(super) record: Record,
    pub(super) leaf: Hash,
}

impl Line {
    /// # Errors
    /// When the record could not be read back: such a line would be damage.
    pub(super) fn new(seq: u64, time: Timestamp, draft: &mut Draft) -> Result<Line, String> {
        let kind = draft.kind;
        // Lent and given back: a copy costs as much as the hash.
        let record = Record { seq, time, body: std::mem::replace(draft, Draft::new(kind)) };
        let bytes = serde_json::to_vec(&record).map_err(|e| e.to_string());
        *draft = record.body;
        let bytes = bytes?;
        let record = parse(&bytes).map_err(|e| format!("a `{}` record could not be read back, {e}", kind.word()))?;
        let leaf = tree::leaf(&bytes);
        Ok(Line { bytes, record, leaf })
    }
}

/// Whether a call tells what came of things, rather than announcing new ones: such records may use the
/// room that is kept for them when the disk is full.
pub(super) fn may_use_headroom(entries: &[Entry]) -> bool {
    entries.iter().all(|entry| {
        matches!(
            entry.draft().kind,
            RecordKind::Outcome
                | RecordKind::Verification
                | RecordKind::Revert
                | RecordKind::Notification
                | RecordKind::Control
                | RecordKind::Lifecycle
        )
    })
}

/// What shuts out every intent, whatever its limits.
pub(super) struct Door<'a> {
    pub(super) layout: &'a Layout,
    /// Damage that was found in an older segment.
    pub(super) damage: Option<&'a str>,
}

impl Door<'_> {
    fn open(&self) -> Result<(), GuardReport> {
        if let Some(what) = self.damage {
            let detail = format!("the audit log is damaged: {what}; nothing is done until a person has looked at it");
            return Err(stop("audit", detail));
        }
        let detail = match File::open(self.layout.paused()) {
            Ok(file) => {
                let mut line = String::new();
                // Its presence is the order; what it says is only for people.
                let _ = BufReader::new(file.take(1_024)).read_line(&mut line);
                format!("the file PAUSED is in the data directory: {}", line.trim())
            }
            Err(e) if e.kind() == ErrorKind::NotFound => return Ok(()),
            Err(e) => format!("whether the file PAUSED is in the data directory cannot be told: {e}"),
        };
        Err(stop("paused", detail))
    }
}

fn stop(name: &str, detail: String) -> GuardReport {
    GuardReport { name: name.to_owned(), verdict: GuardVerdict::Stop, detail }
}
