//! The series of one target, compressed in memory.

mod bits;
mod chunk;
mod index;
mod series;

use super::labels::Labels;
use super::matcher::Matcher;
use super::source::{Full, Selection, Source, Window};
use super::value::Sample;
use index::Index;
use series::Stored;
use std::collections::BTreeMap;
use std::fmt;

/// Why a sample was not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refused {
    /// The series has a later sample.
    OutOfOrder,
    /// The series has another value at that time.
    Duplicate,
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Refused::OutOfOrder => "out of order sample",
            Refused::Duplicate => "duplicate sample for timestamp",
        })
    }
}

impl std::error::Error for Refused {}

/// Series in memory, in the order in which they came.
#[derive(Debug, Default)]
pub struct Store {
    series: Vec<Stored>,
    known: BTreeMap<Labels, u32>,
    index: Index,
    refused: u64,
}

impl Store {
    /// Appends a sample to the series of these labels. The same sample again is taken without a word, as
    /// Prometheus does.
    ///
    /// # Errors
    /// When the series has a later sample, or another value at that time.
    pub fn append(&mut self, labels: &Labels, at: i64, value: f64) -> Result<(), Refused> {
        let id = match self.known.get(labels) {
            Some(id) => *id,
            None => self.create(labels),
        };
        let Some(series) = self.series.get_mut(id as usize) else { return Ok(()) };
        series.append(Sample { at, value }).inspect_err(|_| self.refused += 1)
    }

    /// Forgets samples before a time, in milliseconds; up to a chunk of each series may stay longer.
    /// Series without samples are forgotten.
    pub fn forget_before(&mut self, at: i64) {
        for series in &mut self.series {
            series.forget_before(at);
        }
        if self.series.iter().any(Stored::is_empty) {
            self.forget_empty();
        }
    }

    /// How many series there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.series.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.series.is_empty()
    }

    /// How many samples there are.
    #[must_use]
    pub fn samples(&self) -> usize {
        self.series.iter().map(Stored::samples).sum()
    }

    /// How many samples were refused so far.
    #[must_use]
    pub fn refused(&self) -> u64 {
        self.refused
    }

    /// About how many bytes of memory it takes.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.series.iter().map(Stored::bytes).sum::<usize>() + self.index.bytes()
    }
}

impl Store {
    fn create(&mut self, labels: &Labels) -> u32 {
        // 2^32 series do not fit into memory.
        let id = u32::try_from(self.series.len()).unwrap_or(u32::MAX);
        let labels = self.index.add(labels, id);
        self.known.insert(labels.clone(), id);
        self.series.push(Stored::new(labels));
        id
    }

    fn forget_empty(&mut self) {
        self.series.retain(|series| !series.is_empty());
        self.known.clear();
        self.index = Index::default();
        for (id, series) in (0..).zip(&mut self.series) {
            series.labels = self.index.add(&series.labels, id);
            self.known.insert(series.labels.clone(), id);
        }
    }
}

impl Source for Store {
    fn select(&self, matchers: &[Matcher], window: Window, into: &mut Selection) -> Result<(), Full> {
        let mut select = |series: &Stored| {
            let wanted = matchers.iter().all(|matcher| matcher.matches(&series.labels));
            if wanted { series.select(window, into) } else { Ok(()) }
        };
        match self.index.candidates(matchers) {
            Some(ids) => ids.iter().filter_map(|id| self.series.get(*id as usize)).try_for_each(select),
            None => self.series.iter().try_for_each(&mut select),
        }
    }
}

#[cfg(test)]
mod tests;
