//! `max_over_time(x[1m:5m])`

use super::{Found, Look, Node, Rule, duration};
use crate::promql::syntax::Kind;

pub(super) const RULE: Rule = Rule {
    code: "coarse-subquery",
    about: "A subquery whose step is longer than its range: it holds one value or none, as the clock has it. A step \
            that is not written is the interval of evaluation.",
    wrong: "max_over_time(rate(pg_stat_database_xact_commit[5m])[10m:1h])",
    right: "max_over_time(rate(pg_stat_database_xact_commit[5m])[1h:10m])",
    check,
};

fn check(look: &Look, node: &Node) -> Vec<Found> {
    let Kind::Subquery(subquery) = &node.expr.kind else { return Vec::new() };
    let step = subquery.step.unwrap_or(look.context.evaluated_every);
    if step <= subquery.range {
        return Vec::new();
    }
    let (range, every) = (duration(subquery.range), duration(step));
    let message = format!("a subquery of {range} with a value every {every} holds one value or none");
    let help = match subquery.step {
        Some(_) => "write the range before the colon, the step behind it, and the step the shorter",
        None => "write a longer range, or a step behind the colon",
    };
    // The brackets behind what it is of.
    let written = look.text.range(subquery.of.span.end).unwrap_or(node.expr.span);
    vec![Found::new(written, message, help)]
}
