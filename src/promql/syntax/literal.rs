//! Numbers, durations and strings as `PromQL` writes them.

/// Why a text is no number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NoNumber {
    /// It is written in another way.
    Syntax,
    /// No finite number of 64 bits is that large.
    OutOfRange,
}

impl NoNumber {
    /// What to tell of such a text.
    pub fn said_of(self, raw: &str) -> String {
        match self {
            NoNumber::Syntax => format!("`{raw}` is no number"),
            NoNumber::OutOfRange => {
                format!("`{raw}` is out of range: numbers go up to about 1.8e308, infinity is `Inf`")
            }
        }
    }
}

/// A number as Prometheus reads it, by Go's `ParseInt` with base 0, else by its `ParseFloat`: `0x1f`, `010` is 8,
/// `1_000`, `1e6`. What is too small is 0.
pub(super) fn number(raw: &str) -> Result<f64, NoNumber> {
    let lower = raw.to_ascii_lowercase();
    let read = match lower.strip_prefix("0x") {
        Some(digits) => hexadecimal(digits),
        None => decimal_or_octal(&lower),
    };
    let read = read.ok_or(NoNumber::Syntax)?;
    if read.is_infinite() { Err(NoNumber::OutOfRange) } else { Ok(read) }
}

/// Infinite when out of range.
fn decimal_or_octal(lower: &str) -> Option<f64> {
    let plain = without_underscores(lower)?;
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

/// Integers of 64 bits only: Prometheus's grammar has no `p`, without which Go has no other numbers in base 16.
fn hexadecimal(digits: &str) -> Option<f64> {
    let plain = without_underscores(digits.strip_prefix('_').unwrap_or(digits))?;
    let digits_only = plain.bytes().all(|c| c.is_ascii_hexdigit());
    i64::from_str_radix(&plain, 16).ok().filter(|_| digits_only).map(to_float)
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
            ("1", Ok(1.0)),
            ("010", Ok(8.0)),
            ("08", Ok(8.0)),
            ("1_000", Ok(1000.0)),
            ("1_000.5", Ok(1000.5)),
            ("0x1F", Ok(31.0)),
            ("0x_1F", Ok(31.0)),
            ("0x7fffffffffffffff", Ok(9_223_372_036_854_775_807.0)),
            ("9223372036854775808", Ok(9_223_372_036_854_775_808.0)),
            ("1e-400", Ok(0.0)),
            ("1.7976931348623157e308", Ok(f64::MAX)),
            ("1e309", Err(NoNumber::OutOfRange)),
            ("1_000E400", Err(NoNumber::OutOfRange)),
            ("0x8000000000000000", Err(NoNumber::Syntax)),
            ("0x1.8p3", Err(NoNumber::Syntax)),
            ("0x1p2000", Err(NoNumber::Syntax)),
            ("0x-1", Err(NoNumber::Syntax)),
            ("1e5", Ok(1e5)),
            ("1E+5", Ok(1e5)),
            ("5.", Ok(5.0)),
            (".5", Ok(0.5)),
            ("0b1", Err(NoNumber::Syntax)),
            ("1__0", Err(NoNumber::Syntax)),
            ("1_", Err(NoNumber::Syntax)),
            ("1.2.3", Err(NoNumber::Syntax)),
            ("5m", Err(NoNumber::Syntax)),
            ("0x", Err(NoNumber::Syntax)),
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
