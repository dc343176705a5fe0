//! The clock as a trait: a simulation lives on virtual time.

use crate::model::time::since;
use crate::model::{Duration, Timestamp};
use async_trait::async_trait;
use std::sync::LazyLock;
use tokio::time::Instant;

/// What [`System::elapsed`] counts from.
static BEGAN: LazyLock<Instant> = LazyLock::new(Instant::now);

/// How long a wait for a moment trusts the clock.
const LONGEST_NAP: Duration = Duration::from_secs(30);

/// Where the engine gets its time from.
#[async_trait]
pub trait Clock: Send + Sync {
    /// Now, by the wall.
    fn now(&self) -> Timestamp;

    /// Time since some moment of this process, by a clock that nobody sets: what is waited for ends by it,
    /// whatever becomes of the wall clock meanwhile.
    fn elapsed(&self) -> Duration;

    /// Lets time pass.
    async fn sleep(&self, length: Duration);

    /// Waits for a moment, or for half a minute: whoever waits asks again, since the clock may have been set.
    async fn sleep_until(&self, moment: Timestamp) {
        self.sleep(since(moment, self.now()).min(LONGEST_NAP)).await;
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

    fn elapsed(&self) -> Duration {
        BEGAN.elapsed()
    }

    async fn sleep(&self, length: Duration) {
        tokio::time::sleep(length).await;
    }
}
