//! What is kept of a full block, so that its records are passed over without reading the log: where each begins, and
//! a hash of one byte of each value that it can be found by. It only ever says where to look: what is shown is read
//! from the log and compared there.

use super::keys::{self, Field};
use crate::model::Record;

/// Bytes of one record: four of its place, and one for each field.
const WIDTH: usize = 4 + keys::FIELDS;

/// The records of one block, which follow on each other without a gap.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in crate::audit) struct Summary(Vec<u8>);

impl Summary {
    /// As stored. `None` for bytes that are none.
    pub(super) fn read(bytes: &[u8]) -> Option<Summary> {
        bytes.len().is_multiple_of(WIDTH).then(|| Summary(bytes.to_vec()))
    }

    pub(super) fn bytes(&self) -> &[u8] {
        &self.0
    }

    /// Adds the next record, so many bytes behind the block's beginning. A block ends long before four bytes do not
    /// hold that.
    pub(super) fn push(&mut self, record: &Record, offset: u64) {
        self.0.extend_from_slice(&line(record, offset));
    }

    /// How many records it speaks of.
    pub(in crate::audit) fn len(&self) -> u64 {
        (self.0.len() / WIDTH) as u64
    }

    /// Whether it says of its record `nth`, from 0, what that record says itself.
    pub(super) fn fits(&self, nth: u64, record: &Record, offset: u64) -> bool {
        let nth = usize::try_from(nth).unwrap_or(usize::MAX);
        self.0.chunks_exact(WIDTH).nth(nth) == Some(line(record, offset).as_slice())
    }

    /// The records that may speak of all these values, ascending: their number in the block, from 0, and how many
    /// bytes behind its beginning they stand.
    pub(in crate::audit) fn marked(&self, values: &[(Field, &str)]) -> Vec<(u64, u64)> {
        let wanted: Vec<(usize, u8)> = values.iter().map(|(field, v)| (field.place(), hash(Some(v)))).collect();
        let numbered = (0..).zip(self.0.chunks_exact(WIDTH));
        let meant = numbered.filter_map(|(nth, line)| {
            let (offset, hashed) = line.split_first_chunk::<4>()?;
            let all = wanted.iter().all(|(place, hash)| hashed[*place] == *hash);
            all.then(|| (nth, u64::from(u32::from_be_bytes(*offset))))
        });
        meant.collect()
    }
}

fn line(record: &Record, offset: u64) -> [u8; WIDTH] {
    let mut line = [0; WIDTH];
    line[..4].copy_from_slice(&u32::try_from(offset).unwrap_or(u32::MAX).to_be_bytes());
    for (field, value) in keys::values(record) {
        line[4 + field.place()] = hash(value);
    }
    line
}

/// 0 when there is no value. FNV-1a: it must be the same for ever, and no more than tell values apart.
fn hash(value: Option<&str>) -> u8 {
    let Some(value) = value else { return 0 };
    let step = |hash: u32, byte: u8| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193);
    // 251: by this remainder no two kinds and no two verdicts are the same.
    let [.., byte] = (1 + value.bytes().fold(0x811c_9dc5, step) % 251).to_be_bytes();
    byte
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Draft, RecordKind, Timestamp, Verdict};

    fn record(target: Option<&str>, kind: RecordKind, verdict: Option<Verdict>) -> Record {
        let body = Draft { target: target.map(str::to_owned), verdict, ..Draft::new(kind) };
        Record { seq: 1, time: Timestamp::UNIX_EPOCH, body }
    }

    #[test]
    fn what_may_be_meant_is_marked_and_little_else() {
        let mut summary = Summary::default();
        for n in 0..200_u64 {
            let target = format!("t{n:03}");
            let verdict = n.is_multiple_of(2).then_some(Verdict::Hold);
            summary.push(&record(Some(&target), RecordKind::Decision, verdict), n * 1_000);
        }
        let found = summary.marked(&[(Field::Target, "t006"), (Field::Verdict, "hold")]);
        assert!(found.contains(&(6, 6_000)) && found.len() < 10, "{found:?}");
        assert!(!summary.marked(&[(Field::Target, "t007"), (Field::Verdict, "hold")]).contains(&(7, 7_000)));
        assert_eq!(summary.marked(&[(Field::Kind, "outcome")]), [], "kinds do not share hashes");
        assert_eq!(summary.marked(&[(Field::Run, "01")]), [], "no run is no run");
        assert_eq!(Summary::read(summary.bytes()), Some(summary.clone()));
        assert_eq!(Summary::read(&summary.bytes()[1..]), None);
    }

    #[test]
    fn it_says_what_the_record_says() {
        let mut summary = Summary::default();
        let first = record(None, RecordKind::Quiet, None);
        summary.push(&first, 0);
        summary.push(&first, 70);
        assert_eq!(summary.len(), 2);
        assert!(summary.fits(1, &first, 70));
        assert!(!summary.fits(1, &first, 71) && !summary.fits(2, &first, 140));
        assert!(!summary.fits(1, &record(Some("orders"), RecordKind::Quiet, None), 70));
    }

    #[test]
    fn no_two_kinds_and_no_two_verdicts_share_a_hash() {
        let differ = |words: Vec<&str>| {
            let hashes: std::collections::BTreeSet<u8> = words.iter().map(|word| hash(Some(word))).collect();
            assert_eq!(hashes.len(), words.len(), "{words:?}");
        };
        differ(RecordKind::ALL.iter().map(|(word, _)| *word).collect());
        differ(Verdict::ALL.iter().map(|(word, _)| *word).collect());
    }
}
