//! From a label to the series that have it.

use crate::promql::labels::Labels;
use crate::promql::matcher::{Comparison, Matcher};
use std::collections::BTreeMap;
use std::mem::size_of;
use std::sync::Arc;

/// The ids of the series that have a label, by its name and value; ids rise. Each name and value is kept
/// once and shared by all labels.
#[derive(Debug, Default)]
pub(super) struct Index {
    names: BTreeMap<Arc<str>, BTreeMap<Arc<str>, Vec<u32>>>,
}

impl Index {
    /// Takes in a series and yields its labels made of the shared texts. `id` is larger than all before.
    pub fn add(&mut self, labels: &Labels, id: u32) -> Labels {
        let mut shared = Vec::with_capacity(labels.len());
        for (name, value) in labels.iter() {
            let name = self.names.get_key_value(name).map_or(name, |(own, _)| own).clone();
            let values = self.names.entry(name.clone()).or_default();
            let value = values.get_key_value(value).map_or(value, |(own, _)| own).clone();
            values.entry(value.clone()).or_default().push(id);
            shared.push((name, value));
        }
        Labels::shared(shared)
    }

    /// The smallest list of series that holds all that satisfy the matchers; nothing when no matcher
    /// asks for a value by `=`.
    pub fn candidates(&self, matchers: &[Matcher]) -> Option<&[u32]> {
        let exact = matchers.iter().filter(|m| m.comparison() == Comparison::Equal && !m.value().is_empty());
        let list = |m: &Matcher| self.names.get(m.name()).and_then(|values| values.get(m.value()));
        exact.map(|matcher| list(matcher).map_or(&[] as &[u32], Vec::as_slice)).min_by_key(|ids| ids.len())
    }

    /// About how many bytes it takes.
    pub fn bytes(&self) -> usize {
        // A text stands once on the heap with its two counters; a map's entry has about a third of air.
        let text = |text: &Arc<str>| text.len() + 2 * size_of::<usize>() + size_of::<Arc<str>>() * 4 / 3;
        let list = |ids: &Vec<u32>| size_of::<Vec<u32>>() * 4 / 3 + ids.capacity() * size_of::<u32>();
        let values = |values: &BTreeMap<Arc<str>, Vec<u32>>| {
            size_of::<BTreeMap<Arc<str>, Vec<u32>>>() * 4 / 3
                + values.iter().map(|(value, ids)| text(value) + list(ids)).sum::<usize>()
        };
        self.names.iter().map(|(name, all)| text(name) + values(all)).sum()
    }
}
