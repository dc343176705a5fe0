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

    /// This map without one of its keys.
    #[must_use]
    pub fn without(&self, key: &str) -> Node {
        let mut node = self.clone();
        if let Kind::Map(entries) = &mut node.kind {
            entries.retain(|entry| entry.key != key);
        }
        node
    }

    /// Calls `change` with every scalar below and including this one.
    pub fn each_scalar(&mut self, change: &mut dyn FnMut(&mut Node)) {
        match &mut self.kind {
            Kind::Scalar { .. } => change(self),
            Kind::Seq(items) => items.iter_mut().for_each(|item| item.each_scalar(change)),
            Kind::Map(entries) => entries.iter_mut().for_each(|e| e.value.each_scalar(change)),
        }
    }

    /// Moves all places by what [`super::Reader::beside`] said.
    #[must_use]
    pub fn shift(mut self, by: usize) -> Node {
        self.shift_in_place(by);
        self
    }

    fn shift_in_place(&mut self, by: usize) {
        let moved = |span: Span| Span { start: span.start + by, end: span.end + by };
        self.span = moved(self.span);
        match &mut self.kind {
            Kind::Scalar { .. } => {}
            Kind::Seq(items) => items.iter_mut().for_each(|item| item.shift_in_place(by)),
            Kind::Map(entries) => entries.iter_mut().for_each(|e| {
                e.key_span = moved(e.key_span);
                e.value.shift_in_place(by);
            }),
        }
    }

    /// Lets another node's keys replace those of this one, map in map; all that is no map is replaced
    /// as a whole.
    pub fn overlay(&mut self, over: Node) {
        match (&mut self.kind, over) {
            (Kind::Map(entries), Node { kind: Kind::Map(changes), .. }) => {
                for change in changes {
                    match entries.iter_mut().find(|e| e.key == change.key) {
                        Some(entry) => {
                            entry.key_span = change.key_span;
                            entry.value.overlay(change.value);
                        }
                        None => entries.push(change),
                    }
                }
            }
            (_, over) => *self = over,
        }
    }

    /// As JSON, for a digest: keys in their order, every scalar a text marked when it was quoted.
    #[must_use]
    pub fn to_json(&self) -> serde_json::Value {
        match &self.kind {
            Kind::Scalar { text, quoted: false } => text.as_str().into(),
            Kind::Scalar { text, quoted: true } => serde_json::json!([true, text]),
            Kind::Seq(items) => items.iter().map(Node::to_json).collect(),
            Kind::Map(entries) => entries.iter().map(|e| (e.key.clone(), e.value.to_json())).collect(),
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

    /// How many bytes of text it holds, keys counted.
    pub(super) fn text_bytes(&self) -> usize {
        match &self.kind {
            Kind::Scalar { text, .. } => text.len(),
            Kind::Seq(items) => items.iter().map(Node::text_bytes).sum(),
            Kind::Map(entries) => entries.iter().map(|e| e.key.len() + e.value.text_bytes()).sum(),
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
