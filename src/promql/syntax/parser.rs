//! The grammar of `PromQL`, read by descent; operators by their tightness.

use super::ast::{At, Cardinality, Expr, Grouping, Kind};
use super::build::{self, Middle};
use super::operators::TIGHT_AS_TIMES;
use super::token::{self, Token};
use super::{MOST_BYTES, MOST_NESTED, Operator, SyntaxError};
use crate::promql::labels::METRIC_NAME;
use crate::promql::matcher::{Comparison, Matcher};
use crate::promql::{aggregations, functions};
use crate::syntax::{Span, fault};

/// Words that cannot name a metric.
const RESERVED: [&str; 6] = ["bool", "on", "ignoring", "group_left", "group_right", "atan2"];

type Parsed = Result<Expr, SyntaxError>;

pub(super) fn parse(text: &str) -> Parsed {
    let whole = Span { start: 0, end: text.len() };
    if text.len() > MOST_BYTES {
        let message = format!("the expression has {} bytes; {MOST_BYTES} are read", text.len());
        return Err(SyntaxError::new(Span { start: 0, end: 0 }, message));
    }
    let mut parser = Parser { text, tokens: token::tokens(text)?, at: 0, open: 0 };
    if parser.token() == &Token::End {
        return Err(SyntaxError::new(whole, "no expression found in input"));
    }
    let expr = parser.expr(0)?;
    if parser.token() == &Token::End { Ok(expr) } else { Err(parser.unexpected("behind the expression")) }
}

struct Parser<'a> {
    text: &'a str,
    tokens: Vec<(Token, Span)>,
    at: usize,
    /// How many calls of `expr` are open.
    open: usize,
}

impl<'a> Parser<'a> {
    fn token(&self) -> &Token {
        &self.tokens[self.at.min(self.tokens.len() - 1)].0
    }

    fn span(&self) -> Span {
        self.tokens[self.at.min(self.tokens.len() - 1)].1
    }

    fn word(&self) -> &'a str {
        let Span { start, end } = self.span();
        self.text.get(start..end).unwrap_or_default()
    }

    fn step(&mut self) -> Span {
        let span = self.span();
        self.at += 1;
        span
    }

    /// Where the last token taken ends.
    fn end(&self) -> usize {
        self.at.checked_sub(1).map_or(0, |at| self.tokens[at].1.end)
    }

    fn is_sign(&self, sign: &str) -> bool {
        self.token() == &Token::Sign && self.word() == sign
    }

    fn take_sign(&mut self, sign: &str) -> bool {
        let there = self.is_sign(sign);
        self.at += usize::from(there);
        there
    }

    fn is_keyword(&self, keyword: &str) -> bool {
        self.token() == &Token::Word && self.word().eq_ignore_ascii_case(keyword)
    }

    fn take_keyword(&mut self, keyword: &str) -> bool {
        let there = self.is_keyword(keyword);
        self.at += usize::from(there);
        there
    }

    fn unexpected(&self, place: &str) -> SyntaxError {
        if self.token() == &Token::End {
            return SyntaxError::new(self.span(), format!("unexpected end of input {place}"));
        }
        SyntaxError::new(self.span(), format!("unexpected {} {place}", fault::quote(self.word())))
    }

    fn expect_sign(&mut self, sign: &str, place: &str) -> Result<(), SyntaxError> {
        if self.take_sign(sign) {
            return Ok(());
        }
        Err(self.unexpected(place).help(format!("`{sign}` should stand here")))
    }

    /// An expression of operators that bind at least so tight.
    fn expr(&mut self, tightness: u8) -> Parsed {
        self.open += 1;
        if self.open > MOST_NESTED {
            let message = format!("nested deeper than {MOST_NESTED} levels");
            return Err(SyntaxError::new(self.span(), message).help("split it into recording rules"));
        }
        let mut left = self.signed()?;
        while let Some(operator) = self.operator().filter(|operator| operator.tightness() >= tightness) {
            let middle = self.middle(operator)?;
            let right = self.expr(operator.right_tightness())?;
            left = build::binary(left, middle, right)?;
        }
        self.open -= 1;
        Ok(left)
    }

    fn operator(&self) -> Option<Operator> {
        match self.token() {
            Token::Sign | Token::Word => Operator::written(self.word()),
            _ => None,
        }
    }

    /// The operator and its modifiers.
    fn middle(&mut self, operator: Operator) -> Result<Middle, SyntaxError> {
        let span = self.step();
        let bool = self.take_keyword("bool");
        let labels = if self.take_keyword("on") {
            Some(Grouping::Only(self.label_list()?))
        } else if self.take_keyword("ignoring") {
            Some(Grouping::Without(self.label_list()?))
        } else {
            None
        };
        let mut group = None;
        for (word, cardinality) in [("group_left", Cardinality::ManyToOne), ("group_right", Cardinality::OneToMany)] {
            if labels.is_some() && self.take_keyword(word) {
                let include = if self.is_sign("(") { self.label_list()? } else { Vec::new() };
                group = Some((cardinality, include));
                break;
            }
        }
        if self.is_keyword("group_left") || self.is_keyword("group_right") {
            let error = self.unexpected("behind an operator");
            return Err(error.help("write `on (…)` or `ignoring (…)` before it"));
        }
        Ok(Middle { operator, span, bool, labels, group })
    }

    /// `(a, b)` of labels.
    fn label_list(&mut self) -> Result<Vec<String>, SyntaxError> {
        self.expect_sign("(", "where a list of labels begins")?;
        let mut labels = Vec::new();
        while !self.take_sign(")") {
            let label = match self.token() {
                Token::Word if !self.word().contains(':') => self.word().to_owned(),
                Token::Text(text) if !text.is_empty() => text.clone(),
                _ => return Err(self.unexpected("in a list of labels")),
            };
            labels.push(label);
            self.step();
            if !self.is_sign(")") {
                self.expect_sign(",", "in a list of labels")?;
            }
        }
        Ok(labels)
    }

    /// An operand with its sign: the sign binds as `*` does, so that `-1 ^ 2` is -1.
    fn signed(&mut self) -> Parsed {
        let minus = self.is_sign("-");
        if !minus && !self.is_sign("+") {
            return self.operand();
        }
        let start = self.step().start;
        let of = self.expr(TIGHT_AS_TIMES + 1)?;
        let span = Span { start, end: of.span.end };
        build::negate(of, span, minus)
    }

    /// An operand with its brackets, `offset` and `@`.
    fn operand(&mut self) -> Parsed {
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

    /// A duration or a number of seconds, in milliseconds.
    fn signed_duration(&mut self, place: &str) -> Result<i64, SyntaxError> {
        let minus = self.is_sign("-");
        if minus || self.is_sign("+") {
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

    /// The number that stands here: a duration counts its seconds; `inf` and `nan` are words.
    #[allow(clippy::cast_precision_loss)] // durations are below 2^53 ms
    fn number_here(&self) -> Option<f64> {
        match self.token() {
            Token::Number(number) => Some(*number),
            Token::Duration(milliseconds) => Some(*milliseconds as f64 / 1_000.0),
            Token::Word if self.is_keyword("inf") => Some(f64::INFINITY),
            Token::Word if self.is_keyword("nan") => Some(f64::NAN),
            _ => None,
        }
    }

    fn primary(&mut self) -> Parsed {
        let span = self.span();
        if let Some(number) = self.number_here() {
            self.step();
            return build::node(Kind::Number(number), span, true);
        }
        match self.token().clone() {
            Token::Text(text) => {
                self.step();
                build::node(Kind::Text(text), span, true)
            }
            Token::Word => self.named(),
            _ if self.is_sign("{") => self.selector(None),
            _ if self.take_sign("(") => {
                let of = self.expr(0)?;
                self.expect_sign(")", "in parentheses")?;
                let (span, constant) = (Span { start: span.start, end: self.end() }, of.constant);
                build::node(Kind::Paren(Box::new(of)), span, constant)
            }
            _ => Err(self.unexpected("where an expression should stand")),
        }
    }

    /// What begins with a name: an aggregation, a call or a selector.
    fn named(&mut self) -> Parsed {
        let name = self.word();
        let span = self.step();
        if let Some(aggregation) = aggregations::find(name)
            && (self.is_sign("(") || self.is_keyword("by") || self.is_keyword("without"))
        {
            let before = self.grouping()?;
            let args = self.args()?;
            let grouping = match before {
                Some(grouping) => Some(grouping),
                None => self.grouping()?,
            };
            let grouping = grouping.unwrap_or_else(|| Grouping::Only(Vec::new()));
            return build::aggregate(aggregation, args, grouping, Span { start: span.start, end: self.end() });
        }
        if self.is_sign("(") {
            let function = functions::find(name).ok_or_else(|| unknown_function(name, span))?;
            let args = self.args()?;
            return build::call(function, args, Span { start: span.start, end: self.end() });
        }
        if RESERVED.iter().any(|word| name.eq_ignore_ascii_case(word)) {
            return Err(SyntaxError::new(span, format!("unexpected `{name}` where an expression should stand")));
        }
        self.selector(Some((name, span)))
    }

    fn grouping(&mut self) -> Result<Option<Grouping>, SyntaxError> {
        if self.take_keyword("by") {
            return Ok(Some(Grouping::Only(self.label_list()?)));
        }
        if self.take_keyword("without") {
            return Ok(Some(Grouping::Without(self.label_list()?)));
        }
        Ok(None)
    }

    fn args(&mut self) -> Result<Vec<Expr>, SyntaxError> {
        self.expect_sign("(", "where arguments begin")?;
        let mut args = Vec::new();
        if self.take_sign(")") {
            return Ok(args);
        }
        loop {
            args.push(self.expr(0)?);
            if self.take_sign(")") {
                return Ok(args);
            }
            self.expect_sign(",", "in arguments")?;
        }
    }

    /// A metric's name, matchers in braces, or both.
    fn selector(&mut self, name: Option<(&str, Span)>) -> Parsed {
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
        matchers.push(matcher.map_err(|why| SyntaxError::new(span, format!("error parsing regexp: {why}")))?);
        Ok(())
    }
}

/// A metric's name may stand before the braces or inside, not both.
fn twice(metric: Option<&str>, inside: &str, span: Span) -> Result<(), SyntaxError> {
    let Some(metric) = metric else { return Ok(()) };
    Err(SyntaxError::new(span, format!("metric name must not be set twice: \"{metric}\" or \"{inside}\"")))
}

fn unknown_function(name: &str, span: Span) -> SyntaxError {
    let error = SyntaxError::new(span, format!("unknown function with name \"{name}\""));
    let names = functions::all().map(|function| function.name).chain(aggregations::all().map(|one| one.name));
    match fault::meant(name, names) {
        Some(meant) => error.help(format!("did you mean `{meant}`?")),
        None => error,
    }
}

/// Seconds as whole milliseconds, when they fit.
#[allow(clippy::cast_possible_truncation, clippy::cast_precision_loss)] // the range is checked
fn whole_milliseconds(seconds: f64) -> Option<i64> {
    let milliseconds = (seconds * 1_000.0).round();
    let fits = milliseconds.is_finite() && milliseconds.abs() < i64::MAX as f64;
    fits.then_some(milliseconds as i64)
}
