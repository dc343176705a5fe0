//! Findings as faults of the file in which an expression stands.

use super::{Context, Finding, lint};
use crate::promql::syntax::{Expr, parse};
use crate::syntax::{Node, Reader, Span};

/// The code of an expression that cannot be read.
pub const BAD_EXPRESSION: &str = "bad-expression";

/// Reads the expression that a scalar of a file holds, and reports what is wrong with it: an error when it
/// cannot be evaluated, else a warning for each finding.
pub fn read(reader: &mut Reader, node: &Node, context: &Context) -> Option<Expr> {
    let text = reader.text_of(node, "an expression of PromQL")?;
    match parse(text) {
        Ok(expr) => {
            for finding in lint(text, &expr, context) {
                report(reader, node, &finding);
            }
            Some(expr)
        }
        Err(error) => {
            let span = place(reader, node, text, error.span);
            reader.error(span, BAD_EXPRESSION, error.message).help = error.help;
            None
        }
    }
}

/// Reports a finding about the expression that a scalar holds.
pub fn report(reader: &mut Reader, node: &Node, finding: &Finding) {
    let span = place(reader, node, node.scalar().unwrap_or_default(), finding.span);
    let help = match &finding.corrected {
        Some(corrected) => format!("{}: {}", finding.help, on_one_line(corrected)),
        None => finding.help.clone(),
    };
    reader.warning(span, finding.code, finding.message.clone(), help);
}

/// An expression on one line, unless that would change it: a comment reaches to its line's end, and a
/// text in backquotes may have several lines.
fn on_one_line(expression: &str) -> String {
    if expression.contains(['#', '`']) {
        return expression.to_owned();
    }
    expression.lines().map(str::trim).filter(|line| !line.is_empty()).collect::<Vec<_>>().join(" ")
}

/// Where bytes of a scalar's text stand in the file; all of the scalar where that cannot be told, as for
/// an alias.
#[must_use]
pub fn place(reader: &Reader, node: &Node, text: &str, span: Span) -> Span {
    let (_, file, local) = reader.place(node.span);
    let Some(places) = file.get(local.start..).and_then(|source| places(source, text)) else { return node.span };
    let at = |byte: usize| places.get(byte).map(|at| node.span.start + at);
    // An end is behind the last byte meant, which may be a line's last.
    let end = if span.end > span.start { at(span.end - 1).map(|at| at + 1) } else { at(span.end) };
    match (at(span.start), end) {
        (Some(start), Some(end)) if end > start || span.start == span.end => Span { start, end },
        _ => node.span,
    }
}

/// For every byte of a scalar's text and its end, the byte of the source, which begins with the scalar.
fn places(source: &str, text: &str) -> Option<Vec<usize>> {
    let quote = source.chars().next().filter(|first| ['"', '\''].contains(first));
    let block = source.starts_with(['|', '>']);
    let mut at = match (quote, block) {
        (Some(_), _) => 1,
        (None, true) => source.find('\n')? + 1,
        (None, false) => 0,
    };
    let mut places = Vec::with_capacity(text.len() + 1);
    let mut chars = text.char_indices().peekable();
    while let Some((from, c)) = chars.next() {
        if c.is_whitespace() {
            // YAML folds and indents: a run of blanks is a run of blanks.
            while chars.next_if(|(_, c)| c.is_whitespace()).is_some() {}
            let until = chars.peek().map_or(text.len(), |(at, _)| *at);
            places.resize(until, at);
            at += blanks(source.get(at..)?, quote);
            continue;
        }
        // Blanks that stand only in the source: the indentation of a first line.
        if places.is_empty() {
            at += blanks(source.get(at..)?, quote);
        }
        let written = written(source.get(at..)?, c, quote)?;
        places.resize(from + c.len_utf8(), at + written - 1);
        places.get_mut(from).into_iter().for_each(|place| *place = at);
        at += written;
    }
    places.push(at);
    Some(places)
}

/// How many bytes of blanks a source begins with, escaped ones included.
fn blanks(source: &str, quote: Option<char>) -> usize {
    let mut rest = source;
    loop {
        rest = rest.trim_start();
        match rest.strip_prefix('\\').filter(|_| quote == Some('"')) {
            Some(escaped) if escaped.starts_with(['n', 't', 'r', ' ', '\n', '\r']) => {
                rest = escaped.get(1..).unwrap_or_default();
            }
            _ => return source.len() - rest.len(),
        }
    }
}

/// How many bytes a character takes in the source; nothing when another stands there.
fn written(source: &str, c: char, quote: Option<char>) -> Option<usize> {
    if source.starts_with(c) && !(c == '\\' && quote == Some('"')) {
        let doubled = c == '\'' && quote == Some('\'');
        return Some(if doubled { 2 } else { c.len_utf8() });
    }
    let escaped = source.strip_prefix('\\').filter(|_| quote == Some('"'))?;
    escaped.starts_with(c).then_some(1 + c.len_utf8())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::syntax::{Fault, render};

    fn faults(text: &str) -> Vec<Fault> {
        let mut reader = Reader::new("rules.yml", text);
        let node = crate::syntax::parse(&mut reader).unwrap();
        read(&mut reader, node.below("expr").unwrap(), &Context::default());
        reader.into_faults()
    }

    fn underlined(text: &str) -> Vec<&str> {
        faults(text).iter().map(|fault| &text[fault.span.start..fault.span.end]).collect()
    }

    #[test]
    fn the_place_is_found_in_every_sort_of_scalar() {
        let part = "rate(pg_up[5m])";
        for (text, expected) in [
            ("expr: 1 + rate(pg_up[5m])\n", part),
            ("expr: '1 + rate(pg_up{a!=''x''}[5m])'\n", "rate(pg_up{a!=''x''}[5m])"),
            ("expr: \"1 +\\n rate(pg_up{a!=\\\"x\\\"}[5m])\"\n", "rate(pg_up{a!=\\\"x\\\"}[5m])"),
            ("expr: |\n  1 +\n\n    rate(pg_up[5m])\n", part),
            ("expr: >-\n    1 +\n    rate(pg_up[5m])\nx: y\n", part),
            ("expr: 1 +\n  rate(pg_up[5m])\n", part),
            ("expr: |+2\n   1 + # ü\n   rate(pg_up[5m])\n\n", part),
        ] {
            assert_eq!(underlined(text), [expected], "{text}");
        }
    }

    #[test]
    fn a_text_that_stands_elsewhere_is_underlined_where_it_is_used() {
        let text = "expr: ${var:x}\n";
        let mut reader = Reader::new("rules.yml", text);
        let kind = crate::syntax::Kind::Scalar { text: "1 + rate(pg_up[5m])".to_owned(), quoted: false };
        let node = Node { span: Span { start: 6, end: 14 }, kind };
        read(&mut reader, &node, &Context::default());
        assert_eq!(reader.into_faults().first().map(|fault| fault.span), Some(node.span));
    }

    #[test]
    fn a_syntax_error_has_its_place_too() {
        let text = "expr: |\n  sum(x) /\n  ratee(y[5m])\n";
        let shown = render(&faults(text), &|_| Some(text.to_owned()), false);
        insta::assert_snapshot!(shown, @r#"
        error[bad-expression]: unknown function with name "ratee"
         --> rules.yml:3:3
          |
        3 |   ratee(y[5m])
          |   ^^^^^
          |
          = help: did you mean `rate`?
        "#);
    }

    #[test]
    fn a_finding_is_shown_with_the_corrected_expression() {
        let text = "expr: |\n  pg_stat_activity_count\n    / pg_settings_max_connections > 0.8\n";
        let shown = render(&faults(text), &|_| Some(text.to_owned()), false);
        insta::assert_snapshot!(shown, @r#"
        warning[labels-never-match]: `/` yields nothing: the left side has labels (application_name, backend_type, datname, state, usename, wait_event, wait_event_type) that the right side never has
         --> rules.yml:2:3
          |
        2 |   pg_stat_activity_count
          |   ^^^^^^^^^^^^^^^^^^^^^^
          |
          = help: say which labels count: sum by (job, instance) (pg_stat_activity_count) / on (job, instance) pg_settings_max_connections > 0.8
        "#);
    }

    #[test]
    fn any_text_is_placed_or_not_without_a_panic() {
        for source in ["", "|", "\"", "'", "|\n", "\"\\", "é", "'é''", "> \n  é"] {
            for text in ["", "é", " ", "a b", "'", "\\", "\u{2003}x"] {
                if let Some(places) = places(source, text) {
                    assert_eq!(places.len(), text.len() + 1);
                }
            }
        }
    }
}
