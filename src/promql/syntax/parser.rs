//! The grammar of `PromQL`, read by descent; operators by their tightness.

use super::ast::{Cardinality, Expr, Grouping, Kind};
use super::build::{self, Middle};
use super::operators::TIGHT_AS_TIMES;
use super::token::{self, Token};
use super::{MOST_BYTES, MOST_NESTED, Operator, SyntaxError};
use crate::promql::{aggregations, functions};
use crate::syntax::{Span, fault};

/// Words that cannot name a metric.
const RESERVED: [&str; 6] = ["bool", "on", "ignoring", "group_left", "group_right", "atan2"];

pub(super) type Parsed = Result<Expr, SyntaxError>;

pub(super) fn parse(text: &str) -> Parsed {
    let whole = Span { start: 0, end: text.len() };
    if text.len() > MOST_BYTES {
        let message = format!("the expression has {} bytes; {MOST_BYTES} are read", text.len());
        return Err(SyntaxError::new(Span { start: 0, end: 0 }, message));
    }
    let mut parser = Parser { text, tokens: token::tokens(text)?, at: 0, open: 0, regexes: 0 };
    if parser.token() == &Token::End {
        return Err(SyntaxError::new(whole, "no expression found in input"));
    }
    let expr = parser.expr(0)?;
    if parser.token() == &Token::End { Ok(expr) } else { Err(parser.unexpected("behind the expression")) }
}

pub(super) struct Parser<'a> {
    text: &'a str,
    tokens: Vec<(Token, Span)>,
    at: usize,
    /// How many calls of `expr` are open.
    open: usize,
    /// How many regular expressions were compiled.
    pub(super) regexes: usize,
}

impl<'a> Parser<'a> {
    pub(super) fn token(&self) -> &Token {
        &self.tokens[self.at.min(self.tokens.len() - 1)].0
    }

    pub(super) fn span(&self) -> Span {
        self.tokens[self.at.min(self.tokens.len() - 1)].1
    }

    pub(super) fn word(&self) -> &'a str {
        let Span { start, end } = self.span();
        self.text.get(start..end).unwrap_or_default()
    }

    pub(super) fn step(&mut self) -> Span {
        let span = self.span();
        self.at += 1;
        span
    }

    /// Where the last token taken ends.
    pub(super) fn end(&self) -> usize {
        self.at.checked_sub(1).map_or(0, |at| self.tokens[at].1.end)
    }

    pub(super) fn is_sign(&self, sign: &str) -> bool {
        self.token() == &Token::Sign && self.word() == sign
    }

    pub(super) fn take_sign(&mut self, sign: &str) -> bool {
        let there = self.is_sign(sign);
        self.at += usize::from(there);
        there
    }

    pub(super) fn is_keyword(&self, keyword: &str) -> bool {
        self.token() == &Token::Word && self.word().eq_ignore_ascii_case(keyword)
    }

    pub(super) fn take_keyword(&mut self, keyword: &str) -> bool {
        let there = self.is_keyword(keyword);
        self.at += usize::from(there);
        there
    }

    pub(super) fn unexpected(&self, place: &str) -> SyntaxError {
        if self.token() == &Token::End {
            return SyntaxError::new(self.span(), format!("unexpected end of input {place}"));
        }
        SyntaxError::new(self.span(), format!("unexpected {} {place}", fault::quote(self.word())))
    }

    pub(super) fn expect_sign(&mut self, sign: &str, place: &str) -> Result<(), SyntaxError> {
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
                // Of all keywords Prometheus takes only this one for no label.
                Token::Word if self.number_here().is_none() && !self.is_keyword("without") => self.word().to_owned(),
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

    /// The number that stands here: a duration counts its seconds; `inf` and `nan` are words.
    #[allow(clippy::cast_precision_loss)] // durations are below 2^53 ms
    pub(super) fn number_here(&self) -> Option<f64> {
        match self.token() {
            Token::Number(number) => Some(*number),
            Token::Duration(milliseconds) => Some(*milliseconds as f64 / 1_000.0),
            Token::Word if self.is_keyword("inf") => Some(f64::INFINITY),
            Token::Word if self.is_keyword("nan") => Some(f64::NAN),
            _ => None,
        }
    }

    pub(super) fn primary(&mut self) -> Parsed {
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
}

fn unknown_function(name: &str, span: Span) -> SyntaxError {
    let error = SyntaxError::new(span, format!("unknown function with name \"{name}\""));
    let names = functions::all().map(|function| function.name).chain(aggregations::all().map(|one| one.name));
    match fault::meant(name, names) {
        Some(meant) => error.help(format!("did you mean `{meant}`?")),
        None => error,
    }
}
