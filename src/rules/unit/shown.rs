//! What was expected and what came, as people read it.

use crate::promql::Labels;
use crate::promql::labels::{METRIC_NAME, is_plain_name, quoted};
use std::collections::BTreeMap;

/// Labels or annotations.
type Texts = BTreeMap<String, String>;
/// An alert's labels and annotations.
type Alert = (Texts, Texts);

/// Takes from what came all that was expected, once each; yields what was expected and did not come.
pub(super) fn difference<T>(expected: Vec<T>, came: &mut Vec<T>, same: impl Fn(&T, &T) -> bool) -> Vec<T> {
    let is_missing = |one: &T| match came.iter().position(|other| same(one, other)) {
        Some(at) => {
            came.remove(at);
            false
        }
        None => true,
    };
    let mut is_missing = is_missing;
    expected.into_iter().filter(|one| is_missing(one)).collect()
}

/// A time as Prometheus writes durations: `1h30m`.
pub(super) fn time(milliseconds: i64) -> String {
    let mut rest = milliseconds;
    let mut out = String::new();
    for (size, unit) in [(86_400_000, "d"), (3_600_000, "h"), (60_000, "m"), (1_000, "s"), (1, "ms")] {
        if rest >= size {
            out.push_str(&format!("{}{unit}", rest / size));
            rest %= size;
        }
    }
    if out.is_empty() { "0s".to_owned() } else { out }
}

/// `up{job="a"}`
pub(super) fn series(labels: &Labels) -> String {
    let name = labels.metric_name();
    if name.is_empty() || !is_plain_name(&name.replace(':', "_")) {
        return labels.to_string();
    }
    let others = labels.retaining(|label| label != METRIC_NAME);
    if others.is_empty() { name.to_owned() } else { format!("{name}{others}") }
}

/// Alerts that were missing and that were not expected. Of one that is there with other annotations, only
/// the annotations that differ are told.
pub(super) fn alerts(missing: &[Alert], came: &[Alert]) -> (Vec<String>, Vec<String>) {
    let twin =
        |one: &Alert, others: &[Alert]| others.iter().find(|other| other.0 == one.0).map(|other| other.1.clone());
    let tell = |one: &Alert, others: &[Alert]| match twin(one, others) {
        Some(other) => {
            let differs = |(name, text): &(&String, &String)| other.get(*name) != Some(*text);
            told(&one.0, one.1.iter().filter(differs))
        }
        None => told(&one.0, one.1.iter()),
    };
    let lost = missing.iter().map(|one| tell(one, came)).collect();
    (lost, came.iter().map(|one| tell(one, missing)).collect())
}

fn told<'a>(labels: &Texts, annotations: impl Iterator<Item = (&'a String, &'a String)>) -> String {
    let labels: Vec<String> = labels.iter().map(|(name, value)| format!("{name}={}", quoted(value))).collect();
    let mut out = format!("{{{}}}", labels.join(", "));
    for (name, text) in annotations {
        out.push_str(&format!("\n  {name}: {}", quoted(text)));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_annotations_that_differ_are_told() {
        let texts = |pairs: &[(&str, &str)]| -> Texts {
            pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
        };
        let expected = (texts(&[("alertname", "A")]), texts(&[("a", "1"), ("b", "2")]));
        let came = (texts(&[("alertname", "A")]), texts(&[("a", "1"), ("b", "3")]));
        let (missing, unexpected) = alerts(&[expected], &[came]);
        assert_eq!(missing, ["{alertname=\"A\"}\n  b: \"2\""]);
        assert_eq!(unexpected, ["{alertname=\"A\"}\n  b: \"3\""]);
    }

    #[test]
    fn each_expected_one_is_taken_once() {
        let mut came = vec![1, 1, 2];
        assert_eq!(difference(vec![1, 3], &mut came, |a, b| a == b), [3]);
        assert_eq!(came, [1, 2]);
        assert_eq!((time(0), time(5_400_001)), ("0s".to_owned(), "1h30m1ms".to_owned()));
    }
}
