use super::*;
use crate::promql::Store;
use crate::promql::syntax::parse;

fn store() -> Store {
    let mut store = Store::default();
    for at in 0..20 {
        let value = |step: f64| step * f64::from(at);
        for (job, step) in [("a", 1.0), ("b", 2.0)] {
            let labels = Labels::new([("__name__", "x"), ("job", job)]);
            store.append(&labels, i64::from(at) * 60_000, value(step)).unwrap();
        }
    }
    store
}

fn evaluated(text: &str) -> String {
    let expr = parse(text).unwrap();
    match Engine::default().instant(&expr, &store(), 600_000, &|| false) {
        Ok(Value::Vector(elements)) => {
            elements.iter().map(|(labels, value)| format!("{labels} {value}")).collect::<Vec<_>>().join("; ")
        }
        Ok(other) => format!("{other:?}"),
        Err(error) => error.to_string(),
    }
}

#[test]
fn expressions_yield_what_prometheus_yields() {
    let cases = [
        ("x", r#"{__name__="x", job="a"} 10; {__name__="x", job="b"} 20"#),
        ("rate(x[5m])", r#"{job="a"} 0.016666666666666666; {job="b"} 0.03333333333333333"#),
        ("sum(x)", "{} 30"),
        ("sum by (job) (x) > 15", r#"{job="b"} 20"#),
        ("x * on (job) x{job=\"b\"}", r#"{job="b"} 400"#),
        ("topk(1, x)", r#"{__name__="x", job="b"} 20"#),
        ("max_over_time(x[3m:1m])", r#"{job="a"} 10; {job="b"} 20"#),
        ("x offset 5m", r#"{__name__="x", job="a"} 5; {__name__="x", job="b"} 10"#),
        ("absent(y{job=\"c\"})", r#"{job="c"} 1"#),
        ("absent(y{job!=\"b\",job=\"c\"})", "{} 1"),
        ("absent(y{job!=\"b\",job=\"c\"} offset 1h)", r#"{job="c"} 1"#),
        ("absent(y{job!=\"\",job=\"c\"})", r#"{job="c"} 1"#),
        ("absent(y{job=\"c\",job!=\"b\"})", "{} 1"),
        ("1 + 2", "Scalar(3.0)"),
    ];
    for (text, expected) in cases {
        assert_eq!(evaluated(text), expected, "{text}");
    }
}

#[test]
fn the_longest_chain_and_the_deepest_nest_fit_the_stack_of_a_small_thread() {
    let chain = "x + ".repeat(crate::promql::syntax::MOST_LEVELS - 2) + "x";
    let nest = crate::promql::syntax::MOST_NESTED - 2;
    let nested = format!("{}x{}", "-(abs(".repeat(nest / 3), "))".repeat(nest / 3));
    let powers = "1 ^ ".repeat(nest) + "1";
    let work = move || {
        for text in [chain, nested, powers] {
            Engine::default().instant(&parse(&text).unwrap(), &store(), 600_000, &|| false).unwrap();
        }
    };
    std::thread::Builder::new().stack_size(1 << 20).spawn(work).unwrap().join().unwrap();
}
