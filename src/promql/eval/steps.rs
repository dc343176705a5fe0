//! The times of an evaluation.

/// Evenly spaced times, in milliseconds since 1970.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Steps {
    /// The first.
    pub start: i64,
    /// From one to the next; at least 1.
    pub step: i64,
    /// How many; none when the end lies before the start.
    pub count: usize,
}

impl Steps {
    /// One time.
    #[must_use]
    pub fn once(at: i64) -> Steps {
        Steps { start: at, step: 1, count: 1 }
    }

    /// From `start` until `end`, both included, every `step` milliseconds.
    #[must_use]
    pub fn between(start: i64, end: i64, step: i64) -> Steps {
        let step = step.max(1);
        let span = i128::from(end) - i128::from(start);
        let count = if span < 0 { 0 } else { span / i128::from(step) + 1 };
        Steps { start, step, count: usize::try_from(count).unwrap_or(usize::MAX) }
    }

    /// Only the first of them.
    pub(in crate::promql) fn first(&self) -> Steps {
        Steps { count: self.count.min(1), ..*self }
    }

    /// One of them.
    pub(in crate::promql) fn time(&self, at: usize) -> i64 {
        self.start.saturating_add(self.step.saturating_mul(i64::try_from(at).unwrap_or(i64::MAX)))
    }

    /// The last; the first when there is none.
    pub(in crate::promql) fn end(&self) -> i64 {
        self.time(self.count.saturating_sub(1))
    }

    /// All of them.
    pub(in crate::promql) fn times(&self) -> impl Iterator<Item = i64> + use<> {
        let steps = *self;
        (0..steps.count).map(move |at| steps.time(at))
    }
}
