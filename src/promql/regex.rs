//! Regular expressions as Prometheus reads them: Go's syntax, matching the whole text, `.` also a
//! line's end.
//!
//! Rust's crate knows the same syntax but for what this file rewrites: in Go `\d`, `\w`, `\s` and `\b`
//! are ASCII, a bracket inside brackets is a plain character, `&&` and `~~` mean nothing, `\Q…\E`
//! quotes, and a few of Rust's escapes and flags do not exist.

use regex::{Regex, RegexBuilder};
use std::iter::Peekable;
use std::str::Chars;

/// Bytes that a compiled expression may take.
const SIZE_LIMIT: usize = 1 << 20;

/// Compiles a regular expression of PromQL.
///
/// # Errors
/// Says what is wrong with it.
pub fn compile(pattern: &str) -> Result<Regex, String> {
    let translated = translate(pattern)?;
    RegexBuilder::new(&format!("^(?s:{translated})$")).octal(true).size_limit(SIZE_LIMIT).build().map_err(|error| {
        match error {
            regex::Error::CompiledTooBig(_) => format!("the regular expression takes more than {SIZE_LIMIT} bytes"),
            error => error.to_string().lines().last().unwrap_or_default().trim_start_matches("error: ").to_owned(),
        }
    })
}

/// A pattern of Go's as Rust's crate writes it.
fn translate(pattern: &str) -> Result<String, String> {
    let mut chars = pattern.chars().peekable();
    let mut out = String::with_capacity(pattern.len() + 8);
    while let Some(c) = chars.next() {
        match c {
            '\\' => escape(&mut chars, &mut out, false)?,
            '[' => class(&mut chars, &mut out)?,
            '(' => {
                out.push('(');
                flags(&chars)?;
            }
            c => out.push(c),
        }
    }
    Ok(out)
}

/// Refuses what Go does not know behind `(?`.
fn flags(after: &Peekable<Chars>) -> Result<(), String> {
    let mut ahead = after.clone();
    if ahead.next() != Some('?') {
        return Ok(());
    }
    for c in ahead {
        match c {
            ')' | ':' | 'P' | '<' => return Ok(()),
            'i' | 'm' | 's' | 'U' | '-' => {}
            c => return Err(format!("invalid or unsupported Perl syntax: `(?{c}`")),
        }
    }
    Ok(())
}

/// What follows a backslash.
fn escape(chars: &mut Peekable<Chars>, out: &mut String, in_class: bool) -> Result<(), String> {
    let ascii = |inner: &str| if in_class { inner.to_owned() } else { format!("[{inner}]") };
    match chars.next() {
        None => return Err("trailing backslash at end of expression".to_owned()),
        Some('d') => out.push_str(&ascii("0-9")),
        Some('w') => out.push_str(&ascii("0-9A-Za-z_")),
        Some('s') => out.push_str(&ascii(r"\t\n\f\r ")),
        Some('D') => out.push_str("[^0-9]"),
        Some('W') => out.push_str("[^0-9A-Za-z_]"),
        Some('S') => out.push_str(r"[^\t\n\f\r ]"),
        Some(c @ ('b' | 'B')) if !in_class => out.push_str(&format!(r"(?-u:\{c})")),
        Some('Q') if !in_class => quoted(chars, out),
        Some('E') if !in_class => {}
        Some(c) if c.is_ascii_alphanumeric() && !"aftnrvxpPAz01234567".contains(c) => {
            return Err(format!("invalid escape sequence: `\\{c}`"));
        }
        Some(c @ ('<' | '>' | '_')) => out.push(c),
        Some(c) => out.extend(['\\', c]),
    }
    Ok(())
}

/// `\Q…\E`: everything is meant as it stands.
fn quoted(chars: &mut Peekable<Chars>, out: &mut String) {
    let mut literal = String::new();
    while let Some(c) = chars.next() {
        if c == '\\' && chars.peek() == Some(&'E') {
            chars.next();
            break;
        }
        literal.push(c);
    }
    out.push_str(&regex::escape(&literal));
}

/// A bracket expression, its opening bracket taken.
fn class(chars: &mut Peekable<Chars>, out: &mut String) -> Result<(), String> {
    out.push('[');
    if chars.next_if_eq(&'^').is_some() {
        out.push('^');
    }
    let mut first = true;
    while let Some(c) = chars.next() {
        match c {
            ']' if !first => {
                out.push(']');
                return Ok(());
            }
            '[' if chars.peek() == Some(&':') => named(chars, out),
            '\\' => escape(chars, out, true)?,
            '[' | ']' | '&' | '~' => out.extend(['\\', c]),
            c => out.push(c),
        }
        first = false;
    }
    Err("missing closing ]".to_owned())
}

/// `[:alpha:]`, which is the same in both, or a bracket and a colon that mean themselves.
fn named(chars: &mut Peekable<Chars>, out: &mut String) {
    let ahead: String = chars.clone().take_while(|c| *c != ']').collect();
    if ahead.len() > 1 && ahead.ends_with(':') {
        out.push('[');
        out.push_str(&ahead);
        out.push(']');
        for _ in 0..=ahead.chars().count() {
            chars.next();
        }
    } else {
        out.push_str("\\[");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_whole_text_must_match_and_a_dot_takes_a_line_end() {
        let matches = |pattern: &str, text: &str| compile(pattern).unwrap().is_match(text);
        assert!(matches("a.c", "a\nc"));
        assert!(!matches("a", "ab"));
        assert!(matches("a|bc", "bc"));
        assert!(!matches("a$", "a\n"));
    }

    #[test]
    fn classes_are_those_of_go() {
        let cases = [
            (r"\d+", "12", true),
            (r"\d", "٣", false),
            (r"\w+", "a_1", true),
            (r"\w", "é", false),
            (r"[\w.]+", "a.b", true),
            (r"[^\d]", "é", true),
            (r"[[a]+", "[a", true),
            (r"[a&&b]+", "&a", true),
            (r"[[:alpha:]]+", "ab", true),
            (r"[]a]+", "]a", true),
            (r"\Qa.b\E+", "a.bb", true),
            (r"\Qa.b\E", "axb", false),
            (r"\<a\>", "<a>", true),
            (r"(?i)AB", "ab", true),
            (r"\141", "a", true),
        ];
        for (pattern, text, expected) in cases {
            assert_eq!(compile(pattern).unwrap().is_match(text), expected, "{pattern} on {text}");
        }
    }

    #[test]
    fn what_go_refuses_is_refused() {
        for pattern in ["[", "(", r"\", r"\y", "(?x)a", "a{2,1}", "*", "((a{999}){999}){999}"] {
            assert!(compile(pattern).is_err(), "{pattern}");
        }
    }
}
