//! `count(x) == 0`

use super::{Found, Look, Node, Rule, call_of};
use crate::promql::syntax::{Binary, Cardinality, Class, Grouping, Kind, Operator};

pub(super) const RULE: Rule = Rule {
    code: "constant-comparison",
    about: "A comparison that holds always or never, whatever the series are: a count is never 0 (of nothing there is \
            no count), `absent` is 1 or nothing, a share lies between 0 and 1 and not between 0 and 100. Nothing is \
            said about `count(…) > 0` and the like, which ask whether there is anything.",
    wrong: "count(pg_stat_replication_pg_wal_lsn_diff) == 0",
    right: "absent(pg_stat_replication_pg_wal_lsn_diff)",
    check,
};

/// What yields the same for whatever is there: compared to ask whether something is.
const OF_PRESENCE: [&str; 5] = ["absent", "absent_over_time", "present_over_time", "count_over_time", "vector"];

fn check(look: &Look, node: &Node) -> Vec<Found> {
    let (Kind::Binary(binary), [left, right]) = (&node.expr.kind, node.parts.as_slice()) else { return Vec::new() };
    if binary.operator.class() != Class::Comparison {
        return Vec::new();
    }
    let operator = binary.operator;
    if is_itself(look, binary) && matches!(operator, Operator::Greater | Operator::Less) {
        let message = format!("nothing is `{}` itself: this {}", operator.symbol(), fate(false, binary.bool));
        return vec![Found::new(node.expr.span, message, "compare with something else, or with an earlier time")];
    }
    let Some(holds) = verdict(operator, left, right) else { return Vec::new() };
    if holds && (is_presence(left) || is_presence(right)) {
        return Vec::new();
    }
    let fate = fate(holds, binary.bool);
    let message = format!("this {fate}: the left side is {}, the right side {}", range(left), range(right));
    let span = node.expr.span;
    vec![match counted(look, binary, left) {
        Some(corrected) if !holds => {
            let help = "of nothing there is no count: ask with `absent` whether there is nothing";
            Found::new(span, message, help).corrected(corrected)
        }
        _ => {
            let corrected = as_share(look, binary, left);
            let help =
                if corrected.is_some() { "a share lies between 0 and 1" } else { "compare with a number within reach" };
            Found::new(span, message, help).corrected(corrected)
        }
    }]
}

fn fate(holds: bool, bool: bool) -> &'static str {
    match (holds, bool) {
        (true, false) => "always holds",
        (false, false) => "never holds",
        (true, true) => "is always 1",
        (false, true) => "is always 0",
    }
}

/// Whether both sides are the same in words and each element meets itself.
fn is_itself(look: &Look, binary: &Binary) -> bool {
    let plain = binary.matching.labels == Grouping::Without(Vec::new());
    let one = binary.matching.cardinality == Cardinality::OneToOne;
    plain && one && look.text.same(binary.left.bare().span, binary.right.bare().span)
}

/// What is certain about a comparison. That it always holds is only said when it holds with a distance:
/// `x >= 0` takes away what is not a number.
fn verdict(operator: Operator, left: &Node, right: &Node) -> Option<bool> {
    let (left, right) = (left.bounds, right.bounds);
    let (below, above) = (left.high < right.low, left.low > right.high);
    let (not_above, not_below) = (left.high <= right.low, left.low >= right.high);
    let certain = |always: bool, never: bool| if always { Some(true) } else { never.then_some(false) };
    match operator {
        Operator::Greater => certain(above, not_above),
        Operator::GreaterOrEqual => certain(above, below),
        Operator::Less => certain(below, not_below),
        Operator::LessOrEqual => certain(below, above),
        Operator::Equal => certain(not_above && not_below, below || above),
        Operator::NotEqual => certain(below || above, not_above && not_below),
        _ => None,
    }
    .filter(|_| left.low <= left.high && !(not_above && not_below && left.low.is_infinite()))
}

fn is_presence(node: &Node) -> bool {
    let node = node.bare();
    call_of(node, &OF_PRESENCE).is_some()
        || matches!(&node.expr.kind, Kind::Aggregate(one) if ["count", "count_values", "group"].contains(&one.aggregation.name))
}

fn range(node: &Node) -> String {
    let (low, high) = (node.bounds.low, node.bounds.high);
    match (low.is_finite(), high.is_finite()) {
        (true, true) if low.to_bits() == high.to_bits() => format!("{low}"),
        (true, true) => format!("from {low} to {high}"),
        (true, false) => format!("{low} or more"),
        (false, true) => format!("{high} or less"),
        (false, false) => "any number".to_owned(),
    }
}

/// `absent(x)` for a count of all x that should be none.
fn counted(look: &Look, binary: &Binary, left: &Node) -> Option<String> {
    let Kind::Aggregate(count) = &left.bare().expr.kind else { return None };
    let all = count.grouping == Grouping::Only(Vec::new()) && count.aggregation.name == "count";
    if !all || binary.bool || !matches!(binary.operator, Operator::Equal | Operator::Less | Operator::LessOrEqual) {
        return None;
    }
    let whole = crate::syntax::Span { start: binary.left.span.start, end: binary.right.span.end };
    Some(look.text.with(vec![(whole, format!("absent({})", look.text.at(count.of.span)))]))
}

/// The percentage on the right as a share.
fn as_share(look: &Look, binary: &Binary, left: &Node) -> Option<String> {
    let Kind::Number(number) = binary.right.bare().kind else { return None };
    let share = left.bounds.low.abs() < f64::EPSILON && (left.bounds.high - 1.0).abs() < f64::EPSILON;
    let quotient = matches!(&left.bare().expr.kind, Kind::Binary(of) if of.operator == Operator::Divide);
    (share && quotient && number > 1.0 && number < 100.0)
        .then(|| look.text.with(vec![(binary.right.span, (number / 100.0).to_string())]))
}

#[cfg(test)]
mod tests {
    use crate::promql::lint::tests::{corrected, found};

    #[test]
    fn what_never_or_always_holds_is_found() {
        for text in [
            "count(x) < 0",
            "count by (job) (x) == 0",
            "abs(x) < 0",
            "absent(x) > 1",
            "absent(x) == 0",
            "x > x",
            "(x) < x",
            "up > 1",
            "pg_up == 2",
            "(x > 10) < 5",
            "hour() > 23",
            "rate(a_total[5m]) < 0",
            "changes(x[5m]) < 0",
            "1 > bool 2",
            "2 > bool 1",
            "a_total / (a_total + b_total) > 1",
            "100 * a_total / (a_total + b_total) > 100 or x",
            "clamp_max(x, 5) > 5",
            "count(x) < bool 1",
        ] {
            let codes = found(text);
            assert!(codes.contains(&"constant-comparison"), "{text}: {codes:?}");
        }
    }

    #[test]
    fn questions_after_presence_and_numbers_are_no_constants() {
        for text in [
            "count(x) > 0",
            "count(x) == 1",
            "absent(x) == bool 1",
            "hour() == 0",
            "absent(x) == 1",
            "x == x",
            "x != x",
            "x > x offset 5m",
            "a_total >= 0",
            "x > bool 5",
            "(count(x) or vector(0)) == 0",
            "a / (a + b) > 1",
            "a_total / (a_total + b_total) < 0.95",
            "sum(up) < 1",
            "up == 0",
            "-up < 0",
            "x <= +Inf",
            "(x > 5) > 5",
            "count_values(\"v\", x) > 0",
            "scalar(up) == bool 0",
            "x > on (a) x",
            "quantile(0.9, up) > 1",
        ] {
            assert_eq!(found(text), Vec::<&str>::new(), "{text}");
        }
    }

    #[test]
    fn a_count_of_nothing_and_a_percentage_are_corrected() {
        assert_eq!(corrected("1 + (count(x{a=\"b\"}) == 0)"), "1 + (absent(x{a=\"b\"}))");
        assert_eq!(corrected("a_total / (a_total + b_total) < 95"), "a_total / (a_total + b_total) < 0.95");
    }
}
