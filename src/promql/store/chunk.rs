//! A run of samples of one series, compressed as Prometheus does it (after Facebook's Gorilla): times as
//! differences of differences, values as what changed in their bits.

use super::bits::{BitReader, BitWriter};
use crate::promql::value::Sample;

/// Sizes of a difference of differences in milliseconds, by how many 1 bits lead it; the first is 0.
const SIZES: [u32; 5] = [0, 14, 17, 20, 64];

/// A sealed chunk.
#[derive(Debug)]
pub(super) struct Chunk {
    bytes: Box<[u8]>,
    until: i64,
    len: u32,
}

impl Chunk {
    /// The time of its last sample.
    pub fn until(&self) -> i64 {
        self.until
    }

    /// How many samples it has.
    pub fn len(&self) -> usize {
        self.len as usize
    }

    pub fn samples(&self) -> Samples<'_> {
        Samples::new(&self.bytes, self.len)
    }

    /// Bytes beside itself; allocators hand out multiples of 16.
    pub fn heap_bytes(&self) -> usize {
        self.bytes.len().next_multiple_of(16)
    }
}

/// Which bits of a difference between values are kept.
#[derive(Clone, Copy, Debug, Default)]
struct Kept {
    leading: u32,
    len: u32,
}

/// A chunk that grows.
#[derive(Debug, Default)]
pub(super) struct Writer {
    bits: BitWriter,
    len: u32,
    last: Last,
    kept: Kept,
}

/// The state behind a sample.
#[derive(Clone, Copy, Debug, Default)]
struct Last {
    at: i64,
    delta: i64,
    value: u64,
}

impl Writer {
    pub fn len(&self) -> usize {
        self.len as usize
    }

    pub fn last(&self) -> Option<Sample> {
        (self.len > 0).then(|| Sample { at: self.last.at, value: f64::from_bits(self.last.value) })
    }

    pub fn samples(&self) -> Samples<'_> {
        Samples::new(self.bits.bytes(), self.len)
    }

    pub fn heap_bytes(&self) -> usize {
        self.bits.capacity()
    }

    pub fn seal(self) -> Chunk {
        Chunk { bytes: self.bits.into_bytes(), until: self.last.at, len: self.len }
    }

    /// Appends a sample; its time is later than the last one's.
    pub fn push(&mut self, sample: Sample) {
        let value = sample.value.to_bits();
        let delta = sample.at.wrapping_sub(self.last.at);
        if self.len == 0 {
            self.bits.push(sample.at.cast_unsigned(), 64);
            self.bits.push(value, 64);
            self.last = Last { at: sample.at, delta: 0, value };
        } else {
            self.push_time(delta.wrapping_sub(self.last.delta));
            self.push_value(value ^ self.last.value);
            self.last = Last { at: sample.at, delta, value };
        }
        self.len += 1;
    }

    fn push_time(&mut self, change: i64) {
        let fits = |size: u32| size == 64 || (change >= -(1 << (size - 1)) && change < 1 << (size - 1));
        let class = if change == 0 { 0 } else { 1 + SIZES[1..].iter().take_while(|size| !fits(**size)).count() };
        match class {
            0 => self.bits.push(0, 1),
            1 => self.bits.push(0b10, 2),
            2 => self.bits.push(0b110, 3),
            3 => self.bits.push(0b1110, 4),
            _ => self.bits.push(0b1111, 4),
        }
        self.bits.push(change.cast_unsigned(), SIZES[class.min(4)]);
    }

    fn push_value(&mut self, change: u64) {
        if change == 0 {
            self.bits.push(0, 1);
            return;
        }
        let leading = change.leading_zeros().min(31);
        let trailing = change.trailing_zeros();
        let kept = self.kept;
        let fits = kept.len > 0 && leading >= kept.leading && trailing >= 64 - kept.leading - kept.len;
        // A narrow change in a wide frame wastes its bits each time; a new frame costs 11.
        let needed = 64 - leading - trailing;
        if fits && kept.len <= needed + 11 {
            self.bits.push(0b10, 2);
        } else {
            self.kept = Kept { leading, len: needed };
            self.bits.push(0b11, 2);
            self.bits.push(u64::from(leading), 5);
            // 64 is written as 0, which no change needs.
            self.bits.push(u64::from(needed % 64), 6);
        }
        self.bits.push(change >> (64 - self.kept.leading - self.kept.len), self.kept.len);
    }
}

/// The samples of a chunk, read one after the other.
pub(super) struct Samples<'a> {
    bits: BitReader<'a>,
    left: u32,
    begun: bool,
    last: Last,
    kept: Kept,
}

impl<'a> Samples<'a> {
    fn new(bytes: &'a [u8], left: u32) -> Samples<'a> {
        Samples { bits: BitReader::new(bytes), left, begun: false, last: Last::default(), kept: Kept::default() }
    }

    fn advance(&mut self) {
        let size = SIZES[self.bits.ones(4) as usize % 5];
        let change = if size == 0 { 0 } else { self.bits.take(size).cast_signed() << (64 - size) >> (64 - size) };
        self.last.delta = self.last.delta.wrapping_add(change);
        self.last.at = self.last.at.wrapping_add(self.last.delta);
        match self.bits.ones(2) {
            0 => return,
            1 => {}
            _ => {
                let leading = u32::try_from(self.bits.take(5)).unwrap_or(0);
                let len = u32::try_from(self.bits.take(6)).unwrap_or(0);
                self.kept = Kept { leading, len: if len == 0 { 64 } else { len } };
            }
        }
        let Kept { leading, len } = self.kept;
        self.last.value ^= self.bits.take(len) << (64_u32.saturating_sub(leading + len));
    }
}

impl Iterator for Samples<'_> {
    type Item = Sample;

    fn next(&mut self) -> Option<Sample> {
        self.left = self.left.checked_sub(1)?;
        if self.begun {
            self.advance();
        } else {
            self.begun = true;
            self.last.at = self.bits.take(64).cast_signed();
            self.last.value = self.bits.take(64);
        }
        Some(Sample { at: self.last.at, value: f64::from_bits(self.last.value) })
    }
}
