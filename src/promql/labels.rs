//! Labels of a series: names and values in the order of their names.

use std::fmt;
use std::sync::Arc;

/// The label that holds a metric's name.
pub const METRIC_NAME: &str = "__name__";

/// A label's name and value.
pub type Label = (Arc<str>, Arc<str>);

/// Names and values, sorted by name, no name twice, no value empty: an empty value is the same as no
/// label. Cheap to clone, so a sample can carry its series's labels.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Labels(Arc<[Label]>);

impl Labels {
    /// From pairs in any order; of two with the same name the later holds.
    pub fn new<N: Into<Arc<str>>, V: Into<Arc<str>>>(pairs: impl IntoIterator<Item = (N, V)>) -> Labels {
        let mut all: Vec<Label> = pairs.into_iter().map(|(name, value)| (name.into(), value.into())).collect();
        all.sort_by(|a, b| a.0.cmp(&b.0));
        all.reverse();
        all.dedup_by(|earlier, later| earlier.0 == later.0);
        all.reverse();
        all.retain(|(_, value)| !value.is_empty());
        Labels(all.into())
    }

    /// The value of a label, empty when there is none.
    #[must_use]
    pub fn get(&self, name: &str) -> &str {
        self.0.iter().find(|(own, _)| &**own == name).map_or("", |(_, value)| value)
    }

    /// The metric's name, empty when there is none.
    #[must_use]
    pub fn metric_name(&self) -> &str {
        self.get(METRIC_NAME)
    }

    /// All of them in the order of their names.
    pub fn iter(&self) -> impl Iterator<Item = &Label> {
        self.0.iter()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Without the metric's name.
    #[must_use]
    pub fn without_name(&self) -> Labels {
        self.retaining(|name| name != METRIC_NAME)
    }

    /// Only the labels named.
    #[must_use]
    pub fn only<S: AsRef<str>>(&self, names: &[S]) -> Labels {
        self.retaining(|name| names.iter().any(|wanted| wanted.as_ref() == name))
    }

    /// Without the labels named.
    #[must_use]
    pub fn without<S: AsRef<str>>(&self, names: &[S]) -> Labels {
        self.retaining(|name| !names.iter().any(|unwanted| unwanted.as_ref() == name))
    }

    /// Only the labels whose name pleases.
    #[must_use]
    pub fn retaining(&self, pleases: impl Fn(&str) -> bool) -> Labels {
        if self.0.iter().all(|(name, _)| pleases(name)) {
            return self.clone();
        }
        Labels(self.0.iter().filter(|(name, _)| pleases(name)).cloned().collect())
    }

    /// With one label set; an empty value takes it away.
    #[must_use]
    pub fn with(&self, name: &str, value: impl Into<Arc<str>>) -> Labels {
        let value = value.into();
        let mut all: Vec<Label> = self.0.to_vec();
        match all.binary_search_by(|(own, _)| (**own).cmp(name)) {
            Ok(at) if value.is_empty() => drop(all.remove(at)),
            Ok(at) => all[at].1 = value,
            Err(_) if value.is_empty() => return self.clone(),
            Err(at) => all.insert(at, (name.into(), value)),
        }
        Labels(all.into())
    }

    /// The labels themselves, to be shared further.
    pub(super) fn shared(pairs: Vec<Label>) -> Labels {
        Labels(pairs.into())
    }
}

/// As Prometheus's messages write them: `{__name__="up", job="node"}`.
impl fmt::Display for Labels {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("{")?;
        for (at, (name, value)) in self.0.iter().enumerate() {
            let comma = if at > 0 { ", " } else { "" };
            if is_plain_name(name) {
                write!(f, "{comma}{name}={}", quoted(value))?;
            } else {
                write!(f, "{comma}{}={}", quoted(name), quoted(value))?;
            }
        }
        f.write_str("}")
    }
}

/// Whether a label's name may stand without quotes.
#[must_use]
pub fn is_plain_name(name: &str) -> bool {
    !name.is_empty()
        && !name.starts_with(|c: char| c.is_ascii_digit())
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}

/// In double quotes, with Go's escapes.
#[must_use]
pub fn quoted(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 2);
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            c if c.is_ascii_control() => out.push_str(&format!("\\x{:02x}", u32::from(c))),
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_are_sorted_unique_and_never_empty() {
        let labels = Labels::new([("job", "a"), ("__name__", "up"), ("job", "b"), ("zone", "")]);
        assert_eq!(labels.to_string(), r#"{__name__="up", job="b"}"#);
        assert_eq!((labels.get("job"), labels.get("zone"), labels.len()), ("b", "", 2));
    }

    #[test]
    fn a_label_can_be_set_replaced_and_taken_away() {
        let labels = Labels::new([("b", "1")]);
        assert_eq!(labels.with("a", "0").with("b", "2").to_string(), r#"{a="0", b="2"}"#);
        assert_eq!(labels.with("b", ""), Labels::default());
        assert_eq!(labels.with("c", ""), labels);
    }

    #[test]
    fn odd_names_and_values_are_quoted() {
        let labels = Labels::new([("a.b", "x\"\\\n")]);
        assert_eq!(labels.to_string(), r#"{"a.b"="x\"\\\n"}"#);
    }
}
