//! Regular expressions as Prometheus reads them: Go's syntax, matching the whole text, `.` also a
//! line's end.
//!
//! Rust's crate knows nearly the same syntax. This file rewrites the rest and refuses what Go refuses: in
//! Go `\d`, `\w`, `\s` and `\b` are ASCII, a bracket inside brackets is a plain character, `&&`, `--` and
//! `~~` mean nothing, neither does `{` where no repetition begins, and `\Q…\E` quotes.

use regex::{Captures, Regex, RegexBuilder};
use std::iter::Peekable;
use std::str::Chars;

/// Bytes that an expression may be long.
const LENGTH_LIMIT: usize = 32_768;
/// Bytes that a compiled expression may take.
const SIZE_LIMIT: usize = 1 << 20;
/// The same in a template, where texts are searched over and over.
const PART_SIZE_LIMIT: usize = 1 << 18;
/// How often something may be repeated by `{n}`.
const MOST_REPEATS: u32 = 1_000;

/// What may stand in `[:…:]`.
const CLASSES: [&str; 14] = [
    "alnum", "alpha", "ascii", "blank", "cntrl", "digit", "graph", "lower", "print", "punct", "space", "upper", "word",
    "xdigit",
];

/// Compiles a regular expression of `PromQL`.
///
/// # Errors
/// Says what is wrong with it.
pub fn compile(pattern: &str) -> Result<Regex, String> {
    let translated = translate(pattern)?;
    // Alone too: `a)|(b` would close the group around it, and then not the whole text had to match.
    regex_syntax::ast::parse::Parser::new().parse(&translated).map_err(|error| error.kind().to_string())?;
    build(&format!("^(?s:{translated})$"), SIZE_LIMIT)
}

/// Compiles a regular expression of a template: it need not match the whole text, and `.` is no line's end.
///
/// # Errors
/// Says what is wrong with it.
pub fn compile_part(pattern: &str) -> Result<Regex, String> {
    build(&translate(pattern)?, PART_SIZE_LIMIT)
}

fn build(translated: &str, limit: usize) -> Result<Regex, String> {
    RegexBuilder::new(translated).size_limit(limit).build().map_err(|error| match error {
        regex::Error::CompiledTooBig(_) => format!("the regular expression takes more than {limit} bytes"),
        error => error.to_string().lines().last().unwrap_or_default().trim_start_matches("error: ").to_owned(),
    })
}

/// Writes a replacement as Go does: `$1`, `$name` and `${name}` for what a group found, `$$` for `$`. A name is
/// as long as letters, digits and `_` go; what is no name stays as it stands, and a number has no leading zero.
pub fn expand(found: &Captures, replacement: &str, out: &mut String) {
    let mut rest = replacement;
    while let Some((before, behind)) = rest.split_once('$') {
        out.push_str(before);
        let (open, inside) = behind.strip_prefix('{').map_or((false, behind), |inside| (true, inside));
        let end = inside.find(|c: char| !(c.is_alphanumeric() || c == '_')).unwrap_or(inside.len());
        let (name, after) = inside.split_at(end);
        let after = if open { after.strip_prefix('}') } else { Some(after) };
        if let Some(after) = after.filter(|_| !name.is_empty()) {
            let number = name.parse().ok().filter(|_| name == "0" || !name.starts_with('0'));
            let group = number.map_or_else(|| found.name(name), |number: usize| found.get(number));
            out.push_str(group.map_or("", |group| group.as_str()));
            rest = after;
        } else {
            out.push('$');
            rest = behind.strip_prefix('$').unwrap_or(behind);
        }
    }
    out.push_str(rest);
}

type Rest<'a> = Peekable<Chars<'a>>;

/// A pattern of Go's as Rust's crate writes it.
fn translate(pattern: &str) -> Result<String, String> {
    if pattern.len() > LENGTH_LIMIT {
        return Err(format!("the regular expression is {} bytes long; at most {LENGTH_LIMIT} are read", pattern.len()));
    }
    let mut rest = pattern.chars().peekable();
    let mut classes_end = true;
    let mut out = String::with_capacity(pattern.len() + 8);
    let mut repeated = false;
    while let Some(c) = rest.next() {
        let repetition = repetition(c, &mut rest)?;
        if repeated && repetition.is_some() {
            return Err("invalid nested repetition operator".to_owned());
        }
        repeated = repetition.is_some();
        match (repetition, c) {
            (Some(written), _) => out.push_str(&written),
            (None, '\\') => escape(&mut rest, &mut out)?,
            (None, '[') => class(&mut rest, &mut out, &mut classes_end)?,
            (None, '{') => out.push_str("\\{"),
            (None, '(') => {
                flags(rest.clone())?;
                out.push('(');
                out.extend(rest.next_if_eq(&'?'));
            }
            (None, c) => out.push(c),
        }
    }
    Ok(out)
}

/// A repetition that begins with a character taken: as it is written, its `?` included.
fn repetition(first: char, rest: &mut Rest) -> Result<Option<String>, String> {
    let mut written = first.to_string();
    match first {
        '*' | '+' | '?' => {}
        '{' => {
            // No farther than its own characters: to look for the brace would read the rest at each `{`.
            let inner: String = rest.clone().take_while(|c| c.is_ascii_digit() || *c == ',').collect();
            let closed = rest.clone().nth(inner.len()) == Some('}');
            let (least, most) = inner.split_once(',').unwrap_or((&inner, ""));
            let number = |text: &str| !text.contains(',') && (text.len() < 2 || !text.starts_with('0'));
            if !closed || least.is_empty() || !number(least) || !number(most) {
                return Ok(None);
            }
            let few = |text: &str| text.is_empty() || text.parse().is_ok_and(|times: u32| times <= MOST_REPEATS);
            if !few(least) || !few(most) {
                return Err(format!("invalid repeat count: `{{{inner}}}`"));
            }
            rest.nth(inner.len());
            written = format!("{{{inner}}}");
        }
        _ => return Ok(None),
    }
    written.extend(rest.next_if_eq(&'?'));
    Ok(Some(written))
}

/// Refuses what Go does not know behind `(?`.
fn flags(mut behind: Rest) -> Result<(), String> {
    if behind.next() != Some('?') {
        return Ok(());
    }
    for c in behind {
        match c {
            ')' | ':' | 'P' | '<' => return Ok(()),
            'i' | 'm' | 's' | 'U' | '-' => {}
            c => return Err(format!("invalid or unsupported Perl syntax: `(?{c}`")),
        }
    }
    Ok(())
}

/// What is behind a backslash outside brackets.
fn escape(rest: &mut Rest, out: &mut String) -> Result<(), String> {
    if let Some(ascii) = rest.peek().and_then(|c| perl_class(*c)) {
        rest.next();
        out.push_str(ascii);
        return Ok(());
    }
    match rest.peek() {
        Some(c @ ('b' | 'B')) => out.push_str(&format!(r"(?-u:\{c})")),
        Some(c @ ('A' | 'z')) => out.extend(['\\', *c]),
        Some('p' | 'P') => return unicode_class(rest, out),
        Some('Q') => {
            rest.next();
            quoted(rest, out);
            return Ok(());
        }
        _ => {
            let c = character(rest)?;
            out.push_str(&literal(c));
            return Ok(());
        }
    }
    rest.next();
    Ok(())
}

/// `pL` or `p{Greek}`, which is the same in both; Rust's crate knows more, such as `p{script=greek}`.
fn unicode_class(rest: &mut Rest, out: &mut String) -> Result<(), String> {
    let negated = rest.next() == Some('P');
    if rest.next_if_eq(&'{').is_none() {
        out.push_str(if negated { r"\P" } else { r"\p" });
        out.extend(rest.next());
        return Ok(());
    }
    let inner = braced(rest).ok_or("invalid character class range: `\\p{`")?;
    let name = inner.strip_prefix('^').unwrap_or(&inner);
    if !name.starts_with(|c: char| c.is_ascii_uppercase()) || !name.chars().all(|c| c.is_ascii_alphabetic() || c == '_')
    {
        return Err(format!("invalid character class range: `\\p{{{inner}}}`"));
    }
    let letter = if negated == inner.starts_with('^') { 'p' } else { 'P' };
    out.push_str(&format!(r"\{letter}{{{name}}}"));
    Ok(())
}

/// What stands before the closing brace, which is taken too.
fn braced(rest: &mut Rest) -> Option<String> {
    let inner: String = rest.clone().take_while(|c| *c != '}').collect();
    rest.nth(inner.chars().count()).map(|_| inner)
}

/// The classes of Perl, ASCII only as in Go.
fn perl_class(letter: char) -> Option<&'static str> {
    Some(match letter {
        'd' => "[0-9]",
        'D' => "[^0-9]",
        'w' => "[0-9A-Za-z_]",
        'W' => "[^0-9A-Za-z_]",
        's' => r"[\t\n\f\r ]",
        'S' => r"[^\t\n\f\r ]",
        _ => return None,
    })
}

/// A character that means itself, inside brackets too.
fn literal(c: char) -> String {
    if c.is_alphanumeric() { c.to_string() } else { format!("\\x{{{:X}}}", u32::from(c)) }
}

/// The one character that an escape means.
fn character(rest: &mut Rest) -> Result<char, String> {
    let Some(c) = rest.next() else { return Err("trailing backslash at end of expression".to_owned()) };
    let invalid = || format!("invalid escape sequence: `\\{c}`");
    let octal = |c: &char| ('0'..='7').contains(c);
    Ok(match c {
        'a' => '\x07',
        'f' => '\x0c',
        'n' => '\n',
        'r' => '\r',
        't' => '\t',
        'v' => '\x0b',
        'x' => return hexadecimal(rest).ok_or_else(invalid),
        // A single digit but 0 would refer to a group, which Go does not do.
        '0'..='7' if c == '0' || rest.peek().is_some_and(octal) => {
            let mut code = c.to_digit(8).unwrap_or(0);
            for _ in 0..2 {
                code = rest.next_if(octal).and_then(|c| c.to_digit(8)).map_or(code, |digit| code * 8 + digit);
            }
            return char::from_u32(code).ok_or_else(invalid);
        }
        c if c.is_ascii() && !c.is_ascii_alphanumeric() => c,
        _ => return Err(invalid()),
    })
}

/// `41` or `{1F600}`
fn hexadecimal(rest: &mut Rest) -> Option<char> {
    let digits: String = if rest.next_if_eq(&'{').is_some() { braced(rest)? } else { rest.by_ref().take(2).collect() };
    let plain = !digits.is_empty() && digits.bytes().all(|c| c.is_ascii_hexdigit());
    char::from_u32(u32::from_str_radix(&digits, 16).ok().filter(|_| plain)?)
}

/// `\Q…\E`: everything is meant as it stands.
fn quoted(rest: &mut Rest, out: &mut String) {
    while let Some(c) = rest.next() {
        if c == '\\' && rest.next_if_eq(&'E').is_some() {
            return;
        }
        out.push_str(&literal(c));
    }
}

/// A bracket expression, its opening bracket taken. `classes_end` is false once no `:]` is ahead.
fn class(rest: &mut Rest, out: &mut String, classes_end: &mut bool) -> Result<(), String> {
    out.push('[');
    out.extend(rest.next_if_eq(&'^'));
    let mut first = true;
    loop {
        match rest.peek() {
            None => return Err("missing closing ]".to_owned()),
            Some(']') if !first => {
                rest.next();
                out.push(']');
                return Ok(());
            }
            Some(_) => member(rest, out, classes_end)?,
        }
        first = false;
    }
}

/// One member of a bracket expression: a named class, a character or a range.
fn member(rest: &mut Rest, out: &mut String, classes_end: &mut bool) -> Result<(), String> {
    let mut ahead = rest.clone();
    match (ahead.next(), ahead.next()) {
        (Some('['), Some(':')) if *classes_end && named(rest, out, classes_end)? => return Ok(()),
        (Some('\\'), Some(letter)) if perl_class(letter).is_some() => {
            rest.nth(1);
            out.push_str(perl_class(letter).unwrap_or_default());
            return Ok(());
        }
        (Some('\\'), Some('p' | 'P')) => {
            rest.next();
            return unicode_class(rest, out);
        }
        _ => {}
    }
    let from = class_character(rest)?;
    out.push_str(&literal(from));
    let mut ahead = rest.clone();
    if ahead.next() == Some('-') && ahead.next().is_some_and(|c| c != ']') {
        rest.next();
        let until = class_character(rest)?;
        if until < from {
            return Err(format!("invalid character class range: `{from}-{until}`"));
        }
        out.push('-');
        out.push_str(&literal(until));
    }
    Ok(())
}

fn class_character(rest: &mut Rest) -> Result<char, String> {
    match rest.next() {
        Some('\\') => character(rest),
        Some(c) => Ok(c),
        None => Err("missing closing ]".to_owned()),
    }
}

/// Takes `[:alpha:]`, which is the same in both; false when no `:]` is ahead, and the bracket means itself.
fn named(rest: &mut Rest, out: &mut String, classes_end: &mut bool) -> Result<bool, String> {
    let mut name = String::new();
    for c in rest.clone().skip(2) {
        if c == ']' && name.ends_with(':') {
            name.pop();
            if !CLASSES.contains(&name.strip_prefix('^').unwrap_or(&name)) {
                return Err(format!("invalid character class range: `[:{name}:]`"));
            }
            out.push_str(&format!("[:{name}:]"));
            rest.nth(name.len() + 3);
            return Ok(true);
        }
        name.push(c);
    }
    *classes_end = false;
    Ok(false)
}

#[cfg(test)]
mod tests;
