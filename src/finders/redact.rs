//! Query texts without what may be secret in them.
//!
//! Literals become `$n` and comments a space. A text that the server cut off in a literal ends before
//! it. One in which literals and names cannot be told apart with certainty is cut down to the keywords
//! that each of its statements begins with: still enough for the guards that leave DDL alone.

use crate::config::QueryText;
use sha2::{Digest, Sha256};
use sqlparser::dialect::PostgreSqlDialect;
use sqlparser::keywords::Keyword;
use sqlparser::tokenizer::{Token, TokenWithSpan, Tokenizer};
use std::fmt::Write;

/// The text that a candidate carries, and its fingerprint: equal for repeats of one query. The
/// server's `query_id` is the better one, where it gives one.
#[must_use]
pub fn recorded(query: &str, query_id: Option<i64>, how: QueryText) -> (String, String) {
    let tokens = tokens(query);
    let redacted = redact(&tokens);
    let fingerprint = query_id.map_or_else(|| fingerprint(&redacted), |id| id.to_string());
    let text = match how {
        QueryText::Full => query.to_owned(),
        QueryText::Redacted => redacted,
        QueryText::None => outline(&tokens.list),
    };
    (text, fingerprint)
}

struct Tokens {
    list: Vec<Token>,
    /// The text ends where the list does, and not in a literal or comment that was cut off.
    whole: bool,
    /// No literal can hide in what looks like a name.
    certain: bool,
}

fn tokens(query: &str) -> Tokens {
    let dialect = PostgreSqlDialect {};
    let mut spanned: Vec<TokenWithSpan> = Vec::new();
    let ended = Tokenizer::new(&dialect, query).with_unescape(false).tokenize_with_location_into_buf(&mut spanned);
    let list: Vec<Token> = spanned.into_iter().map(|t| t.token).collect();
    let certain = !list.iter().any(is_doubtful);
    Tokens { list, whole: ended.is_ok(), certain }
}

/// With `standard_conforming_strings` off, `\'` does not end a string as it does here: from there on
/// strings and names would be taken for each other. What is no token of SQL is as doubtful.
fn is_doubtful(token: &Token) -> bool {
    match token {
        Token::SingleQuotedString(s) | Token::NationalStringLiteral(s) => s.contains('\\'),
        Token::Char(_) | Token::Backslash => true,
        _ => false,
    }
}

fn redact(tokens: &Tokens) -> String {
    if !tokens.certain {
        return outline(&tokens.list);
    }
    let mut next = 1 + tokens.list.iter().filter_map(placeholder).max().unwrap_or(0);
    let mut out = String::new();
    let mut after_number = false;
    for token in &tokens.list {
        let number = matches!(token, Token::Number(..));
        match token {
            // `1_000` and `0x1F` come as a number and a word.
            Token::Word(w) if after_number && w.quote_style.is_none() => continue,
            Token::Number(..) if after_number => continue,
            Token::EOF => {}
            Token::Whitespace(_) if out.ends_with(' ') || out.is_empty() => {}
            Token::Whitespace(_) => out.push(' '),
            token if is_literal(token) => {
                // Writing to a String cannot fail.
                let _ = write!(out, "${next}");
                next += 1;
            }
            token => {
                let _ = write!(out, "{token}");
            }
        }
        after_number = number;
    }
    let text = out.trim_end();
    match (tokens.whole, text) {
        (true, text) => text.to_owned(),
        (false, "") => "…".to_owned(),
        (false, text) => format!("{text} …"),
    }
}

/// All that carries a value. What is not known not to be one is taken for one.
fn is_literal(token: &Token) -> bool {
    match token {
        Token::Placeholder(_) => placeholder(token).is_none(),
        Token::Number(..)
        | Token::SingleQuotedString(_)
        | Token::TripleSingleQuotedString(_)
        | Token::TripleDoubleQuotedString(_)
        | Token::DoubleQuotedString(_)
        | Token::DollarQuotedString(_)
        | Token::SingleQuotedByteStringLiteral(_)
        | Token::DoubleQuotedByteStringLiteral(_)
        | Token::TripleSingleQuotedByteStringLiteral(_)
        | Token::TripleDoubleQuotedByteStringLiteral(_)
        | Token::SingleQuotedRawStringLiteral(_)
        | Token::DoubleQuotedRawStringLiteral(_)
        | Token::TripleSingleQuotedRawStringLiteral(_)
        | Token::TripleDoubleQuotedRawStringLiteral(_)
        | Token::NationalStringLiteral(_)
        | Token::QuoteDelimitedStringLiteral(_)
        | Token::NationalQuoteDelimitedStringLiteral(_)
        | Token::EscapedStringLiteral(_)
        | Token::UnicodeStringLiteral(_)
        | Token::HexStringLiteral(_) => true,
        _ => false,
    }
}

/// The number of a parameter that the query itself has.
fn placeholder(token: &Token) -> Option<u64> {
    match token {
        Token::Placeholder(text) => text.strip_prefix('$')?.parse().ok(),
        _ => None,
    }
}

/// The keywords that each statement begins with: `CREATE INDEX CONCURRENTLY …`.
fn outline(tokens: &[Token]) -> String {
    let heads = tokens.split(|t| *t == Token::SemiColon).filter_map(|statement| {
        let written = statement.iter().filter(|t| !matches!(t, Token::Whitespace(_) | Token::EOF));
        let keywords: Vec<String> = written.map_while(keyword).collect();
        (!keywords.is_empty()).then(|| format!("{} …", keywords.join(" ")))
    });
    let heads: Vec<String> = heads.collect();
    if heads.is_empty() { "…".to_owned() } else { heads.join("; ") }
}

fn keyword(token: &Token) -> Option<String> {
    match token {
        Token::Word(w) if w.quote_style.is_none() && w.keyword != Keyword::NoKeyword => Some(w.value.to_uppercase()),
        _ => None,
    }
}

/// Lists of values differ in length from call to call; they count as one query.
fn fingerprint(redacted: &str) -> String {
    let mut shape = String::with_capacity(redacted.len());
    let mut rest = redacted;
    while let Some(at) = rest.find('$') {
        let (before, value) = rest.split_at(at);
        let joins_list = before.trim() == "," && shape.ends_with('$');
        if !joins_list {
            shape.push_str(before);
            shape.push('$');
        }
        rest = value[1..].trim_start_matches(|c: char| c.is_ascii_digit());
    }
    shape.push_str(rest);
    let digest = Sha256::digest(shape.as_bytes());
    format!("text:{}", hex::encode(&digest[..8]))
}

#[cfg(test)]
mod tests;
