//! Whether a playbook's `when` holds: each condition is an alert without a name for people, with the states of
//! the rules of Prometheus, moved at each collection and read when a trigger asks for a run.

use super::Decision;
use crate::model::{Mode, Verdict};
use crate::playbook::Condition;
use crate::promql::labels::METRIC_NAME;
use crate::promql::matcher::Comparison;
use crate::promql::syntax::ast::Kind;
use crate::promql::{Engine, Expr, Matcher, Store, SyntaxError, parse};
use crate::rules::read::{Alert, GroupSpec, Rule};
use crate::rules::{Around, Group};
use std::collections::BTreeSet;

/// Functions that ask whether there is something: that there is nothing is an answer.
const ABSENT: [&str; 2] = ["absent", "absent_over_time"];

/// A playbook's conditions and what is remembered of them from one collection to the next.
#[derive(Clone, Debug)]
pub struct Conditions {
    names: Vec<String>,
    group: Group,
    around: Around,
    /// The metrics that they name outside `absent`.
    metrics: BTreeSet<String>,
    /// Why the last collection could not be judged.
    blind: Option<String>,
}

/// Whether all conditions hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Held {
    /// All do.
    Yes,
    /// At least one does not, and which, in words.
    No(String),
    /// It cannot be known, and why, in words.
    NoData(String),
}

impl Conditions {
    /// Conditions of which nothing is known yet. `interval` is that of collections, in milliseconds.
    ///
    /// # Errors
    /// The first condition that is no `PromQL`, or looks at series without naming their metric, by its place in the
    /// list.
    pub fn new(when: &[Condition], interval: i64) -> Result<Conditions, (usize, SyntaxError)> {
        let mut metrics = BTreeSet::new();
        let mut rules = Vec::new();
        for (i, condition) in when.iter().enumerate() {
            let expr = parse(&condition.promql).map_err(|error| (i, error))?;
            named(&expr, &mut metrics).map_err(|error| (i, error))?;
            let milliseconds = |length: std::time::Duration| i64::try_from(length.as_millis()).unwrap_or(i64::MAX);
            let alert = Alert {
                hold: milliseconds(condition.hold),
                keep_firing: milliseconds(condition.keep_firing),
                annotations: Vec::new(),
            };
            rules.push(Rule { name: condition.name.clone(), expr, labels: Vec::new(), alert: Some(alert) });
        }
        let spec = GroupSpec { name: "when".to_owned(), interval: Some(interval), query_offset: 0, limit: 0, rules };
        let engine = Engine { default_step: interval, ..Engine::default() };
        Ok(Conditions {
            names: when.iter().map(|condition| condition.name.clone()).collect(),
            group: Group::new(spec),
            around: Around { engine, ..Around::default() },
            metrics,
            blind: None,
        })
    }

    /// Moves them to a collection at `at`, in milliseconds. `fresh` tells whether what feeds a metric has
    /// succeeded within two of its own intervals; `stop` ends an evaluation that takes too long.
    pub fn collected(&mut self, at: i64, store: &Store, fresh: &dyn Fn(&str) -> bool, stop: &dyn Fn() -> bool) {
        let failed = self.group.judge(at, store, &self.around, stop);
        let stale = self.metrics.iter().find(|metric| !fresh(metric));
        self.blind = stale.map(|metric| format!("nothing fresh of {metric}"));
        if let Some(failed) = failed.first() {
            self.blind = Some(format!("{} cannot be evaluated: {}", failed.rule, failed.why));
        }
    }

    /// Whether all held at the last collection.
    #[must_use]
    pub fn held(&self) -> Held {
        if let Some(why) = &self.blind {
            return Held::NoData(why.clone());
        }
        let fires = |name: &&String| self.group.alerts(name).any(|alerts| alerts.firing().next().is_some());
        let Some(name) = self.names.iter().find(|name| !fires(name)) else { return Held::Yes };
        let pending = self.group.alerts(name).any(|alerts| alerts.all().any(|(_, alert)| alert.resolved_at.is_none()));
        Held::No(if pending { format!("{name} has not held long enough yet") } else { format!("{name} does not hold") })
    }
}

impl Held {
    /// What a run comes to that is not begun because of it.
    #[must_use]
    pub fn stops(&self) -> Option<Decision> {
        let (verdict, why) = match self {
            Held::Yes => return None,
            Held::No(why) => (Verdict::Quiet, why.clone()),
            Held::NoData(why) => (Verdict::Skip, format!("no data: {why}")),
        };
        Some(Decision { verdict, mode: Mode::Observe, reason: format!("when: {why}"), guards: Vec::new() })
    }
}

/// Collects the metrics that an expression names. A selector that names none is refused: nobody could tell series
/// that are not collected any more from series that are not there.
fn named(expr: &Expr, metrics: &mut BTreeSet<String>) -> Result<(), SyntaxError> {
    match &expr.kind {
        Kind::Call(call) if ABSENT.contains(&call.function.name) => return Ok(()),
        Kind::Selector(selector) | Kind::Range(selector, _) => {
            let named = |m: &&Matcher| m.name() == METRIC_NAME && m.comparison() == Comparison::Equal;
            let Some(metric) = selector.matchers.iter().find(named).filter(|metric| !metric.value().is_empty()) else {
                let written: Vec<String> = selector.matchers.iter().map(Matcher::to_string).collect();
                return Err(SyntaxError {
                    span: expr.span,
                    message: format!(
                        "{{{}}} names no metric, so that nobody can tell whether it is still collected; write the \
                         metrics by name, joined by `or`",
                        written.join(",")
                    ),
                    help: None,
                });
            };
            metrics.insert(metric.value().to_owned());
        }
        _ => {}
    }
    expr.parts().into_iter().try_for_each(|part| named(part, metrics))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Duration;
    use crate::promql::Labels;

    const MINUTE: i64 = 60_000;

    fn condition(promql: &str, minutes: u64) -> Condition {
        Condition {
            name: "busy".to_owned(),
            promql: promql.to_owned(),
            hold: Duration::from_mins(minutes),
            keep_firing: Duration::ZERO,
        }
    }

    /// What is held after each value of `x{a="b"}` in turn, a minute apart.
    fn after(when: &[Condition], values: &[f64], fresh: bool) -> Vec<Held> {
        let mut conditions = Conditions::new(when, MINUTE).unwrap();
        let mut store = Store::default();
        let labels = Labels::new([(METRIC_NAME, "x"), ("a", "b")]);
        let held = (0..).zip(values).map(|(minute, value)| {
            store.append(&labels, minute * MINUTE, *value).unwrap();
            conditions.collected(minute * MINUTE, &store, &|_| fresh, &|| false);
            conditions.held()
        });
        held.collect()
    }

    #[test]
    fn a_condition_counts_only_after_it_has_held_for_long_enough() {
        let held = after(&[condition("x > 5", 2)], &[9.0, 9.0, 9.0, 1.0, 9.0], true);
        let not_yet = || Held::No("busy has not held long enough yet".to_owned());
        let not = Held::No("busy does not hold".to_owned());
        assert_eq!(held, [not_yet(), not_yet(), Held::Yes, not, not_yet()]);
        assert_eq!(held[3].stops().unwrap().verdict, Verdict::Quiet);
    }

    #[test]
    fn what_is_not_fresh_is_no_data_unless_its_absence_is_asked_for() {
        let held = after(&[condition("x > 5", 0)], &[9.0], false);
        assert_eq!(held, [Held::NoData("nothing fresh of x".to_owned())]);
        let decision = held[0].stops().unwrap();
        assert_eq!((decision.verdict, decision.reason.as_str()), (Verdict::Skip, "when: no data: nothing fresh of x"));
        assert_eq!(after(&[condition("absent(y)", 0)], &[9.0], false), [Held::Yes]);
    }

    #[test]
    fn a_selector_that_names_no_metric_is_refused_unless_its_absence_is_asked_for() {
        for blind in [r#"x unless on() {__name__=~"maint_.*"}"#, r#"count({a="b"}) > 1"#, r#"rate({a="b"}[5m])"#] {
            let (place, error) = Conditions::new(&[condition("x", 0), condition(blind, 0)], MINUTE).unwrap_err();
            assert!(place == 1 && error.message.contains("names no metric"), "{blind}: {}", error.message);
        }
        let message = Conditions::new(&[condition(r#"{__name__=~"maint_.*"}"#, 0)], MINUTE).unwrap_err().1.message;
        assert!(message.starts_with(r#"{__name__=~"maint_.*"} names no metric"#), "{message}");
        assert_eq!(after(&[condition(r#"absent({__name__=~"maint_.*"})"#, 0)], &[9.0], true), [Held::Yes]);
    }

    #[test]
    fn all_conditions_must_hold() {
        let other = Condition { name: "calm".to_owned(), ..condition("x < 7", 0) };
        let both = [condition("x > 5", 0), other];
        assert_eq!(after(&both, &[6.0, 9.0], true), [Held::Yes, Held::No("calm does not hold".to_owned())]);
        assert_eq!(Conditions::new(&[condition("x >", 0)], MINUTE).unwrap_err().0, 0);
    }
}
