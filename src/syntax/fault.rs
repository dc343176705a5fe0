//! What is wrong with a file, and where.

use serde::Serialize;

/// Bytes of a file's text, begin included, end not.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Span {
    /// First byte.
    pub start: usize,
    /// Behind the last byte.
    pub end: usize,
}

/// A place as people count: the line, and the column in characters, both from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Place {
    /// From 1.
    pub line: usize,
    /// In characters, from 1.
    pub column: usize,
}

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// The file is not used.
    Error,
    /// The file is used; somebody should look.
    Warning,
}

/// One thing that is wrong with a file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Fault {
    /// The file as it was named.
    pub file: String,
    /// From 1.
    pub line: usize,
    /// In characters, from 1.
    pub column: usize,
    /// Behind the last character that is meant.
    pub end: Place,
    /// How bad it is.
    pub severity: Severity,
    /// A stable word for programs: `unknown-key`, `not-supported-yet`…
    pub code: &'static str,
    /// What is wrong.
    pub message: String,
    /// What to write instead.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub help: Option<String>,
    /// What to underline: within one line, on character boundaries of the text.
    pub span: Span,
}

impl Fault {
    /// A fault at a place of a text. The span is cut to its first line, so that a whole map is marked
    /// by its beginning.
    #[must_use]
    pub fn at(file: &str, text: &str, span: Span, severity: Severity, code: &'static str, message: String) -> Fault {
        let span = first_line(text, span);
        let Place { line, column } = place(text, span.start);
        Fault {
            file: file.to_owned(),
            line,
            column,
            end: place(text, span.end),
            severity,
            code,
            message,
            help: None,
            span,
        }
    }

    /// With what to write instead.
    #[must_use]
    pub fn with_help(mut self, help: impl Into<String>) -> Fault {
        self.help = Some(help.into());
        self
    }

    /// Whether the file cannot be used because of it.
    #[must_use]
    pub fn is_error(&self) -> bool {
        self.severity == Severity::Error
    }
}

fn place(text: &str, at: usize) -> Place {
    let before = text.get(..at).unwrap_or_default();
    let line_start = before.rfind('\n').map_or(0, |at| at + 1);
    let column = before.get(line_start..).unwrap_or_default().chars().count() + 1;
    Place { line: before.matches('\n').count() + 1, column }
}

fn first_line(text: &str, span: Span) -> Span {
    let start = boundary(text, span.start);
    let rest = text.get(start..).unwrap_or_default();
    let line = rest.split(['\n', '\r']).next().unwrap_or_default().trim_end();
    let end = boundary(text, span.end).clamp(start, start + line.len());
    Span { start, end }
}

fn boundary(text: &str, at: usize) -> usize {
    let mut at = at.min(text.len());
    while !text.is_char_boundary(at) {
        at -= 1;
    }
    at
}

/// A text from a file as a message quotes it: on one line, at most 60 characters.
#[must_use]
pub fn quote(text: &str) -> String {
    let mut short: String = text.chars().take(60).map(|c| if c.is_control() { ' ' } else { c }).collect();
    if short.len() < text.len() {
        short.push('…');
    }
    format!("`{short}`")
}

/// The candidate that was probably meant: at most one letter in three is wrong.
#[must_use]
pub fn meant<'a>(written: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let limit = (written.chars().count().max(3)) / 3;
    let near = |c: &&str| strsim::damerau_levenshtein(&written.to_lowercase(), c);
    candidates.into_iter().map(|c| (near(&c), c)).filter(|(d, _)| *d <= limit).min().map(|(_, c)| c)
}

/// "did you mean …", or the list of what there is.
#[must_use]
pub fn suggest<'a>(written: &str, candidates: impl IntoIterator<Item = &'a str> + Clone) -> String {
    if let Some(one) = meant(written, candidates.clone()) {
        return format!("did you mean `{one}`?");
    }
    let all: Vec<String> = candidates.into_iter().map(|c| format!("`{c}`")).collect();
    if all.is_empty() { "there is none to choose from".to_owned() } else { format!("there is {}", all.join(", ")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_counts_characters_and_stays_in_its_line() {
        let text = "a: 1\nüb: x\nc: 2\n";
        let at = text.find("x\n").unwrap();
        let fault = Fault::at("f", text, Span { start: at, end: text.len() }, Severity::Error, "c", String::new());
        assert_eq!((fault.line, fault.column), (2, 5));
        assert_eq!(fault.span, Span { start: at, end: at + 1 });
    }

    #[test]
    fn near_words_are_suggested_and_far_ones_listed() {
        let there = ["longer_than", "limit", "only"];
        assert_eq!(suggest("longer_then", there), "did you mean `longer_than`?");
        assert_eq!(suggest("colour", there), "there is `longer_than`, `limit`, `only`");
    }
}
