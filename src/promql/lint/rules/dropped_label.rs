//! `sum by (datname) (sum by (job) (x))`

use super::{Found, Look, Node, Rule};
use crate::promql::lint::matching;
use crate::promql::lint::shape::{Lost, Shape};
use crate::promql::syntax::{Cardinality, Expr, Grouping, Kind, Operator};
use crate::syntax::Span;

pub(super) const RULE: Rule = Rule {
    code: "dropped-label",
    about: "A label is used that an aggregation further in has dropped: by an outer `by`, `on` or `group_left`, by \
            `label_replace`, or `le` by `histogram_quantile`.",
    wrong: "histogram_quantile(0.9, sum by (job) (rate(request_seconds_bucket[5m])))",
    right: "histogram_quantile(0.9, sum by (job, le) (rate(request_seconds_bucket[5m])))",
    check,
};

/// A label, where it is used, how, and what it is used of.
struct Use<'n> {
    label: &'n str,
    by: &'static str,
    span: Span,
    of: &'n Shape,
}

fn check(look: &Look, node: &Node) -> Vec<Found> {
    let uses = uses(node);
    let lost = uses.iter().filter_map(|one| match one.of.lost(one.label) {
        Some(Lost::Dropped(span)) => Some(finding(look, node, one, span)),
        _ => None,
    });
    lost.collect()
}

fn uses<'n>(node: &'n Node) -> Vec<Use<'n>> {
    let span = node.expr.span;
    match (&node.expr.kind, node.parts.as_slice()) {
        (Kind::Aggregate(aggregate), [.., of]) => match &aggregate.grouping {
            Grouping::Only(names) => names.iter().map(|label| Use { label, by: "by", span, of: &of.shape }).collect(),
            Grouping::Without(_) => Vec::new(),
        },
        (Kind::Binary(_), [left, right]) => of_binary(node, left, right),
        (Kind::Call(call), parts) => match (call.function.name, parts) {
            ("histogram_quantile" | "histogram_fraction", [.., of]) => {
                vec![Use { label: "le", by: call.function.name, span, of: &of.shape }]
            }
            ("label_replace", [of, _, _, source, _]) => {
                let label = text(source.expr).filter(|label| !label.is_empty());
                label.map(|label| Use { label, by: "label_replace", span, of: &of.shape }).into_iter().collect()
            }
            ("label_join", [of, _, _, sources @ ..]) => {
                let labels = sources.iter().filter_map(|source| text(source.expr));
                labels.map(|label| Use { label, by: "label_join", span, of: &of.shape }).collect()
            }
            _ => Vec::new(),
        },
        _ => Vec::new(),
    }
}

fn text(expr: &Expr) -> Option<&str> {
    match &expr.bare().kind {
        Kind::Text(text) => Some(text),
        _ => None,
    }
}

fn of_binary<'n>(node: &'n Node, left: &'n Node, right: &'n Node) -> Vec<Use<'n>> {
    let Kind::Binary(binary) = &node.expr.kind else { return Vec::new() };
    // What never matches at all is another rule's.
    if binary.operator != Operator::Or && matching::conflict(binary, left, right).is_some() {
        return Vec::new();
    }
    let mut uses = Vec::new();
    if let Grouping::Only(names) = &binary.matching.labels {
        for label in names {
            // A label that neither side has is equal on both.
            let lost = [left, right].into_iter().filter(|side| side.shape.lost(label).is_some());
            if let [side] = lost.collect::<Vec<&Node>>().as_slice() {
                uses.push(Use { label, by: "on", span: side.expr.span, of: &side.shape });
            }
        }
    }
    let (by, one) = match binary.matching.cardinality {
        Cardinality::ManyToOne => ("group_left", right),
        Cardinality::OneToMany => ("group_right", left),
        _ => return uses,
    };
    uses.extend(binary.matching.include.iter().map(|label| Use { label, by, span: one.expr.span, of: &one.shape }));
    uses
}

fn finding(look: &Look, node: &Node, one: &Use, dropper: Span) -> Found {
    let Use { label, by, .. } = one;
    let part = look.text.quote(dropper);
    let message = format!("`{by}` uses the label `{label}`, which {part} has dropped");
    let (help, corrected) = match kept(look, node, label, dropper) {
        Some(corrected) => (format!("keep `{label}` in the inner aggregation"), Some(corrected)),
        None => (format!("keep `{label}` further in, or do without it"), None),
    };
    Found::new(one.span, message, help).corrected(corrected)
}

/// With the label kept by the aggregation that dropped it.
fn kept(look: &Look, node: &Node, label: &str, dropper: Span) -> Option<String> {
    let inner = inside(node, dropper)?;
    let Kind::Aggregate(aggregate) = &inner.kind else { return None };
    match (look.text.clause(dropper), &aggregate.grouping) {
        (Some(clause), Grouping::Only(names)) if !clause.without => {
            let mut names: Vec<&str> = names.iter().map(String::as_str).collect();
            names.push(label);
            Some(look.text.with(vec![(clause.list, format!("({})", names.join(", ")))]))
        }
        (None, _) => {
            let at = dropper.start + aggregate.aggregation.name.len();
            Some(look.text.with(vec![(Span { start: at, end: at }, format!(" by ({label}) "))]))
        }
        _ => None,
    }
}

/// The aggregation below a node that stands at a place.
fn inside<'n>(node: &'n Node, span: Span) -> Option<&'n Expr> {
    if node.expr.span == span && matches!(node.expr.kind, Kind::Aggregate(_)) {
        return Some(node.expr);
    }
    node.parts.iter().find_map(|part| inside(part, span))
}

#[cfg(test)]
mod tests {
    use crate::promql::lint::tests::{corrected, found};

    #[test]
    fn labels_used_behind_their_aggregation_are_found() {
        for text in [
            "sum by (datname) (sum by (job) (x))",
            "sum by (a) (max without (a) (x))",
            "histogram_quantile(0.9, sum(rate(x_bucket[5m])))",
            "y * on (a, b) sum by (a) (x)",
            "y * on (a) group_left (b) sum by (a) (x)",
            "label_replace(sum by (a) (x), \"c\", \"$1\", \"b\", \"(.*)\")",
            "sum by (a) (absent(x{b=\"c\"}))",
            "y and on (a, b) sum by (a) (x)",
            "sum by (c) (y * on (a) x)",
        ] {
            assert_eq!(found(text), ["dropped-label"], "{text}");
        }
    }

    #[test]
    fn labels_that_are_kept_or_made_anew_are_not() {
        for text in [
            "sum by (a) (sum by (a, b) (x))",
            "sum by (b) (label_replace(sum by (a) (x), \"b\", \"$1\", \"a\", \"(.*)\"))",
            "sum by (v) (count_values by (a) (\"v\", x))",
            "sum by (b) (topk by (a) (1, x))",
            "sum by (c) (y * on (a) group_left (c) x)",
            "sum by (b) (y * on (a) group_left () x)",
            "sum by (a) (sum by (a) (x) or y)",
            "sum by (a) (x) + on (a, b) sum by (a) (y)",
            "histogram_quantile(0.9, sum by (le) (rate(x_bucket[5m])))",
            "sum without (a) (max without (a) (x))",
        ] {
            assert_eq!(found(text), Vec::<&str>::new(), "{text}");
        }
    }

    #[test]
    fn the_inner_aggregation_is_corrected() {
        assert_eq!(
            corrected("histogram_quantile(0.9, sum(rate(x_bucket[5m])))"),
            "histogram_quantile(0.9, sum by (le) (rate(x_bucket[5m])))"
        );
        assert_eq!(corrected("sum by (b) (sum(x) by (a))"), "sum by (b) (sum(x) by (a, b))");
    }
}
