//! Where an evaluation takes its samples from.

use super::labels::Labels;
use super::matcher::Matcher;
use super::value::{Sample, is_stale};

/// Series in memory.
pub trait Source {
    /// Hands over every series that satisfies all matchers, always in the same order, with its samples in
    /// the window in the order of time. Series without samples there may be left out.
    ///
    /// # Errors
    /// [`Full`] as soon as the selection is.
    fn select(&self, matchers: &[Matcher], window: Window, into: &mut Selection) -> Result<(), Full>;
}

/// A stretch of time, its beginning excluded and its end included, in milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    /// Samples are later than this.
    pub after: i64,
    /// Samples are not later than this.
    pub until: i64,
    /// Only the last sample of each series is wanted.
    pub last_only: bool,
}

/// The selection has as many samples as it may have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Full;

/// Series with their samples, one behind the other.
#[derive(Debug, Default)]
pub struct Selection {
    rows: Vec<Labels>,
    /// Where the samples of each row begin.
    starts: Vec<usize>,
    samples: Vec<Sample>,
    room: usize,
    stale: bool,
}

impl Selection {
    /// An empty one that takes `room` samples; `stale` keeps staleness markers too.
    #[must_use]
    pub fn new(room: usize, stale: bool) -> Selection {
        Selection { room, stale, ..Selection::default() }
    }

    /// Begins a series; one that got no sample is forgotten.
    pub fn begin(&mut self, labels: Labels) {
        self.finish();
        self.rows.push(labels);
        self.starts.push(self.samples.len());
    }

    /// Appends a sample to the series begun last.
    ///
    /// # Errors
    /// [`Full`] when there is no room.
    pub fn push(&mut self, sample: Sample) -> Result<(), Full> {
        if !self.stale && is_stale(sample.value) {
            return Ok(());
        }
        if self.samples.len() >= self.room {
            return Err(Full);
        }
        self.samples.push(sample);
        Ok(())
    }

    /// Forgets the series begun last when it got no sample.
    pub(super) fn finish(&mut self) {
        if self.starts.last() == Some(&self.samples.len()) {
            self.starts.pop();
            self.rows.pop();
        }
    }

    /// How many samples there are.
    pub(super) fn len(&self) -> usize {
        self.samples.len()
    }

    /// The series in order, each with its samples.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&Labels, &[Sample])> {
        let ends = self.starts.iter().skip(1).copied().chain([self.samples.len()]);
        let bounds = self.starts.iter().zip(ends);
        self.rows.iter().zip(bounds.map(|(start, end)| self.samples.get(*start..end).unwrap_or_default()))
    }
}
