//! Instant selectors, range selectors and subqueries over the steps of an evaluation.

use super::{ABSENT, Block, Computed, Error, Run, Steps, is_absent};
use crate::promql::labels::Labels;
use crate::promql::source::{Selection, Window};
use crate::promql::syntax::{Expr, Kind, Selector, Shift, Subquery};
use crate::promql::value::{Sample, Series, is_stale};

/// The end of what a selector looks at, for each step.
#[derive(Clone, Copy, Debug)]
struct Clock {
    fixed: Option<i64>,
    offset: i64,
}

impl Clock {
    fn of(run: &Run, shift: Shift) -> Clock {
        Clock { fixed: run.fixed(shift.at), offset: shift.offset }
    }

    fn at(self, step: i64) -> i64 {
        self.fixed.unwrap_or(step).saturating_sub(self.offset)
    }
}

/// The samples that an instant selector takes at each step, made into cells.
pub(in crate::promql) fn instant_cells(
    run: &mut Run,
    selector: &Selector,
    steps: &Steps,
    cell: impl Fn(Sample) -> f64,
) -> Result<Block, Error> {
    let clock = Clock::of(run, selector.shift);
    let lookback = run.engine.lookback;
    let (first, last) = (clock.at(steps.start), clock.at(steps.end()));
    let window = Window { after: first.saturating_sub(lookback), until: last, last_only: first == last };
    let selection = run.select(&selector.matchers, window, true)?;
    let mut block = Block::new(steps.count);
    for (labels, samples) in selection.iter() {
        run.spend(steps.count)?;
        let mut next = 0;
        block.push(
            labels.clone(),
            steps.times().map(|time| {
                let until = clock.at(time);
                while samples.get(next).is_some_and(|sample| sample.at <= until) {
                    next += 1;
                }
                let latest = next.checked_sub(1).and_then(|at| samples.get(at)).copied();
                let fresh = latest.filter(|s| s.at > until.saturating_sub(lookback) && !is_stale(s.value));
                fresh.map_or(ABSENT, &cell)
            }),
        );
    }
    Ok(block)
}

/// Series with the samples of a range at each step.
pub(in crate::promql) struct Ranges {
    selection: Selection,
    range: i64,
    clock: Clock,
}

impl Ranges {
    /// The labels and all samples of each series.
    pub fn rows(&self) -> impl Iterator<Item = (&Labels, &[Sample])> {
        self.selection.iter()
    }

    /// What a range covers at a step: behind the first time, until the second.
    pub fn bounds(&self, step: i64) -> (i64, i64) {
        let until = self.clock.at(step);
        (until.saturating_sub(self.range), until)
    }

    /// The series at the first step, for an expression that yields a range vector.
    pub(super) fn series(&self, steps: &Steps) -> Vec<Series> {
        let (after, until) = self.bounds(steps.start);
        let within = |sample: &&Sample| sample.at > after && sample.at <= until;
        let series = |(labels, samples): (&Labels, &[Sample])| {
            let samples = samples.iter().filter(within).copied().collect();
            Series { labels: labels.clone(), samples }
        };
        let mut all: Vec<Series> = self.rows().map(series).filter(|series| !series.samples.is_empty()).collect();
        all.sort_by(|a, b| a.labels.cmp(&b.labels));
        all
    }
}

impl Run<'_> {
    /// Whether there is any sample, of whatever series, up to the end of what a selector looks at.
    pub(in crate::promql) fn has_sample_until(&mut self, shift: Shift, steps: &Steps) -> Result<bool, Error> {
        let window = Window { after: i64::MIN, until: Clock::of(self, shift).at(steps.end()), last_only: false };
        self.has_sample(window)
    }

    /// A range selector or a subquery, selected for all steps.
    pub(in crate::promql) fn ranges(&mut self, expr: &Expr, steps: &Steps) -> Result<Ranges, Error> {
        match &expr.bare().kind {
            Kind::Range(selector, range) => {
                let clock = Clock::of(self, selector.shift);
                let after = clock.at(steps.start).saturating_sub(*range);
                let window = Window { after, until: clock.at(steps.end()), last_only: false };
                let selection = self.select(&selector.matchers, window, false)?;
                Ok(Ranges { selection, range: *range, clock })
            }
            Kind::Subquery(subquery) => self.subquery(subquery, steps),
            // Only these two yield a range vector.
            _ => Ok(Ranges { selection: Selection::default(), range: 0, clock: Clock { fixed: None, offset: 0 } }),
        }
    }

    /// Evaluates what is in a subquery at multiples of its step.
    fn subquery(&mut self, subquery: &Subquery, steps: &Steps) -> Result<Ranges, Error> {
        let clock = Clock::of(self, subquery.shift);
        let step = subquery.step.unwrap_or(self.engine.default_step).max(1);
        let behind = clock.at(steps.start).saturating_sub(subquery.range);
        // The first multiple behind it: Go divides towards zero.
        let aligned = step * (behind / step);
        let start = if aligned <= behind { aligned.saturating_add(step) } else { aligned };
        let inner = if steps.count == 0 {
            Steps { start, step, count: 0 }
        } else {
            Steps::between(start, clock.at(steps.end()), step)
        };
        // Also a step at which nothing is found takes time and a cell of what is allocated for all steps.
        self.spend(inner.count)?;
        let block = match self.eval(&subquery.of, &inner)? {
            Computed::Vector(block) => block,
            // The parser lets only instant vectors into a subquery.
            Computed::Scalar(_) | Computed::Text(_) => Block::new(inner.count),
        };
        self.spend(block.cells.len())?;
        let mut selection = Selection::new(usize::MAX, false);
        for (labels, cells) in block.iter() {
            selection.begin(labels.clone());
            for (at, value) in inner.times().zip(cells).filter(|(_, value)| !is_absent(**value)) {
                selection.push(Sample { at, value: *value }).map_err(|_| Error::Stopped)?;
            }
        }
        Ok(Ranges { selection, range: subquery.range, clock })
    }
}
