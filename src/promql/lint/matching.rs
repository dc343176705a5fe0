//! Whether the two sides of an operator can ever match.

use super::shape::{Lost, Shape};
use super::tree::Node;
use crate::promql::labels::METRIC_NAME;
use crate::promql::syntax::{Binary, Grouping};

/// Why no element of one side matches any of the other.
pub(super) enum Conflict {
    /// One side has labels that the other lacks.
    Lacking {
        /// Whether the left side has them; else the right.
        left_has: bool,
        /// One of these is there.
        labels: Vec<String>,
        /// Why the other side has none.
        why: Lost,
        /// The side that lacks these has labels that the first lacks.
        mutual: bool,
    },
    /// A label has other values on the other side.
    Other {
        /// The label.
        label: String,
    },
}

/// Whether a label must be equal on both sides.
pub(super) fn counts(binary: &Binary, label: &str) -> bool {
    match &binary.matching.labels {
        Grouping::Only(names) => names.iter().any(|name| name == label),
        Grouping::Without(names) => label != METRIC_NAME && !names.iter().any(|name| name == label),
    }
}

/// Why nothing matches, when that is certain.
pub(super) fn conflict(binary: &Binary, left: &Node, right: &Node) -> Option<Conflict> {
    let (left, right) = (&left.shape, &right.shape);
    let (of_left, of_right) = (lacking(binary, left, right), lacking(binary, right, left));
    let mutual = of_left.is_some() && of_right.is_some();
    let left_has = of_left.is_some();
    if let Some((labels, why)) = of_left.or(of_right) {
        return Some(Conflict::Lacking { left_has, labels, why, mutual });
    }
    let label = other_value(binary, left, right).or_else(|| other_value(binary, right, left))?;
    Some(Conflict::Other { label })
}

/// Labels that count, of which one side surely has one and the other none; and why it has none.
fn lacking(binary: &Binary, has: &Shape, lacks: &Shape) -> Option<(Vec<String>, Lost)> {
    let groups = has.some().filter(|group| group.iter().all(|label| counts(binary, label)));
    let mut found: Vec<(Vec<String>, Lost)> = groups
        .filter_map(|group| {
            let why = group.iter().map(|label| lacks.lost(label)).collect::<Option<Vec<Lost>>>()?;
            Some((group.into_iter().collect(), why.first().copied()?))
        })
        .collect();
    let why = found.first()?.1;
    let mut labels: Vec<String> = found.drain(..).flat_map(|(labels, _)| labels).collect();
    labels.sort();
    labels.dedup();
    Some((labels, why))
}

fn other_value(binary: &Binary, one: &Shape, other: &Shape) -> Option<String> {
    let refused = one.held().iter().filter(|held| counts(binary, held.name())).find(|held| {
        let value = other.value(held.name());
        value.is_some_and(|value| !held.accepts(value))
    });
    refused.map(|held| held.name().to_owned())
}
