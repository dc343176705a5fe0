//! From text to a checked expression: tokens, grammar, types, with the place of every fault.
//!
//! The grammar and the type rules are those of Prometheus 3.5; the messages are its own words where it
//! has good ones.

pub mod ast;
mod build;
mod literal;
pub mod notation;
mod operators;
mod parser;
mod selector;
mod token;

pub use ast::{Aggregate, At, Binary, Call, Cardinality, Expr, Grouping, Kind, Matching, Selector, Shift, Subquery};
pub(crate) use literal::string as string_literal;
pub use operators::{Class, Operator};
pub(super) use token::{Token, tokens};

use crate::syntax::Span;
use std::fmt;

/// Bytes that an expression may have.
pub const MOST_BYTES: usize = 64 * 1024;
/// How many levels an expression may have; each operator of a chain is one.
pub const MOST_LEVELS: usize = 1_000;
/// How deep parentheses, calls and signs may be nested.
pub const MOST_NESTED: usize = 80;
/// How many regular expressions an expression may have, lists of plain words apart: each may take a MiB.
pub const MOST_REGEXES: usize = 100;

/// What is wrong with an expression, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SyntaxError {
    /// The bytes of the expression that are meant.
    pub span: Span,
    /// What is wrong.
    pub message: String,
    /// What to write instead.
    pub help: Option<String>,
}

impl SyntaxError {
    fn new(span: Span, message: impl Into<String>) -> SyntaxError {
        SyntaxError { span, message: message.into(), help: None }
    }

    fn help(mut self, help: impl Into<String>) -> SyntaxError {
        self.help = Some(help.into());
        self
    }
}

impl fmt::Display for SyntaxError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "at byte {}: {}", self.span.start, self.message)?;
        self.help.as_ref().map_or(Ok(()), |help| write!(f, "; {help}"))
    }
}

impl std::error::Error for SyntaxError {}

/// Reads an expression and checks its types.
///
/// # Errors
/// The first fault: its place, what is wrong and what to write instead.
pub fn parse(text: &str) -> Result<Expr, SyntaxError> {
    parser::parse(text)
}

#[cfg(test)]
mod tests;
