//! The text of an expression: where its parts are written, and what it is with some of them changed.

use crate::promql::labels::METRIC_NAME;
use crate::promql::matcher::{Comparison, Matcher};
use crate::promql::syntax::{Token, tokens};
use crate::syntax::Span;

/// An expression's text and its tokens.
pub(super) struct Text<'a> {
    text: &'a str,
    tokens: Vec<(Token, Span)>,
}

/// A matcher as it is written in braces.
pub(super) struct Written {
    /// What it says.
    pub matcher: Matcher,
    /// All of it.
    pub span: Span,
    /// Its sign.
    pub sign: Span,
    /// Its value with the quotes.
    pub value: Span,
}

/// The labels of an aggregation as they are written.
pub(super) struct Clause {
    /// `without` instead of `by`.
    pub without: bool,
    /// From parenthesis to parenthesis.
    pub list: Span,
}

impl<'a> Text<'a> {
    /// Of a text that was parsed: its tokens are sound.
    pub fn new(text: &'a str) -> Text<'a> {
        Text { text, tokens: tokens(text).unwrap_or_default() }
    }

    /// What is written at a place.
    pub fn at(&self, span: Span) -> &'a str {
        self.text.get(span.start..span.end).unwrap_or_default()
    }

    /// What is written at a place, as a message quotes it.
    pub fn quote(&self, span: Span) -> String {
        let words: Vec<&str> = self.at(span).split_whitespace().collect();
        crate::syntax::fault::quote(&words.join(" "))
    }

    /// The whole text with some places written otherwise; they do not overlap.
    pub fn with(&self, mut changes: Vec<(Span, String)>) -> String {
        changes.sort_by_key(|(span, _)| *span);
        let (mut out, mut at) = (String::with_capacity(self.text.len() + 64), 0);
        for (span, new) in changes {
            out.push_str(self.text.get(at..span.start).unwrap_or_default());
            out.push_str(&new);
            at = span.end;
        }
        out.push_str(self.text.get(at..).unwrap_or_default());
        out
    }

    fn tokens_in(&self, span: Span) -> &[(Token, Span)] {
        let from = self.tokens.partition_point(|(_, place)| place.start < span.start);
        let until = self.tokens.partition_point(|(_, place)| place.start < span.end);
        self.tokens.get(from..until).unwrap_or_default()
    }

    /// Whether two places hold the same tokens.
    pub fn same(&self, one: Span, other: Span) -> bool {
        let (one, other) = (self.tokens_in(one), self.tokens_in(other));
        one.len() == other.len() && one.iter().zip(other).all(|(a, b)| self.at(a.1) == self.at(b.1))
    }

    /// What stands in the first brackets behind a place: of `[5m:1m]` the `5m`.
    pub fn range(&self, behind: usize) -> Option<Span> {
        let from = self.tokens.partition_point(|(_, place)| place.start < behind);
        let mut tokens = self.tokens.get(from..)?.iter().map(|(_, span)| *span);
        tokens.by_ref().find(|span| self.at(*span) == "[")?;
        let first = tokens.next()?;
        let last = tokens.take_while(|span| !["]", ":"].contains(&self.at(*span))).last().unwrap_or(first);
        Some(Span { start: first.start, end: last.end })
    }

    /// Where an aggregation says which labels make its groups.
    pub fn clause(&self, aggregate: Span) -> Option<Clause> {
        let tokens = self.tokens_in(aggregate);
        let (mut depth, mut word) = (0, None);
        for (at, (token, span)) in tokens.iter().enumerate().skip(1) {
            match self.at(*span) {
                "(" => depth += 1,
                ")" => depth -= 1,
                text if depth == 0 && *token == Token::Word => {
                    word = Some((at, text.eq_ignore_ascii_case("without")));
                    break;
                }
                _ => {}
            }
        }
        let (at, without) = word?;
        let list = tokens.get(at + 1..)?;
        let end = list.iter().find(|(_, span)| self.at(*span) == ")")?;
        Some(Clause { without, list: Span { start: list.first()?.1.start, end: end.1.end } })
    }

    /// The matchers of a selector that are written in braces, and where the braces stand.
    pub fn matchers(&self, selector: Span) -> (Vec<Written>, Option<Span>) {
        let tokens = self.tokens_in(selector);
        let brace = |sign: &str| tokens.iter().find(|(token, span)| *token == Token::Sign && self.at(*span) == sign);
        let braces = brace("{").zip(brace("}")).map(|(open, close)| Span { start: open.1.start, end: close.1.end });
        let written = tokens.windows(3).filter_map(|three| self.written(three));
        (written.collect(), braces)
    }

    fn written(&self, three: &[(Token, Span)]) -> Option<Written> {
        let [(label, label_span), (Token::Sign, sign), (Token::Text(value), value_span)] = three else { return None };
        let label = match label {
            Token::Word => self.at(*label_span),
            Token::Text(text) => text,
            _ => return None,
        };
        let comparisons = [Comparison::Equal, Comparison::NotEqual, Comparison::Like, Comparison::NotLike];
        let comparison = comparisons.into_iter().find(|one| one.symbol() == self.at(*sign))?;
        let matcher = Matcher::new(label, comparison, value).ok()?;
        let span = Span { start: label_span.start, end: value_span.end };
        Some(Written { matcher, span, sign: *sign, value: *value_span })
    }

    /// The text without one matcher of a selector; nothing when no selector would be left.
    pub fn without_matcher(&self, selector: Span, gone: Span) -> Option<String> {
        let (matchers, braces) = self.matchers(selector);
        let braces = braces?;
        let inside: Vec<Span> =
            self.tokens_in(braces).iter().map(|(_, span)| *span).filter(|span| self.at(*span) == ",").collect();
        let named = braces.start > selector.start || matchers.iter().any(|one| one.matcher.name() == METRIC_NAME);
        if matchers.len() == 1 {
            return (braces.start > selector.start).then(|| self.with(vec![(braces, String::new())]));
        }
        let others_select = matchers.iter().any(|one| one.span != gone && !one.matcher.accepts(""));
        let before = inside.iter().rev().find(|comma| comma.end <= gone.start);
        let behind = inside.iter().find(|comma| comma.start >= gone.end);
        let next = behind.and_then(|comma| matchers.iter().find(|one| one.span.start > comma.start));
        let cut = match (next, before) {
            (Some(next), _) => Span { start: gone.start, end: next.span.start },
            (None, Some(comma)) => Span { start: comma.start, end: gone.end },
            (None, None) => gone,
        };
        (named || others_select).then(|| self.with(vec![(cut, String::new())]))
    }
}
