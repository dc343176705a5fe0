//! `absent(sum(x{job="a"}))`

use super::{Found, Look, Node, Rule, call_of};
use crate::promql::syntax::Kind;

pub(super) const RULE: Rule = Rule {
    code: "absent-of-aggregate",
    about: "`absent` of an aggregation: what it yields has no labels, although `absent` of the selector takes those \
            of its `=` matchers over, and the alert then says of what it is the absence.",
    wrong: "absent(sum(pg_up{job=\"postgres\"}))",
    right: "absent(pg_up{job=\"postgres\"})",
    check,
};

fn check(look: &Look, node: &Node) -> Vec<Found> {
    let Some((_, _, arg)) = call_of(node, &["absent"]) else { return Vec::new() };
    let Kind::Aggregate(aggregate) = &arg.expr.kind else { return Vec::new() };
    let selector = aggregate.of.bare();
    let corrected = matches!(selector.kind, Kind::Selector(_))
        .then(|| look.text.with(vec![(arg.expr.span, look.text.at(selector.span).to_owned())]));
    let name = aggregate.aggregation.name;
    let message = format!("`absent` of `{name}` loses the labels that `absent` takes over from `=` matchers");
    vec![Found::new(arg.expr.span, message, format!("leave `{name}` out")).corrected(corrected)]
}
