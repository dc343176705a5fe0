//! The tokens of a template with their places.

use super::Fault;
use crate::promql::syntax::string_literal;

/// What a token is.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Token {
    /// Outside of `{{…}}`.
    Text(String),
    /// `}}`
    Close,
    /// `.`
    Dot,
    /// `.name`
    Field(String),
    /// `$name`, or `$`.
    Variable(String),
    /// A keyword or a function.
    Word(String),
    /// A text in quotes.
    Quoted(String),
    /// A whole number, or a character's.
    Int(i64),
    /// Any other number.
    Float(f64),
    /// One of `( ) | , = :=`.
    Sign(&'static str),
    /// Behind the last token.
    End,
}

/// A token with its place.
#[derive(Clone, Debug)]
pub(super) struct Lexed {
    pub token: Token,
    pub at: usize,
    pub end: usize,
    /// Whether a blank stands in front of it.
    pub spaced: bool,
}

const BLANKS: [char; 4] = [' ', '\t', '\r', '\n'];
const SIGNS: [&str; 6] = [":=", "(", ")", "|", ",", "="];

/// Cuts a template into tokens, the last one [`Token::End`].
pub(super) fn tokens(text: &str) -> Result<Vec<Lexed>, Fault> {
    let mut lexer = Lexer { text, at: 0, out: Vec::new() };
    let mut trimmed = false;
    while lexer.at < text.len() {
        let rest = lexer.rest();
        let Some(open) = rest.find("{{") else {
            lexer.outside(rest, trimmed, false);
            break;
        };
        let dash = rest[open + 2..].starts_with('-') && rest[open + 3..].starts_with(BLANKS);
        lexer.outside(&rest[..open], trimmed, dash);
        lexer.at += open;
        let begin = lexer.at;
        lexer.at += if dash { 3 } else { 2 };
        let inside = lexer.rest();
        let comment = inside.trim_start_matches(BLANKS);
        if comment.starts_with("/*") && (dash || comment.len() == inside.len()) {
            trimmed = lexer.comment(begin)?;
        } else {
            trimmed = lexer.action(begin)?;
        }
    }
    lexer.out.push(Lexed { token: Token::End, at: text.len(), end: text.len(), spaced: false });
    Ok(lexer.out)
}

struct Lexer<'a> {
    text: &'a str,
    at: usize,
    out: Vec<Lexed>,
}

impl<'a> Lexer<'a> {
    fn rest(&self) -> &'a str {
        self.text.get(self.at..).unwrap_or_default()
    }

    fn outside(&mut self, text: &str, trim_start: bool, trim_end: bool) {
        let text = if trim_start { text.trim_start_matches(BLANKS) } else { text };
        let text = if trim_end { text.trim_end_matches(BLANKS) } else { text };
        if !text.is_empty() {
            self.out.push(Lexed { token: Token::Text(text.to_owned()), at: self.at, end: self.at, spaced: false });
        }
    }

    /// Skips a comment; yields whether blanks behind it are to be trimmed.
    fn comment(&mut self, begin: usize) -> Result<bool, Fault> {
        let end = self.rest().find("*/").ok_or_else(|| Fault::new(begin, "unclosed comment"))?;
        self.at += end + 2;
        match self.close() {
            Some(trimmed) => Ok(trimmed),
            None => Err(Fault::new(begin, "comment ends before closing delimiter")),
        }
    }

    /// Takes `}}` or ` -}}`; yields whether blanks behind it are to be trimmed.
    fn close(&mut self) -> Option<bool> {
        let rest = self.rest();
        let dashed = rest.strip_prefix(BLANKS).is_some_and(|behind| behind.starts_with("-}}"));
        if dashed {
            self.at += 4;
        } else if rest.starts_with("}}") {
            self.at += 2;
        } else {
            return None;
        }
        Some(dashed)
    }

    fn action(&mut self, begin: usize) -> Result<bool, Fault> {
        let mut spaced = false;
        loop {
            let at = self.at;
            if let Some(trimmed) = self.close() {
                self.out.push(Lexed { token: Token::Close, at, end: self.at, spaced });
                return Ok(trimmed);
            }
            let Some(first) = self.rest().chars().next() else {
                return Err(Fault::new(begin, "unclosed action"));
            };
            if BLANKS.contains(&first) {
                self.at += 1;
                spaced = true;
                continue;
            }
            let token = self.token(first)?;
            self.out.push(Lexed { token, at, end: self.at, spaced });
            spaced = false;
        }
    }

    fn token(&mut self, first: char) -> Result<Token, Fault> {
        let rest = self.rest();
        let second = rest.chars().nth(1).unwrap_or(' ');
        let at = self.at;
        match first {
            '"' | '`' | '\'' => {
                let (text, length) = string_literal(rest, first).map_err(|(_, why)| Fault::new(at, why))?;
                self.at += length;
                if first != '\'' {
                    return Ok(Token::Quoted(text));
                }
                let mut chars = text.chars();
                match (chars.next(), chars.next()) {
                    (Some(c), None) => Ok(Token::Int(i64::from(u32::from(c)))),
                    _ => Err(Fault::new(at, "malformed character constant")),
                }
            }
            '$' => {
                self.at += 1;
                Ok(Token::Variable(format!("${}", self.word())))
            }
            '.' if second.is_alphabetic() || second == '_' => {
                self.at += 1;
                Ok(Token::Field(self.word().to_owned()))
            }
            c if c.is_ascii_digit() || ("+-.".contains(c) && (second.is_ascii_digit() || second == '.')) => {
                self.number()
            }
            '.' => {
                self.at += 1;
                Ok(Token::Dot)
            }
            c if c.is_alphabetic() || c == '_' => Ok(Token::Word(self.word().to_owned())),
            c => {
                let sign = SIGNS.iter().find(|sign| rest.starts_with(**sign));
                let sign = sign.ok_or_else(|| {
                    Fault::new(at, format!("unrecognized character in action: '{}'", c.escape_default()))
                })?;
                self.at += sign.len();
                Ok(Token::Sign(sign))
            }
        }
    }

    fn word(&mut self) -> &'a str {
        let rest = self.rest();
        let end = rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(rest.len());
        self.at += end;
        &rest[..end]
    }

    fn number(&mut self) -> Result<Token, Fault> {
        let rest = self.rest();
        let bytes = rest.as_bytes();
        let mut end = usize::from("+-".contains(char::from(bytes[0])));
        let hex = rest[end..].starts_with("0x") || rest[end..].starts_with("0X");
        while let Some(c) = bytes.get(end) {
            let exponent = !hex && end > 0 && bytes[end - 1].eq_ignore_ascii_case(&b'e') && (*c == b'+' || *c == b'-');
            if !(c.is_ascii_alphanumeric() || *c == b'.' || *c == b'_' || exponent) {
                break;
            }
            end += 1;
        }
        let raw = &rest[..end];
        let token = number(raw).ok_or_else(|| Fault::new(self.at, format!("bad number syntax: \"{raw}\"")))?;
        self.at += end;
        Ok(token)
    }
}

/// As Go's constants: a number with a point or an exponent is no whole number.
fn number(raw: &str) -> Option<Token> {
    let plain = raw.replace('_', "");
    let (sign, digits) = match plain.strip_prefix(['+', '-']) {
        Some(digits) => (if plain.starts_with('-') { -1 } else { 1 }, digits),
        None => (1, plain.as_str()),
    };
    let lower = digits.to_ascii_lowercase();
    let in_base = [("0x", 16), ("0b", 2), ("0o", 8)]
        .into_iter()
        .find_map(|(prefix, base)| lower.strip_prefix(prefix).map(|digits| (digits.to_owned(), base)));
    if let Some((digits, base)) = in_base {
        return i64::from_str_radix(&digits, base).ok()?.checked_mul(sign).map(Token::Int);
    }
    if digits.bytes().all(|c| c.is_ascii_digit()) {
        let octal = digits.len() > 1 && digits.starts_with('0');
        return plain
            .parse::<i64>()
            .ok()
            .filter(|_| !octal)
            .map(Token::Int)
            .or_else(|| i64::from_str_radix(digits, 8).ok().filter(|_| octal).map(|value| Token::Int(value * sign)));
    }
    let decimal = digits.bytes().all(|c| c.is_ascii_digit() || b".e+-E".contains(&c));
    if decimal { plain.parse().ok().map(Token::Float) } else { None }
}
