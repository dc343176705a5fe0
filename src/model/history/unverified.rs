//! What a run has yet to say its last word on.

use crate::model::{Draft, OutcomeStatus, Timestamp};
use serde::{Deserialize, Serialize};

/// An action on which the last word is not recorded.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Unverified {
    /// When its outcome was recorded; logs of before do not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at: Option<Timestamp>,
    /// The outcome.
    #[serde(flatten)]
    pub draft: Draft,
}

impl Unverified {
    /// Nothing was touched: people have yet to hear of it, and that is all.
    #[must_use]
    pub fn refused(&self) -> bool {
        self.draft.outcome.as_ref().is_some_and(|o| o.status == OutcomeStatus::Refused)
    }
}
