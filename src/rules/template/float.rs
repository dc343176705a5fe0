//! Numbers as Go's `fmt` writes them.

/// `%v`: the shortest digits that read back the same, with an exponent from a million on.
pub(super) fn shortest(value: f64) -> String {
    general(value, None)
}

/// `%.Ng`, or without a precision the shortest digits.
pub(super) fn general(value: f64, precision: Option<usize>) -> String {
    if let Some(odd) = odd(value) {
        return odd;
    }
    let precision = precision.map(|precision| precision.max(1));
    let scientific = match precision {
        Some(precision) => format!("{value:.*e}", precision - 1),
        None => format!("{value:e}"),
    };
    let Some((digits, exponent)) = split(&scientific) else { return scientific };
    let limit = i32::try_from(precision.unwrap_or(SHORTEST_LIMIT)).unwrap_or(i32::MAX);
    let trimmed = if digits.contains('.') { digits.trim_end_matches('0').trim_end_matches('.') } else { digits };
    if exponent < -4 || exponent >= limit {
        return format!("{trimmed}e{}", signed(exponent));
    }
    let count = trimmed.bytes().filter(u8::is_ascii_digit).count();
    let behind = i32::try_from(count).unwrap_or(i32::MAX) - 1 - exponent;
    format!("{value:.*}", usize::try_from(behind).unwrap_or(0))
}

/// From this exponent on, the shortest digits get one.
const SHORTEST_LIMIT: usize = 6;

/// `%.Ne`.
pub(super) fn scientific(value: f64, precision: usize) -> String {
    if let Some(odd) = odd(value) {
        return odd;
    }
    let text = format!("{value:.precision$e}");
    split(&text).map_or(text.clone(), |(digits, exponent)| format!("{digits}e{}", signed(exponent)))
}

/// `%.Nf`.
pub(super) fn fixed(value: f64, precision: usize) -> String {
    odd(value).unwrap_or_else(|| format!("{value:.precision$}"))
}

fn odd(value: f64) -> Option<String> {
    let text = if value.is_nan() {
        "NaN"
    } else if value == f64::INFINITY {
        "+Inf"
    } else if value == f64::NEG_INFINITY {
        "-Inf"
    } else {
        return None;
    };
    Some(text.to_owned())
}

fn split(text: &str) -> Option<(&str, i32)> {
    let (digits, exponent) = text.split_once('e')?;
    Some((digits, exponent.parse().ok()?))
}

fn signed(exponent: i32) -> String {
    format!("{}{:02}", if exponent < 0 { '-' } else { '+' }, exponent.unsigned_abs())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_read_as_in_go() {
        let cases = [
            (1_234_567.0, "1.234567e+06", "1.235e+06"),
            (0.000_01, "1e-05", "1e-05"),
            (100_000.0, "100000", "1e+05"),
            (12.5, "12.5", "12.5"),
            (1000.0, "1000", "1000"),
            (0.0, "0", "0"),
            (-0.0, "-0", "-0"),
        ];
        for (value, plain, four) in cases {
            assert_eq!((shortest(value).as_str(), general(value, Some(4)).as_str()), (plain, four));
        }
        assert_eq!((scientific(12.5, 3), fixed(12.345, 1)), ("1.250e+01".to_owned(), "12.3".to_owned()));
        assert_eq!(general(f64::INFINITY, None), "+Inf");
    }
}
