//! Aggregations.

use super::extremes::{Extreme, extremes};
use super::{ABSENT, Block, Computed, Error, Run, Steps, is_absent};
use crate::promql::aggregations::{Accumulate, Body, Count, Deviation, Fold, Largest, One, Smallest, Variance};
use crate::promql::labels::{Labels, METRIC_NAME};
use crate::promql::numeric::{Mean, Sum, quantile};
use crate::promql::syntax::{Aggregate, Grouping};
use crate::promql::value::number;
use crate::syntax::Span;
use std::collections::BTreeMap;

/// The groups of a block's rows, in the order in which they come first.
pub(super) struct Groups {
    labels: Vec<Labels>,
    pub(super) rows: Vec<Vec<usize>>,
}

impl Groups {
    pub(super) fn of(block: &Block, grouping: &Grouping) -> Groups {
        let mut known: BTreeMap<Labels, usize> = BTreeMap::new();
        let mut groups = Groups { labels: Vec::new(), rows: Vec::new() };
        for (row, labels) in block.rows.iter().enumerate() {
            let key = grouped(labels, grouping);
            let group = *known.entry(key.clone()).or_insert_with(|| {
                groups.labels.push(key);
                groups.rows.push(Vec::new());
                groups.rows.len() - 1
            });
            groups.rows[group].push(row);
        }
        groups
    }
}

/// The labels that make a group.
pub(super) fn grouped(labels: &Labels, grouping: &Grouping) -> Labels {
    match grouping {
        Grouping::Only(names) if names.is_empty() => Labels::default(),
        Grouping::Only(names) => labels.only(names),
        Grouping::Without(names) => {
            labels.retaining(|name| name != METRIC_NAME && !names.iter().any(|one| one == name))
        }
    }
}

impl Run<'_> {
    pub(super) fn aggregate(&mut self, of: &Aggregate, span: Span, steps: &Steps) -> Result<Block, Error> {
        let param = match &of.param {
            Some(param) => self.eval(param, steps)?,
            None => Computed::Text(String::new()),
        };
        let block = self.vector(&of.of, steps)?;
        self.work(block.cells.len())?;
        match (&of.aggregation.body, param) {
            (Body::Fold(fold), _) => Ok(folded(&block, &Groups::of(&block, &of.grouping), *fold)),
            (Body::Quantile, Computed::Scalar(q)) => quantiles(self, &block, &Groups::of(&block, &of.grouping), &q),
            (Body::Largest, Computed::Scalar(k)) => {
                extremes(self, &block, &Groups::of(&block, &of.grouping), &k, (Extreme::Largest, span))
            }
            (Body::Smallest, Computed::Scalar(k)) => {
                extremes(self, &block, &Groups::of(&block, &of.grouping), &k, (Extreme::Smallest, span))
            }
            (Body::CountValues, Computed::Text(label)) => self.count_values(&block, &of.grouping, &label, span),
            // The parser checks the parameter's type and refuses what is not computed.
            _ => Err(Error::failed(span, "this aggregation is not computed")),
        }
    }

    /// How often each number occurs in a group.
    fn count_values(&mut self, block: &Block, by: &Grouping, label: &str, span: Span) -> Result<Block, Error> {
        if label.is_empty() {
            return Err(Error::failed(span, "invalid label name \"\""));
        }
        let grouping = match by {
            Grouping::Only(names) => Grouping::Only(names.iter().cloned().chain([label.to_owned()]).collect()),
            without @ Grouping::Without(_) => without.clone(),
        };
        let mut known: BTreeMap<Labels, usize> = BTreeMap::new();
        let mut counts = Block::new(block.steps);
        for (labels, cells) in block.iter() {
            for (at, value) in cells.iter().enumerate().filter(|(_, value)| !is_absent(**value)) {
                let written = number(*value);
                self.work(written.len())?;
                let key = grouped(&labels.with(label, written), &grouping);
                let row = known.get(&key).copied().unwrap_or(counts.rows.len());
                if row == counts.rows.len() {
                    self.spend(block.steps)?;
                    self.spend_label(key.get(label).len())?;
                    known.insert(key.clone(), row);
                    counts.rows.push(key);
                    counts.cells.resize(counts.cells.len() + block.steps, ABSENT);
                }
                let cell = &mut counts.cells[row * block.steps + at];
                *cell = if is_absent(*cell) { 1.0 } else { *cell + 1.0 };
            }
        }
        Ok(counts)
    }
}

fn folded(block: &Block, groups: &Groups, fold: Fold) -> Block {
    match fold {
        Fold::Sum => accumulated::<Sum>(block, groups),
        Fold::Mean => accumulated::<Mean>(block, groups),
        Fold::Smallest => accumulated::<Smallest>(block, groups),
        Fold::Largest => accumulated::<Largest>(block, groups),
        Fold::Count => accumulated::<Count>(block, groups),
        Fold::One => accumulated::<One>(block, groups),
        Fold::Variance => accumulated::<Variance>(block, groups),
        Fold::Deviation => accumulated::<Deviation>(block, groups),
    }
}

fn accumulated<A: Accumulate>(block: &Block, groups: &Groups) -> Block {
    let mut result = Block::new(block.steps);
    let mut columns: Vec<Option<A>> = Vec::with_capacity(block.steps);
    for (labels, rows) in groups.labels.iter().zip(&groups.rows) {
        columns.clear();
        columns.resize_with(block.steps, || None);
        for row in rows {
            for (column, value) in columns.iter_mut().zip(block.row(*row)).filter(|(_, value)| !is_absent(**value)) {
                match column {
                    Some(so_far) => so_far.add(*value),
                    None => *column = Some(A::first(*value)),
                }
            }
        }
        result.push(labels.clone(), columns.drain(..).map(|column| column.map_or(ABSENT, A::result)));
    }
    result
}

fn quantiles(run: &mut Run, block: &Block, groups: &Groups, q: &[f64]) -> Result<Block, Error> {
    let mut result = Block::new(block.steps);
    let (mut values, mut cells) = (Vec::new(), Vec::with_capacity(block.steps));
    for (labels, rows) in groups.labels.iter().zip(&groups.rows) {
        cells.clear();
        for at in 0..block.steps {
            run.work(rows.len())?;
            values.clear();
            values.extend(rows.iter().map(|row| block.row(*row)[at]).filter(|value| !is_absent(*value)));
            let q = q.get(at).copied().unwrap_or(f64::NAN);
            cells.push(if values.is_empty() { ABSENT } else { quantile(q, &mut values) });
        }
        result.push(labels.clone(), cells.iter().copied());
    }
    Ok(result)
}
