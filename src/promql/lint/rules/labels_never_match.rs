//! `pg_stat_activity_count / pg_settings_max_connections`

use super::{Found, Look, Node, Rule, metric_of};
use crate::promql::ValueType;
use crate::promql::lint::matching::{Conflict, conflict};
use crate::promql::lint::metrics;
use crate::promql::lint::shape::Lost;
use crate::promql::syntax::{Binary, Cardinality, Class, Grouping, Kind, Operator};
use crate::syntax::Span;

pub(super) const RULE: Rule = Rule {
    code: "labels-never-match",
    about: "The two sides of an operator have labels that can never be equal, so it yields nothing and an alert on it \
            never fires. Sides match when all their labels are equal, unless `on` or `ignoring` says which count.",
    wrong: "pg_stat_activity_count / pg_settings_max_connections > 0.8",
    right: "sum by (job, instance) (pg_stat_activity_count) / on (job, instance) pg_settings_max_connections > 0.8",
    check,
};

fn check(look: &Look, node: &Node) -> Vec<Found> {
    let (Kind::Binary(binary), [left, right]) = (&node.expr.kind, node.parts.as_slice()) else { return Vec::new() };
    let vectors = [left, right].iter().all(|side| side.expr.yields() == ValueType::Vector);
    if !vectors || binary.operator == Operator::Or {
        return Vec::new();
    }
    let Some(conflict) = conflict(binary, left, right) else { return Vec::new() };
    let outcome = if binary.operator == Operator::Unless { "takes nothing away" } else { "yields nothing" };
    let symbol = binary.operator.symbol();
    let message = match &conflict {
        Conflict::Lacking { left_has, labels, why, .. } => {
            let (one, other) = if *left_has { ("left", "right") } else { ("right", "left") };
            let names = labels.join(", ");
            let because = match why {
                Lost::Never => format!("the {other} side never has"),
                Lost::Dropped(by) => format!("{} on the {other} side drops", look.text.quote(*by)),
            };
            format!("`{symbol}` {outcome}: the {one} side has labels ({names}) that {because}")
        }
        Conflict::Other { label } => {
            format!("`{symbol}` {outcome}: the label `{label}` never has the same value on both sides")
        }
    };
    let corrected = correction(look, binary, left, right, &conflict);
    let help = match &conflict {
        Conflict::Other { label } => format!("let `{label}` not count: `ignoring ({label})`"),
        Conflict::Lacking { mutual: true, .. } => "aggregate both sides to the labels that they share".to_owned(),
        Conflict::Lacking { .. } => "say which labels count".to_owned(),
    };
    vec![Found::new(node.expr.span, message, help).corrected(corrected)]
}

fn correction(look: &Look, binary: &Binary, left: &Node, right: &Node, conflict: &Conflict) -> Option<String> {
    let matching = &binary.matching;
    let plain = matching.labels == Grouping::Without(Vec::new())
        && matches!(matching.cardinality, Cardinality::OneToOne | Cardinality::ManyToMany);
    // Behind the operator and its `bool`.
    let at = binary.right.span.start;
    let insert = |clause: String| (Span { start: at, end: at }, format!("{clause} "));
    match conflict {
        _ if !plain => None,
        Conflict::Other { label } => Some(look.text.with(vec![insert(format!("ignoring ({label})"))])),
        Conflict::Lacking { mutual: true, .. } => None,
        Conflict::Lacking { left_has, .. } => {
            if let Some(number) = number_of_vector(right).filter(|_| binary.operator.class() != Class::Set) {
                return Some(look.text.with(vec![(binary.right.span, look.text.at(number).to_owned())]));
            }
            let shared = shared(left, right).join(", ");
            let on = format!("on ({shared})");
            let many = if *left_has { left } else { right };
            if binary.operator.class() == Class::Set {
                return Some(look.text.with(vec![insert(on)]));
            }
            if *left_has && metric_of(many.bare()).is_some_and(metrics::adds_up) {
                let sum = format!("sum by ({shared}) ({})", look.text.at(many.bare().expr.span));
                return Some(look.text.with(vec![(many.expr.span, sum), insert(on)]));
            }
            let group = if *left_has { "group_left" } else { "group_right" };
            Some(look.text.with(vec![insert(format!("{on} {group} ()"))]))
        }
    }
}

/// The labels that both sides surely may have: those of aggregations, else those of every scrape.
fn shared(left: &Node, right: &Node) -> Vec<String> {
    let (one, other) = (&left.shape, &right.shape);
    let names: Vec<String> = match (one.only(), other.only()) {
        (Some(names), _) | (None, Some(names)) => names.iter().cloned().collect(),
        (None, None) => ["job", "instance"].map(str::to_owned).to_vec(),
    };
    names.into_iter().filter(|label| one.lost(label).is_none() && other.lost(label).is_none()).collect()
}

/// The scalar of `vector(…)`.
fn number_of_vector(node: &Node) -> Option<Span> {
    match &node.bare().expr.kind {
        Kind::Call(call) if call.function.name == "vector" => call.args.first().map(|arg| arg.span),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use crate::promql::lint::tests::{corrected, found};

    #[test]
    fn sides_that_never_match_are_found() {
        for text in [
            "pg_stat_activity_count / pg_settings_max_connections",
            "pg_settings_max_connections < pg_stat_activity_count",
            "pg_locks_count and pg_up == 1",
            "rate(pg_stat_database_deadlocks[5m]) unless pg_up",
            "x{a=\"1\"} - x{a=\"2\"}",
            "x{a=\"1\"} - x{a=~\"2|3\"}",
            "x{a=\"1\"} > vector(5)",
            "x{a=\"1\"} / sum(x)",
            "sum by (job) (x{job=\"a\"}) / sum by (datname) (y{datname=\"b\"})",
            "pg_up * on (datid, datname) pg_stat_database_numbackends",
            "x{a=\"1\"} and absent(y)",
            "pg_stat_user_tables_n_dead_tup > pg_settings_autovacuum_vacuum_threshold",
        ] {
            assert_eq!(found(text), ["labels-never-match"], "{text}");
        }
    }

    #[test]
    fn sides_that_may_match_are_not() {
        for text in [
            "x / y",
            "x / sum(x)",
            "pg_stat_activity_count / ignoring (datname, state) group_left () y",
            "pg_stat_activity_count / on (instance) group_left () pg_settings_max_connections",
            "x{a=\"1\"} - x{a=~\"1|2\"}",
            "x{a=\"1\"} - ignoring (a) x{a=\"2\"}",
            "x{a=\"1\"} - y{b=\"2\"}",
            "x{a=\"1\"} or vector(0)",
            "pg_locks_count and on (instance) pg_up == 1",
            "sum(x) > vector(5)",
            "sum(x{a=\"1\"}) / sum(x{a=\"2\"})",
            "x{a=\"1\"} and on () absent(y)",
            "x{a=\"1\"} - label_replace(x{a=\"2\"}, \"a\", \"1\", \"a\", \"2\")",
            "pg_stat_database_conflicts_confl_lock / pg_stat_database_conflicts",
            "pg_replication_lag_seconds > 5 and pg_replication_is_replica == 1",
            "x{a=\"\"} / sum(y)",
            // Its row about what all databases share has no name.
            "pg_up * on (datname) pg_stat_database_numbackends",
        ] {
            assert_eq!(found(text), Vec::<&str>::new(), "{text}");
        }
    }

    #[test]
    fn the_correction_says_which_labels_count() {
        for (text, expected) in [
            (
                "pg_stat_activity_count / pg_settings_max_connections > 0.8",
                "sum by (job, instance) (pg_stat_activity_count) / on (job, instance) pg_settings_max_connections > 0.8",
            ),
            (
                "pg_stat_user_tables_n_dead_tup > bool pg_settings_autovacuum_vacuum_threshold",
                "pg_stat_user_tables_n_dead_tup > bool on (job, instance) group_left () \
                 pg_settings_autovacuum_vacuum_threshold",
            ),
            ("x{a=\"1\"} - x{a=\"2\"}", "x{a=\"1\"} - ignoring (a) x{a=\"2\"}"),
            ("x{a=\"1\"} > vector(5)", "x{a=\"1\"} > 5"),
            ("sum by (b) (x) / x{a=\"1\"}", "sum by (b) (x) / on (b) group_right () x{a=\"1\"}"),
            ("pg_locks_count and pg_up == 1", "pg_locks_count and on (job, instance) pg_up == 1"),
        ] {
            assert_eq!(corrected(text), expected);
        }
    }
}
