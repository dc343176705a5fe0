//! Numbers, durations and strings as `PromQL` writes them.

/// A number as Go's `ParseInt` with base 0 reads it, else as its `ParseFloat` does: `0x1f`, `010` is 8,
/// `1_000`, `1e6`.
pub(super) fn number(raw: &str) -> Option<f64> {
    let lower = raw.to_ascii_lowercase();
    if let Some(digits) = lower.strip_prefix("0x") {
        return hexadecimal(digits);
    }
    let plain = without_underscores(&lower)?;
    let octal = plain.len() > 1 && plain.starts_with('0') && plain.bytes().all(|c| (b'0'..b'8').contains(&c));
    if octal {
        // Too large for an integer of 64 bits, Go reads it as a decimal number after all.
        return i64::from_str_radix(&plain, 8).map(to_float).ok().or_else(|| plain.parse().ok());
    }
    let decimal = |c: u8| c.is_ascii_digit() || b".e+-".contains(&c);
    if !plain.bytes().all(decimal) {
        return None;
    }
    plain.parse().ok()
}

/// Go's floating-point literals in base 16, `0x1.8p3`; without an exponent only integers.
fn hexadecimal(digits: &str) -> Option<f64> {
    let (mantissa, exponent) = match digits.split_once('p') {
        Some((mantissa, exponent)) => (mantissa, exponent.parse::<i32>().ok()?),
        None if digits.contains('.') => return None,
        None => (digits, 0),
    };
    let mantissa = without_underscores(mantissa.strip_prefix('_').unwrap_or(mantissa))?;
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((&mantissa, ""));
    if whole.len() + fraction.len() == 0 {
        return None;
    }
    let mut value = 0.0_f64;
    for digit in whole.chars().chain(fraction.chars()) {
        value = value.mul_add(16.0, f64::from(digit.to_digit(16)?));
    }
    let shift = i32::try_from(fraction.len()).ok()?.checked_mul(4)?;
    Some(value * f64::from(exponent.checked_sub(shift)?).exp2())
}

/// Underscores may stand between digits only.
fn without_underscores(raw: &str) -> Option<String> {
    let bytes = raw.as_bytes();
    let between_digits = |at: usize| {
        let digit = |at: Option<usize>| at.and_then(|at| bytes.get(at)).is_some_and(u8::is_ascii_hexdigit);
        digit(at.checked_sub(1)) && digit(Some(at + 1))
    };
    let sound = bytes.iter().enumerate().all(|(at, c)| *c != b'_' || between_digits(at));
    sound.then(|| raw.replace('_', ""))
}

#[allow(clippy::cast_precision_loss)] // as Go converts: to the nearest
fn to_float(integer: i64) -> f64 {
    integer as f64
}

/// The text of a quoted string at the beginning of `rest`, and its length with the quotes.
///
/// # Errors
/// How much of it is meant and what is wrong.
pub(crate) fn string(rest: &str, quote: char) -> Result<(String, usize), (usize, String)> {
    let mut chars = rest.char_indices().skip(1);
    let mut out = Vec::new();
    while let Some((at, c)) = chars.next() {
        match c {
            c if c == quote => {
                let text = String::from_utf8_lossy(&out).into_owned();
                return Ok((text, at + 1));
            }
            '\\' if quote != '`' => {
                let behind = rest.get(at + 1..).unwrap_or_default();
                let taken = escape(behind, quote, &mut out).ok_or_else(|| {
                    let end = at + 1 + behind.chars().next().map_or(0, char::len_utf8);
                    (end, "unknown escape sequence in a string; in front of a backslash write another one".to_owned())
                })?;
                for _ in 0..taken {
                    chars.next();
                }
            }
            '\n' if quote != '`' => return Err((at, "unterminated quoted string".to_owned())),
            c => out.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes()),
        }
    }
    let what = if quote == '`' { "unterminated raw string" } else { "unterminated quoted string" };
    Err((rest.len(), what.to_owned()))
}

/// Resolves Go's escape behind a backslash; yields how many characters it took.
fn escape(behind: &str, quote: char, out: &mut Vec<u8>) -> Option<usize> {
    let first = behind.chars().next()?;
    let simple = match first {
        'a' => 7,
        'b' => 8,
        'f' => 12,
        'n' => b'\n',
        'r' => b'\r',
        't' => b'\t',
        'v' => 11,
        '\\' => b'\\',
        '"' | '\'' if first == quote => u8::try_from(first).ok()?,
        'x' => u8::from_str_radix(hex(behind, 2)?, 16).ok()?,
        '0'..='7' => u8::from_str_radix(behind.get(..3)?, 8).ok()?,
        'u' | 'U' => {
            let length = if first == 'u' { 4 } else { 8 };
            let c = char::from_u32(u32::from_str_radix(hex(behind, length)?, 16).ok()?)?;
            out.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
            return Some(length + 1);
        }
        _ => return None,
    };
    out.push(simple);
    Some(match first {
        'x' | '0'..='7' => 3,
        _ => 1,
    })
}

/// So many hexadecimal digits behind the first letter.
fn hex(behind: &str, length: usize) -> Option<&str> {
    behind.get(1..=length).filter(|digits| digits.bytes().all(|c| c.is_ascii_hexdigit()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_read_as_in_go() {
        let cases = [
            ("1", Some(1.0)),
            ("010", Some(8.0)),
            ("08", Some(8.0)),
            ("1_000", Some(1000.0)),
            ("1_000.5", Some(1000.5)),
            ("0x1F", Some(31.0)),
            ("0x_1F", Some(31.0)),
            ("0x1.8p3", Some(12.0)),
            ("1e5", Some(1e5)),
            ("1E+5", Some(1e5)),
            ("5.", Some(5.0)),
            (".5", Some(0.5)),
            ("0b1", None),
            ("1__0", None),
            ("1_", None),
            ("1.2.3", None),
            ("5m", None),
            ("0x", None),
        ];
        for (raw, expected) in cases {
            assert_eq!(number(raw), expected, "{raw}");
        }
    }

    #[test]
    fn strings_have_the_escapes_of_go() {
        let cases = [
            (r#""a\tb" x"#, Ok("a\tb")),
            (r"'it\'s'", Ok("it's")),
            (r"`a\n`", Ok(r"a\n")),
            (r#""\x41\101\u00e9""#, Ok("AAé")),
            (r#""\d""#, Err(3)),
            (r#""\'""#, Err(3)),
            ("\"a\nb\"", Err(2)),
            ("\"a", Err(2)),
        ];
        for (text, expected) in cases {
            let quote = text.chars().next().unwrap();
            let read = string(text, quote);
            assert_eq!(read.as_ref().map(|(text, _)| text.as_str()).map_err(|(at, _)| *at), expected, "{text}");
        }
    }
}
