//! The record that begins every segment: all that a start must know of the segments before it.

use super::tree::{Frontier, Hash};
use crate::decide::state::State;
use crate::model::record::{Draft, Record, RecordKind};
use serde::{Deserialize, Serialize};

const VERSION: &str = env!("CARGO_PKG_VERSION");
/// Version of the log's format.
const FORMAT: u64 = 1;

/// The evidence of a `snapshot` record: what held before that record itself.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Snapshot {
    /// ULID of the log.
    pub(super) log: String,
    format: u64,
    /// Version of the pgmedic that folded the state: another one may fold more into it.
    by: String,
    /// Folded from all records before.
    pub(super) state: State,
    tree: Edge,
}

/// The right edge of the Merkle tree over all records before.
#[derive(Debug, Serialize, Deserialize)]
struct Edge {
    size: u64,
    /// Hashes of the perfect subtrees in hex, the largest first.
    frontier: Vec<String>,
}

impl Snapshot {
    pub(super) fn new(log: &str, state: &State, tree: &Frontier) -> Snapshot {
        let frontier = tree.peaks().iter().map(hex::encode).collect();
        Snapshot {
            log: log.to_owned(),
            format: FORMAT,
            by: VERSION.to_owned(),
            state: state.clone(),
            tree: Edge { size: tree.size(), frontier },
        }
    }

    /// The record that carries it.
    pub(super) fn draft(&self) -> serde_json::Result<Draft> {
        let mut draft = Draft::new(RecordKind::Snapshot);
        draft.evidence = Some(serde_json::to_value(self)?);
        Ok(draft)
    }

    /// Reads it back from the first record of a segment.
    ///
    /// # Errors
    /// Says in what respect the record is none.
    pub(super) fn read(record: &Record) -> Result<Snapshot, String> {
        if record.body.kind != RecordKind::Snapshot {
            return Err(format!("the segment begins with a `{}` record, not a snapshot", record.body.kind.word()));
        }
        let evidence = record.body.evidence.as_ref().ok_or("the snapshot has no evidence")?;
        let format = evidence.get("format").and_then(serde_json::Value::as_u64);
        if format != Some(FORMAT) {
            let format = format.map_or("unknown".to_owned(), |f| f.to_string());
            return Err(format!("the log's format is {format}; this pgmedic reads format {FORMAT}"));
        }
        Snapshot::deserialize(evidence).map_err(|e| format!("the snapshot cannot be read: {e}"))
    }

    /// Whether this pgmedic would have to come to the same state.
    pub(super) fn is_ours(&self) -> bool {
        self.by == VERSION
    }

    /// The tree before the snapshot itself.
    ///
    /// # Errors
    /// When size, hashes and the place of the record do not fit together.
    pub(super) fn tree(&self, seq: u64) -> Result<Frontier, String> {
        let peaks: Option<Vec<Hash>> =
            self.tree.frontier.iter().map(|h| hex::decode(h).ok()?.try_into().ok()).collect();
        let tree = peaks.and_then(|peaks| Frontier::resume(self.tree.size, peaks));
        tree.filter(|t| t.size() + 1 == seq).ok_or_else(|| {
            format!(
                "the snapshot's tree (size {}, {} hashes) does not fit its seq {seq}",
                self.tree.size,
                self.tree.frontier.len()
            )
        })
    }
}
