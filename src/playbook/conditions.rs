//! A playbook's `when`.

use super::Condition;
use crate::syntax::{Keys, Kind, Node, Reader};

/// The key of the conditions.
pub(super) const WHEN: &str = "when";

const CONDITION: Keys = Keys {
    what: "a condition",
    known: &["name", "promql", "for", "keep_firing_for"],
    required: &["promql"],
    later: &[],
};

/// One condition or a list of them.
pub(super) fn conditions(reader: &mut Reader, node: &Node) -> Vec<Condition> {
    let Kind::Seq(items) = &node.kind else { return condition(reader, node, 0).into_iter().collect() };
    reader.refuse_empty(node, items.len(), "never holds");
    let read = items.iter().enumerate().filter_map(|(i, item)| Some((item, condition(reader, item, i)?)));
    let read: Vec<(&Node, Condition)> = read.collect();
    reader.unique("conditions", read.iter().map(|(node, condition)| (*node, condition.name.clone())));
    read.into_iter().map(|(_, condition)| condition).collect()
}

/// One without a name is called by its place.
fn condition(reader: &mut Reader, node: &Node, at: usize) -> Option<Condition> {
    let map = reader.map(node, &CONDITION)?;
    let mut length = |key: &str| map.get(key).and_then(|node| reader.duration(node)).unwrap_or_default();
    let (hold, keep_firing) = (length("for"), length("keep_firing_for"));
    let name = match map.get("name") {
        Some(node) => reader.text_of(node, "a name")?.to_owned(),
        None => format!("condition {}", at + 1),
    };
    let promql = reader.text_of(map.get("promql")?, "an expression of PromQL")?.to_owned();
    Some(Condition { name, promql, hold, keep_firing })
}
