//! `rate(sum(x_total)[5m:])`

use super::{Found, Look, Node, Rule, call_of, renamed};
use crate::promql::syntax::{Aggregate, Kind, Shift};
use crate::syntax::Span;

pub(super) const RULE: Rule = Rule {
    code: "rate-of-derived",
    about: "`rate`, `irate` or `increase` of a sum or mean of counters: when one of them is reset the sum drops, and that counts \
            as a reset of all. Take the rate first, then the sum. Of a rate it is the rate of a gauge.",
    wrong: "rate(sum by (job) (pg_stat_database_xact_commit)[5m:1m])",
    right: "sum by (job) (rate(pg_stat_database_xact_commit[5m]))",
    check,
};

const OF_COUNTERS: [&str; 3] = ["rate", "irate", "increase"];

fn check(look: &Look, node: &Node) -> Vec<Found> {
    let Some((function, name, arg)) = call_of(node, &OF_COUNTERS) else { return Vec::new() };
    let (Kind::Subquery(_), Some(of)) = (&arg.expr.kind, arg.parts.first()) else { return Vec::new() };
    let of = of.bare();
    let span = node.expr.span;
    if let Some((inner, ..)) = call_of(of, &OF_COUNTERS) {
        let new = if function == "increase" { "delta" } else { "deriv" };
        let message = format!("`{function}` of `{inner}`: a rate goes up and down, and every drop counts as a reset");
        return vec![Found::new(span, message, format!("use `{new}`")).corrected(renamed(&look.text, name, new))];
    }
    let Kind::Aggregate(aggregate) = &of.expr.kind else { return Vec::new() };
    let inner = aggregate.aggregation.name;
    if !["sum", "avg"].contains(&inner) {
        return Vec::new();
    }
    let message = format!("`{function}` of `{inner}`: when one series is reset, that counts as a reset of all");
    let help = format!("take the `{function}` of each series first, then the `{inner}`");
    let corrected = turned(look, function, aggregate, of.expr.span, arg.expr.span);
    vec![Found::new(span, message, help).corrected(corrected.map(|new| look.text.with(vec![(span, new)])))]
}

/// `sum by (a) (rate(x[5m]))` for `rate(sum by (a) (x)[5m:])`, unless an `offset` or `@` stands there.
fn turned(look: &Look, function: &str, aggregate: &Aggregate, inner: Span, subquery: Span) -> Option<String> {
    let of = aggregate.of.bare();
    let Kind::Selector(selector) = &of.kind else { return None };
    if selector.shift != Shift::default() || !look.text.at(subquery).ends_with(']') {
        return None;
    }
    let range = look.text.at(look.text.range(inner.end)?);
    let clause = look.text.clause(inner).map_or_else(String::new, |clause| {
        let word = if clause.without { "without" } else { "by" };
        format!(" {word} {} ", look.text.at(clause.list))
    });
    Some(format!("{}{clause}({function}({}[{range}]))", aggregate.aggregation.name, look.text.at(of.span)))
}

#[cfg(test)]
mod tests {
    use crate::promql::lint::tests::{corrected, found};

    #[test]
    fn the_rate_comes_first() {
        assert_eq!(corrected("rate(sum(x_total)[5m:])"), "sum(rate(x_total[5m]))");
        assert_eq!(
            corrected("2 * increase((sum by (a) (x_total{b=\"c\"}))[1h:1m])"),
            "2 * sum by (a) (increase(x_total{b=\"c\"}[1h]))"
        );
        assert_eq!(corrected("rate(rate(x_total[5m])[1h:5m])"), "deriv(rate(x_total[5m])[1h:5m])");
    }

    #[test]
    fn a_counter_of_several_replicas_stays_one() {
        for text in ["rate(max without (replica) (x_total)[5m:1m])", "deriv(sum(x)[5m:1m])", "sum(rate(x_total[5m]))"] {
            assert_eq!(found(text), Vec::<&str>::new(), "{text}");
        }
    }
}
