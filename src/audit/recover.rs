//! What a start does with the last segment: read it, cut what a crash tore, and refuse what is damaged.

use super::ahead::{Ahead, Read};
use super::fold::Fold;
use super::head::{self, Head};
use super::layout::{Layout, open_file, sync_dir};
use super::lines::{Forward, Line};
use super::segment::Segment;
use super::tree::Hash;
use super::{OpenError, io_error};
use crate::model::Timestamp;
use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io;
use std::os::unix::fs::FileExt;

/// Bytes that a disk writes as a whole.
const SECTOR: u64 = 512;

/// The last segment as read.
#[derive(Debug)]
pub(super) struct Scan {
    /// `seq` of its first record.
    pub(super) first: u64,
    /// After its last whole record.
    pub(super) fold: Fold,
    /// Its leaf hashes.
    pub(super) leaves: Vec<Hash>,
    /// Bytes up to the end of its last whole record.
    pub(super) len: u64,
    /// Bytes up to the end of the last record that `head` vouches for.
    vouched: u64,
}

/// The last segment, sound and durable; `None` for a log that has no record yet.
///
/// # Errors
/// Damage, with its place: nothing that may have been acknowledged is ever cut.
pub(super) fn recover(layout: &Layout) -> Result<Option<Scan>, OpenError> {
    let audit = layout.audit();
    let head = head::read(layout).map_err(io_error("cannot read", &layout.head()))?;
    let mut segments = layout.segments().map_err(io_error("cannot read", audit))?;
    let had_segments = !segments.is_empty();
    while let Some(first) = segments.pop() {
        if let Some(scan) = scan(layout, first, head.as_ref())? {
            if head.is_none() {
                tracing::warn!("audit/head was missing or unreadable: whether the log lost its end cannot be told");
            }
            make_durable(layout, &scan)?;
            return Ok(Some(scan));
        }
        // A crash came between making the segment and its first record; nothing in it ever counted.
        remove_segment(layout, first).map_err(io_error("cannot remove the empty segment", &layout.segment(first)))?;
    }
    if let Some(head) = head.filter(|h| h.size > 0 && !had_segments) {
        let what = format!("head says that {} records were written, and there is no segment", head.size);
        return Err(OpenError::Damaged { file: layout.head(), line: 1, seq: head.size, what });
    }
    Ok(None)
}

/// Removes a segment that never had a record that counts.
pub(super) fn remove_segment(layout: &Layout, first: u64) -> io::Result<()> {
    for path in [layout.segment(first), layout.leaves(first)] {
        match fs::remove_file(path) {
            Err(e) if e.kind() != io::ErrorKind::NotFound => return Err(e),
            _ => {}
        }
    }
    sync_dir(layout.audit())
}

/// The state after the durable records of the segment that is being written.
///
/// # Errors
/// When they are not there as they were written.
pub(super) fn refold(layout: &Layout, segment: &Segment) -> Result<Fold, String> {
    let mut lines = Forward::open(&layout.segment(segment.first)).map_err(|e| e.to_string())?;
    let mut fold: Option<Fold> = None;
    let mut at = 0;
    while at < segment.len {
        let line = lines.next().map_err(|e| e.to_string())?.ok_or("the segment is shorter than it was")?;
        let mut next = match fold.take() {
            Some(fold) => fold,
            None => Fold::resume(segment.first, &line.bytes)?,
        };
        next.push(&line.bytes)?;
        at = line.end();
        fold = Some(next);
    }
    fold.ok_or_else(|| "the segment is empty".to_owned())
}

/// Reads one segment to the end of its last whole record. `None` when it has not even its first one.
///
/// # Errors
/// Damage, with its place.
fn scan(layout: &Layout, first: u64, head: Option<&Head>) -> Result<Option<Scan>, OpenError> {
    let path = layout.segment(first);
    let surely = head.map_or(0, |h| h.size);
    let mut lines = Ahead::open(&path).map_err(io_error("cannot open", &path))?;
    let mut found: Option<Scan> = None;
    let mut number = 0;
    loop {
        let next = found.as_ref().map_or(first, |s| s.fold.next());
        number += 1;
        let damaged = |what: String| OpenError::Damaged { file: path.clone(), line: number, seq: next, what };
        let Some(read) = lines.next().map_err(io_error("cannot read", &path))? else {
            if next <= surely {
                return Err(damaged(format!(
                    "the log ends before this record, and head says that {surely} records were written: \
                     acknowledged records are lost"
                )));
            }
            return Ok(found);
        };
        let line = &read.line;
        if next > surely && is_torn(line) {
            let group = time_of(line).or_else(|| found.as_ref()?.fold.state.last);
            let follow = times(&mut lines).map_err(io_error("cannot read", &path))?;
            if follow.into_iter().any(|time| Some(time) != group) {
                return Err(damaged("bytes are missing here, and records that may be acknowledged follow".to_owned()));
            }
            return Ok(found);
        }
        if !line.complete {
            return Err(damaged(format!(
                "the line is cut off, and head says that {surely} records were written: acknowledged records are lost"
            )));
        }
        let mut scan = match found.take() {
            Some(scan) => scan,
            None => begin(first, line, head).map_err(&damaged)?,
        };
        let record = read.record.as_ref().map_err(Clone::clone);
        record.and_then(|record| scan.fold.push_parsed(record, read.leaf)).map_err(&damaged)?;
        scan.leaves.push(read.leaf);
        scan.len = line.end();
        if next <= surely {
            scan.vouched = scan.len;
        }
        agrees(&scan.fold, head).map_err(&damaged)?;
        found = Some(scan);
    }
}

fn begin(first: u64, line: &Line, head: Option<&Head>) -> Result<Scan, String> {
    let fold = Fold::resume(first, &line.bytes)?;
    agrees(&fold, head)?;
    Ok(Scan { first, fold, leaves: Vec::new(), len: 0, vouched: 0 })
}

fn agrees(fold: &Fold, head: Option<&Head>) -> Result<(), String> {
    match head.filter(|h| h.size == fold.tree.size()) {
        Some(head) if head.root != hex::encode(fold.tree.root()) => Err(format!(
            "the tree over the first {} records has another root than head: a record was changed",
            head.size
        )),
        _ => Ok(()),
    }
}

/// Whether a crash before the covering sync left the line so: it has no line feed, or holds a hole that
/// begins or ends where a sector does (the disk wrote what is behind it first).
fn is_torn(line: &Line) -> bool {
    let Some(begin) = line.bytes.iter().position(|b| *b == 0) else { return !line.complete };
    let length = line.bytes[begin..].iter().take_while(|b| **b == 0).count();
    let at = |within: usize| line.offset + within as u64;
    !line.complete || at(begin).is_multiple_of(SECTOR) || at(begin + length).is_multiple_of(SECTOR)
}

/// The time of a torn line, as far as its beginning is there.
fn time_of(line: &Line) -> Option<Timestamp> {
    let begin = line.bytes.split(|b| *b == 0).next()?;
    let (_, rest) = std::str::from_utf8(begin).ok()?.split_once("\"time\":\"")?;
    rest.split_once('"')?.0.parse().ok()
}

/// The times of the records that follow. Those of one group have one time, and only one group can be on its
/// way to the disk: where another follows, what is torn may have been acknowledged.
fn times(lines: &mut Ahead) -> io::Result<BTreeSet<Timestamp>> {
    let mut times = BTreeSet::new();
    while let Some(Read { record, .. }) = lines.next()? {
        times.extend(record.as_ref().ok().map(|record| record.time));
    }
    Ok(times)
}

/// Cuts what is behind the last whole record and writes again what no sync is known to cover: after a
/// failed sync the page cache holds what the disk may not.
fn make_durable(layout: &Layout, scan: &Scan) -> Result<(), OpenError> {
    let path = layout.segment(scan.first);
    let again = || {
        let file = open_file(&path)?;
        let torn = file.metadata()?.len().saturating_sub(scan.len);
        if torn > 0 {
            tracing::warn!(
                bytes = torn,
                seq = scan.fold.next(),
                "cut a record that a crash had torn; nobody was told that it was written"
            );
            file.set_len(scan.len)?;
        }
        rewrite(&file, scan.vouched, scan.len)?;
        file.sync_all()?;
        sync_dir(layout.audit())
    };
    again().map_err(io_error("cannot repair", &path))?;
    let leaves = layout.leaves(scan.first);
    let restored = || {
        let file = open_file(&leaves)?;
        file.write_all_at(&scan.leaves.concat(), 0)?;
        file.set_len(scan.leaves.len() as u64 * 32)
    };
    restored().map_err(io_error("cannot write", &leaves))
}

fn rewrite(file: &File, from: u64, to: u64) -> io::Result<()> {
    let mut block = vec![0; 1024 * 1024];
    let mut at = from;
    while at < to {
        let length = usize::try_from(to - at).unwrap_or(usize::MAX).min(block.len());
        file.read_exact_at(&mut block[..length], at)?;
        file.write_all_at(&block[..length], at)?;
        at += length as u64;
    }
    Ok(())
}
