//! Aggregations.

use super::{ABSENT, Block, Computed, Error, Run, Steps, is_absent};
use crate::promql::aggregations::{Accumulate, Body, Count, Deviation, Fold, Largest, One, Smallest, Variance};
use crate::promql::labels::{Labels, METRIC_NAME};
use crate::promql::numeric::{Mean, Sum, quantile, to_index};
use crate::promql::syntax::{Aggregate, Grouping};
use crate::promql::value::number;
use crate::syntax::Span;
use std::collections::BTreeMap;

/// The groups of a block's rows, in the order in which they come first.
struct Groups {
    labels: Vec<Labels>,
    rows: Vec<Vec<usize>>,
}

impl Groups {
    fn of(block: &Block, grouping: &Grouping) -> Groups {
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
            (Body::Quantile, Computed::Scalar(q)) => Ok(quantiles(&block, &Groups::of(&block, &of.grouping), &q)),
            (Body::Largest, Computed::Scalar(k)) => extremes(&block, &of.grouping, &k, Extreme::Largest, span),
            (Body::Smallest, Computed::Scalar(k)) => extremes(&block, &of.grouping, &k, Extreme::Smallest, span),
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
                let key = grouped(&labels.with(label, number(*value)), &grouping);
                let row = match known.get(&key) {
                    Some(row) => *row,
                    None => {
                        self.spend(block.steps)?;
                        known.insert(key.clone(), counts.rows.len());
                        counts.rows.push(key);
                        counts.cells.resize(counts.cells.len() + block.steps, ABSENT);
                        counts.rows.len() - 1
                    }
                };
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

fn quantiles(block: &Block, groups: &Groups, q: &[f64]) -> Block {
    let mut result = Block::new(block.steps);
    let mut values = Vec::new();
    for (labels, rows) in groups.labels.iter().zip(&groups.rows) {
        let cells = (0..block.steps).map(|at| {
            values.clear();
            values.extend(rows.iter().map(|row| block.row(*row)[at]).filter(|value| !is_absent(*value)));
            if values.is_empty() { ABSENT } else { quantile(q.get(at).copied().unwrap_or(f64::NAN), &mut values) }
        });
        result.push(labels.clone(), cells);
    }
    result
}

/// Which end of a group is wanted.
#[derive(Clone, Copy)]
enum Extreme {
    Largest,
    Smallest,
}

impl Extreme {
    /// Whether `a` lies farther from the wanted end than `b`; NaN lies farthest.
    fn worse(self, a: f64, b: f64) -> bool {
        match self {
            Extreme::Largest => a.is_nan() || a < b,
            Extreme::Smallest => a.is_nan() || a > b,
        }
    }

    /// Whether a newcomer takes the place of the worst of those kept.
    fn replaces(self, worst: f64, newcomer: f64) -> bool {
        let better = match self {
            Extreme::Largest => worst < newcomer,
            Extreme::Smallest => worst > newcomer,
        };
        better || (worst.is_nan() && !newcomer.is_nan())
    }
}

/// The k best elements of each group, with all their labels.
fn extremes(block: &Block, grouping: &Grouping, k: &[f64], wanted: Extreme, span: Span) -> Result<Block, Error> {
    #[allow(clippy::cast_precision_loss)]
    let bound = i64::MAX as f64;
    if k.iter().any(|k| k.is_nan()) {
        return Err(Error::failed(span, "Parameter value is NaN"));
    }
    if let Some(over) = k.iter().find(|k| k.abs() >= bound) {
        let how = if *over > 0.0 { "overflows" } else { "underflows" };
        return Err(Error::failed(span, format!("Scalar value {} {how} int64", number(*over))));
    }
    let groups = Groups::of(block, grouping);
    let mut cells = vec![ABSENT; block.cells.len()];
    let mut order = Vec::new();
    for rows in &groups.rows {
        for (at, k) in k.iter().enumerate().take(block.steps) {
            let mut best = best(block, rows, at, to_index(k.trunc()), wanted);
            for (row, value) in &best {
                cells[row * block.steps + at] = *value;
            }
            if block.steps == 1 {
                best.sort_by(|a, b| {
                    if wanted.worse(a.1, b.1) == wanted.worse(b.1, a.1) {
                        std::cmp::Ordering::Equal
                    } else if wanted.worse(a.1, b.1) {
                        std::cmp::Ordering::Greater
                    } else {
                        std::cmp::Ordering::Less
                    }
                });
                order.extend(best.into_iter().map(|(row, _)| row));
            }
        }
    }
    if block.steps != 1 {
        order = (0..block.rows.len()).collect();
    }
    let mut result = Block::new(block.steps);
    for row in order {
        result.push(block.rows[row].clone(), cells[row * block.steps..(row + 1) * block.steps].iter().copied());
    }
    Ok(result)
}

/// The k best elements of one group at one step, kept in a heap with the worst on top exactly as
/// Prometheus keeps them, so that of equal ones the same stay.
fn best(block: &Block, rows: &[usize], at: usize, k: usize, wanted: Extreme) -> Vec<(usize, f64)> {
    let mut heap: Vec<(usize, f64)> = Vec::new();
    if k == 0 {
        return heap;
    }
    for row in rows {
        let value = block.row(*row)[at];
        if is_absent(value) {
            continue;
        }
        if heap.len() < k {
            heap.push((*row, value));
            rise(&mut heap, wanted);
        } else if wanted.replaces(heap[0].1, value) {
            heap[0] = (*row, value);
            sink(&mut heap, wanted);
        }
    }
    heap
}

/// Moves the last element up to its place.
fn rise(heap: &mut [(usize, f64)], wanted: Extreme) {
    let mut at = heap.len() - 1;
    while at > 0 {
        let parent = (at - 1) / 2;
        if !wanted.worse(heap[at].1, heap[parent].1) {
            break;
        }
        heap.swap(at, parent);
        at = parent;
    }
}

/// Moves the first element down to its place.
fn sink(heap: &mut [(usize, f64)], wanted: Extreme) {
    let mut at = 0;
    loop {
        let left = 2 * at + 1;
        if left >= heap.len() {
            break;
        }
        let right = left + 1;
        let child = if right < heap.len() && wanted.worse(heap[right].1, heap[left].1) { right } else { left };
        if !wanted.worse(heap[child].1, heap[at].1) {
            break;
        }
        heap.swap(at, child);
        at = child;
    }
}
