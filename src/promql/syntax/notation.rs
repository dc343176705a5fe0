//! The notation of series in Prometheus's unit tests: `up{job="a"}` and `1+2x3 _ stale`.

use super::SyntaxError;
use super::literal::{self, NoNumber};
use super::token::{Token, tokens};
use crate::promql::labels::{Labels, METRIC_NAME};
use crate::promql::value::STALE;
use crate::syntax::Span;

/// Values that one line may have.
pub const MOST_VALUES: usize = 1_000_000;

/// Reads the labels of a series: `up`, `up{job="a"}`, `{"a.b", job="a"}`.
///
/// # Errors
/// The first fault.
pub fn series(text: &str) -> Result<Labels, SyntaxError> {
    let tokens = tokens(text)?;
    let mut pairs: Vec<(String, String)> = Vec::new();
    let mut at = 0;
    let word = |at: usize| tokens.get(at).map_or("", |(_, span)| text.get(span.start..span.end).unwrap_or_default());
    let fault = |at: usize, what: &str| {
        let span = tokens.get(at).or(tokens.last()).map_or(Span::default(), |(_, span)| *span);
        SyntaxError::new(span, format!("{what} is expected here")).help("write for example up{job=\"a\"}")
    };
    let text_at = |at: usize| match tokens.get(at) {
        Some((Token::Text(text), _)) => Some(text.clone()),
        _ => None,
    };
    if matches!(tokens.first(), Some((Token::Word, _))) {
        pairs.push((METRIC_NAME.to_owned(), word(0).to_owned()));
        at = 1;
    }
    if word(at) == "{" {
        at += 1;
        while word(at) != "}" {
            let quoted = text_at(at);
            if let Some(name) = quoted.clone().filter(|_| word(at + 1) != "=") {
                pairs.push((METRIC_NAME.to_owned(), name));
                at += 1;
            } else {
                let is_word = matches!(tokens.get(at), Some((Token::Word, _)));
                let name = quoted.or_else(|| is_word.then(|| word(at).to_owned()));
                let name = name.ok_or_else(|| fault(at, "a label's name"))?;
                if word(at + 1) != "=" {
                    return Err(fault(at + 1, "`=`"));
                }
                let value = text_at(at + 2).ok_or_else(|| fault(at + 2, "a label's value in quotes"))?;
                pairs.push((name, value));
                at += 3;
            }
            match word(at) {
                "," => at += 1,
                "}" => {}
                _ => return Err(fault(at, "`,` or `}`")),
            }
        }
        at += 1;
    }
    if at + 1 != tokens.len() {
        return Err(fault(at, "the end of the series"));
    }
    Ok(Labels::new(pairs))
}

/// Reads the values of a series, `None` where there is no sample.
///
/// # Errors
/// The first fault, and what would be more than [`MOST_VALUES`].
pub fn values(text: &str) -> Result<Vec<Option<f64>>, SyntaxError> {
    let mut values = Vec::new();
    let mut at = 0;
    for item in text.split([' ', '\t', '\n', '\r']) {
        let span = Span { start: at, end: at + item.len() };
        at = span.end + 1;
        if item.is_empty() {
            continue;
        }
        let (first, step, count) = read(item).map_err(|message| fault(span, item, message))?;
        if values.len().saturating_add(count) > MOST_VALUES {
            return Err(SyntaxError::new(span, format!("a series may have at most {MOST_VALUES} values")));
        }
        let mut next = first;
        for _ in 0..count {
            values.push(next);
            // As Prometheus: added up, not multiplied.
            next = next.map(|value| step.map_or(value, |step| value + step));
        }
    }
    Ok(values)
}

fn fault(span: Span, item: &str, message: String) -> SyntaxError {
    let help = if item.contains("{{") {
        "native histograms are not kept; write a classic histogram's buckets, one series for each `le`"
    } else {
        "write for example 1, 1x3, 1+2x3, 8-2x3, _, _x3, stale, NaN or Inf, with blanks between"
    };
    SyntaxError::new(span, message).help(help)
}

/// The first value, the step from one to the next, and how many there are.
fn read(item: &str) -> Result<(Option<f64>, Option<f64>, usize), String> {
    if item.contains("{{") || item.contains("}}") {
        return Err("native histograms are not supported".to_owned());
    }
    if let Some(rest) = item.strip_prefix('_') {
        let count = if rest.is_empty() { 1 } else { times(rest)? };
        return Ok((None, None, count));
    }
    let (value, rest) = value(item)?;
    if rest.is_empty() {
        return Ok((Some(value), None, 1));
    }
    if !rest.starts_with(['+', '-']) {
        return Ok((Some(value), None, times(rest)?.saturating_add(1)));
    }
    let (step, rest) = number(rest)?;
    Ok((Some(value), Some(step), times(rest)?.saturating_add(1)))
}

/// `x3`
fn times(text: &str) -> Result<usize, String> {
    let digits = text.strip_prefix('x').ok_or_else(|| format!("`{text}` is not understood here"))?;
    let whole = !digits.is_empty() && digits.bytes().all(|c| c.is_ascii_digit());
    whole.then(|| digits.parse().unwrap_or(usize::MAX)).ok_or_else(|| format!("`{digits}` is no number of times"))
}

fn value(text: &str) -> Result<(f64, &str), String> {
    if text == "stale" { Ok((STALE, "")) } else { number(text) }
}

/// A number with its sign, and what stands behind it.
fn number(text: &str) -> Result<(f64, &str), String> {
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    let sign = if text.starts_with('-') { -1.0 } else { 1.0 };
    let bytes = unsigned.as_bytes();
    let word = unsigned.find(|c: char| !c.is_ascii_alphanumeric()).unwrap_or(unsigned.len());
    match unsigned[..word].to_ascii_lowercase().as_str() {
        "inf" => return Ok((sign * f64::INFINITY, &unsigned[word..])),
        "nan" => return Ok((f64::NAN, &unsigned[word..])),
        _ => {}
    }
    let mut end = 0;
    while let Some(c) = bytes.get(end) {
        let exponent = end > 0 && bytes[end - 1].eq_ignore_ascii_case(&b'e') && b"+-".contains(c);
        if !(c.is_ascii_digit() || b"._eE".contains(c) || exponent) {
            break;
        }
        end += 1;
    }
    let (raw, rest) = unsigned.split_at(end);
    let read = literal::number(raw).map_err(|why| match why {
        NoNumber::Syntax => why.said_of(text),
        NoNumber::OutOfRange => why.said_of(raw),
    })?;
    Ok((sign * read, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_those_of_prometheus() {
        let cases = [
            ("1+2x3", "[Some(1.0), Some(3.0), Some(5.0), Some(7.0)]"),
            ("1-2x1 _ 1x2", "[Some(1.0), Some(-1.0), None, Some(1.0), Some(1.0), Some(1.0)]"),
            ("_x2  -1e2 -Inf", "[None, None, Some(-100.0), Some(-inf)]"),
            ("-1.5e-1-1e+1x1 1_000", "[Some(-0.15), Some(-10.15), Some(1000.0)]"),
            ("0x1", "[Some(0.0), Some(0.0)]"),
            ("", "[]"),
            ("1e-400 1.5e308+1e308x1", "[Some(0.0), Some(1.5e308), Some(inf)]"),
            ("stale NaN", "[Some(NaN), Some(NaN)]"),
        ];
        for (text, expected) in cases {
            assert_eq!(format!("{:?}", values(text).unwrap()), expected, "{text}");
        }
        assert!(crate::promql::is_stale(values("stale").unwrap()[0].unwrap()));
        for text in [
            "1e1000",
            "1e309x2",
            "1-1e400x2",
            "1x",
            "1x3.5",
            "stalex3",
            "NaNx3",
            "1 + 2x3",
            "a",
            "_2",
            "{{schema:1}}",
            "1x9999999",
            "1++2x3",
            "é",
        ] {
            assert!(values(text).is_err(), "{text}");
        }
    }

    #[test]
    fn series_are_those_of_prometheus() {
        let cases = [
            ("up", r#"{__name__="up"}"#),
            (r#"up{job="a",b="c",}"#, r#"{__name__="up", b="c", job="a"}"#),
            (r#"{"a.b", "c d"='e'}"#, r#"{__name__="a.b", "c d"="e"}"#),
            ("{}", "{}"),
            ("", "{}"),
        ];
        for (text, expected) in cases {
            assert_eq!(series(text).unwrap().to_string(), expected, "{text}");
        }
        for text in ["up{", "up{a}", "up{a=~\"b\"}", "up x", "1", "up{a=\"b\" c=\"d\"}", "{,}"] {
            assert!(series(text).is_err(), "{text}");
        }
    }
}

#[cfg(test)]
proptest::proptest! {
    #[test]
    fn no_text_panics(text in ".{0,40}", notation in "[-+x_0-9a-fINn. e{}\",=\\\\]{0,30}") {
        let _ = (series(&text), values(&text), series(&notation), values(&notation));
    }
}
