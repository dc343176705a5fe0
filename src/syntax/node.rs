//! YAML as a tree of nodes that know their place.

use super::Span;

/// One value with its place.
#[derive(Clone, Debug, PartialEq)]
pub struct Node {
    /// Where it stands.
    pub span: Span,
    /// What it is.
    pub kind: Kind,
}

/// What a node is.
#[derive(Clone, Debug, PartialEq)]
pub enum Kind {
    /// A text, number, word, or nothing.
    Scalar {
        /// The value, quotes and escapes resolved.
        text: String,
        /// In quotes or a block: always a text, never nothing or a number.
        quoted: bool,
    },
    /// A list.
    Seq(Vec<Node>),
    /// A map, in the order of the file, without the repetition of a key.
    Map(Vec<Entry>),
}

/// One entry of a map.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    /// The key.
    pub key: String,
    /// Where the key stands.
    pub key_span: Span,
    /// What is written below it.
    pub value: Node,
}

impl Node {
    /// Whether nothing is written: an empty value, `~` or `null`.
    #[must_use]
    pub fn is_nothing(&self) -> bool {
        matches!(&self.kind, Kind::Scalar { text, quoted: false } if matches!(text.as_str(), "" | "~" | "null"))
    }

    /// A plain or quoted scalar's text; `None` for lists, maps and nothing.
    #[must_use]
    pub fn scalar(&self) -> Option<&str> {
        match &self.kind {
            Kind::Scalar { text, .. } if !self.is_nothing() => Some(text),
            _ => None,
        }
    }

    /// What is written below a key of this map.
    #[must_use]
    pub fn below(&self, key: &str) -> Option<&Node> {
        let Kind::Map(entries) = &self.kind else { return None };
        entries.iter().find(|e| e.key == key).map(|e| &e.value)
    }

    /// Calls `change` with every scalar below and including this one.
    pub fn each_scalar(&mut self, change: &mut dyn FnMut(&mut Node)) {
        match &mut self.kind {
            Kind::Scalar { .. } => change(self),
            Kind::Seq(items) => items.iter_mut().for_each(|item| item.each_scalar(change)),
            Kind::Map(entries) => entries.iter_mut().for_each(|e| e.value.each_scalar(change)),
        }
    }

    /// How many nodes it is, keys counted.
    pub(super) fn size(&self) -> usize {
        1 + match &self.kind {
            Kind::Scalar { .. } => 0,
            Kind::Seq(items) => items.iter().map(Node::size).sum(),
            Kind::Map(entries) => entries.iter().map(|e| 1 + e.value.size()).sum(),
        }
    }

    /// How deep lists and maps are nested in it.
    pub(super) fn depth(&self) -> usize {
        match &self.kind {
            Kind::Scalar { .. } => 0,
            Kind::Seq(items) => 1 + items.iter().map(Node::depth).max().unwrap_or(0),
            Kind::Map(entries) => 1 + entries.iter().map(|e| e.value.depth()).max().unwrap_or(0),
        }
    }
}
