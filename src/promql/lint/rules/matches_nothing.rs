//! `x{job="a", job="b"}`

use super::{Found, Look, Node, Rule};
use crate::promql::matcher::Comparison;
use crate::promql::syntax::Kind;

pub(super) const RULE: Rule = Rule {
    code: "matches-nothing",
    about: "A selector whose matchers contradict each other, so that it takes no series.",
    wrong: "pg_up{instance=\"db1\", instance=\"db2\"} == 0",
    right: "pg_up{instance=~\"db1|db2\"} == 0",
    check,
};

fn check(look: &Look, node: &Node) -> Vec<Found> {
    if !matches!(node.expr.kind, Kind::Selector(_) | Kind::Range(..)) {
        return Vec::new();
    }
    let (matchers, _) = look.text.matchers(node.expr.span);
    let all = |value: &str| [".*", "(.*)"].contains(&value);
    let clash = matchers.iter().find(|one| {
        let (name, value) = (one.matcher.name(), one.matcher.value());
        match one.matcher.comparison() {
            Comparison::NotLike => all(value),
            Comparison::Equal => {
                matchers.iter().any(|other| other.matcher.name() == name && !other.matcher.accepts(value))
            }
            _ => false,
        }
    });
    clash
        .map(|one| {
            let label = one.matcher.name();
            let message = format!("no value of `{label}` satisfies this selector: it takes no series");
            Found::new(one.span, message, "keep one matcher, or write a choice `=~\"a|b\"`")
        })
        .into_iter()
        .collect()
}

#[cfg(test)]
mod tests {
    use crate::promql::lint::tests::found;

    #[test]
    fn contradictions_are_found_and_refinements_are_not() {
        for text in ["x{a=\"b\", a=\"c\"}", "x{a=\"b\", a!=\"b\"}", "x{a!~\".*\"}", "x{a=\"b\", a=~\"c.*\"}"] {
            assert_eq!(found(text), ["matches-nothing"], "{text}");
        }
        for text in ["x{a=~\"b.*\", a!=\"bc\"}", "x{a=\"b\", a=~\"b.*\"}", "x{a!=\"b\", a!=\"c\"}"] {
            assert_eq!(found(text), Vec::<&str>::new(), "{text}");
        }
    }
}
