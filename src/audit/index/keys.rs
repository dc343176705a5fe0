//! Keys of the index. All are in one tree, so that one batch covers them: the first byte tells them apart.

use crate::model::{Record, Timestamp};

/// The index's own state.
pub(super) const META: &[u8] = b"m";
const BLOCK: u8 = b'b';
const SUMMARY: u8 = b's';
const TIME: u8 = b't';

/// How many fields there are.
pub(super) const FIELDS: usize = 5;

/// What records can be found by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::audit) enum Field {
    Run,
    Target,
    Playbook,
    Kind,
    Verdict,
}

impl Field {
    fn tag(self) -> u8 {
        match self {
            Field::Run => b'r',
            Field::Target => b'g',
            Field::Playbook => b'p',
            Field::Kind => b'k',
            Field::Verdict => b'v',
        }
    }

    /// Its place among all of them.
    pub(super) fn place(self) -> usize {
        self as usize
    }
}

/// Where a record stands: the segment by its first `seq`, and the byte within it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::audit) struct Place {
    pub(in crate::audit) segment: u64,
    pub(in crate::audit) offset: u64,
}

impl Place {
    pub(super) fn bytes(self) -> [u8; 16] {
        ((u128::from(self.segment) << 64) | u128::from(self.offset)).to_be_bytes()
    }

    pub(super) fn read(bytes: &[u8]) -> Option<Place> {
        let (segment, offset) = bytes.split_first_chunk::<8>()?;
        let offset = offset.try_into().ok()?;
        Some(Place { segment: u64::from_be_bytes(*segment), offset: u64::from_be_bytes(offset) })
    }
}

/// A block, by the `seq` of its first record; its value is the place of that.
pub(super) fn block(first: u64) -> Vec<u8> {
    tagged(BLOCK, &[], first)
}

/// What is kept of a full block.
pub(super) fn summary(first: u64) -> Vec<u8> {
    tagged(SUMMARY, &[], first)
}

/// A block by the time of its first record.
pub(super) fn time(moment: Timestamp, seq: u64) -> Vec<u8> {
    // With the sign bit turned, the bytes sort as the moments do.
    let sorted = moment.as_microsecond().cast_unsigned() ^ (1 << 63);
    tagged(TIME, &sorted.to_be_bytes(), seq)
}

/// A block in which some record speaks of a value. A zero byte ends the value; one that itself holds one
/// would only bring a block too many, and each record is looked at again.
pub(super) fn value(field: Field, value: &str, seq: u64) -> Vec<u8> {
    let mut bytes = value.as_bytes().to_vec();
    bytes.push(0);
    tagged(field.tag(), &bytes, seq)
}

fn tagged(tag: u8, middle: &[u8], seq: u64) -> Vec<u8> {
    let mut key = Vec::with_capacity(middle.len() + 9);
    key.push(tag);
    key.extend_from_slice(middle);
    key.extend_from_slice(&seq.to_be_bytes());
    key
}

/// The `seq` that every key but [`META`] ends with.
pub(super) fn seq_of(key: &[u8]) -> u64 {
    key.last_chunk::<8>().map_or(0, |bytes| u64::from_be_bytes(*bytes))
}

/// All values that a record can be found by.
pub(super) fn values(record: &Record) -> [(Field, Option<&str>); FIELDS] {
    let body = &record.body;
    [
        (Field::Run, body.run.as_deref()),
        (Field::Target, body.target.as_deref()),
        (Field::Playbook, body.playbook.as_ref().map(|p| p.name.as_str())),
        (Field::Kind, Some(body.kind.word())),
        (Field::Verdict, body.verdict.map(crate::model::Verdict::word)),
    ]
}

/// All keys by which a record's block is found.
pub(super) fn of(record: &Record, block: u64) -> Vec<Vec<u8>> {
    values(record).into_iter().filter_map(|(field, v)| v.map(|v| value(field, v, block))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_sort_as_moments_do_and_places_come_back() {
        let at = |text: &str| time(text.parse().unwrap(), 0);
        assert!(at("1969-12-31T23:59:59Z") < at("1970-01-01T00:00:00Z"));
        assert!(at("2026-11-24T20:00:00Z") < at("2026-11-24T20:00:00.000001Z"));
        let place = Place { segment: 7, offset: 1 << 40 };
        assert_eq!(Place::read(&place.bytes()), Some(place));
        assert_eq!(seq_of(&value(Field::Run, "r", 9)), 9);
    }

    #[test]
    fn a_value_does_not_reach_into_a_longer_one() {
        assert!(value(Field::Run, "run1", u64::MAX) < value(Field::Run, "run10", 0));
    }
}
