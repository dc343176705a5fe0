//! Words and tables for people.

use crate::model::{Timestamp, Verdict};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value as Json;

/// Columns that sentences need.
const LEAST_TEXT: u16 = 30;

/// A copy that a terminal shows instead of obeying: query texts and names come from strangers, and
/// an escape sequence in them could rewrite what the reader sees.
#[must_use]
pub fn printable<T: Serialize + DeserializeOwned + Clone>(value: &T) -> T {
    let Ok(mut json) = serde_json::to_value(value) else { return value.clone() };
    harmless(&mut json);
    // Only characters inside strings changed, so the shape is still that of a `T`.
    serde_json::from_value(json).unwrap_or_else(|_| value.clone())
}

fn harmless(json: &mut Json) {
    match json {
        Json::String(text) if text.contains(commands_a_terminal) => {
            *text = text.chars().map(|c| if commands_a_terminal(c) { shown(c) } else { c.to_string() }).collect();
        }
        Json::Array(items) => items.iter_mut().for_each(harmless),
        Json::Object(map) => map.values_mut().for_each(harmless),
        _ => {}
    }
}

fn shown(c: char) -> String {
    c.escape_unicode().to_string()
}

/// Control characters but line ends and tabs, and what changes the direction of writing.
fn commands_a_terminal(c: char) -> bool {
    (c.is_control() && c != '\n' && c != '\t')
        || matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// An aligned table, wrapped to `width` columns; never wrapped without one.
#[must_use]
pub fn table(header: &[&str], rows: Vec<Vec<String>>, width: Option<u16>) -> String {
    let mut table = comfy_table::Table::new();
    table.load_preset(comfy_table::presets::NOTHING);
    if !header.is_empty() {
        table.set_header(header.iter().copied());
    }
    table.add_rows(rows);
    match width {
        Some(width) => {
            table.set_content_arrangement(comfy_table::ContentArrangement::Dynamic).set_width(width);
            keep_words_whole(&mut table, width);
        }
        None => {
            table.set_content_arrangement(comfy_table::ContentArrangement::Disabled);
        }
    }
    for column in table.column_iter_mut() {
        column.set_padding((0, 2));
    }
    table.lines().map(|line| line.trim_end().to_owned() + "\n").collect()
}

/// Wraps the last column alone where the others leave it room: a name broken in two cannot be copied.
fn keep_words_whole(table: &mut comfy_table::Table, width: u16) {
    let widths = table.column_max_content_widths();
    let Some((_, others)) = widths.split_last() else { return };
    let taken: u16 = others.iter().map(|w| w.saturating_add(2)).sum();
    if taken.saturating_add(LEAST_TEXT) <= width {
        for column in table.column_iter_mut().take(others.len()) {
            column.set_constraint(comfy_table::ColumnConstraint::ContentWidth);
        }
    }
}

/// Adds words to a text.
pub fn put(text: &mut String, words: impl AsRef<str>) {
    text.push_str(words.as_ref());
}

/// Every line of a text, indented.
#[must_use]
pub fn indent(text: &str, by: usize) -> String {
    text.lines().map(|line| format!("{:by$}{line}", "").trim_end().to_owned() + "\n").collect()
}

/// One line of a text of several.
#[must_use]
pub fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// A moment to the second, in UTC.
#[must_use]
pub fn moment(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d %H:%M:%SZ").to_string()
}

/// A count and its noun: `1 candidate`, `2 candidates`.
#[must_use]
pub fn count(n: usize, noun: &str) -> String {
    format!("{n} {noun}{}", if n == 1 { "" } else { "s" })
}

/// What a verdict means for somebody who reads it for the first time.
#[must_use]
pub fn in_words(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Act => "would act",
        Verdict::Hold => "would ask a person first",
        Verdict::Observe => "would only record (observe)",
        Verdict::Skip => "would not act",
        Verdict::Quiet => "nothing to do",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stranger_cannot_command_the_readers_terminal() {
        let query = "select 1 -- \x1b[2J\x1b[1;1Hall is well\u{202e}\r\nnext".to_owned();
        let shown = printable(&query);
        assert_eq!(shown, "select 1 -- \\u{1b}[2J\\u{1b}[1;1Hall is well\\u{202e}\\u{d}\nnext");
    }

    #[test]
    fn tables_wrap_on_a_terminal_and_never_in_a_pipe() {
        let rows = || vec![vec!["a".to_owned(), "word ".repeat(30).trim().to_owned()]];
        let piped = table(&["NAME", "WORDS"], rows(), None);
        assert_eq!(piped.lines().count(), 2, "{piped}");
        let narrow = table(&["NAME", "WORDS"], rows(), Some(60));
        assert!(narrow.lines().count() > 3 && narrow.lines().all(|l| l.len() <= 60), "{narrow}");
        let run = "01M87RQ29CTRZ1QDGXCJ722D7T";
        let named = table(&[], vec![vec![run.to_owned(), "word ".repeat(30)]], Some(60));
        assert!(named.contains(run) && named.lines().all(|l| l.len() <= 60), "{named}");
    }
}
