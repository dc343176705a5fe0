//! `delta(requests_total[5m])`

use super::{Found, Look, Node, Rule, call_of, metric_of, renamed};
use crate::promql::lint::metrics::{Sort, sort};

pub(super) const RULE: Rule = Rule {
    code: "delta-of-counter",
    about: "`delta`, `idelta` or `deriv` of a counter: they are for gauges, and after a restart they see a drop by all \
            that was counted.",
    wrong: "delta(pg_stat_database_xact_commit[5m]) > 1000",
    right: "increase(pg_stat_database_xact_commit[5m]) > 1000",
    check,
};

fn check(look: &Look, node: &Node) -> Vec<Found> {
    let Some((function, name, arg)) = call_of(node, &["delta", "idelta", "deriv"]) else { return Vec::new() };
    let Some(metric) = metric_of(arg).filter(|metric| sort(metric) == Some(Sort::Counter)) else { return Vec::new() };
    let new = match function {
        "delta" => "increase",
        "deriv" => "rate",
        _ => "irate",
    };
    let message = format!("`{metric}` is a counter, and `{function}` takes a counter's reset for a drop");
    vec![Found::new(node.expr.span, message, format!("use `{new}`")).corrected(renamed(&look.text, name, new))]
}
