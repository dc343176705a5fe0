//! Bits in bytes, the highest first.

/// Appends bits.
#[derive(Debug, Default)]
pub(super) struct BitWriter {
    bytes: Vec<u8>,
    /// Bits of the last byte that are not used yet.
    free: u32,
}

impl BitWriter {
    /// Appends the lowest `count` bits of `bits`; at most 64.
    #[allow(clippy::cast_possible_truncation)] // shifted to one byte
    pub fn push(&mut self, bits: u64, count: u32) {
        let mut left = count;
        while left > 0 {
            if self.free == 0 {
                self.bytes.push(0);
                self.free = 8;
            }
            let taken = left.min(self.free);
            left -= taken;
            let part = (bits >> left) & ((1 << taken) - 1);
            self.free -= taken;
            if let Some(last) = self.bytes.last_mut() {
                *last |= (part << self.free) as u8;
            }
        }
    }

    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    pub fn into_bytes(self) -> Box<[u8]> {
        self.bytes.into_boxed_slice()
    }

    /// Bytes on the heap.
    pub fn capacity(&self) -> usize {
        self.bytes.capacity()
    }
}

/// Reads bits; behind the end all are 0.
#[derive(Clone, Debug)]
pub(super) struct BitReader<'a> {
    bytes: &'a [u8],
    /// Bits read ahead, the next one highest.
    ahead: u64,
    count: u32,
}

impl<'a> BitReader<'a> {
    pub fn new(bytes: &'a [u8]) -> BitReader<'a> {
        BitReader { bytes, ahead: 0, count: 0 }
    }

    /// The next `count` bits; at most 64.
    pub fn take(&mut self, count: u32) -> u64 {
        if count > 32 {
            let high = self.take(count - 32);
            return (high << 32) | self.take(32);
        }
        if count == 0 {
            return 0;
        }
        if self.count < count {
            self.refill();
        }
        let bits = self.ahead >> (64 - count);
        self.ahead <<= count;
        self.count = self.count.saturating_sub(count);
        bits
    }

    /// How many 1 come next before a 0, at most `most`; takes the 0 too when it comes before.
    pub fn ones(&mut self, most: u32) -> u32 {
        let mut ones = 0;
        while ones < most && self.take(1) == 1 {
            ones += 1;
        }
        ones
    }

    /// Reads ahead: afterwards there are at least 32 bits, or all that are left.
    fn refill(&mut self) {
        if let Some((four, rest)) = self.bytes.split_first_chunk::<4>() {
            self.ahead |= u64::from(u32::from_be_bytes(*four)) << (32 - self.count);
            self.count += 32;
            self.bytes = rest;
            return;
        }
        while let Some((byte, rest)) = self.bytes.split_first().filter(|_| self.count <= 56) {
            self.ahead |= u64::from(*byte) << (56 - self.count);
            self.count += 8;
            self.bytes = rest;
        }
    }
}
