//! Which messages still have to reach which channel: a fold over the log, so that nothing is lost
//! when a receiver is down or pgmedic is killed.

use crate::model::Timestamp;
use crate::model::record::{Notice, Record, RecordKind};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Most messages that wait per channel; beyond it the oldest is given up, and that is recorded.
pub const MOST_WAITING: usize = 1_000;

/// Messages that have not reached their channel, oldest first per channel.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Outbox {
    /// By channel, then by `seq` of the record that carries the message.
    pub waiting: BTreeMap<String, BTreeMap<u64, Waiting>>,
}

/// One message that waits.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Waiting {
    /// When its record was appended.
    pub at: Timestamp,
    /// What to say.
    pub notice: Notice,
    /// Run, for the reader who wants the story.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run: Option<String>,
    /// Target.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target: Option<String>,
    /// Playbook.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub playbook: Option<String>,
}

/// The evidence of a `notification` record.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Delivery {
    /// The channel.
    pub channel: String,
    /// `seq` of the record that carries the message.
    pub of: u64,
    /// `delivered` or `given_up`.
    pub status: String,
    /// How often it was tried.
    pub attempts: u32,
    /// The receiver's last answer, without secrets.
    pub detail: String,
}

impl Outbox {
    /// Folds one record in.
    pub fn apply(&mut self, record: &Record) {
        if record.body.kind == RecordKind::Notification {
            let delivery = record.body.evidence.clone().map(serde_json::from_value::<Delivery>);
            if let Some(Ok(delivery)) = delivery
                && let Some(queue) = self.waiting.get_mut(&delivery.channel)
            {
                queue.remove(&delivery.of);
            }
            self.waiting.retain(|_, queue| !queue.is_empty());
        }
        let Some(notice) = record.body.notice() else { return };
        for channel in &record.body.notify {
            let waiting = Waiting {
                at: record.time,
                notice: notice.clone(),
                run: record.body.run.clone(),
                target: record.body.target.clone(),
                playbook: record.body.playbook.as_ref().map(|p| p.name.clone()),
            };
            self.waiting.entry(channel.clone()).or_default().insert(record.seq, waiting);
        }
    }

    /// How many messages wait in all.
    #[must_use]
    pub fn len(&self) -> usize {
        self.waiting.values().map(BTreeMap::len).sum()
    }

    /// Whether every message has reached its channel.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }
}
