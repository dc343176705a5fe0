//! `rate(pg_stat_activity_count[5m])`

use super::{Found, Look, Node, Rule, call_of, metric_of, renamed};
use crate::promql::lint::metrics::{Sort, sort};

pub(super) const RULE: Rule = Rule {
    code: "rate-of-gauge",
    about: "`rate`, `irate` or `increase` of a gauge: they are for counters, and take every drop for a reset from \
            which the number grew anew.",
    wrong: "rate(pg_database_size_bytes[1h]) > 1e6",
    right: "deriv(pg_database_size_bytes[1h]) > 1e6",
    check,
};

fn check(look: &Look, node: &Node) -> Vec<Found> {
    let Some((function, name, arg)) = call_of(node, &["rate", "irate", "increase"]) else { return Vec::new() };
    let Some(metric) = metric_of(arg).filter(|metric| sort(metric) == Some(Sort::Gauge)) else { return Vec::new() };
    let new = if function == "increase" { "delta" } else { "deriv" };
    let message = format!("`{metric}` is a gauge, and `{function}` takes each of its drops for a counter's reset");
    vec![Found::new(node.expr.span, message, format!("use `{new}`")).corrected(renamed(&look.text, name, new))]
}

#[cfg(test)]
mod tests {
    use crate::promql::lint::tests::{corrected, found};

    #[test]
    fn gauges_and_counters_have_their_own_functions() {
        for (text, expected) in [
            ("sum(rate(pg_stat_activity_count{a=\"b\"}[5m]))", "sum(deriv(pg_stat_activity_count{a=\"b\"}[5m]))"),
            ("increase(pg_database_size_bytes[1d])", "delta(pg_database_size_bytes[1d])"),
            ("irate(disk_used_ratio[5m])", "deriv(disk_used_ratio[5m])"),
            ("delta(http_requests_total[5m])", "increase(http_requests_total[5m])"),
            ("deriv(pg_stat_database_blks_hit[5m])", "rate(pg_stat_database_blks_hit[5m])"),
            ("idelta(x_seconds_bucket[5m])", "irate(x_seconds_bucket[5m])"),
        ] {
            assert_eq!(corrected(text), expected);
        }
        for text in [
            "rate(pg_stat_user_tables_vacuum_count[5m])",
            "rate(something[5m])",
            "delta(queue_count[5m])",
            "delta(pg_stat_activity_count[5m])",
            "changes(pg_up[5m])",
            "resets(pg_stat_database_xact_commit[5m])",
        ] {
            assert_eq!(found(text), Vec::<&str>::new(), "{text}");
        }
    }
}
