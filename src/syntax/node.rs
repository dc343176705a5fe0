//! YAML as a tree of nodes that know their place.
//!
//! Built from serde-saphyr's own event parser rather than through serde, because serde stops at the
//! first fault and loses whether a scalar was quoted.

use super::{Reader, Span};
use serde_saphyr::granit_parser::{self, Event, Parser, ScalarStyle, ScanError, StrInput};
use std::collections::BTreeMap;

/// Most bytes in a file.
pub const MAX_BYTES: usize = 1 << 20;
/// Most nodes in a file, those repeated by aliases counted each time.
const MAX_NODES: usize = 20_000;
/// Deepest nesting.
const MAX_DEPTH: usize = 24;

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

    /// Calls `change` with every scalar below and including this one.
    pub fn each_scalar(&mut self, change: &mut dyn FnMut(&mut Node)) {
        match &mut self.kind {
            Kind::Scalar { .. } => change(self),
            Kind::Seq(items) => items.iter_mut().for_each(|item| item.each_scalar(change)),
            Kind::Map(entries) => entries.iter_mut().for_each(|e| e.value.each_scalar(change)),
        }
    }

    fn size(&self) -> usize {
        1 + match &self.kind {
            Kind::Scalar { .. } => 0,
            Kind::Seq(items) => items.iter().map(Node::size).sum(),
            Kind::Map(entries) => entries.iter().map(|e| 1 + e.value.size()).sum(),
        }
    }

    fn depth(&self) -> usize {
        match &self.kind {
            Kind::Scalar { .. } => 0,
            Kind::Seq(items) => 1 + items.iter().map(Node::depth).max().unwrap_or(0),
            Kind::Map(entries) => 1 + entries.iter().map(|e| e.value.depth()).max().unwrap_or(0),
        }
    }
}

/// Reads a whole file; a fault for what is not YAML, is too large, or is more than one document.
pub fn parse(reader: &mut Reader) -> Option<Node> {
    let text = reader.text();
    if text.len() > MAX_BYTES {
        let message = format!("the file is {} bytes long; at most {MAX_BYTES} are read", text.len());
        reader.error(Span::default(), "too-large", message);
        return None;
    }
    let options = granit_parser::options! {
        emit_comments: false,
        flow_nesting_limit: MAX_DEPTH,
        block_nesting_limit: MAX_DEPTH,
    };
    let events = Parser::new_from_str_with_options(text, options);
    let mut builder = Builder { events, reader, nodes: 0, anchors: BTreeMap::new() };
    match builder.document() {
        Ok(node) => node,
        Err(Stop) => None,
    }
}

/// A fault was reported behind which nothing can be read.
struct Stop;

struct Builder<'r, 't> {
    events: Parser<'t, StrInput<'t>>,
    reader: &'r mut Reader<'t>,
    nodes: usize,
    anchors: BTreeMap<usize, Node>,
}

impl<'t> Builder<'_, 't> {
    fn document(&mut self) -> Result<Option<Node>, Stop> {
        let mut root = None;
        loop {
            let (event, span) = self.next()?;
            match event {
                Event::StreamEnd => break,
                Event::StreamStart | Event::DocumentStart(..) | Event::DocumentEnd => {}
                event if root.is_none() => root = Some(self.node(event, span, 0)?),
                _ => {
                    self.reader.error(span, "yaml", "a second document begins here; a file holds one");
                    return Err(Stop);
                }
            }
        }
        match root {
            Some(node) if !node.is_nothing() => Ok(Some(node)),
            _ => {
                self.reader.error(Span::default(), "empty", "the file says nothing");
                Ok(None)
            }
        }
    }

    fn next(&mut self) -> Result<(Event<'t>, Span), Stop> {
        match self.events.next_event() {
            Some(Ok((event, span))) => {
                let end = self.reader.text().len();
                let at = |m: granit_parser::Marker| m.byte_offset().unwrap_or(end);
                Ok((event, Span { start: at(span.start), end: at(span.end) }))
            }
            Some(Err(error)) => {
                self.syntax_error(&error);
                Err(Stop)
            }
            None => Ok((Event::StreamEnd, Span::default())),
        }
    }

    fn syntax_error(&mut self, error: &ScanError) {
        let text = self.reader.text();
        let start = error.marker().byte_offset().unwrap_or(text.len()).min(text.len());
        let span = Span { start, end: start + 1 };
        let fault = self.reader.error(span, "yaml", format!("this is not YAML: {}", error.info()));
        if let Some(line) = text.lines().nth(fault.line - 1)
            && let Some(value) = unquoted_special(line)
        {
            fault.help = Some(format!("a value that begins with `{}` needs quotes: \"{value}\"", &value[..1]));
        }
    }

    fn node(&mut self, event: Event<'t>, span: Span, depth: usize) -> Result<Node, Stop> {
        self.count(1, depth, span)?;
        if let Some(tag) = event.tag() {
            let message = format!("the tag `{}` means nothing here", tag.original());
            self.reader.error(span, "yaml", message).help = Some("write the value without a tag".to_owned());
        }
        let anchor = event.anchor_id().unwrap_or(0);
        let node = match event {
            Event::Scalar(text, style, ..) => {
                let quoted = style != ScalarStyle::Plain;
                Node { span, kind: Kind::Scalar { text: text.into_owned(), quoted } }
            }
            Event::SequenceStart(..) => Node { span, kind: Kind::Seq(self.items(depth)?) },
            Event::MappingStart(..) => Node { span, kind: Kind::Map(self.entries(depth)?) },
            Event::Alias(id) => self.alias(id, span, depth)?,
            _ => {
                self.reader.error(span, "yaml", "a value is missing here");
                return Err(Stop);
            }
        };
        if anchor != 0 {
            self.anchors.insert(anchor, node.clone());
        }
        Ok(node)
    }

    fn items(&mut self, depth: usize) -> Result<Vec<Node>, Stop> {
        let mut items = Vec::new();
        loop {
            let (event, span) = self.next()?;
            match event {
                Event::SequenceEnd => return Ok(items),
                event => items.push(self.node(event, span, depth + 1)?),
            }
        }
    }

    fn entries(&mut self, depth: usize) -> Result<Vec<Entry>, Stop> {
        let mut entries: Vec<Entry> = Vec::new();
        loop {
            let (event, span) = self.next()?;
            if matches!(event, Event::MappingEnd) {
                return Ok(entries);
            }
            let key = self.node(event, span, depth + 1)?;
            let (event, value_span) = self.next()?;
            let value = self.node(event, value_span, depth + 1)?;
            let Kind::Scalar { text, .. } = key.kind else {
                self.reader.error(span, "yaml", "a key must be a plain word");
                continue;
            };
            if let Some(first) = entries.iter().find(|e| e.key == text) {
                let line = self.reader.line(first.key_span);
                let message = format!("{} is written twice in this map", super::fault::quote(&text));
                let fault = self.reader.error(span, "duplicate-key", message);
                fault.help = Some(format!("it stands in line {line} already; keep one of the two"));
                continue;
            }
            entries.push(Entry { key: text, key_span: span, value });
        }
    }

    /// The value that an alias repeats, at the place of the alias.
    fn alias(&mut self, id: usize, span: Span, depth: usize) -> Result<Node, Stop> {
        let Some(node) = self.anchors.get(&id).cloned() else {
            self.reader.error(span, "yaml", "this repeats a value inside itself");
            return Err(Stop);
        };
        self.count(node.size(), depth + node.depth(), span)?;
        Ok(node)
    }

    fn count(&mut self, nodes: usize, depth: usize, span: Span) -> Result<(), Stop> {
        self.nodes += nodes;
        if self.nodes > MAX_NODES || depth > MAX_DEPTH {
            let message =
                format!("the file is too large: at most {MAX_NODES} values, nested {MAX_DEPTH} deep, are read");
            self.reader.error(span, "too-large", message);
            return Err(Stop);
        }
        Ok(())
    }
}

/// The value of a line `key: *…` that YAML takes for something else than a text.
fn unquoted_special(line: &str) -> Option<&str> {
    let line = line.trim_start().trim_start_matches("- ");
    let value = line.split_once(": ").map_or(line, |(_, value)| value).trim();
    value.starts_with(['*', '&', '%', '@', '`', '!']).then_some(value)
}
