//! Last-fire keys: which nominal time of which trigger was run last. Working state, not truth: when it is
//! lost with the index, a tick that was missed at that moment is not made up for.

use super::{Index, caught};
use crate::model::Timestamp;

const FIRE: u8 = b'f';

fn key(trigger: &str) -> Vec<u8> {
    let mut key = vec![FIRE];
    key.extend_from_slice(trigger.as_bytes());
    key
}

impl Index {
    /// Remembers the nominal time that a trigger was last run for.
    ///
    /// # Errors
    /// Sled's words; the index is not to be used any more then.
    pub(in crate::audit) fn fired(&self, trigger: &str, nominal: Timestamp) -> Result<(), String> {
        let value = nominal.as_microsecond().to_be_bytes();
        caught(|| self.db.insert(key(trigger), value.as_slice())).map(drop)
    }

    /// The nominal time that a trigger was last run for, where that is known.
    ///
    /// # Errors
    /// Sled's words.
    pub(in crate::audit) fn last_fire(&self, trigger: &str) -> Result<Option<Timestamp>, String> {
        let found = caught(|| self.db.get(key(trigger)))?;
        let micros = found.and_then(|v| v.as_ref().try_into().ok()).map(i64::from_be_bytes);
        Ok(micros.and_then(|m| Timestamp::from_microsecond(m).ok()))
    }
}
