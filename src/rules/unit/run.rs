//! Runs the tests of a file over its rules.

use super::read::{AlertCase, ExprCase, Test, TestFile};
use super::shown;
use crate::promql::value::number;
use crate::promql::{Engine, Labels, Store, Value};
use crate::rules::alert::Alerts;
use crate::rules::group::{Around, Group};
use crate::rules::read::GroupSpec;
use crate::rules::template::Texts;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Evaluations that one test may take.
const MOST_EVALUATIONS: i64 = 1_000_000;

const TOO_LONG: &str = "the test took too long and was stopped; write shorter series, and test earlier times";

/// One thing that a test expects, and whether it came.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Check {
    /// The file of the test, as it was named.
    pub file: String,
    /// From 1.
    pub line: usize,
    /// The test's name; empty when it has none.
    pub test: String,
    /// What was looked at: an expression or an alert, and when.
    pub what: String,
    /// Whether all came as expected.
    pub passed: bool,
    /// Why nothing could be compared.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// What was expected and did not come.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub missing: Vec<String>,
    /// What came and was not expected.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unexpected: Vec<String>,
}

/// Runs a test of a file over the groups of its rule files. `stop` ends it: what comes back then is not all.
#[must_use]
pub fn run(name: &str, file: &TestFile, test: &Test, groups: &[GroupSpec], stop: &dyn Fn() -> bool) -> Vec<Check> {
    let mut groups: Vec<Group> = groups.iter().cloned().map(Group::new).collect();
    // A group that is not named counts as the first, as in promtool.
    groups.sort_by_key(|group| file.order.iter().position(|name| name == group.name()).unwrap_or(0));
    let around = Around {
        engine: Engine { default_step: file.interval, ..Engine::default() },
        external_labels: Texts::new(test.external_labels.clone()),
        external_url: test.external_url.clone(),
    };
    let feed = Feed::new(test);
    let mut run = Run { name, file, test, groups, around, store: Store::default(), feed, checks: Vec::new(), stop };
    if run.evaluate() {
        run.expressions();
    }
    run.checks
}

/// The samples of the series in the order of time.
struct Feed {
    /// Of two series with the same labels the later holds.
    series: BTreeMap<Labels, Vec<Option<f64>>>,
    next: usize,
    longest: usize,
}

impl Feed {
    fn new(test: &Test) -> Feed {
        let series: BTreeMap<Labels, Vec<Option<f64>>> =
            test.series.iter().map(|input| (input.labels.clone(), input.values.clone())).collect();
        let longest = series.values().map(Vec::len).max().unwrap_or(0);
        Feed { series, next: 0, longest }
    }

    /// Appends all samples up to a time, unless `stop` says so before.
    fn until(&mut self, at: i64, test: &Test, store: &mut Store, stop: &dyn Fn() -> bool) -> Result<(), String> {
        while self.next < self.longest {
            if stop() {
                return Err(TOO_LONG.to_owned());
            }
            let time =
                i64::try_from(self.next).unwrap_or(i64::MAX).saturating_mul(test.interval).saturating_add(test.start);
            if time > at {
                break;
            }
            for (labels, values) in &self.series {
                if let Some(Some(value)) = values.get(self.next) {
                    store.append(labels, time, *value).map_err(|refused| format!("{refused}: series {labels}"))?;
                }
            }
            self.next += 1;
        }
        Ok(())
    }
}

struct Run<'a> {
    name: &'a str,
    file: &'a TestFile,
    test: &'a Test,
    groups: Vec<Group>,
    around: Around,
    store: Store,
    feed: Feed,
    checks: Vec<Check>,
    stop: &'a dyn Fn() -> bool,
}

impl Run<'_> {
    /// Evaluates the groups at every interval and compares alerts on the way; whether all could be
    /// evaluated.
    fn evaluate(&mut self) -> bool {
        let times = self.test.alerts.iter().map(|case| case.at).chain(self.test.exprs.iter().map(|case| case.at));
        let last = times.max().unwrap_or(0);
        if last / self.file.interval > MOST_EVALUATIONS {
            let why = format!("the rules would be evaluated more than {MOST_EVALUATIONS} times; test earlier times");
            self.failed(self.test.line, "the rules".to_owned(), why);
            return false;
        }
        let mut at = 0;
        while at <= last {
            // An evaluation asks only now and then, and there may be a million small ones.
            if (self.stop)() || !self.step(at) {
                return false;
            }
            let (test, next) = (self.test, at + self.file.interval);
            let mut due: Vec<&AlertCase> = test.alerts.iter().filter(|case| (at..next).contains(&case.at)).collect();
            due.sort_by_key(|case| case.at);
            for case in due {
                self.alerts(case);
            }
            at = next;
        }
        true
    }

    fn step(&mut self, at: i64) -> bool {
        let time = self.test.start + at;
        // Evaluations may be many and each of them short.
        if (self.stop)() {
            self.failed(self.test.line, "the rules".to_owned(), TOO_LONG.to_owned());
            return false;
        }
        if let Err(why) = self.feed.until(time, self.test, &mut self.store, self.stop) {
            self.failed(self.test.line, format!("the series at {}", shown::time(at)), why);
            return false;
        }
        let mut all = Vec::new();
        for group in &mut self.groups {
            all.extend(group.eval(time, &mut self.store, &self.around, self.stop));
        }
        for failed in &all {
            self.failed(self.test.line, format!("rule {} at {}", failed.rule, shown::time(at)), failed.why.clone());
        }
        all.is_empty()
    }

    fn check(&mut self, line: usize, what: String) -> &mut Check {
        let at = self.checks.len();
        self.checks.push(Check {
            file: self.name.to_owned(),
            line,
            test: self.test.name.clone(),
            what,
            passed: true,
            error: None,
            missing: Vec::new(),
            unexpected: Vec::new(),
        });
        &mut self.checks[at]
    }

    fn failed(&mut self, line: usize, what: String, why: String) {
        let check = self.check(line, what);
        (check.passed, check.error) = (false, Some(why));
    }

    fn compared(&mut self, line: usize, what: String, missing: Vec<String>, unexpected: Vec<String>) {
        let check = self.check(line, what);
        check.passed = missing.is_empty() && unexpected.is_empty();
        (check.missing, check.unexpected) = (missing, unexpected);
    }

    fn alerts(&mut self, case: &AlertCase) {
        let alerts = self.groups.iter().flat_map(|group| group.alerts(&case.alert));
        let firing = alerts.flat_map(Alerts::firing);
        let mut fired: Vec<_> = firing
            .map(|(labels, alert)| {
                let labels = labels.iter().map(|(name, value)| (name.to_string(), value.to_string()));
                (labels.collect::<BTreeMap<_, _>>(), alert.annotations.clone())
            })
            .collect();
        let missing = shown::difference(case.expected.clone(), &mut fired, |a, b| a == b);
        let (missing, unexpected) = shown::alerts(&missing, &fired);
        self.compared(case.line, format!("alert {} at {}", case.alert, shown::time(case.at)), missing, unexpected);
    }

    fn expressions(&mut self) {
        // They see the samples up to the last evaluation of the rules, as in promtool: those behind their own
        // time too, and none behind that evaluation.
        for case in &self.test.exprs {
            if (self.stop)() {
                return;
            }
            self.expression(case);
        }
    }

    fn expression(&mut self, case: &ExprCase) {
        let what = format!("`{}` at {}", case.text.trim(), shown::time(case.at));
        let mut yielded =
            match self.around.engine.instant(&case.expr, &self.store, self.test.start + case.at, self.stop) {
                Ok(Value::Vector(elements)) => elements,
                Ok(Value::Scalar(value)) => vec![(Labels::default(), value)],
                Ok(other) => {
                    let what_it_is = if matches!(other, Value::Text(_)) { "a text" } else { "a range vector" };
                    return self.failed(
                        case.line,
                        what,
                        format!("the expression yields {what_it_is}, not a vector or scalar"),
                    );
                }
                Err(error) => return self.failed(case.line, what, error.to_string()),
            };
        let fuzzy = self.file.fuzzy;
        let missing =
            shown::difference(case.expected.clone(), &mut yielded, |a, b| a.0 == b.0 && same(a.1, b.1, fuzzy));
        let written = |(labels, value): &(Labels, f64)| format!("{} {}", shown::series(labels), number(*value));
        let missing = missing.iter().map(written).collect();
        self.compared(case.line, what, missing, yielded.iter().map(written).collect());
    }
}

#[allow(clippy::float_cmp)] // equal is what is asked; NaN is equal to nothing, as in promtool
fn same(a: f64, b: f64, fuzzy: bool) -> bool {
    a == b || (fuzzy && (a.next_down() == b || a.next_up() == b))
}
