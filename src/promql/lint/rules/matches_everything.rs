//! `{__name__=~".+"}`

use super::{Found, Look, Node, Rule};
use crate::promql::labels::METRIC_NAME;
use crate::promql::matcher::{Comparison, Matcher};
use crate::promql::syntax::Kind;

pub(super) const RULE: Rule = Rule {
    code: "matches-everything",
    about: "A selector that names no metric and takes every series, or every series with a label: it reads all that \
            is stored.",
    wrong: "count({__name__=~\".+\"}) > 100000",
    right: "prometheus_tsdb_head_series > 100000",
    check,
};

fn check(_: &Look, node: &Node) -> Vec<Found> {
    let (Kind::Selector(selector) | Kind::Range(selector, _)) = &node.expr.kind else { return Vec::new() };
    if !selector.matchers.iter().all(takes_all) {
        return Vec::new();
    }
    let message = "this takes every series there is, whatever it measures";
    vec![Found::new(node.expr.span, message, "name a metric, or a label's value")]
}

fn takes_all(matcher: &Matcher) -> bool {
    match matcher.comparison() {
        Comparison::Like => [".+", ".*"].contains(&matcher.value()),
        Comparison::NotEqual | Comparison::NotLike => {
            matcher.value().is_empty() || (matcher.name() != METRIC_NAME && matcher.value() != ".+")
        }
        Comparison::Equal => false,
    }
}

#[cfg(test)]
mod tests {
    use crate::promql::lint::tests::found;

    #[test]
    fn only_selectors_without_any_choice_are_found() {
        for text in ["{__name__=~\".+\"}", "{job=~\".+\"}", "{__name__!=\"\"}", "{job!=\"\"}"] {
            assert_eq!(found(text), ["matches-everything"], "{text}");
        }
        for text in ["{__name__=~\"pg_.+\"}", "{job=\"a\"}", "x{job=~\".+\"}", "{job=~\".+\", instance=\"a\"}"] {
            assert_eq!(found(text), Vec::<&str>::new(), "{text}");
        }
    }
}
