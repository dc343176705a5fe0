//! Nothing that a person may type, and no series, makes the engine panic, hang or take memory beyond its
//! limit.

use super::expressions::Writer;
use super::series::{BEGIN, Dice, series, stored};
use pgmedic::promql::syntax::MOST_BYTES;
use pgmedic::promql::{Engine, Error, Labels, Steps, Store, Value, parse};
use proptest::prelude::*;
use std::cell::Cell;

/// Pieces that mean something to the grammar, odd numbers among them.
const PIECES: [&str; 44] = [
    "(",
    ")",
    "[",
    "]",
    "{",
    "}",
    ",",
    ":",
    "@",
    "+",
    "-",
    "*",
    "^",
    "==",
    "=~",
    "bool",
    "on",
    "group_left",
    "by",
    "offset",
    "start()",
    "sum",
    "topk",
    "quantile",
    "rate",
    "x",
    "5m",
    "1y",
    "9223372036854775807",
    "1e308",
    "NaN",
    "Inf",
    "\"",
    "\"(a|b)\"",
    "'",
    "`",
    "\\",
    "#",
    "\n",
    "é",
    "\0",
    "label_replace",
    "histogram_quantile",
    "[1y:1ms]",
];

fn text() -> impl Strategy<Value = String> {
    let pieces = prop::collection::vec(prop::sample::select(&PIECES[..]), 0..40);
    prop_oneof![".{0,200}", pieces.prop_map(|pieces| pieces.concat())]
}

fn place_is_sound(text: &str) {
    if let Err(error) = parse(text) {
        assert!(text.get(error.span.start..error.span.end).is_some(), "{text:?}: {error:?}");
        assert!(!error.message.is_empty());
    }
}

proptest! {
    #[test]
    fn any_text_is_read_or_refused_at_a_place(text in text()) {
        place_is_sound(&text);
    }

    #[test]
    fn any_expression_is_evaluated_within_its_limits(seed in any::<u64>(), samples in 0..20_000_usize, count in 0..50_i64) {
        let mut dice = Dice::new(seed);
        let store = stored(&series(&mut dice)[..10]);
        let text = Writer { dice: &mut dice }.vector(4);
        let Ok(expr) = parse(&text) else { return Ok(()) };
        let engine = Engine { samples, ..Engine::default() };
        let steps = Steps::between(BEGIN, BEGIN + count * 60_000, 60_000);
        match engine.range(&expr, &store, steps, &|| false) {
            Ok(Value::Matrix(matrix)) => {
                let cells: usize = matrix.iter().map(|series| series.samples.len()).sum();
                prop_assert!(cells <= samples, "{text}: {cells}");
            }
            Ok(other) => prop_assert!(false, "{text}: {other:?}"),
            Err(Error::TooManySamples { limit }) => prop_assert_eq!(limit, samples),
            Err(_) => {}
        }
    }
}

#[test]
fn nested_brackets_of_any_kind_are_refused_and_do_not_overflow_the_stack() {
    for piece in
        ["(", "[", "{", "-", "abs(", "sum(", "a + (", "1 ^ ", "a[1m:] or ", "sum by (a) (", "a offset ", "((a)[1m:]"]
    {
        let text = piece.repeat(MOST_BYTES / piece.len());
        place_is_sound(&text);
    }
}

#[test]
fn an_expression_that_would_take_for_ever_ends_at_once() {
    let store = stored(&series(&mut Dice::new(1)));
    let long = [
        "count_over_time(vector(1)[100y:1ms])",
        "sum(c) + count_over_time((c or g)[30y:1s])",
        "max_over_time(max_over_time(vector(1)[30d:1s])[30d:1s])",
        "vector(1)[292y:1ms]",
        // Where nothing is found, each step still is one.
        "absent_over_time(absent(nope)[100y:1ms])",
        "max_over_time(sum(nope)[292y:1ms])",
        "max_over_time(rate(nope[5m])[292y:1ms])",
        "max_over_time((nope and on () nope)[292y:1ms])",
        "max_over_time((nope * nope)[292y:1ms])",
        "max_over_time(histogram_quantile(0.5, nope)[292y:1ms])",
    ];
    for text in long {
        let engine = Engine { samples: 1_000_000, ..Engine::default() };
        let error = engine.instant(&parse(text).unwrap(), &store, BEGIN + 600_000, &|| false).unwrap_err();
        assert_eq!(error, Error::TooManySamples { limit: 1_000_000 }, "{text}");
    }
}

#[test]
fn the_caller_can_stop_an_evaluation() {
    let store = stored(&series(&mut Dice::new(1)));
    let asked = Cell::new(0);
    let stop = || {
        asked.set(asked.get() + 1);
        asked.get() > 3
    };
    let steps = Steps::between(BEGIN, BEGIN + 3_600_000, 100);
    let text = "quantile_over_time(0.9, {__name__=~\".+\"}[1h])";
    let ended = Engine::default().range(&parse(text).unwrap(), &store, steps, &stop);
    assert_eq!((ended, asked.get()), (Err(Error::Stopped), 4));
}

/// Each series of many meets another partner at every step, whose label it takes over.
#[test]
fn rows_that_take_over_labels_are_counted_as_they_become() {
    let mut store = Store::default();
    for at in 0..200_i64 {
        for many in 0..10 {
            let labels = Labels::new([("__name__", "many"), ("m", &*many.to_string())]);
            store.append(&labels, at * 60_000, 1.0).unwrap();
        }
        let labels = Labels::new([("__name__", "one"), ("o", &*at.to_string())]);
        store.append(&labels, at * 60_000, 1.0).unwrap();
    }
    let engine = Engine { samples: 100_000, lookback: 60_000, ..Engine::default() };
    let expr = parse("many * on () group_left (o) one").unwrap();
    let steps = |count| Steps { start: 0, step: 60_000, count };
    let Ok(Value::Matrix(few)) = engine.range(&expr, &store, steps(20), &|| false) else { panic!("20 steps fit") };
    assert_eq!(few.len(), 200);
    let error = engine.range(&expr, &store, steps(200), &|| false).unwrap_err();
    assert_eq!(error, Error::TooManySamples { limit: 100_000 }, "400,000 cells");
}

/// Calls within calls could double a label each time.
#[test]
fn labels_that_are_made_stay_in_bounds() {
    let mut store = Store::default();
    store.append(&Labels::new([("__name__", "a"), ("l", "0123456789")]), 0, 1.0).unwrap();
    let nested = |call: &str, levels: usize| {
        format!("{}a{}", "F(".repeat(levels), call.repeat(levels)).replace('F', "label_replace")
    };
    for (text, fits) in [
        (nested(", \"l\", \"$1$1\", \"l\", \"(.*)\")", 9), true),
        (nested(", \"l\", \"$1$1\", \"l\", \"(.*)\")", 40), false),
        (nested(", \"l\", \"\", \"l\", \"l\")", 9).replace("label_replace", "label_join"), true),
        (nested(", \"l\", \"\", \"l\", \"l\")", 40).replace("label_replace", "label_join"), false),
    ] {
        let said = Engine::default().instant(&parse(&text).unwrap(), &store, 0, &|| false);
        match said {
            Ok(Value::Vector(elements)) if fits => assert_eq!(elements[0].0.get("l").len(), 5_120),
            Err(Error::Failed { message, .. }) if !fits => {
                assert!(message.contains("more than 16384 bytes"), "{message}");
            }
            other => panic!("{text}: {other:?}"),
        }
    }
    let engine = Engine { samples: 100, ..Engine::default() };
    let text = nested(", \"l\", \"$1$1\", \"l\", \"(.*)\")", 9);
    let error = engine.instant(&parse(&text).unwrap(), &store, 0, &|| false).unwrap_err();
    assert_eq!(error, Error::TooManySamples { limit: 100 }, "their bytes count as samples");
}

#[test]
fn regular_expressions_are_few_and_whole() {
    let many = vec!["a{l=~\"(x{99}){99}\"}"; 101].join(" or ");
    let error = parse(&many).unwrap_err();
    assert_eq!(error.message, "more than 100 regular expressions");
    let words = vec!["a{l=~\"x|y\"}"; 500].join(" or ");
    assert!(parse(&words).is_ok(), "lists of words need none");
    let error = parse("a{l=~\"x)|(y\"}").unwrap_err();
    assert_eq!(error.message, "error parsing regexp: unopened group");
}

#[test]
fn evaluations_that_cost_nothing_ask_whether_to_stop_too() {
    let store = Store::default();
    for text in ["1", "a", "time()", "absent(a)"] {
        let said = Engine::default().instant(&parse(text).unwrap(), &store, 0, &|| true);
        assert_eq!(said, Err(Error::Stopped), "{text}");
    }
}

#[test]
fn odd_times_do_not_overflow() {
    let store = stored(&series(&mut Dice::new(1)));
    let texts = [
        "c",
        "rate(c[5m])",
        "c offset 100y",
        "c @ 9e15",
        "c offset -100y @ -9e15",
        "year()",
        "deriv(c[1h:1m])",
        "predict_linear(c[5m], 1e308)",
        "predict_linear(c[5m] @ 1700000600, 1)",
        "rate(c[200y] @ 1700000600)",
        "deriv(c[5m] @ 1700000600)",
    ];
    for text in texts {
        let expr = parse(text).unwrap();
        for at in [i64::MIN, i64::MIN + 1, -1, 0, i64::MAX - 1, i64::MAX] {
            let _ = Engine::default().instant(&expr, &store, at, &|| false);
            let _ = Engine::default().range(&expr, &store, Steps::between(at, i64::MAX, i64::MAX / 2), &|| false);
        }
    }
}
