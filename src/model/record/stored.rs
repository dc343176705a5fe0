//! Reading a record back. `flatten` would first take every value of a line apart and keep it, which takes twice as
//! long: and a start, a verification and most questions are the reading of lines.

use super::{ActionRef, Draft, PlaybookRef, Record, RecordKind, Trigger};
use crate::model::candidate::Named;
use crate::model::{GuardReport, Mode, Outcome, Timestamp, Verdict};
use serde::Deserialize;
use serde_json::Value as Json;

/// The fields of a line side by side, as they stand there.
#[derive(Deserialize)]
pub(super) struct Stored {
    seq: u64,
    #[serde(with = "crate::model::time::micros")]
    time: Timestamp,
    kind: RecordKind,
    #[serde(default)]
    run: Option<String>,
    #[serde(default)]
    target: Option<String>,
    #[serde(default)]
    playbook: Option<PlaybookRef>,
    #[serde(default)]
    trigger: Option<Trigger>,
    #[serde(default)]
    actor: Option<String>,
    #[serde(default)]
    mode: Option<Mode>,
    #[serde(default)]
    verdict: Option<Verdict>,
    #[serde(default)]
    reason: Option<String>,
    #[serde(default)]
    candidate: Option<Named>,
    #[serde(default)]
    guards: Vec<GuardReport>,
    #[serde(default)]
    action: Option<ActionRef>,
    #[serde(default)]
    before: Option<Json>,
    #[serde(default)]
    after: Option<Json>,
    #[serde(default)]
    outcome: Option<Outcome>,
    #[serde(default)]
    evidence: Option<Json>,
    #[serde(default)]
    notify: Vec<String>,
    #[serde(default)]
    revision: Option<String>,
}

impl From<Stored> for Record {
    fn from(stored: Stored) -> Record {
        let Stored {
            seq,
            time,
            kind,
            run,
            target,
            playbook,
            trigger,
            actor,
            mode,
            verdict,
            reason,
            candidate,
            guards,
            action,
            before,
            after,
            outcome,
            evidence,
            notify,
            revision,
        } = stored;
        let body = Draft {
            kind,
            run,
            target,
            playbook,
            trigger,
            actor,
            mode,
            verdict,
            reason,
            candidate,
            guards,
            action,
            before,
            after,
            outcome,
            evidence,
            notify,
            revision,
        };
        Record { seq, time, body }
    }
}
