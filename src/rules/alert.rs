//! The states of one alerting rule's alerts.

use super::group::Around;
use super::read::{Alert, Rule, Text};
use super::template::{Data, Element, Query, Texts};
use crate::promql::Labels;
use crate::promql::labels::METRIC_NAME;
use std::collections::BTreeMap;

/// Milliseconds for which a resolved alert is remembered.
const RESOLVED_RETENTION: i64 = 15 * 60_000;

/// What an alert is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// It no longer holds.
    Inactive,
    /// It holds, but not yet as long as the rule's `for`.
    Pending,
    /// It fires.
    Firing,
}

/// One alert.
#[derive(Clone, Debug, PartialEq)]
pub struct Active {
    /// Pending, firing or resolved.
    pub state: State,
    /// By name, an empty text being one too.
    pub annotations: BTreeMap<String, String>,
    /// The expression's number.
    pub value: f64,
    /// Since when it holds, in milliseconds.
    pub active_at: i64,
    /// Since when it fires only because of `keep_firing_for`.
    pub keep_firing_since: Option<i64>,
    /// When it ended.
    pub resolved_at: Option<i64>,
}

/// The alerts of a rule, by their labels.
#[derive(Clone, Debug, Default)]
pub struct Alerts {
    active: BTreeMap<Labels, Active>,
}

impl Alerts {
    /// Those that fire.
    pub fn firing(&self) -> impl Iterator<Item = (&Labels, &Active)> {
        self.active.iter().filter(|(_, alert)| alert.state == State::Firing && alert.resolved_at.is_none())
    }

    /// All that are known, the resolved of the last 15 minutes included.
    pub fn all(&self) -> impl Iterator<Item = (&Labels, &Active)> {
        self.active.iter()
    }

    /// Takes what holds at a time, each with its labels and annotations; yields `ALERTS` and
    /// `ALERTS_FOR_STATE`.
    pub(super) fn update(
        &mut self,
        rule: &Rule,
        spec: &Alert,
        found: Vec<Found>,
        at: i64,
        limit: usize,
    ) -> Result<Vec<(Labels, f64)>, String> {
        let mut now = BTreeMap::new();
        for Found { labels, annotations, value } in found {
            let state = State::Pending;
            let alert = Active { state, annotations, value, active_at: at, keep_firing_since: None, resolved_at: None };
            if now.insert(labels, alert).is_some() {
                return Err("vector contains metrics with the same labelset after applying alert labels".to_owned());
            }
        }
        let holding: Vec<Labels> = now.keys().cloned().collect();
        for (labels, alert) in now {
            match self.active.get_mut(&labels).filter(|known| known.state != State::Inactive) {
                Some(known) => (known.value, known.annotations) = (alert.value, alert.annotations),
                None => drop(self.active.insert(labels, alert)),
            }
        }
        let series = self.step(rule, spec, &holding, at);
        // Two series for each alert.
        let count = series.len() / 2;
        if limit > 0 && count > limit {
            self.active.clear();
            return Err(format!("exceeded limit of {limit} with {count} alerts"));
        }
        Ok(series)
    }

    /// Moves every alert to the state that it has at a time. `holding` is sorted.
    fn step(&mut self, rule: &Rule, spec: &Alert, holding: &[Labels], at: i64) -> Vec<(Labels, f64)> {
        let mut series = Vec::new();
        self.active.retain(|labels, alert| {
            let mut kept = true;
            if holding.binary_search(labels).is_ok() {
                alert.keep_firing_since = None;
            } else {
                let still = alert.state == State::Firing && spec.keep_firing > 0 && {
                    let since = *alert.keep_firing_since.get_or_insert(at);
                    at - since < spec.keep_firing
                };
                let forgotten = alert.resolved_at.is_some_and(|resolved| at - resolved > RESOLVED_RETENTION);
                kept = alert.state != State::Pending && !forgotten;
                if !still {
                    if alert.state != State::Inactive {
                        alert.state = State::Inactive;
                        alert.resolved_at = Some(at);
                    }
                    return kept;
                }
            }
            if alert.state == State::Pending && at - alert.active_at >= spec.hold {
                alert.state = State::Firing;
            }
            series.extend(samples(rule, labels, alert));
            kept
        });
        series
    }
}

/// An element of what an alerting rule's expression yields, its templates expanded.
pub(super) struct Found {
    pub labels: Labels,
    pub annotations: BTreeMap<String, String>,
    pub value: f64,
}

/// Expands the templates of an alert.
pub(super) fn expanded(
    rule: &Rule,
    spec: &Alert,
    (labels, value): (&Labels, f64),
    around: &Around,
    query: &Query,
    stop: &dyn Fn() -> bool,
) -> Found {
    let data = Data {
        labels: named(labels),
        external_labels: around.external_labels.clone(),
        external_url: around.external_url.clone(),
        value,
    };
    let template = format!("__alert_{}", rule.name);
    let expand = |text: &Text| {
        let said = text.template.expand((&template, &text.text), data.clone(), query, stop);
        said.unwrap_or_else(|error| format!("<error expanding template: error executing template {template}: {error}>"))
    };
    let mut all = labels.without_name();
    for text in &rule.labels {
        all = all.with(&text.name, expand(text));
    }
    let annotations = spec.annotations.iter().map(|text| (text.name.clone(), expand(text))).collect();
    Found { labels: all.with("alertname", rule.name.as_str()), annotations, value }
}

fn samples(rule: &Rule, labels: &Labels, alert: &Active) -> [(Labels, f64); 2] {
    // A label whose template said nothing is there as it is written, as in Prometheus.
    let written = rule.labels.iter().map(|text| (text.name.as_str(), text.text.as_str()));
    let own = labels.iter().map(|(name, value)| (&**name, &**value));
    let all = Labels::new(written.chain(own)).with("alertname", rule.name.as_str());
    let state = if alert.state == State::Firing { "firing" } else { "pending" };
    #[allow(clippy::cast_precision_loss)] // seconds are far below 2^53
    let since = alert.active_at.div_euclid(1_000) as f64;
    [
        (all.with(METRIC_NAME, "ALERTS").with("alertstate", state), 1.0),
        (all.with(METRIC_NAME, "ALERTS_FOR_STATE"), since),
    ]
}

/// Labels as templates see them.
pub(super) fn named(labels: &Labels) -> Texts {
    Texts::new(labels.iter().map(|(name, value)| (name.to_string(), value.to_string())).collect())
}

/// An element as templates see it.
pub(super) fn element((labels, value): (Labels, f64)) -> Element {
    Element { labels: named(&labels), value }
}
