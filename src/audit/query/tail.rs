//! Following the log while it is written.

use super::super::fold::parse;
use super::super::head;
use super::super::layout::Layout;
use super::super::lines::Forward;
use super::{QueryError, Stored, logged};
use std::io;
use std::path::Path;

/// Gives out records as they become durable.
#[derive(Debug)]
pub struct Tail {
    layout: Layout,
    /// The segment that is being read.
    segment: u64,
    /// Where its next line begins.
    offset: u64,
    /// That segment, opened there.
    lines: Option<Forward>,
    /// The next `seq` to give out.
    next: u64,
    /// Records up to this `seq` are known to be durable.
    durable: u64,
}

/// Follows `data_dir`'s log from record `from` on (0 and 1 are its beginning).
///
/// # Errors
/// No log there, or the system refuses.
pub fn tail(data_dir: &Path, from: u64) -> Result<Tail, QueryError> {
    let layout = logged(data_dir)?;
    let segments = layout.segments()?;
    let at = segments.partition_point(|first| *first <= from).saturating_sub(1);
    let segment = segments.get(at).copied().unwrap_or(1);
    Ok(Tail { layout, segment, offset: 0, lines: None, next: from, durable: 0 })
}

impl Tail {
    /// The next record; `None` when there is none yet: ask again after a while. Where the file `head`
    /// is missing (in a copy), all whole lines count as durable.
    ///
    /// # Errors
    /// The system refuses, or a line is no record (with its place).
    pub fn poll(&mut self) -> Result<Option<Stored>, QueryError> {
        loop {
            let path = self.layout.segment(self.segment);
            let mut lines = match self.lines.take() {
                Some(lines) => lines,
                None => Forward::open_at(&path, self.offset)?,
            };
            let Some(line) = lines.next()?.filter(|line| line.complete) else {
                let segments = self.layout.segments()?;
                let Some(following) = segments.into_iter().find(|first| *first > self.segment) else { return Ok(None) };
                (self.segment, self.offset) = (following, 0);
                continue;
            };
            let damaged = |why| io::Error::other(format!("{}, byte {}: {why}", path.display(), line.offset));
            let record = parse(&line.bytes).map_err(damaged)?;
            if !self.is_durable(record.seq)? {
                return Ok(None);
            }
            // Whenever it was not a durable line, what was read ahead is dropped, and read again later.
            self.lines = Some(lines);
            self.offset = line.end();
            if record.seq >= self.next {
                self.next = record.seq + 1;
                return Ok(Some(Stored { line: line.bytes, record }));
            }
        }
    }

    fn is_durable(&mut self, seq: u64) -> io::Result<bool> {
        if seq > self.durable {
            self.durable = head::read(&self.layout)?.map_or(u64::MAX, |head| head.size);
        }
        Ok(seq <= self.durable)
    }
}
