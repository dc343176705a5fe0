//! Label matchers of a selector.

use super::labels::{Labels, METRIC_NAME, quoted};
use super::regex;
use ::regex::Regex;
use std::fmt;

/// How a label's value is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Comparison {
    /// `=`
    Equal,
    /// `!=`
    NotEqual,
    /// `=~`
    Like,
    /// `!~`
    NotLike,
}

impl Comparison {
    /// As it is written.
    #[must_use]
    pub fn symbol(self) -> &'static str {
        match self {
            Comparison::Equal => "=",
            Comparison::NotEqual => "!=",
            Comparison::Like => "=~",
            Comparison::NotLike => "!~",
        }
    }
}

/// One matcher of a selector: `job=~"node.*"`.
#[derive(Clone, Debug)]
pub struct Matcher {
    name: String,
    comparison: Comparison,
    value: String,
    pattern: Pattern,
}

/// What a value is held against: the plain forms of a regular expression need no engine.
#[derive(Clone, Debug)]
enum Pattern {
    Literal,
    OneOf(Vec<String>),
    Anything,
    Something,
    Regex(Regex),
}

impl Matcher {
    /// A matcher.
    ///
    /// # Errors
    /// When the value should be a regular expression and is none: says what is wrong with it.
    pub fn new(name: &str, comparison: Comparison, value: &str) -> Result<Matcher, String> {
        let pattern = match comparison {
            Comparison::Equal | Comparison::NotEqual => Pattern::Literal,
            Comparison::Like | Comparison::NotLike => Pattern::of(value)?,
        };
        Ok(Matcher { name: name.to_owned(), comparison, value: value.to_owned(), pattern })
    }

    /// The matcher of a metric's name.
    #[must_use]
    pub fn metric_name(name: &str) -> Matcher {
        let (label, value) = (METRIC_NAME.to_owned(), name.to_owned());
        Matcher { name: label, comparison: Comparison::Equal, value, pattern: Pattern::Literal }
    }

    /// The label.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// How it compares.
    #[must_use]
    pub fn comparison(&self) -> Comparison {
        self.comparison
    }

    /// What it compares with.
    #[must_use]
    pub fn value(&self) -> &str {
        &self.value
    }

    /// Whether it has a compiled regular expression.
    pub(super) fn is_compiled(&self) -> bool {
        matches!(self.pattern, Pattern::Regex(_))
    }

    /// Whether a value satisfies it; an absent label counts as empty.
    #[must_use]
    pub fn accepts(&self, value: &str) -> bool {
        let fits = match &self.pattern {
            Pattern::Literal => self.value == value,
            Pattern::OneOf(values) => values.binary_search_by(|one| one.as_str().cmp(value)).is_ok(),
            Pattern::Anything => true,
            Pattern::Something => !value.is_empty(),
            Pattern::Regex(regex) => regex.is_match(value),
        };
        fits == matches!(self.comparison, Comparison::Equal | Comparison::Like)
    }

    /// Whether a series satisfies it.
    #[must_use]
    pub fn matches(&self, labels: &Labels) -> bool {
        self.accepts(labels.get(&self.name))
    }
}

impl Pattern {
    fn of(pattern: &str) -> Result<Pattern, String> {
        let plain = |c: char| c.is_alphanumeric() || "_-:/ =,@%|".contains(c);
        match pattern {
            ".*" => Ok(Pattern::Anything),
            ".+" => Ok(Pattern::Something),
            text if text.chars().all(plain) => {
                let mut values: Vec<String> = text.split('|').map(str::to_owned).collect();
                values.sort();
                Ok(Pattern::OneOf(values))
            }
            text => Ok(Pattern::Regex(regex::compile(text)?)),
        }
    }
}

impl fmt::Display for Matcher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}{}", self.name, self.comparison.symbol(), quoted(&self.value))
    }
}

impl PartialEq for Matcher {
    fn eq(&self, other: &Matcher) -> bool {
        (&self.name, self.comparison, &self.value) == (&other.name, other.comparison, &other.value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_patterns_match_as_the_regular_expressions_they_are() {
        for pattern in ["a", "a|b", "", "a|", ".*", ".+", "a.*", "x-1|y/2", "(a|b)"] {
            let matcher = Matcher::new("l", Comparison::Like, pattern).unwrap();
            let regex = regex::compile(pattern).unwrap();
            for value in ["", "a", "b", "ab", "x-1", "y/2", "a|b", "A", "é"] {
                assert_eq!(matcher.accepts(value), regex.is_match(value), "{pattern} on {value:?}");
            }
        }
    }

    #[test]
    fn an_absent_label_is_empty() {
        let labels = Labels::new([("job", "a")]);
        let holds = |comparison, value| Matcher::new("zone", comparison, value).unwrap().matches(&labels);
        assert!(holds(Comparison::Equal, ""));
        assert!(holds(Comparison::NotEqual, "x"));
        assert!(holds(Comparison::NotLike, ".+"));
        assert!(!holds(Comparison::Like, ".+"));
    }
}
