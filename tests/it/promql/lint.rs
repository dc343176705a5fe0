//! What the lint of expressions calls certain is what the engine computes.

use super::expressions::Writer;
use super::series::{BEGIN, Dice, series, stored};
use pgmedic::promql::lint::{Context, lint};
use pgmedic::promql::{Engine, Error, Value, parse};
use std::time::{Duration, Instant};

/// Whether a finding says that its part yields nothing, whatever the series are.
fn says_nothing(code: &str, message: &str) -> bool {
    match code {
        "labels-never-match" => message.contains("yields nothing"),
        "constant-comparison" => message.contains("never holds"),
        _ => false,
    }
}

#[test]
fn what_never_yields_anything_never_does_and_corrections_can_be_read() {
    let mut dice = Dice::new(7);
    let store = stored(&series(&mut dice));
    let (mut judged, mut corrected) = (0, 0);
    for _ in 0..10_000 {
        let depth = 2 + dice.below(3);
        let text = Writer { dice: &mut dice }.vector(depth);
        let Ok(expr) = parse(&text) else { continue };
        for finding in lint(&text, &expr, &Context::default()) {
            let part = text.get(finding.span.start..finding.span.end).unwrap();
            assert!(!part.is_empty(), "{text}: {finding:?}");
            if let Some(new) = &finding.corrected {
                corrected += 1;
                assert!(parse(new).is_ok(), "{text}\n{new}: {:?}", parse(new));
            }
            if !says_nothing(finding.code, &finding.message) {
                continue;
            }
            let at = BEGIN + dice.below(4_000) as i64 * 1_000;
            match Engine::default().instant(&parse(part).unwrap(), &store, at, &|| false) {
                Ok(Value::Vector(elements)) => {
                    judged += 1;
                    assert!(elements.is_empty(), "{part}\n{finding:?}\n{elements:?}");
                }
                Err(Error::Failed { .. }) => {}
                other => panic!("{part}: {other:?}"),
            }
        }
    }
    println!("{judged} parts yield nothing as they should, {corrected} corrections can be read");
    assert!(judged > 200 && corrected > 400, "{judged} parts, {corrected} corrections");
}

#[test]
fn the_longest_expressions_are_judged_in_time() {
    let most = pgmedic::promql::syntax::MOST_BYTES;
    let wide = |part: &str| {
        let mut parts = vec![part.to_owned(); (most / (part.len() + 8)).min(2_048)];
        // As a balanced tree: a chain would be too deep.
        while parts.len() > 1 {
            parts = parts.chunks(2).map(|two| format!("({})", two.join(" or "))).collect();
        }
        parts.remove(0)
    };
    let deep = (0..75).fold("pg_up{a=~\"b\"}".to_owned(), |inner, at| format!("sum by (l{at}) ({inner})"));
    for text in [wide("pg_locks_count{a=~\"b\"}"), wide("x{a=~\"b\", c=~\"d\"} / y"), deep] {
        let expr = parse(&text).unwrap();
        let begin = Instant::now();
        assert!(!lint(&text, &expr, &Context::default()).is_empty());
        assert!(begin.elapsed() < Duration::from_secs(5), "{} bytes took {:?}", text.len(), begin.elapsed());
    }
}
