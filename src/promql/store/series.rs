//! One series: sealed chunks and one that still grows.

use super::Refused;
use super::chunk::{Chunk, Writer};
use crate::promql::labels::{Label, Labels};
use crate::promql::source::{Full, Selection, Window};
use crate::promql::value::Sample;
use std::mem::size_of;

/// Samples of a chunk, as Prometheus's: more would compress better and take longer to read.
const CHUNK_SAMPLES: usize = 120;

/// A series and its samples.
#[derive(Debug)]
pub(super) struct Stored {
    pub labels: Labels,
    sealed: Vec<Chunk>,
    open: Writer,
}

impl Stored {
    pub fn new(labels: Labels) -> Stored {
        Stored { labels, sealed: Vec::new(), open: Writer::default() }
    }

    pub fn append(&mut self, sample: Sample) -> Result<(), Refused> {
        if let Some(last) = self.last() {
            if sample.at < last.at {
                return Err(Refused::OutOfOrder);
            }
            if sample.at == last.at {
                let same = sample.value.to_bits() == last.value.to_bits();
                return if same { Ok(()) } else { Err(Refused::Duplicate) };
            }
        }
        if self.open.len() >= CHUNK_SAMPLES {
            let full = std::mem::take(&mut self.open);
            self.sealed.push(full.seal());
        }
        self.open.push(sample);
        Ok(())
    }

    fn last(&self) -> Option<Sample> {
        // A sealed chunk always has an open one behind it with a sample at least.
        self.open.last()
    }

    pub fn forget_before(&mut self, at: i64) {
        self.sealed.retain(|chunk| chunk.until() >= at);
        if self.sealed.is_empty() && self.last().is_some_and(|last| last.at < at) {
            self.open = Writer::default();
        }
    }

    pub fn is_empty(&self) -> bool {
        self.open.len() == 0
    }

    pub fn samples(&self) -> usize {
        self.sealed.iter().map(Chunk::len).sum::<usize>() + self.open.len()
    }

    pub fn select(&self, window: Window, into: &mut Selection) -> Result<(), Full> {
        let Some(last) = self.last().filter(|last| last.at > window.after) else { return Ok(()) };
        if window.last_only && last.at <= window.until {
            into.begin(self.labels.clone());
            return into.push(last);
        }
        let first = self.sealed.partition_point(|chunk| chunk.until() <= window.after);
        let chunks = self.sealed.iter().skip(first).map(Chunk::samples).chain([self.open.samples()]);
        let within = chunks.flatten().skip_while(|sample| sample.at <= window.after);
        let mut within = within.take_while(|sample| sample.at <= window.until);
        into.begin(self.labels.clone());
        if window.last_only {
            return within.last().map_or(Ok(()), |sample| into.push(sample));
        }
        within.try_for_each(|sample| into.push(sample))
    }

    pub fn bytes(&self) -> usize {
        let labels = 2 * size_of::<usize>() + self.labels.len() * size_of::<Label>();
        // Its place in the map of known labels takes labels and id with about a third of air.
        let known = size_of::<(Labels, u32)>() * 4 / 3;
        let sealed: usize = self.sealed.iter().map(Chunk::heap_bytes).sum();
        size_of::<Stored>()
            + labels
            + known
            + self.sealed.capacity() * size_of::<Chunk>()
            + sealed
            + self.open.heap_bytes()
    }
}
