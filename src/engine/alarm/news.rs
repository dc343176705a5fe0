//! What there is to tell of an audit log that is ill, and when. Times are those of [`Clock::elapsed`].
//!
//! [`Clock::elapsed`]: crate::engine::clock::Clock::elapsed

use crate::audit::Status;
use crate::model::Duration;
use std::collections::BTreeMap;
use tokio_util::sync::CancellationToken;

/// A disk that is full, then not, then full again, is told of once in so long.
pub(super) const TOLD_AGAIN_AFTER: Duration = Duration::from_mins(10);

/// What is to be told.
#[derive(Debug)]
pub(super) enum News {
    /// Nothing can be recorded.
    Unwritable {
        /// Why.
        why: String,
        /// Cancelled when this is no longer so: told after its own end it would be wrong.
        over: CancellationToken,
    },
    /// All can be recorded again.
    Written {
        /// For how long it could not.
        lasted: Duration,
        /// Whether people were told that it could not.
        told: bool,
        /// What was written long ago is damaged: acting stays impossible.
        damaged: bool,
    },
    /// What was written long ago is damaged, and how. Recording goes on.
    Damaged(String),
}

/// What is known of the log, and what was told of it.
pub(super) struct Alarm {
    stop: CancellationToken,
    trouble: Option<Trouble>,
    damage: Option<String>,
    /// When each reason was told last.
    told: BTreeMap<String, Duration>,
}

/// A time in which nothing can be recorded.
struct Trouble {
    begun: Duration,
    why: String,
    /// Nobody was told of this reason, since it was told a short time ago.
    waits: bool,
    /// People were told of this trouble.
    told: bool,
    over: CancellationToken,
}

impl Alarm {
    /// Of a log that is well so far. What it has told is no longer tried after `stop`.
    pub(super) fn new(stop: CancellationToken) -> Alarm {
        Alarm { stop, trouble: None, damage: None, told: BTreeMap::new() }
    }

    /// What is to be told now that the log stands like this.
    pub(super) fn see(&mut self, status: &Status, now: Duration) -> Vec<News> {
        let (damage, why) = match &status.trouble {
            Some(what) if status.damaged => (Some(what), None),
            why => (None, why.as_ref()),
        };
        let mut news = Vec::new();
        match why {
            Some(why) => news.extend(self.unwritable(why, now)),
            None => news.extend(self.written(status.damaged, now)),
        }
        if let Some(what) = damage.filter(|what| self.damage.as_ref() != Some(*what)) {
            self.damage = Some(what.clone());
            news.push(News::Damaged(what.clone()));
        }
        news
    }

    /// When to look again though the log stands as it did.
    pub(super) fn due(&self) -> Option<Duration> {
        let trouble = self.trouble.as_ref().filter(|trouble| trouble.waits)?;
        Some(*self.told.get(&trouble.why)? + TOLD_AGAIN_AFTER)
    }

    fn unwritable(&mut self, why: &str, now: Duration) -> Option<News> {
        let trouble = self.trouble.get_or_insert_with(|| Trouble {
            begun: now,
            why: String::new(),
            waits: false,
            told: false,
            over: self.stop.child_token(),
        });
        if trouble.why != why {
            tracing::error!("nothing is done while the audit log cannot be written: {why}");
            (trouble.why, trouble.waits) = (why.to_owned(), true);
        }
        self.told.retain(|_, at| now.saturating_sub(*at) < TOLD_AGAIN_AFTER);
        if !trouble.waits || self.told.contains_key(why) {
            return None;
        }
        self.told.insert(why.to_owned(), now);
        (trouble.waits, trouble.told) = (false, true);
        // Of two reasons the later one is told.
        std::mem::replace(&mut trouble.over, self.stop.child_token()).cancel();
        Some(News::Unwritable { why: why.to_owned(), over: trouble.over.clone() })
    }

    fn written(&mut self, damaged: bool, now: Duration) -> Option<News> {
        let trouble = self.trouble.take()?;
        trouble.over.cancel();
        Some(News::Written { lasted: now.saturating_sub(trouble.begun), told: trouble.told, damaged })
    }
}
