//! A group of rules: evaluated one after the other, each seeing what those before it wrote.

use super::alert::{Alerts, element, expanded};
use super::read::{GroupSpec, Rule};
use super::template::Texts;
use crate::promql::labels::METRIC_NAME;
use crate::promql::{Engine, Expr, Labels, STALE, Store, Value, parse};
use std::collections::BTreeSet;

/// What all rules share.
#[derive(Clone, Debug, Default)]
pub struct Around {
    /// Evaluates.
    pub engine: Engine,
    /// Of the server; templates see them.
    pub external_labels: Texts,
    /// Of the server; templates see it.
    pub external_url: String,
}

/// A group and what it remembers from one evaluation to the next.
#[derive(Clone, Debug)]
pub struct Group {
    spec: GroupSpec,
    rules: Vec<Remembered>,
}

#[derive(Clone, Debug, Default)]
struct Remembered {
    alerts: Alerts,
    /// The series of the last evaluation: those that vanish get a staleness marker.
    returned: BTreeSet<Labels>,
}

/// A rule that could not be evaluated.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failed {
    /// The rule's name.
    pub rule: String,
    /// Why.
    pub why: String,
}

impl Group {
    /// Begins with no alert.
    #[must_use]
    pub fn new(spec: GroupSpec) -> Group {
        let rules = vec![Remembered::default(); spec.rules.len()];
        Group { spec, rules }
    }

    /// The group's name.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.spec.name
    }

    /// The alerts of every alerting rule of a name.
    pub fn alerts(&self, name: &str) -> impl Iterator<Item = &Alerts> {
        let all = self.spec.rules.iter().zip(&self.rules);
        all.filter(move |(rule, _)| rule.alert.is_some() && rule.name == name).map(|(_, kept)| &kept.alerts)
    }

    /// Evaluates every rule at a time in milliseconds and writes what it yields into the store. A rule
    /// that fails writes nothing; those behind it are evaluated all the same.
    pub fn eval(&mut self, at: i64, store: &mut Store, around: &Around, stop: &dyn Fn() -> bool) -> Vec<Failed> {
        let mut failed = Vec::new();
        for (rule, kept) in self.spec.rules.iter().zip(&mut self.rules) {
            let seen_at = at - self.spec.query_offset;
            let evaluation = Evaluation { at, seen_at, limit: self.spec.limit, around, stop };
            let outcome = evaluation.yields(rule, kept, store);
            let outcome = outcome.and_then(|series| write(store, kept, series, seen_at));
            if let Err(why) = outcome {
                failed.push(Failed { rule: rule.name.clone(), why });
            }
        }
        failed
    }
}

impl Group {
    /// As [`Group::eval`] for rules that alert, but nothing is written: only their states move.
    pub fn judge(&mut self, at: i64, store: &Store, around: &Around, stop: &dyn Fn() -> bool) -> Vec<Failed> {
        let mut failed = Vec::new();
        for (rule, kept) in self.spec.rules.iter().zip(&mut self.rules) {
            let evaluation =
                Evaluation { at, seen_at: at - self.spec.query_offset, limit: self.spec.limit, around, stop };
            if let Err(why) = evaluation.yields(rule, kept, store) {
                failed.push(Failed { rule: rule.name.clone(), why });
            }
        }
        failed
    }
}

struct Evaluation<'a> {
    at: i64,
    seen_at: i64,
    limit: usize,
    around: &'a Around,
    stop: &'a dyn Fn() -> bool,
}

impl Evaluation<'_> {
    fn yields(&self, rule: &Rule, kept: &mut Remembered, store: &Store) -> Result<Vec<(Labels, f64)>, String> {
        let found = self.query(&rule.expr, store, self.seen_at)?;
        let Some(spec) = &rule.alert else { return self.recorded(rule, found) };
        // A template looks at the evaluation's own time, whatever the offset.
        let query = |text: &str| {
            let expr = parse(text).map_err(|error| error.message)?;
            Ok(self.query(&expr, store, self.at)?.into_iter().map(element).collect())
        };
        let found =
            found.iter().map(|(labels, value)| expanded(rule, spec, (labels, *value), self.around, &query, self.stop));
        kept.alerts.update(rule, spec, found.collect(), self.at, self.limit)
    }

    fn query(&self, expr: &Expr, store: &Store, at: i64) -> Result<Vec<(Labels, f64)>, String> {
        match self.around.engine.instant(expr, store, at, self.stop).map_err(|error| error.to_string())? {
            Value::Vector(elements) => Ok(elements),
            Value::Scalar(value) => Ok(vec![(Labels::default(), value)]),
            Value::Matrix(_) | Value::Text(_) => Err("rule result is not a vector or scalar".to_owned()),
        }
    }

    fn recorded(&self, rule: &Rule, found: Vec<(Labels, f64)>) -> Result<Vec<(Labels, f64)>, String> {
        let named = |(labels, value): (Labels, f64)| {
            let labels = labels.with(METRIC_NAME, rule.name.as_str());
            (rule.labels.iter().fold(labels, |labels, text| labels.with(&text.name, text.text.as_str())), value)
        };
        let series: Vec<(Labels, f64)> = found.into_iter().map(named).collect();
        let different: BTreeSet<&Labels> = series.iter().map(|(labels, _)| labels).collect();
        if different.len() < series.len() {
            return Err("vector contains metrics with the same labelset after applying rule labels".to_owned());
        }
        if self.limit > 0 && series.len() > self.limit {
            return Err(format!("exceeded limit of {} with {} series", self.limit, series.len()));
        }
        Ok(series)
    }
}

/// Writes the series of an evaluation, and a staleness marker for those that there are no longer.
fn write(store: &mut Store, kept: &mut Remembered, series: Vec<(Labels, f64)>, at: i64) -> Result<(), String> {
    let mut returned = BTreeSet::new();
    let mut outcome = Ok(());
    for (labels, value) in series {
        match store.append(&labels, at, value) {
            Ok(()) => drop(returned.insert(labels)),
            Err(refused) => outcome = Err(refused.to_string()),
        }
    }
    for vanished in kept.returned.difference(&returned) {
        // Whoever wrote later than this to that series has it now.
        let _ = store.append(vanished, at, STALE);
    }
    kept.returned = returned;
    outcome
}
