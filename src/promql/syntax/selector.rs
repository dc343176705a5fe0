//! Selectors and what stands behind an operand: brackets, `offset` and `@`.

use super::ast::{At, Expr};
use super::build;
use super::parser::{Parsed, Parser};
use super::token::Token;
use super::{MOST_REGEXES, SyntaxError};
use crate::promql::labels::METRIC_NAME;
use crate::promql::matcher::{Comparison, Matcher};
use crate::syntax::Span;

impl Parser<'_> {
    /// An operand with its brackets, `offset` and `@`.
    pub(super) fn operand(&mut self) -> Parsed {
        let mut expr = self.primary()?;
        loop {
            let start = self.span().start;
            if self.is_sign("[") {
                expr = self.brackets(expr)?;
            } else if self.take_keyword("offset") {
                let offset = self.signed_duration("in offset, expected duration")?;
                let span = Span { start, end: self.end() };
                expr = build::shifted(expr, span, "offset", |shift| match shift.offset {
                    0 => {
                        shift.offset = offset;
                        Ok(())
                    }
                    _ => Err("offset may not be set multiple times".to_owned()),
                })?;
            } else if self.take_sign("@") {
                let at = self.at_time()?;
                let span = Span { start, end: self.end() };
                expr = build::shifted(expr, span, "@", |shift| match shift.at.replace(at) {
                    None => Ok(()),
                    Some(_) => Err("@ <timestamp> may not be set multiple times".to_owned()),
                })?;
            } else {
                return Ok(expr);
            }
        }
    }

    /// `[5m]` or `[5m:1m]` behind an expression.
    fn brackets(&mut self, of: Expr) -> Parsed {
        self.step();
        let start = of.span.start;
        let range = self.positive_duration("in brackets, expected duration")?;
        if !self.take_sign(":") {
            self.expect_sign("]", "behind a range")?;
            return build::range(of, range, Span { start, end: self.end() });
        }
        let step =
            if self.is_sign("]") { None } else { Some(self.positive_duration("behind the colon of a subquery")?) };
        self.expect_sign("]", "behind a subquery's step")?;
        build::subquery(of, range, step, Span { start, end: self.end() })
    }

    fn positive_duration(&mut self, place: &str) -> Result<i64, SyntaxError> {
        let start = self.span().start;
        let duration = self.signed_duration(place)?;
        if duration > 0 {
            return Ok(duration);
        }
        let span = Span { start, end: self.end() };
        Err(SyntaxError::new(span, "duration must be greater than 0"))
    }

    /// A duration or a number of seconds with any number of signs, in milliseconds.
    fn signed_duration(&mut self, place: &str) -> Result<i64, SyntaxError> {
        let mut minus = false;
        while self.is_sign("-") || self.is_sign("+") {
            minus ^= self.is_sign("-");
            self.step();
        }
        let milliseconds = match self.token() {
            Token::Duration(milliseconds) => *milliseconds,
            Token::Number(seconds) => {
                let most = i64::MAX / 1_000_000_000;
                whole_milliseconds(*seconds)
                    .filter(|milliseconds| milliseconds / 1_000 < most)
                    .ok_or_else(|| SyntaxError::new(self.span(), "duration out of range"))?
            }
            _ => return Err(self.unexpected(place).help("write for example 30s, 5m or 1h30m")),
        };
        self.step();
        Ok(if minus { -milliseconds } else { milliseconds })
    }

    /// What stands behind `@`.
    fn at_time(&mut self) -> Result<At, SyntaxError> {
        for (word, at) in [("start", At::Start), ("end", At::End)] {
            if self.take_keyword(word) {
                self.expect_sign("(", "behind @ start or @ end")?;
                self.expect_sign(")", "behind @ start or @ end")?;
                return Ok(at);
            }
        }
        let minus = self.is_sign("-");
        if minus || self.is_sign("+") {
            self.step();
        }
        let Some(seconds) = self.number_here() else {
            let error = self.unexpected("in @, expected timestamp");
            return Err(error.help("write seconds since 1970, start() or end()"));
        };
        let span = self.step();
        let signed = if minus { -seconds } else { seconds };
        let out_of_bounds = || SyntaxError::new(span, format!("timestamp out of bounds for @ modifier: {signed}"));
        whole_milliseconds(signed).map(At::Time).ok_or_else(out_of_bounds)
    }

    /// A metric's name, matchers in braces, or both.
    pub(super) fn selector(&mut self, name: Option<(&str, Span)>) -> Parsed {
        let start = name.map_or(self.span().start, |(_, span)| span.start);
        let mut matchers: Vec<Matcher> = Vec::new();
        if self.take_sign("{") {
            while !self.take_sign("}") {
                self.matcher(name.map(|(name, _)| name), &mut matchers)?;
                if !self.is_sign("}") {
                    self.expect_sign(",", "in a selector's braces")?;
                }
            }
        }
        if let Some((name, _)) = name {
            matchers.push(Matcher::metric_name(name));
        }
        build::selector(matchers, Span { start, end: self.end() })
    }

    fn matcher(&mut self, metric: Option<&str>, matchers: &mut Vec<Matcher>) -> Result<(), SyntaxError> {
        let (label, alone) = match self.token() {
            Token::Word => (self.word().to_owned(), false),
            Token::Text(text) if !text.is_empty() => (text.clone(), true),
            _ => {
                return Err(self
                    .unexpected("in a selector's braces")
                    .help("a label matcher should stand here: job=\"node\""));
            }
        };
        let place = self.step();
        let comparisons = [Comparison::Equal, Comparison::NotEqual, Comparison::Like, Comparison::NotLike];
        let Some(comparison) = comparisons.into_iter().find(|one| self.take_sign(one.symbol())) else {
            if !alone {
                return Err(self
                    .unexpected("behind a label's name")
                    .help("write =, !=, =~ or !~ and a text in quotes"));
            }
            twice(metric, &label, place)?;
            matchers.push(Matcher::metric_name(&label));
            return Ok(());
        };
        let Token::Text(value) = self.token().clone() else {
            return Err(self.unexpected("in a label matcher").help("the value should stand in quotes"));
        };
        let span = self.step();
        if label == METRIC_NAME {
            twice(metric, &value, place)?;
        }
        let matcher = Matcher::new(&label, comparison, &value);
        let matcher = matcher.map_err(|why| SyntaxError::new(span, format!("error parsing regexp: {why}")))?;
        self.regexes += usize::from(matcher.is_compiled());
        if self.regexes > MOST_REGEXES {
            let error = SyntaxError::new(span, format!("more than {MOST_REGEXES} regular expressions"));
            return Err(error.help("split the expression into recording rules"));
        }
        matchers.push(matcher);
        Ok(())
    }
}

/// A metric's name may stand before the braces or inside, not both.
fn twice(metric: Option<&str>, inside: &str, span: Span) -> Result<(), SyntaxError> {
    let Some(metric) = metric else { return Ok(()) };
    Err(SyntaxError::new(span, format!("metric name must not be set twice: \"{metric}\" or \"{inside}\"")))
}

/// Seconds as whole milliseconds, when they fit.
#[allow(clippy::cast_possible_truncation, clippy::cast_precision_loss)] // the range is checked
fn whole_milliseconds(seconds: f64) -> Option<i64> {
    let milliseconds = (seconds * 1_000.0).round();
    let fits = milliseconds.is_finite() && milliseconds.abs() < i64::MAX as f64;
    fits.then_some(milliseconds as i64)
}
