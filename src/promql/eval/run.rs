//! One evaluation: what it may read, compute and take.

use super::{Engine, Error, Steps};
use crate::promql::matcher::Matcher;
use crate::promql::source::{Selection, Source, Window};
use crate::promql::syntax::At;
use crate::promql::value::Sample;

/// After so many samples looked at, the caller is asked whether to stop.
const STOP_EVERY: usize = 1 << 17;

/// One evaluation.
pub(in crate::promql) struct Run<'a> {
    pub(super) engine: &'a Engine,
    source: &'a dyn Source,
    /// The steps of the whole evaluation, for `start()` and `end()`.
    query: Steps,
    room: usize,
    until_stop: usize,
    stop: &'a dyn Fn() -> bool,
}

impl<'a> Run<'a> {
    pub(super) fn new(engine: &'a Engine, source: &'a dyn Source, query: Steps, stop: &'a dyn Fn() -> bool) -> Run<'a> {
        // Asked at once, since a caller may evaluate many expressions that are cheap.
        Run { engine, source, query, room: engine.samples, until_stop: 0, stop }
    }

    /// Counts so many samples as read or computed, before they are.
    pub fn spend(&mut self, samples: usize) -> Result<(), Error> {
        let left = self.room.checked_sub(samples).ok_or_else(|| self.too_many())?;
        self.room = left;
        self.work(samples)
    }

    /// Counts so many samples as looked at.
    pub fn work(&mut self, samples: usize) -> Result<(), Error> {
        match self.until_stop.checked_sub(samples) {
            Some(left) => self.until_stop = left,
            None if (self.stop)() => return Err(Error::Stopped),
            None => self.until_stop = STOP_EVERY,
        }
        Ok(())
    }

    fn too_many(&self) -> Error {
        Error::TooManySamples { limit: self.engine.samples }
    }

    /// Counts the bytes of a label that an expression makes as the samples that would take as much memory.
    pub fn spend_label(&mut self, bytes: usize) -> Result<(), Error> {
        self.spend(1 + bytes / size_of::<Sample>())
    }

    /// Counts the compilation of a regular expression as what it takes of the time between two questions.
    pub fn work_on_regex(&mut self) -> Result<(), Error> {
        self.work(STOP_EVERY / 8)
    }

    /// Reads from the source.
    pub(super) fn select(&mut self, matchers: &[Matcher], window: Window, stale: bool) -> Result<Selection, Error> {
        self.work(1)?;
        let mut selection = Selection::new(self.room, stale);
        let read = self.source.select(matchers, window, &mut selection);
        selection.finish();
        read.map_err(|_| self.too_many())?;
        self.spend(selection.len())?;
        Ok(selection)
    }

    /// Whether any series has a sample in a window.
    pub(super) fn has_sample(&mut self, window: Window) -> Result<bool, Error> {
        self.work(1)?;
        // A selection without room is full at the first.
        Ok(self.source.select(&[], window, &mut Selection::new(0, true)).is_err())
    }

    /// The time that an `@` fixes.
    pub(super) fn fixed(&self, at: Option<At>) -> Option<i64> {
        at.map(|at| match at {
            At::Time(time) => time,
            At::Start => self.query.start,
            At::End => self.query.end(),
        })
    }
}
