//! Templates of labels and annotations: Go's `text/template` with the functions of Prometheus 3.5.
//!
//! Bounded: how deep a template is nested, how many steps it takes and how much it writes. Functions for
//! consoles (`tmpl`) are not known here, as Prometheus does not know them in rules either.

mod ast;
mod calls;
mod exec;
mod float;
mod functions;
mod humanize;
mod lex;
mod parse;
mod printf;
mod value;

pub use parse::Template;
pub use value::{Data, Element, Texts};

/// What is set in front of every template of an alert.
const SET: [&str; 4] = ["$labels", "$externalLabels", "$externalURL", "$value"];
/// Bytes of the actions with which Prometheus sets them, which its messages count.
const SET_BYTES: usize = 112;

/// What is wrong with a template, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// The byte of the template.
    pub at: usize,
    /// What is wrong.
    pub message: String,
}

impl Fault {
    fn new(at: usize, message: impl Into<String>) -> Fault {
        Fault { at, message: message.into() }
    }

    /// As Go tells it.
    #[must_use]
    pub fn told(&self, text: &str, name: &str) -> String {
        let before = text.get(..self.at).unwrap_or_default();
        let line = before.matches('\n').count() + 1;
        let column = before.rfind('\n').map_or(self.at + SET_BYTES, |start| self.at - start);
        format!("template: {name}:{line}:{column}: {}", self.message)
    }
}

/// Answers `query`.
pub type Query<'a> = dyn Fn(&str) -> Result<Vec<Element>, String> + 'a;

/// Reads a template of an alert.
///
/// # Errors
/// The first fault.
pub fn parse(text: &str) -> Result<Template, Fault> {
    parse::parse(text, &SET)
}

impl Template {
    /// What the template says about an alert; `name` is the template's in messages, `text` what it was
    /// read from. `stop` is asked now and then whether to end.
    ///
    /// # Errors
    /// When a function fails, and when a limit is reached.
    pub fn expand(
        &self,
        (name, text): (&str, &str),
        data: Data,
        query: &Query,
        stop: &dyn Fn() -> bool,
    ) -> Result<String, String> {
        exec::expand(self, (name, text), data, query, stop).map_err(|fault| fault.told(text, name))
    }
}

#[cfg(test)]
mod tests;
