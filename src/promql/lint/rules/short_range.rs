//! `rate(x_total[20s])` of what is collected every 15 seconds.

use super::{Found, Look, Node, Rule, call_of, duration, metric_of};
use crate::promql::syntax::Kind;

pub(super) const RULE: Rule = Rule {
    code: "short-range",
    about: "A range shorter than two intervals of collection below a function that needs two samples, such as `rate`: \
            it often holds one sample only and then yields nothing.",
    wrong: "rate(pg_stat_database_xact_commit[20s]) > 100",
    right: "rate(pg_stat_database_xact_commit[1m]) > 100",
    check,
};

/// Functions that yield nothing, or nothing but zero, of one sample.
const OF_TWO: [&str; 9] =
    ["rate", "irate", "increase", "delta", "idelta", "deriv", "predict_linear", "changes", "resets"];

fn check(look: &Look, node: &Node) -> Vec<Found> {
    let Some((function, _, arg)) = call_of(node, &OF_TWO) else { return Vec::new() };
    let Kind::Range(_, range) = &arg.expr.kind else { return Vec::new() };
    let own = metric_of(arg).and_then(|metric| look.context.collected_otherwise.get(metric));
    let every = own.copied().unwrap_or(look.context.collected_every);
    if *range >= every.saturating_mul(2) {
        return Vec::new();
    }
    let Some(written) = look.text.range(arg.expr.span.start) else { return Vec::new() };
    let enough = duration(every.saturating_mul(4));
    let message = format!(
        "a range of {} often holds one sample only, as they come every {}: `{function}` needs two",
        duration(*range),
        duration(every)
    );
    let help = format!("write {enough} or more: four intervals survive a missed one");
    vec![Found::new(written, message, help).corrected(look.text.with(vec![(written, enough)]))]
}

#[cfg(test)]
mod tests {
    use crate::promql::lint::Context;
    use crate::promql::lint::tests::{corrected, found, found_in};

    #[test]
    fn two_intervals_are_needed_where_two_samples_are() {
        assert_eq!(corrected("rate(x_total{a=\"[b]\"}[20s] offset 5m)"), "rate(x_total{a=\"[b]\"}[1m] offset 5m)");
        assert_eq!(found("rate(x_total[30s])"), Vec::<&str>::new());
        assert_eq!(found("max_over_time(x[10s])"), Vec::<&str>::new());
    }

    #[test]
    fn a_metric_can_have_its_own_pace() {
        let hourly = [("x_total".to_owned(), 3_600_000)].into();
        let context = Context { collected_otherwise: hourly, ..Context::default() };
        assert_eq!(found_in("rate(x_total[1h])", &context), ["short-range"]);
        assert_eq!(found_in("rate(y_total[1h])", &context), Vec::<&str>::new());
    }
}
