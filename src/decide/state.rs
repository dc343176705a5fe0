//! `state = fold(apply, records)`: all that a start must know of the past.

use super::outbox::Outbox;
use crate::model::record::{Record, RecordKind};
use crate::model::{History, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;
use std::sync::Arc;

fn is_null(json: &Json) -> bool {
    json.is_null()
}

/// The folded log. A segment's `snapshot` record holds it, so that a start reads one segment only.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct State {
    /// What limits, cooldowns and recovery rest on. Shared: every look takes it along, and it may be many MiB.
    pub history: Arc<History>,
    /// Messages that have not reached their channel.
    pub outbox: Outbox,
    /// Evidence of the last `config` record: the texts of the live configuration and playbooks.
    #[serde(default, skip_serializing_if = "is_null")]
    pub live: Arc<Json>,
    /// The last `lifecycle` record's reason: a start that finds no `stopped` here follows a crash.
    #[serde(default)]
    pub lifecycle: Option<String>,
    /// Time of the last record.
    #[serde(default)]
    pub last: Option<Timestamp>,
}

impl State {
    /// Folds one record in. A snapshot changes nothing: it is what was folded before it.
    pub fn apply(&mut self, record: &Record) {
        self.last = Some(record.time);
        match record.body.kind {
            RecordKind::Config => self.live = Arc::new(record.body.evidence.clone().unwrap_or_default()),
            RecordKind::Lifecycle => self.lifecycle.clone_from(&record.body.reason),
            _ => {}
        }
        Arc::make_mut(&mut self.history).apply(record);
        self.outbox.apply(record);
    }
}
