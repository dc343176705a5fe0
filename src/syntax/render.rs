//! Faults as people read them: the line, a caret, and what to write instead.

use super::{Fault, Severity};
use annotate_snippets::{AnnotationKind, Level, Renderer, Snippet, normalize_untrusted_str};
use regex::Regex;
use std::fmt::Write;
use std::sync::OnceLock;

/// All faults, each with its line and a caret, in the order given. `source_of` gives a file's text;
/// without it only the place is named. What looks like a secret in the shown lines is blotted out:
/// this text travels to logs and over the API.
#[must_use]
pub fn render(faults: &[Fault], source_of: &dyn Fn(&str) -> Option<String>, color: bool) -> String {
    let renderer = if color { Renderer::styled() } else { Renderer::plain() };
    let mut out = String::new();
    for fault in faults {
        if !out.is_empty() {
            out.push('\n');
        }
        match source_of(&fault.file) {
            Some(source) => out.push_str(&with_source(fault, &blot_fault(fault, blot(&source)), &renderer)),
            None => out.push_str(&without_source(fault)),
        }
        out.push('\n');
    }
    out
}

fn with_source(fault: &Fault, source: &str, renderer: &Renderer) -> String {
    let level = match fault.severity {
        Severity::Error => Level::ERROR,
        Severity::Warning => Level::WARNING,
    };
    // The file may have changed since it was read: never slice beyond what is there.
    let (start, end) = (fault.span.start.min(source.len()), fault.span.end.min(source.len()));
    let place = Snippet::source(source)
        .path(fault.file.as_str())
        .fold(true)
        .annotation(AnnotationKind::Primary.span(start..end.max(start)));
    let title = level.primary_title(normalize_untrusted_str(&fault.message)).id(fault.code);
    let group = title.element(place);
    let group = match &fault.help {
        Some(help) => group.element(Level::HELP.message(normalize_untrusted_str(help))),
        None => group,
    };
    renderer.render(&[group])
}

fn without_source(fault: &Fault) -> String {
    let word = match fault.severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
    };
    let mut out = format!("{word}[{}]: {}\n", fault.code, fault.message);
    // Writing to a string cannot fail.
    let _ = write!(out, " --> {}:{}:{}", fault.file, fault.line, fault.column);
    if let Some(help) = &fault.help {
        let _ = write!(out, "\n  = help: {help}");
    }
    out
}

/// Also blots what the reader knows to be a secret wherever it stands, a block of several lines included.
fn blot_fault(fault: &Fault, source: String) -> String {
    if !SECRETS.contains(&fault.code) {
        return source;
    }
    match (source.get(..fault.span.start), source.get(fault.span.start..fault.span.end), source.get(fault.span.end..)) {
        (Some(before), Some(secret), Some(after)) => format!("{before}{}{after}", "*".repeat(secret.len())),
        _ => source,
    }
}

/// Codes of faults whose place is a secret as a whole.
const SECRETS: [&str; 2] = ["plain-secret", "bad-secret"];

/// What may stand before a secret, as a key of YAML.
const SECRET_KEY: &str = r#"\b(?:password|secret|token|bearer|webhook_url)["']?:\s*"#;

/// The text with secrets replaced by as many bytes of `*`, so that places stay where they are.
fn blot(source: &str) -> String {
    static SECRET: OnceLock<Vec<Regex>> = OnceLock::new();
    let patterns = SECRET.get_or_init(|| {
        let written = [
            format!(r#"{SECRET_KEY}"((?:[^"\\\n]|\\.)*)"#),
            format!(r"{SECRET_KEY}'([^'\n]*)"),
            format!(r#"{SECRET_KEY}([^\s"'|>{{\[](?:[^,}}\n]|,[^\s}}])*)"#),
            r#"\bpassword=([^\s"'&]+)"#.to_owned(),
            r"\bpassword='([^'\n]*)".to_owned(),
            r#"://[^\s/@:]*:([^\s"'?]+)@"#.to_owned(),
        ];
        // All are constants that a test compiles.
        written.iter().filter_map(|pattern| Regex::new(pattern).ok()).collect()
    });
    let mut blotted = source.as_bytes().to_vec();
    for pattern in patterns {
        for found in pattern.captures_iter(source).filter_map(|c| c.get(1)) {
            if !found.as_str().starts_with("${") {
                blotted[found.range()].fill(b'*');
            }
        }
    }
    // Whole characters were replaced by ASCII, so this is always text.
    String::from_utf8(blotted).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_blotted_and_references_are_not() {
        let cases = [
            ("dsn: postgresql://u:p%40s@h/db?password=x&y=1", "dsn: postgresql://u:*****@h/db?password=*&y=1"),
            ("dsn: host=h password='a b' user=u", "dsn: host=h password='***' user=u"),
            ("password: \"häh, \\\" x\"", "password: \"**********\""),
            ("{secret: a b,c, name: x}", "{secret: *****, name: x}"),
            ("'password': 'x y'", "'password': '***'"),
            ("secret: ${env:X}", "secret: ${env:X}"),
            ("password:\n  x y\nname: z", "password:\n  ***\nname: z"),
            ("password: \"a\n  b\"", "password: \"*\n  b\""),
            ("webhook_url: https://h/x", "webhook_url: ***********"),
            ("url: https://h:80/x", "url: https://h:80/x"),
        ];
        for (text, want) in cases {
            assert_eq!(blot(text), want);
        }
    }
}
