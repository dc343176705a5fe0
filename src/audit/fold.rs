//! The log folded up to some record: what the writer goes on from, and what every reader checks against.

use super::snapshot::Snapshot;
use super::tree::{self, Frontier, Hash};
use crate::decide::state::State;
use crate::model::record::Record;

/// State and tree after some record.
#[derive(Clone, Debug)]
pub(super) struct Fold {
    /// ULID of the log.
    pub(super) log: String,
    /// What was folded.
    pub(super) state: State,
    /// The Merkle tree; its size is the `seq` of the last record.
    pub(super) tree: Frontier,
}

impl Fold {
    /// Before the first record of a new log.
    pub(super) fn new(log: String) -> Fold {
        Fold { log, state: State::default(), tree: Frontier::default() }
    }

    /// Before the first record of a segment, from that record. `first` is the segment's name.
    ///
    /// # Errors
    /// When the line is no snapshot of that place.
    pub(super) fn resume(first: u64, line: &[u8]) -> Result<Fold, String> {
        let record = parse(line)?;
        if record.seq != first {
            return Err(format!("the segment begins with seq {}, its name says {first}", record.seq));
        }
        let snapshot = Snapshot::read(&record)?;
        let tree = snapshot.tree(record.seq)?;
        Ok(Fold { log: snapshot.log, state: snapshot.state, tree })
    }

    /// The `seq` of the next record.
    pub(super) fn next(&self) -> u64 {
        self.tree.size() + 1
    }

    /// Folds one stored line in: always what is read back, so that every reader comes to the same state.
    ///
    /// # Errors
    /// When the line is not the next record; nothing is folded then.
    pub(super) fn push(&mut self, line: &[u8]) -> Result<(Record, Hash), String> {
        let record = parse(line)?;
        let leaf = tree::leaf(line);
        self.push_parsed(&record, leaf)?;
        Ok((record, leaf))
    }

    /// As [`Fold::push`], of a line that was parsed and hashed already.
    ///
    /// # Errors
    /// When it is not the next record; nothing is folded then.
    pub(super) fn push_parsed(&mut self, record: &Record, leaf: Hash) -> Result<(), String> {
        if record.seq != self.next() {
            return Err(format!("seq is {}, expected {}", record.seq, self.next()));
        }
        if let Some(last) = self.state.last.filter(|last| record.time < *last) {
            return Err(format!("time {} is before that of its predecessor, {last}", record.time));
        }
        self.accept(record, leaf);
        Ok(())
    }

    /// Folds in a record that is known to be the next one.
    pub(super) fn accept(&mut self, record: &Record, leaf: Hash) {
        self.state.apply(record);
        self.tree.push(leaf);
    }
}

/// Reads one stored line.
///
/// # Errors
/// Why it is no record.
pub(super) fn parse(line: &[u8]) -> Result<Record, String> {
    serde_json::from_slice(line).map_err(|e| format!("not a record: {e}"))
}
