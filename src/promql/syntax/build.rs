//! Builds nodes and checks what Prometheus's parser checks: types, arguments, modifiers, depth.

use super::ast::{Aggregate, Binary, Call, Cardinality, Expr, Grouping, Kind, Matching, Selector, Shift, Subquery};
use super::{Class, MOST_LEVELS, Operator, SyntaxError};
use crate::promql::aggregations::Aggregation;
use crate::promql::functions::Function;
use crate::promql::matcher::Matcher;
use crate::promql::value::ValueType;
use crate::syntax::Span;

type Built = Result<Expr, SyntaxError>;

/// A node above others, unless it lies too deep.
pub(super) fn node(kind: Kind, span: Span, constant: bool) -> Built {
    let mut expr = Expr { kind, span, constant, levels: 1 };
    expr.levels += expr.parts().into_iter().map(|part| part.levels).max().unwrap_or(0);
    if expr.levels > MOST_LEVELS {
        let message = format!("more than {MOST_LEVELS} operators and calls one upon the other");
        return Err(SyntaxError::new(span, message).help("split it into recording rules"));
    }
    Ok(expr)
}

pub(super) fn selector(matchers: Vec<Matcher>, span: Span) -> Built {
    if matchers.iter().all(|matcher| matcher.accepts("")) {
        let message = "vector selector must contain at least one non-empty matcher";
        return Err(SyntaxError::new(span, message).help("name a metric, or a label with a value that is not empty"));
    }
    node(Kind::Selector(Selector { matchers, shift: Shift::default() }), span, false)
}

pub(super) fn range(of: Expr, range: i64, span: Span) -> Built {
    let Kind::Selector(selector) = of.kind else {
        let message = "ranges only allowed for vector selectors";
        return Err(SyntaxError::new(span, message).help("of an expression write a subquery: `[5m:]`"));
    };
    let early = match selector.shift {
        Shift { at: Some(_), .. } => "@",
        Shift { offset, .. } if offset != 0 => "offset",
        _ => return node(Kind::Range(selector, range), span, false),
    };
    let message = format!("no {early} modifiers allowed before range");
    Err(SyntaxError::new(span, message).help(format!("write the {early} modifier behind the brackets")))
}

pub(super) fn subquery(of: Expr, range: i64, step: Option<i64>, span: Span) -> Built {
    if of.yields() != ValueType::Vector {
        let message = format!("subquery is only allowed on instant vector, got {} instead", of.yields());
        return Err(SyntaxError::new(of.span, message));
    }
    node(Kind::Subquery(Box::new(Subquery { of, range, step, shift: Shift::default() })), span, false)
}

/// With an `offset` or `@` behind it.
pub(super) fn shifted(
    mut expr: Expr,
    span: Span,
    word: &str,
    set: impl FnOnce(&mut Shift) -> Result<(), String>,
) -> Built {
    let follows = expr.yields();
    let shift = match &mut expr.kind {
        Kind::Selector(selector) | Kind::Range(selector, _) => &mut selector.shift,
        Kind::Subquery(subquery) => &mut subquery.shift,
        _ => {
            let message = format!(
                "{word} modifier must be preceded by an instant vector selector or range vector selector or a subquery"
            );
            let help =
                format!("here it follows an expression that yields a {follows}; write it behind the selector inside");
            return Err(SyntaxError::new(expr.span, message).help(help));
        }
    };
    set(shift).map_err(|message| SyntaxError::new(span, message))?;
    expr.constant = shift.at.is_some();
    expr.span.end = span.end;
    Ok(expr)
}

pub(super) fn negate(of: Expr, span: Span, minus: bool) -> Built {
    if !matches!(of.yields(), ValueType::Scalar | ValueType::Vector) {
        let got = of.yields();
        let message =
            format!("unary expression only allowed on expressions of type scalar or instant vector, got \"{got}\"");
        return Err(SyntaxError::new(span, message));
    }
    let constant = of.constant;
    match of.kind {
        Kind::Number(value) => node(Kind::Number(if minus { -value } else { value }), span, true),
        _ if minus => node(Kind::Negate(Box::new(of)), span, constant),
        _ => node(Kind::Paren(Box::new(of)), span, constant),
    }
}

fn expect(expr: &Expr, wanted: ValueType, place: &str) -> Result<(), SyntaxError> {
    let got = expr.yields();
    if got == wanted {
        return Ok(());
    }
    let error = SyntaxError::new(expr.span, format!("expected type {wanted} in {place}, got {got}"));
    Err(match (wanted, got) {
        (ValueType::Matrix, ValueType::Vector) => error.help("write a range behind it, for example `[5m]`"),
        (ValueType::Vector, ValueType::Matrix) => {
            error.help("take the range away, or put a function such as `rate` around it")
        }
        (ValueType::Vector, ValueType::Scalar) => error.help("`vector(…)` makes a vector of a scalar"),
        (ValueType::Scalar, ValueType::Vector) => error.help("`scalar(…)` makes a scalar of a vector of one element"),
        _ => error,
    })
}

pub(super) fn call(function: &'static Function, args: Vec<Expr>, span: Span) -> Built {
    let (least, most, got, name) = (function.least(), function.most(), args.len(), function.name);
    let wrong = if most == Some(least) && got != least {
        Some(format!("expected {least} argument(s) in call to \"{name}\", got {got}"))
    } else if got < least {
        Some(format!("expected at least {least} argument(s) in call to \"{name}\", got {got}"))
    } else {
        let most = most.filter(|most| got > *most);
        most.map(|most| format!("expected at most {most} argument(s) in call to \"{name}\", got {got}"))
    };
    if let Some(message) = wrong {
        return Err(SyntaxError::new(span, message).help(format!("write {}", function.usage())));
    }
    for (at, arg) in args.iter().enumerate() {
        if let Some(wanted) = function.arg(at) {
            expect(arg, wanted, &format!("call to function \"{name}\""))?;
        }
    }
    if let Some(why) = function.refused() {
        return Err(SyntaxError::new(span, format!("function \"{name}\" is not supported: {why}")));
    }
    let constant = !function.uses_time && args.iter().all(|arg| arg.constant);
    node(Kind::Call(Call { function, args }), span, constant)
}

pub(super) fn aggregate(
    aggregation: &'static Aggregation,
    mut args: Vec<Expr>,
    grouping: Grouping,
    span: Span,
) -> Built {
    let wanted = 1 + usize::from(aggregation.param.is_some());
    let got = args.len();
    let Some(of) = args.pop().filter(|_| got == wanted) else {
        let message = if got == 0 {
            "no arguments for aggregate expression provided".to_owned()
        } else {
            format!("wrong number of arguments for aggregate expression provided, expected {wanted}, got {got}")
        };
        return Err(SyntaxError::new(span, message).help(format!("write {}", aggregation.usage())));
    };
    expect(&of, ValueType::Vector, "aggregation expression")?;
    let param = args.pop();
    if let (Some(param), Some(wanted)) = (&param, aggregation.param) {
        expect(param, wanted, "aggregation parameter")?;
    }
    if let Some(why) = aggregation.refused() {
        return Err(SyntaxError::new(span, format!("\"{}\" is not supported: {why}", aggregation.name)));
    }
    let constant = of.constant && param.as_ref().is_none_or(|param| param.constant);
    node(Kind::Aggregate(Box::new(Aggregate { aggregation, of, param, grouping })), span, constant)
}

/// What stands between the two sides.
pub(super) struct Middle {
    pub operator: Operator,
    /// Where the operator stands.
    pub span: Span,
    pub bool: bool,
    /// `on` or `ignoring`.
    pub labels: Option<Grouping>,
    /// `group_left` or `group_right` with the labels that it takes over.
    pub group: Option<(Cardinality, Vec<String>)>,
}

pub(super) fn binary(left: Expr, middle: Middle, right: Expr) -> Built {
    let span = Span { start: left.span.start, end: right.span.end };
    let symbol = middle.operator.symbol();
    let class = middle.operator.class();
    let at = |message: String| SyntaxError::new(middle.span, message);
    if middle.bool && class != Class::Comparison {
        return Err(at("bool modifier can only be used on comparison operators".to_owned()));
    }
    let types = (left.yields(), right.yields());
    for side in [&left, &right] {
        if !matches!(side.yields(), ValueType::Scalar | ValueType::Vector) {
            let message = "binary expression must contain only scalar and instant vector types";
            return Err(SyntaxError::new(side.span, message).help(format!("this side is a {}", side.yields())));
        }
    }
    let vectors = types == (ValueType::Vector, ValueType::Vector);
    if class == Class::Comparison && !middle.bool && types == (ValueType::Scalar, ValueType::Scalar) {
        let message = "comparisons between scalars must use BOOL modifier".to_owned();
        return Err(at(message).help(format!("write `{symbol} bool`")));
    }
    if class == Class::Set && middle.group.is_some() {
        return Err(at(format!("no grouping allowed for \"{symbol}\" operation")));
    }
    if class == Class::Set && !vectors {
        let message = format!("set operator \"{symbol}\" not allowed in binary scalar expression");
        return Err(at(message).help("`vector(…)` makes a vector of a scalar"));
    }
    // Prometheus lets an empty list pass, and then forgets the matching.
    if middle.labels.as_ref().is_some_and(|labels| !labels.names().is_empty()) && !vectors {
        return Err(at("vector matching only allowed between instant vectors".to_owned()));
    }
    let (cardinality, include) = match middle.group {
        Some(group) => group,
        None if class == Class::Set => (Cardinality::ManyToMany, Vec::new()),
        None => (Cardinality::OneToOne, Vec::new()),
    };
    if let Some(Grouping::Only(on)) = &middle.labels
        && let Some(twice) = include.iter().find(|label| on.contains(label))
    {
        return Err(at(format!("label \"{twice}\" must not occur in ON and GROUP clause at once")));
    }
    let labels = middle.labels.unwrap_or_else(|| Grouping::Without(Vec::new()));
    let matching = Matching { labels, cardinality, include };
    let constant = left.constant && right.constant;
    let (operator, bool) = (middle.operator, middle.bool);
    node(Kind::Binary(Box::new(Binary { operator, bool, left, right, matching })), span, constant)
}
