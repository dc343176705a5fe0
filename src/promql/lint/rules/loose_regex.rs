//! `x{job=~"^node$"}`

use super::{Found, Look, Node, Rule};
use crate::promql::labels::quoted;
use crate::promql::lint::text::Written;
use crate::promql::matcher::Comparison;
use crate::promql::syntax::Kind;

pub(super) const RULE: Rule = Rule {
    code: "loose-regex",
    about: "A regular expression that says less, or more, than it seems to. It always holds for the whole value: `^` \
            and `$` add nothing, and without a special sign it is as good as `=`. One that also accepts the empty \
            value takes series without the label.",
    wrong: "pg_up{instance=~\"^db1:9187$\"} == 0",
    right: "pg_up{instance=\"db1:9187\"} == 0",
    check,
};

fn check(look: &Look, node: &Node) -> Vec<Found> {
    if !matches!(node.expr.kind, Kind::Selector(_) | Kind::Range(..)) {
        return Vec::new();
    }
    let (matchers, _) = look.text.matchers(node.expr.span);
    matchers.iter().filter_map(|one| loose(look, one)).collect()
}

fn loose(look: &Look, one: &Written) -> Option<Found> {
    let (name, value) = (one.matcher.name(), one.matcher.value());
    let plain_sign = match one.matcher.comparison() {
        Comparison::Like => "=",
        Comparison::NotLike => "!=",
        _ => return None,
    };
    let written = |sign: &str, value: &str| format!("{sign}{}", quoted(value));
    let place = crate::syntax::Span { start: one.sign.start, end: one.value.end };
    let with = |new: String| look.text.with(vec![(place, new)]);
    let core = value.strip_prefix('^').unwrap_or(value);
    let core = core.strip_suffix('$').filter(|rest| !rest.ends_with('\\')).unwrap_or(core);
    if !core.contains(is_special) {
        let message = format!("the regular expression for `{name}` is a plain text and must be the whole value");
        let help = format!("write `{plain_sign}`; for a part of the value `.*{core}.*`");
        return Some(Found::new(one.span, message, help).corrected(with(written(plain_sign, core))));
    }
    if core != value && !core.contains(['|', '^', '$']) {
        let message = format!("the regular expression for `{name}` holds for the whole value without `^` and `$`");
        let corrected = with(written(one.matcher.comparison().symbol(), core));
        return Some(Found::new(one.span, message, "leave them out").corrected(corrected));
    }
    let on_purpose = value == ".*" || value.contains(['|', '?']);
    if one.matcher.comparison() == Comparison::Like && one.matcher.accepts("") && !on_purpose {
        let message = format!("the regular expression for `{name}` also takes series without the label");
        let help = "write `+` for `*`, or an empty alternative `|` when that is meant";
        return Some(Found::new(one.span, message, help));
    }
    None
}

/// Whether a sign means something in a regular expression; the dot of an address is let pass as one.
fn is_special(c: char) -> bool {
    r".*+?()[]{}|\^$".contains(c)
}

#[cfg(test)]
mod tests {
    use crate::promql::lint::tests::{corrected, found};

    #[test]
    fn what_a_regular_expression_adds_nothing_to_is_written_plainly() {
        assert_eq!(corrected("x{a=~\"b\"}"), "x{a=\"b\"}");
        assert_eq!(corrected("x{a!~'^b$'}"), "x{a!=\"b\"}");
        assert_eq!(corrected("x{a=~\"\", b=\"c\"}"), "x{a=\"\", b=\"c\"}");
        assert_eq!(corrected("x{a=~\"^b.*$\"}"), "x{a=~\"b.*\"}");
        assert_eq!(found("x{a=~\"[a-z]*\"}"), ["loose-regex"]);
    }

    #[test]
    fn choices_and_emptiness_on_purpose_are_left_alone() {
        for text in [
            "x{a=~\"b|c\"}",
            "x{a=~\"b|\"}",
            "x{a!~\"template.*|\"}",
            "x{a=~\"(b)?\"}",
            "x{a=~\"b\\\\$\"}",
            "x{a=~\".+\"}",
            "x{a=~\"^b|c$\"}",
            "x{a=~\"10.0.0.1:9187\"}",
        ] {
            assert_eq!(found(text), Vec::<&str>::new(), "{text}");
        }
    }
}
