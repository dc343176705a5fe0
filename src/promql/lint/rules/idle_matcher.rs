//! `x{job=~".*"}`

use super::{Found, Look, Node, Rule};
use crate::promql::labels::METRIC_NAME;
use crate::promql::matcher::Comparison;
use crate::promql::syntax::Kind;

pub(super) const RULE: Rule = Rule {
    code: "idle-matcher",
    about: "A matcher that every series satisfies, also one without the label.",
    wrong: "pg_up{job=~\".*\"} == 0",
    right: "pg_up == 0",
    check,
};

fn check(look: &Look, node: &Node) -> Vec<Found> {
    if !matches!(node.expr.kind, Kind::Selector(_) | Kind::Range(..)) {
        return Vec::new();
    }
    let (matchers, _) = look.text.matchers(node.expr.span);
    let idle = matchers.iter().filter(|one| {
        let matcher = &one.matcher;
        matcher.name() != METRIC_NAME && matcher.comparison() == Comparison::Like && matcher.value() == ".*"
    });
    idle.map(|one| {
        let written = look.text.at(one.span);
        let message = format!("`{written}` takes every series, also those without the label");
        let help = "leave it out, or write `.+` for a label that must be there";
        Found::new(one.span, message, help).corrected(look.text.without_matcher(node.expr.span, one.span))
    })
    .collect()
}

#[cfg(test)]
mod tests {
    use crate::promql::lint::tests::{corrected, found};

    #[test]
    fn idle_matchers_are_taken_out() {
        assert_eq!(corrected("rate(x_total{a=~\".*\"}[5m])"), "rate(x_total[5m])");
        assert_eq!(corrected("x{a=~\".*\", b=\"c\"}"), "x{b=\"c\"}");
        assert_eq!(corrected("x{b=\"c\", a=~\".*\",}"), "x{b=\"c\",}");
        assert_eq!(found("x{a=~\".+\"}"), Vec::<&str>::new());
    }
}
