use super::*;
use crate::promql::value::ValueType;

fn fault(text: &str) -> String {
    let error = parse(text).unwrap_err();
    let meant = text.get(error.span.start..error.span.end).unwrap();
    format!("{meant}: {}", error.message)
}

#[test]
fn operators_group_as_in_prometheus() {
    fn shape(expr: &Expr) -> String {
        match &expr.kind {
            Kind::Number(number) => number.to_string(),
            Kind::Selector(selector) => selector.matchers[0].value().to_owned(),
            Kind::Negate(of) => format!("-{}", shape(of)),
            Kind::Binary(binary) => {
                format!("({} {} {})", shape(&binary.left), binary.operator.symbol(), shape(&binary.right))
            }
            Kind::Paren(of) => shape(of),
            other => format!("{other:?}"),
        }
    }
    let cases = [
        ("a + b * c", "(a + (b * c))"),
        ("a - b - c", "((a - b) - c)"),
        ("a ^ b ^ c", "(a ^ (b ^ c))"),
        ("-a ^ b", "-(a ^ b)"),
        ("-a * b", "(-a * b)"),
        ("a ^ -b * c", "((a ^ -b) * c)"),
        ("a or b and c unless d", "(a or ((b and c) unless d))"),
        ("a == bool b + 1 and c", "((a == (b + 1)) and c)"),
        ("a atan2 b % c", "((a atan2 b) % c)"),
        ("-1 ^ 2", "-(1 ^ 2)"),
    ];
    for (text, expected) in cases {
        assert_eq!(shape(&parse(text).unwrap()), expected, "{text}");
    }
}

#[test]
fn faults_have_their_place_and_say_what_to_do() {
    let cases = [
        ("rate(foo)", "foo: expected type range vector in call to function \"rate\", got instant vector"),
        ("sum(foo", "(: unclosed left parenthesis"),
        ("foo) + 1", "): unexpected right parenthesis ')'"),
        ("foo{a=\"b\"", "{: unclosed left brace"),
        ("rate(foo[5m]) >", ": unexpected end of input where an expression should stand"),
        ("foo bar", "bar: unexpected `bar` behind the expression"),
        ("ratee(foo[5m])", "ratee: unknown function with name \"ratee\""),
        ("foo{a=~\"[\"}", "\"[\": error parsing regexp: missing closing ]"),
        ("1 == 2", "==: comparisons between scalars must use BOOL modifier"),
        ("foo and 1", "and: set operator \"and\" not allowed in binary scalar expression"),
        ("foo[5m] + 1", "foo[5m]: binary expression must contain only scalar and instant vector types"),
        ("(foo)[5m]", "(foo)[5m]: ranges only allowed for vector selectors"),
        ("foo offset 5m [5m]", "foo offset 5m [5m]: no offset modifiers allowed before range"),
        ("foo @ 1 @ 2", "@ 2: @ <timestamp> may not be set multiple times"),
        ("{a=\"\"}", "{a=\"\"}: vector selector must contain at least one non-empty matcher"),
        ("topk(1)", "topk(1): wrong number of arguments for aggregate expression provided, expected 2, got 1"),
        ("a && b", "&: unexpected character: '&'"),
        ("5mm", "5mm: not a valid duration string: \"5mm\""),
        (
            "histogram_count(a)",
            "histogram_count(a): function \"histogram_count\" is not supported: native histograms are not kept",
        ),
        (
            "limitk(1, a)",
            "limitk(1, a): \"limitk\" is not supported: it is experimental in Prometheus and off by default there",
        ),
        ("a + on (b) group_left (b) c", "+: label \"b\" must not occur in ON and GROUP clause at once"),
        ("a + group_left (b) c", "group_left: unexpected `group_left` behind an operator"),
    ];
    for (text, expected) in cases {
        assert_eq!(fault(text), expected, "{text}");
    }
    assert_eq!(parse("ratee(a[5m])").unwrap_err().help.as_deref(), Some("did you mean `rate`?"));
    assert_eq!(parse("rate(a)").unwrap_err().help.as_deref(), Some("write a range behind it, for example `[5m]`"));
}

#[test]
fn what_prometheus_reads_is_read() {
    let texts = [
        "foo offset 0s",
        "1_000",
        "foo[300]",
        "foo @ 5m",
        "by",
        "sum(by)",
        "start",
        "offset",
        "foo{on=\"x\",}",
        "{\"a.b\"}",
        "sum without () (foo)",
        "sum (foo) by (a,)",
        "foo @ end() offset -5m",
        "foo[5m:]",
        "AVG(foo)",
        "foo AND bar",
        "1 # one\n+ 2",
        "label_join(foo, \"a\", \",\")",
        "foo:bar[5m:1m]",
        "+foo",
        "-nan",
        "1h * foo",
        "foo * on (a, b) group_left bar",
        "foo > bool on () bar",
    ];
    for text in texts {
        parse(text).unwrap_or_else(|error| panic!("{text}: {error}"));
    }
    assert_eq!(parse("foo > bool 1").unwrap().yields(), ValueType::Vector);
    assert_eq!(parse("(1 + 2)").unwrap().yields(), ValueType::Scalar);
}

#[test]
fn no_expression_is_too_deep_or_too_long_to_be_refused() {
    let deep = [
        format!("{}1{}", "(".repeat(20_000), ")".repeat(20_000)),
        format!("{}1", "-".repeat(60_000)),
        "a + ".repeat(15_000) + "a",
        "1 ^ ".repeat(15_000) + "1",
        format!("{}a{}", "abs(".repeat(5_000), ")".repeat(5_000)),
        format!("a{}", "[1m:]".repeat(5_000)),
        "a".repeat(MOST_BYTES + 1),
    ];
    for text in deep {
        assert!(parse(&text).is_err());
    }
    parse(&("a or ".repeat(MOST_LEVELS - 2) + "a")).unwrap();
}

#[test]
fn a_selector_tells_how_far_it_looks_back() {
    let expr = parse("rate(a[5m] offset 1h) + max_over_time(b[10m:1m] offset 5m) + c @ 10 + d").unwrap();
    let back: Vec<(&str, i64)> =
        expr.selectors(300_000).into_iter().map(|(s, back)| (s.matchers[0].value(), back)).collect();
    assert_eq!(back, [("a", 3_900_000), ("b", 1_200_000), ("c", 0), ("d", 300_000)]);
}
