//! The tokens of an expression with their places.

use super::SyntaxError;
use super::literal::{self, NoNumber};
use crate::model::time::milliseconds;
use crate::syntax::Span;

/// What a token is.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::promql) enum Token {
    /// A name or a keyword: the grammar says which.
    Word,
    /// A number.
    Number(f64),
    /// A duration in milliseconds.
    Duration(i64),
    /// A text, its quotes and escapes resolved.
    Text(String),
    /// Punctuation or an operator.
    Sign,
    /// Behind the last token.
    End,
}

/// Two-character signs before the one-character signs that they begin with.
const SIGNS: [&str; 22] = [
    "==", "!=", "=~", "!~", ">=", "<=", "=", ">", "<", "+", "-", "*", "/", "%", "^", "@", ",", "(", ")", "[", "]", ":",
];

/// Cuts a text into tokens, the last one [`Token::End`].
pub(in crate::promql) fn tokens(text: &str) -> Result<Vec<(Token, Span)>, SyntaxError> {
    let mut lexer = Lexer { text, at: 0, braces: false, open: Vec::new() };
    let mut tokens = Vec::new();
    loop {
        lexer.skip_blanks();
        let start = lexer.at;
        let token = lexer.next()?;
        let end = token == Token::End;
        tokens.push((token, Span { start, end: lexer.at }));
        if end {
            lexer.all_closed()?;
            return Ok(tokens);
        }
    }
}

struct Lexer<'a> {
    text: &'a str,
    at: usize,
    /// Inside `{…}` names have no colon.
    braces: bool,
    /// What is open: the bracket and where it stands.
    open: Vec<(char, usize)>,
}

impl Lexer<'_> {
    fn rest(&self) -> &str {
        self.text.get(self.at..).unwrap_or_default()
    }

    fn skip_blanks(&mut self) {
        loop {
            let rest = self.rest();
            let trimmed = rest.trim_start_matches([' ', '\t', '\n', '\r']);
            let comment = if trimmed.starts_with('#') { trimmed.find('\n').unwrap_or(trimmed.len()) } else { 0 };
            self.at += rest.len() - trimmed.len() + comment;
            if comment == 0 {
                return;
            }
        }
    }

    fn next(&mut self) -> Result<Token, SyntaxError> {
        let rest = self.rest();
        let mut ahead = rest.chars();
        let Some(first) = ahead.next() else { return Ok(Token::End) };
        let second = ahead.next().unwrap_or(' ');
        let in_brackets = self.open.last().is_some_and(|(bracket, _)| *bracket == '[');
        match first {
            '"' | '\'' | '`' => self.string(first),
            c if c.is_ascii_digit() || (c == '.' && second.is_ascii_digit()) => self.number(),
            c if c.is_ascii_alphabetic() || c == '_' || (c == ':' && !in_brackets && !self.braces) => {
                let colons = !self.braces;
                let word = |c: char| c.is_ascii_alphanumeric() || c == '_' || (c == ':' && colons);
                self.at += rest.find(|c| !word(c)).unwrap_or(rest.len());
                Ok(Token::Word)
            }
            '{' | '}' => self.brace(first),
            c => self.sign(c),
        }
    }

    fn brace(&mut self, brace: char) -> Result<Token, SyntaxError> {
        let at = Span { start: self.at, end: self.at + 1 };
        if brace == '{' && self.braces {
            return Err(SyntaxError::new(at, "unexpected left brace '{' inside braces"));
        }
        if brace == '}' && !self.braces {
            return Err(SyntaxError::new(at, "unexpected right brace '}'").help("no brace is open here"));
        }
        self.braces = brace == '{';
        if self.braces {
            self.open.push(('{', self.at));
        } else {
            self.open.pop();
        }
        self.at += 1;
        Ok(Token::Sign)
    }

    fn sign(&mut self, first: char) -> Result<Token, SyntaxError> {
        let rest = self.rest();
        let Some(sign) = SIGNS.iter().find(|sign| rest.starts_with(**sign)) else {
            let at = Span { start: self.at, end: self.at + first.len_utf8() };
            let error = SyntaxError::new(at, format!("unexpected character: '{}'", first.escape_default()));
            return Err(match first {
                '!' => error.help("write != or !~, or `unless`"),
                '&' => error.help("write `and`"),
                '|' => error.help("write `or`"),
                _ => error,
            });
        };
        match first {
            '(' | '[' => self.open.push((first, self.at)),
            ')' | ']' => {
                let wanted = if first == ')' { '(' } else { '[' };
                if self.open.last().is_none_or(|(bracket, _)| *bracket != wanted) {
                    let at = Span { start: self.at, end: self.at + 1 };
                    let what = if first == ')' { "parenthesis ')'" } else { "bracket ']'" };
                    return Err(SyntaxError::new(at, format!("unexpected right {what}"))
                        .help("nothing is open here that it closes"));
                }
                self.open.pop();
            }
            _ => {}
        }
        self.at += sign.len();
        Ok(Token::Sign)
    }

    fn string(&mut self, quote: char) -> Result<Token, SyntaxError> {
        let start = self.at;
        let (text, length) = literal::string(self.rest(), quote).map_err(|(length, message)| {
            let span = Span { start, end: start + length };
            SyntaxError::new(span, message)
        })?;
        self.at += length;
        Ok(Token::Text(text))
    }

    /// The longest run that could be a number or a duration.
    fn number(&mut self) -> Result<Token, SyntaxError> {
        let bytes = self.rest().as_bytes();
        let hex = bytes.len() > 1 && bytes[0] == b'0' && bytes[1].eq_ignore_ascii_case(&b'x');
        let mut length = 0;
        while length < bytes.len() {
            let c = bytes[length];
            let sign = !hex && (c == b'+' || c == b'-') && length > 0 && bytes[length - 1].eq_ignore_ascii_case(&b'e');
            if !(c.is_ascii_alphanumeric() || c == b'_' || c == b'.' || sign) {
                break;
            }
            length += 1;
        }
        let span = Span { start: self.at, end: self.at + length };
        let raw = self.rest().get(..length).unwrap_or_default();
        let fault =
            |message: String| SyntaxError::new(span, message).help("write for example 1.5, 1e6, 0x1f, 30s or 1h30m");
        let token = match literal::number(raw) {
            Ok(number) => Token::Number(number),
            Err(NoNumber::Syntax) => Token::Duration(milliseconds(raw).map_err(fault)?),
            Err(out_of_range) => return Err(fault(out_of_range.said_of(raw))),
        };
        self.at = span.end;
        Ok(token)
    }

    fn all_closed(&self) -> Result<(), SyntaxError> {
        let Some((bracket, at)) = self.open.last() else { return Ok(()) };
        let (what, closing) = match bracket {
            '(' => ("parenthesis", ')'),
            '[' => ("bracket", ']'),
            _ => ("brace", '}'),
        };
        let span = Span { start: *at, end: at + 1 };
        Err(SyntaxError::new(span, format!("unclosed left {what}")).help(format!("close it with `{closing}`")))
    }
}
