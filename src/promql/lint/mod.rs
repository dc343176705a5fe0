//! What is wrong with an expression that Prometheus accepts: it never fires, always fires, or computes
//! something else than it says.
//!
//! An expression is annotated once ([`tree`]): which labels each part can have ([`shape`]) and between
//! which numbers its values lie ([`bounds`]). The rules look at one part at a time; each is a file and a
//! line of the [`REGISTRY`]. All are certain of what they say as far as an expression shows it: where a
//! metric's labels are not known, nothing is said about them.

mod bounds;
mod fault;
mod matching;
mod metrics;
mod rules;
mod shape;
#[cfg(test)]
mod tests;
mod text;
mod tree;

pub use fault::{BAD_EXPRESSION, place, read, report};
pub use rules::REGISTRY;

use super::syntax::Expr;
use crate::syntax::Span;
use std::collections::BTreeMap;
use text::Text;
use tree::Node;

/// How many findings of one expression are reported.
pub const MOST_FINDINGS: usize = 20;

/// What is known about where an expression is evaluated.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Context {
    /// Milliseconds between two samples of a series.
    pub collected_every: i64,
    /// The same for metrics that are collected at another pace, by name.
    pub collected_otherwise: BTreeMap<String, i64>,
    /// Milliseconds between two evaluations: the step of a subquery that names none.
    pub evaluated_every: i64,
}

impl Default for Context {
    fn default() -> Context {
        Context { collected_every: 15_000, collected_otherwise: BTreeMap::new(), evaluated_every: 60_000 }
    }
}

/// One thing that is wrong with an expression.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// The code of the rule.
    pub code: &'static str,
    /// The bytes of the expression that are meant.
    pub span: Span,
    /// What is wrong.
    pub message: String,
    /// What to do about it, in words.
    pub help: String,
    /// The whole expression as it was probably meant.
    pub corrected: Option<String>,
}

/// A rule about expressions.
#[derive(Debug)]
pub struct Rule {
    /// The code of its findings.
    pub code: &'static str,
    /// What it finds and why that is wrong, for its reference page.
    pub about: &'static str,
    /// An expression that it finds fault with.
    pub wrong: &'static str,
    /// An expression for the same purpose in which no rule finds a fault.
    pub right: &'static str,
    check: fn(&Look, &Node) -> Vec<Found>,
}

/// What rules may look at beside a part.
struct Look<'a> {
    text: Text<'a>,
    context: &'a Context,
}

/// What a rule found.
struct Found {
    span: Span,
    message: String,
    help: String,
    corrected: Option<String>,
}

impl Found {
    fn new(span: Span, message: impl Into<String>, help: impl Into<String>) -> Found {
        Found { span, message: message.into(), help: help.into(), corrected: None }
    }

    fn corrected(mut self, expression: impl Into<Option<String>>) -> Found {
        self.corrected = expression.into();
        self
    }
}

/// What is wrong with an expression, in the order of its text; `expr` is what `text` was parsed to.
#[must_use]
pub fn lint(text: &str, expr: &Expr, context: &Context) -> Vec<Finding> {
    let look = Look { text: Text::new(text), context };
    let tree = Node::new(expr, &look.text);
    let mut findings = Vec::new();
    tree.each(&mut |node| {
        for rule in REGISTRY {
            // The texts of corrections are as long as the expression: only as many as are reported.
            if findings.len() < MOST_FINDINGS {
                findings.extend((rule.check)(&look, node).into_iter().map(|found| rule.finding(found)));
            }
        }
    });
    findings.truncate(MOST_FINDINGS);
    findings.sort_by_key(|finding| (finding.span, finding.code));
    findings
}

impl Rule {
    fn finding(&self, found: Found) -> Finding {
        let Found { span, message, help, corrected } = found;
        Finding { code: self.code, span, message, help, corrected }
    }
}

/// The reference page of all rules, in Markdown.
#[must_use]
pub fn reference() -> String {
    let mut page = String::from(
        "# Rules about expressions\n\n<!-- Generated from src/promql/lint: PGMEDIC_BLESS=1 cargo test --test it tidy \
         -->\n\nPrometheus accepts these expressions. They never fire, always fire, or compute something else than \
         they say. Each finding is a warning with its place and, where there is one, the corrected expression.\n",
    );
    for rule in REGISTRY {
        let (code, about, wrong, right) = (rule.code, rule.about, rule.wrong, rule.right);
        page.push_str(&format!("\n## `{code}`\n\n{about}\n\nNot:\n\n    {wrong}\n\nBut:\n\n    {right}\n"));
    }
    page
}
