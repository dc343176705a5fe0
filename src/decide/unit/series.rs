//! A test's `input_series`, and whether the playbook's conditions hold over them.

use crate::decide::conditions::{Conditions, Held};
use crate::model::Timestamp;
use crate::playbook::{Playbook, places};
use crate::promql::{Store, is_stale};
use crate::rules::unit::{Input, input_series};
use crate::syntax::{Fault, Map, Reader, Severity};

/// Evaluations that one test may take.
const MOST_EVALUATIONS: i64 = 1_000_000;
/// A collector that has not succeeded for so many of its intervals has no data.
const FRESH_INTERVALS: usize = 2;

/// Series of a test; times in milliseconds since 1970.
#[derive(Clone, Debug)]
pub(super) struct Series {
    inputs: Vec<Input>,
    interval: i64,
    start: i64,
    at: i64,
}

/// Reads `input_series`, `interval` and `start_timestamp` of a test. Without a start the longest series ends at
/// the moment of the test; `None` where that could not be read.
pub(super) fn read(reader: &mut Reader, map: &Map, interval: i64, at: Option<Timestamp>, room: &mut usize) -> Series {
    let own = map.get("interval").and_then(|node| reader.duration(node));
    let interval = own.and_then(|length| i64::try_from(length.as_millis()).ok()).unwrap_or(interval).max(1);
    let inputs = input_series(reader, map, room);
    let longest = inputs.iter().map(|input| input.values.len()).max().unwrap_or(0);
    let known = at.is_some();
    let at = at.unwrap_or_default().as_millisecond();
    let led_up = i64::try_from(longest.saturating_sub(1)).unwrap_or(i64::MAX).saturating_mul(interval);
    let start = map.get("start_timestamp").and_then(|node| reader.moment(node)).map(Timestamp::as_millisecond);
    let start = start.filter(|_| known).unwrap_or(at.saturating_sub(led_up));
    if start > at {
        let message = "the series begin only after the moment of the test";
        reader.error_help(map.span, "bad-moment", message, "write `start_timestamp` before `at`, or leave it out");
    }
    if (at - start) / interval > MOST_EVALUATIONS {
        let message = format!("the conditions would be evaluated more than {MOST_EVALUATIONS} times until then");
        reader.error_help(map.span, "too-large", message, "write a later `start_timestamp`, or a longer `interval`");
    }
    Series { inputs, interval, start, at }
}

/// Series that nothing would look at, and conditions that cannot be evaluated.
pub(super) fn check(reader: &mut Reader, map: &Map, playbook: &Playbook, series: &Series, faults: &mut Vec<Fault>) {
    if playbook.when.is_empty() {
        for entry in map.entries().iter().filter(|e| ["input_series", "interval", "start_timestamp"].contains(&&*e.key))
        {
            let message = format!("`{}` changes nothing: the playbook `{}` has no `when`", entry.key, playbook.name);
            reader.error_help(entry.key_span, "no-effect", message, "remove it");
        }
    }
    if let Err((i, error)) = Conditions::new(&playbook.when, series.interval) {
        let name = playbook.when.get(i).map_or("", |condition| condition.name.as_str());
        let span = places::place(playbook, &["when"]);
        let message = format!("{name} cannot be evaluated: {}", error.message);
        faults.push(Fault::at(&playbook.file, &playbook.text, span, Severity::Error, "bad-expression", message));
    }
}

impl Series {
    /// Whether the playbook's conditions hold at the moment of the test.
    ///
    /// # Errors
    /// Series that cannot be, or `stop` said so.
    pub fn held(&self, playbook: &Playbook, stop: &dyn Fn() -> bool) -> Result<Held, String> {
        let mut conditions = Conditions::new(&playbook.when, self.interval).map_err(|(_, error)| error.message)?;
        let mut store = Store::default();
        let mut at = self.start;
        for step in 0_usize.. {
            if at > self.at {
                break;
            }
            if stop() {
                return Err("it took too long and was stopped".to_owned());
            }
            for input in &self.inputs {
                if let Some(Some(value)) = input.values.get(step) {
                    let refused = |why| format!("{why}: series {}", input.labels);
                    store.append(&input.labels, at, *value).map_err(refused)?;
                }
            }
            conditions.collected(at, &store, &|metric| self.fresh(metric, step), stop);
            at += self.interval;
        }
        Ok(conditions.held())
    }

    /// Whether any series of a metric has a value at a step or shortly before.
    fn fresh(&self, metric: &str, step: usize) -> bool {
        let there = |value: &Option<f64>| value.is_some_and(|value| !is_stale(value));
        self.inputs.iter().filter(|input| input.labels.metric_name() == metric).any(|input| {
            let near = step.saturating_sub(FRESH_INTERVALS)..=step;
            near.into_iter().any(|step| input.values.get(step).is_some_and(there))
        })
    }
}
