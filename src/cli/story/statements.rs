//! Long statements stand at the end, each once, where they do not interrupt the story.

use super::chapter::hanging;
use crate::cli::text::put;

/// A statement of more lines than this is told at the end.
const MOST_LINES: usize = 3;

/// The statements set aside so far.
#[derive(Default)]
pub(super) struct Statements {
    aside: Vec<String>,
}

impl Statements {
    /// The statement itself, or where it stands.
    pub(super) fn told(&mut self, statement: &str) -> String {
        let statement = statement.trim();
        let lines = statement.lines().count();
        if lines <= MOST_LINES {
            return statement.to_owned();
        }
        let n = self.aside.iter().position(|s| s == statement).unwrap_or_else(|| {
            self.aside.push(statement.to_owned());
            self.aside.len() - 1
        });
        format!("statement {} below ({lines} lines)", n + 1)
    }

    /// All that was set aside.
    pub(super) fn text(&self) -> String {
        let mut out = String::new();
        for (n, statement) in self.aside.iter().enumerate() {
            put(&mut out, format!("{}. {}\n", n + 1, hanging(statement, 3)));
        }
        out
    }
}
