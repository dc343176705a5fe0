//! What Prometheus reads is read, and what it refuses is refused.

use super::expressions::Writer;
use super::prometheus::Prometheus;
use super::series::Dice;
use pgmedic::promql::parse;

/// What is put in, among other things.
const PIECES: [&str; 72] = [
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
    "/",
    "%",
    "^",
    "==",
    "!=",
    "=~",
    "!~",
    "=",
    ">",
    "<",
    ">=",
    "<=",
    "and",
    "or",
    "unless",
    "atan2",
    "bool",
    "on",
    "ignoring",
    "group_left",
    "group_right",
    "by",
    "without",
    "offset",
    "start",
    "end",
    "start()",
    "end()",
    "sum",
    "topk",
    "rate",
    "foo",
    "a:b",
    ":x",
    "5m",
    "1h30m",
    "0s",
    "1ms1s",
    "010",
    "0x1F",
    "1_000",
    "1e",
    "1e5",
    ".5",
    "5.",
    "5.5m",
    "NaN",
    "inf",
    "\"a\"",
    "'b\\'c'",
    "`\\d`",
    "\"\\d\"",
    "\"[\"",
    "# x",
    "\n",
    "AND",
    "Sum",
    "[5m:]",
    "[5m:1m]",
    "{a=\"1\"}",
];

fn tokens(text: &str) -> Vec<String> {
    let mut tokens: Vec<String> = Vec::new();
    for c in text.chars() {
        let word = |c: char| c.is_alphanumeric() || "_.:".contains(c);
        match tokens.last_mut() {
            Some(last) if last.chars().all(word) && word(c) => last.push(c),
            Some(last) if "=!<>".contains(last.as_str()) && "=~".contains(c) => last.push(c),
            Some(last) if last.starts_with('"') && (last.len() == 1 || !last.ends_with('"')) => last.push(c),
            _ => tokens.push(c.to_string()),
        }
    }
    tokens
}

fn changed(dice: &mut Dice, text: &str) -> String {
    let mut tokens = tokens(text);
    for _ in 0..=dice.below(2) {
        let at = dice.below(tokens.len().max(1)).min(tokens.len().saturating_sub(1));
        match dice.below(4) {
            0 if !tokens.is_empty() => drop(tokens.remove(at)),
            1 if !tokens.is_empty() => tokens.insert(at, tokens[at].clone()),
            2 if !tokens.is_empty() => PIECES[dice.below(PIECES.len())].clone_into(&mut tokens[at]),
            _ => tokens.insert(at, PIECES[dice.below(PIECES.len())].to_owned()),
        }
    }
    tokens.join(["", " "][dice.below(2)])
}

/// Compares so many texts; yields those on which the two sides differ.
pub fn compare(seed: u64, count: usize) -> Option<Vec<String>> {
    let server = Prometheus::start()?;
    let mut dice = Dice::new(seed);
    let (mut differ, mut read) = (Vec::new(), 0);
    for _ in 0..count {
        let depth = dice.below(3);
        let text = Writer { dice: &mut dice }.vector(depth);
        let text = changed(&mut dice, &text);
        // Prometheus 3.5 reads `offset NaN`, as some 292 years; pgmedic does not.
        let words: Vec<&str> = text.split_whitespace().collect();
        if words.is_empty() || words.concat().to_lowercase().replace(['-', '+'], "").contains("offsetnan") {
            continue;
        }
        let answer = server.get("/api/v1/parse_query", &[("query", &text)]);
        let theirs = answer["status"] == "success";
        read += usize::from(theirs);
        let ours = parse(&text);
        if ours.is_ok() != theirs {
            differ.push(format!("{text:?}\n  ours   {:?}\n  theirs {}", ours.map(|_| ()), answer["error"]));
        }
    }
    println!("{count} texts, {read} of them expressions, {} differ", differ.len());
    Some(differ)
}

#[test]
fn changed_expressions_are_read_when_prometheus_reads_them() {
    let Some(differ) = compare(1, 1_000) else { return };
    assert!(differ.is_empty(), "{}", differ.join("\n"));
}

#[test]
#[ignore = "only with tests/run.sh --full"]
fn twenty_thousand_changed_expressions_are_read_when_prometheus_reads_them() {
    let Some(differ) = compare(2, 20_000) else { return };
    assert!(differ.is_empty(), "{}", differ.join("\n"));
}
