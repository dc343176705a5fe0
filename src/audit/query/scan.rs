//! Reading the segments themselves, forwards or backwards, one line at a time.

use super::super::fold::parse;
use super::super::layout::Layout;
use super::super::lines::{Backward, Forward, Line};
use super::{Visit, note_damage};
use crate::model::Timestamp;
use std::io;
use std::ops::ControlFlow;

/// Which part of the log.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Reach {
    /// Not before this moment.
    pub(super) since: Option<Timestamp>,
    /// Before this moment.
    pub(super) until: Option<Timestamp>,
    /// Behind this `seq`.
    pub(super) after: u64,
    /// Before this `seq`.
    pub(super) before: Option<u64>,
}

/// Where a record lies towards a reach.
enum Side {
    Below,
    Within,
    Above,
}

impl Reach {
    fn side(&self, seq: u64, time: Timestamp) -> Side {
        if seq <= self.after || self.since.is_some_and(|since| time < since) {
            Side::Below
        } else if self.before.is_some_and(|b| seq >= b) || self.until.is_some_and(|until| time >= until) {
            Side::Above
        } else {
            Side::Within
        }
    }
}

/// Shows every record within reach, until told to stop.
pub(super) fn scan(
    layout: &Layout,
    reach: Reach,
    newest_first: bool,
    damaged: &mut Vec<String>,
    visit: Visit,
) -> io::Result<ControlFlow<()>> {
    let mut segments = within(layout, &reach)?;
    if newest_first {
        segments.reverse();
    }
    for first in segments {
        let mut lines = match Lines::open(layout, first, newest_first) {
            // Taken back (a full disk) or pruned between listing and opening.
            Err(e) if e.kind() == io::ErrorKind::NotFound => continue,
            lines => lines?,
        };
        while let Some(line) = lines.next()? {
            let record = match parse(&line.bytes) {
                Ok(record) => record,
                Err(why) => {
                    note_damage(damaged, layout, first, line.offset, &why);
                    continue;
                }
            };
            match (reach.side(record.seq, record.time), newest_first) {
                (Side::Within, _) => {
                    if visit(&line.bytes, &record).is_break() {
                        return Ok(ControlFlow::Break(()));
                    }
                }
                // Neither seq nor time ever goes back, so nothing further on is within reach.
                (Side::Below, true) | (Side::Above, false) => return Ok(ControlFlow::Continue(())),
                (Side::Below, false) | (Side::Above, true) => {}
            }
        }
    }
    Ok(ControlFlow::Continue(()))
}

/// The segments that can hold records within reach, ascending.
fn within(layout: &Layout, reach: &Reach) -> io::Result<Vec<u64>> {
    let mut segments = layout.segments()?;
    segments.retain(|first| reach.before.is_none_or(|before| *first < before));
    let below = segments.partition_point(|first| *first <= reach.after + 1).saturating_sub(1);
    segments.drain(..below);
    if let Some(since) = reach.since {
        let begins_before = |first: &u64| first_time(layout, *first).is_some_and(|time| time < since);
        let below = segments.partition_point(begins_before).saturating_sub(1);
        segments.drain(..below);
    }
    if let Some(until) = reach.until {
        let above = segments.partition_point(|first| first_time(layout, *first).is_none_or(|time| time < until));
        segments.truncate(above);
    }
    Ok(segments)
}

/// When a segment begins; `None` when its first line cannot be read, and then it is read whole.
fn first_time(layout: &Layout, first: u64) -> Option<Timestamp> {
    let line = Forward::open(&layout.segment(first)).ok()?.next().ok()??;
    parse(&line.bytes).ok().map(|record| record.time)
}

/// Complete lines in either direction.
enum Lines {
    Forward(Forward),
    Backward(Backward),
}

impl Lines {
    fn open(layout: &Layout, first: u64, newest_first: bool) -> io::Result<Lines> {
        let path = layout.segment(first);
        if newest_first { Backward::open(&path).map(Lines::Backward) } else { Forward::open(&path).map(Lines::Forward) }
    }

    fn next(&mut self) -> io::Result<Option<Line>> {
        match self {
            // A line without its line feed is still being written, or was torn by a crash: not a record.
            Lines::Forward(lines) => Ok(lines.next()?.filter(|line| line.complete)),
            Lines::Backward(lines) => lines.next(),
        }
    }
}
