//! From text to the tree, within a budget.
//!
//! Built on serde-saphyr's own event parser rather than through serde, because serde stops at the
//! first fault and loses whether a scalar was quoted.

use super::{Entry, Kind, Node, Reader, Span};
use serde_saphyr::granit_parser::{self, Event, Parser, ScalarStyle, ScanError, StrInput};
use std::collections::BTreeMap;

/// Most bytes in a file.
pub const MAX_BYTES: usize = 1 << 20;
/// Most nodes in a file, those repeated by aliases counted each time.
const MAX_NODES: usize = 20_000;
/// Most bytes of text that aliases may repeat in a file.
const MAX_REPEATED: usize = 1 << 20;
/// Deepest nesting.
const MAX_DEPTH: usize = 24;

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
    let mut builder = Builder { events, reader, nodes: 0, repeated: 0, anchors: BTreeMap::new() };
    // Whatever stopped it was reported.
    builder.document().unwrap_or_default()
}

/// A fault was reported behind which nothing can be read.
struct Stop;

struct Builder<'r, 't> {
    events: Parser<'t, StrInput<'t>>,
    reader: &'r mut Reader<'t>,
    nodes: usize,
    /// Bytes of text that aliases repeated.
    repeated: usize,
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
        fault.help = text.lines().nth(fault.line - 1).and_then(usual_slip);
        if fault.help.is_none() && fault.message.contains("mapping values") {
            let help = "indent keys of one map equally; a text with `: ` in it needs quotes";
            fault.help = Some(help.to_owned());
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
            Event::SequenceStart(..) => {
                let (items, end) = self.items(depth)?;
                Node { span: Span { end, ..span }, kind: Kind::Seq(items) }
            }
            Event::MappingStart(..) => {
                let (entries, end) = self.entries(depth)?;
                Node { span: Span { end, ..span }, kind: Kind::Map(entries) }
            }
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

    fn items(&mut self, depth: usize) -> Result<(Vec<Node>, usize), Stop> {
        let mut items = Vec::new();
        loop {
            let (event, span) = self.next()?;
            match event {
                Event::SequenceEnd => return Ok((items, span.end)),
                event => items.push(self.node(event, span, depth + 1)?),
            }
        }
    }

    fn entries(&mut self, depth: usize) -> Result<(Vec<Entry>, usize), Stop> {
        let mut entries: Vec<Entry> = Vec::new();
        loop {
            let (event, span) = self.next()?;
            if matches!(event, Event::MappingEnd) {
                return Ok((entries, span.end));
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
        let Some((nodes, levels, bytes)) =
            self.anchors.get(&id).map(|node| (node.size(), node.depth(), node.text_bytes()))
        else {
            self.reader.error(span, "yaml", "this repeats a value inside itself");
            return Err(Stop);
        };
        self.count(nodes, depth + levels, span)?;
        self.repeated += bytes;
        if self.repeated > MAX_REPEATED {
            let message = format!("aliases of this file repeat more than {MAX_REPEATED} bytes of text");
            self.reader.error(span, "too-large", message);
            return Err(Stop);
        }
        self.anchors.get(&id).cloned().ok_or(Stop)
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

/// What to do about the two slips that YAML's own words do not explain.
fn usual_slip(line: &str) -> Option<String> {
    let indent = &line[..line.len() - line.trim_start().len()];
    if indent.contains('\t') {
        return Some("indent with blanks, not with tabs".to_owned());
    }
    let value = line.trim_start().trim_start_matches("- ");
    let value = value.split_once(": ").map_or(value, |(_, value)| value).trim();
    let first = value.chars().next().filter(|c| matches!(c, '*' | '&' | '%' | '@' | '`' | '!'))?;
    Some(format!("a value that begins with `{first}` needs quotes: \"{value}\""))
}
