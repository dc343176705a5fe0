//! A table of numbers: a row for each series, a column for each step.

use super::Error;
use crate::promql::labels::Labels;
use crate::promql::value::{STALE, is_stale};
use crate::syntax::Span;
use std::collections::BTreeMap;

/// Stands where a series has no number at a step. It is the staleness marker, which no computation
/// yields and no selector lets through.
pub(in crate::promql) const ABSENT: f64 = STALE;

/// Whether there is no number.
pub(in crate::promql) fn is_absent(value: f64) -> bool {
    is_stale(value)
}

/// A row for each series, a column for each step, and no row without a number.
#[derive(Debug, Default)]
pub(in crate::promql) struct Block {
    /// How many columns.
    pub steps: usize,
    /// The labels of each row.
    pub rows: Vec<Labels>,
    /// All cells, row by row.
    pub cells: Vec<f64>,
}

pub(super) const SAME_LABELS: &str = "vector cannot contain metrics with the same labelset";

impl Block {
    /// Without rows.
    pub fn new(steps: usize) -> Block {
        Block { steps, ..Block::default() }
    }

    /// Each row's labels and cells.
    pub fn iter(&self) -> impl Iterator<Item = (&Labels, &[f64])> {
        self.rows.iter().zip(self.cells.chunks_exact(self.steps.max(1)))
    }

    /// The cells of one row.
    pub fn row(&self, at: usize) -> &[f64] {
        self.cells.get(at * self.steps..(at + 1) * self.steps).unwrap_or_default()
    }

    /// Appends a row unless it has no number.
    pub fn push(&mut self, labels: Labels, cells: impl IntoIterator<Item = f64>) {
        let before = self.cells.len();
        self.cells.extend(cells);
        debug_assert_eq!(self.cells.len() - before, self.steps);
        if self.cells.iter().skip(before).all(|value| is_absent(*value)) {
            self.cells.truncate(before);
        } else {
            self.rows.push(labels);
        }
    }

    /// Takes away the rows without a number.
    pub fn compact(mut self) -> Block {
        if self.cells.iter().any(|value| is_absent(*value)) {
            let mut kept = Block::new(self.steps);
            for (at, labels) in std::mem::take(&mut self.rows).into_iter().enumerate() {
                kept.push(labels, self.row(at).iter().copied());
            }
            return kept;
        }
        self
    }

    /// Every number made into another, or into none.
    pub fn mapped(mut self, map: impl Fn(f64) -> f64) -> Block {
        for value in self.cells.iter_mut().filter(|value| !is_absent(**value)) {
            *value = map(*value);
        }
        self
    }

    /// Takes the metric's name from every row.
    pub fn without_names(mut self) -> Block {
        for labels in &mut self.rows {
            *labels = labels.without_name();
        }
        self
    }

    /// One row for each set of labels: rows with the same labels become one unless they have numbers at
    /// the same step.
    pub fn merged(self, span: Span) -> Result<Block, Error> {
        let Some(places) = self.places() else { return Ok(self) };
        let mut merged = Block::new(self.steps);
        for (row, place) in places.iter().enumerate() {
            if *place == merged.rows.len() {
                merged.rows.push(self.rows[row].clone());
                merged.cells.extend_from_slice(self.row(row));
                continue;
            }
            let start = place * self.steps;
            for (at, value) in self.row(row).iter().enumerate().filter(|(_, value)| !is_absent(**value)) {
                let cell = &mut merged.cells[start + at];
                if !is_absent(*cell) {
                    return Err(Error::failed(span, SAME_LABELS));
                }
                *cell = *value;
            }
        }
        Ok(merged)
    }

    /// Fails when two rows have the same labels.
    pub fn distinct(self, span: Span) -> Result<Block, Error> {
        if self.places().is_some() { Err(Error::failed(span, SAME_LABELS)) } else { Ok(self) }
    }

    /// For each row the first place of its labels among the distinct ones; nothing when all are distinct.
    fn places(&self) -> Option<Vec<usize>> {
        if self.rows.len() < 2 {
            return None;
        }
        let mut known: BTreeMap<&Labels, usize> = BTreeMap::new();
        let places = self.rows.iter().map(|labels| {
            let next = known.len();
            *known.entry(labels).or_insert(next)
        });
        let places: Vec<usize> = places.collect();
        (known.len() < self.rows.len()).then_some(places)
    }
}
