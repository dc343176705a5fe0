//! `topk` and `bottomk`.

use super::aggregate::Groups;
use super::{ABSENT, Block, Error, Run, is_absent};
use crate::promql::numeric::to_index;
use crate::promql::value::number;
use crate::syntax::Span;
use std::cmp::Ordering;

/// Which end of a group is wanted.
#[derive(Clone, Copy)]
pub(super) enum Extreme {
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

    /// The best first, NaN last.
    fn best_first(self, a: f64, b: f64) -> Ordering {
        let rising = a.partial_cmp(&b).unwrap_or(a.is_nan().cmp(&b.is_nan()));
        match self {
            Extreme::Largest if !a.is_nan() && !b.is_nan() => rising.reverse(),
            _ => rising,
        }
    }
}

/// The k best elements of each group, with all their labels; at a single step the best come first.
pub(super) fn extremes(
    run: &mut Run,
    block: &Block,
    groups: &Groups,
    k: &[f64],
    (wanted, span): (Extreme, Span),
) -> Result<Block, Error> {
    if k.iter().all(|k| *k < 1.0) {
        return Ok(Block::new(block.steps));
    }
    let k = k.iter().map(|k| count(*k, span)).collect::<Result<Vec<usize>, Error>>()?;
    let mut cells = vec![ABSENT; block.cells.len()];
    let mut order: Vec<usize> = Vec::new();
    for rows in &groups.rows {
        for (at, k) in k.iter().enumerate().take(block.steps) {
            run.work(rows.len())?;
            let mut best = best(block, rows, at, *k, wanted);
            for (row, value) in &best {
                cells[row * block.steps + at] = *value;
            }
            if block.steps == 1 {
                best.sort_by(|a, b| wanted.best_first(a.1, b.1));
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

/// How many are wanted; none when the number is below 1.
fn count(k: f64, span: Span) -> Result<usize, Error> {
    #[allow(clippy::cast_precision_loss)] // as Prometheus compares
    let most = i64::MAX as f64;
    if k.is_nan() {
        return Err(Error::failed(span, "Parameter value is NaN"));
    }
    if k.abs() >= most {
        let how = if k > 0.0 { "overflows" } else { "underflows" };
        return Err(Error::failed(span, format!("Scalar value {} {how} int64", number(k))));
    }
    Ok(to_index(k.trunc()))
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
