//! The clock as a trait: a simulation lives on virtual time.

use crate::model::time::since;
use crate::model::{Duration, Timestamp};
use async_trait::async_trait;

/// Where the engine gets its time from.
#[async_trait]
pub trait Clock: Send + Sync {
    /// Now, by the wall.
    fn now(&self) -> Timestamp;

    /// Lets time pass.
    async fn sleep(&self, length: Duration);

    /// Waits for a moment; returns at once when it has passed.
    async fn sleep_until(&self, moment: Timestamp) {
        self.sleep(since(moment, self.now())).await;
    }
}

/// The machine's own clock.
#[derive(Clone, Copy, Debug, Default)]
pub struct System;

#[async_trait]
impl Clock for System {
    fn now(&self) -> Timestamp {
        Timestamp::now()
    }

    async fn sleep(&self, length: Duration) {
        tokio::time::sleep(length).await;
    }
}
