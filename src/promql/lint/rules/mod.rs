//! The rules, a file each.

mod absent_of_aggregate;
mod coarse_subquery;
mod constant_comparison;
mod delta_of_counter;
mod dropped_label;
mod idle_matcher;
mod labels_never_match;
mod loose_regex;
mod matches_everything;
mod matches_nothing;
mod missing_metric;
mod rate_of_derived;
mod rate_of_gauge;
mod short_range;

use super::shape::metric;
use super::text::Text;
use super::tree::Node;
use super::{Found, Look, Rule};
use crate::promql::syntax::Kind;
use crate::syntax::Span;

/// All of them, in order of code.
pub static REGISTRY: &[&Rule] = &[
    &absent_of_aggregate::RULE,
    &coarse_subquery::RULE,
    &constant_comparison::RULE,
    &delta_of_counter::RULE,
    &dropped_label::RULE,
    &idle_matcher::RULE,
    &labels_never_match::RULE,
    &loose_regex::RULE,
    &matches_everything::RULE,
    &matches_nothing::RULE,
    &missing_metric::RULE,
    &rate_of_derived::RULE,
    &rate_of_gauge::RULE,
    &short_range::RULE,
];

/// The first argument of a call of one of these functions, its name and where the name stands.
fn call_of<'n, 'a>(node: &'n Node<'a>, functions: &[&str]) -> Option<(&'static str, Span, &'n Node<'a>)> {
    let Kind::Call(call) = &node.expr.kind else { return None };
    let name = call.function.name;
    let start = node.expr.span.start;
    let arg = node.parts.first()?.bare();
    functions.contains(&name).then_some((name, Span { start, end: start + name.len() }, arg))
}

/// The name of the metric that a selector or the selector of a range takes.
fn metric_of<'n>(node: &'n Node) -> Option<&'n str> {
    match &node.expr.kind {
        Kind::Selector(selector) | Kind::Range(selector, _) => metric(&selector.matchers),
        _ => None,
    }
}

/// A duration as `PromQL` writes it.
fn duration(milliseconds: i64) -> String {
    let units = [("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1_000), ("ms", 1)];
    let unit = units.into_iter().find(|(_, length)| milliseconds % length == 0);
    unit.map_or_else(|| format!("{milliseconds}ms"), |(unit, length)| format!("{}{unit}", milliseconds / length))
}

/// The expression with a function called by another name.
fn renamed(text: &Text, name: Span, new: &str) -> String {
    text.with(vec![(name, new.to_owned())])
}
