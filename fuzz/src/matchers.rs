//! Regular expressions of matchers, `PromQL`'s and those of the configuration: the first line is the
//! pattern, the rest the text.

use pgmedic::model::Matcher as LabelMatcher;
use pgmedic::promql::matcher::{Comparison, Matcher};

/// Compiles the pattern and matches the text.
pub fn run(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let (pattern, value) = text.split_once('\n').unwrap_or((text, "a"));
    for comparison in [Comparison::Like, Comparison::NotLike, Comparison::Equal] {
        if let Ok(matcher) = Matcher::new("l", comparison, pattern) {
            let _ = matcher.accepts(value);
            let _ = matcher.to_string();
        }
    }
    for written in [pattern.to_owned(), format!("l=~{pattern}"), format!("l!~\"{pattern}\"")] {
        if let Ok(matcher) = LabelMatcher::parse(&written) {
            let _ = matcher.matches(&[("l".to_owned(), value.to_owned())].into());
        }
    }
}
