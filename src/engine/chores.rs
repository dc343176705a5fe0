//! What the engine does beside its targets: watching the clock, and letting messages out before it ends.

use super::carry::append_plain;
use super::daemon::own_notice;
use super::target::Shared;
use crate::model::record::{Draft, RecordKind};
use crate::model::time::after;
use crate::model::{Duration, Timestamp};
use crate::schedule::clock_jumped;
use tokio_util::sync::CancellationToken;

/// Between two looks at the clock.
const WATCH_EVERY: Duration = Duration::from_secs(10);
/// A run in the foreground waits so long for its messages to be delivered.
const DRAIN_WITHIN: Duration = Duration::from_secs(5);

/// Records and tells when the wall clock does not show what it should.
pub async fn watch_clock(shared: Shared, notify: Vec<String>, stop: CancellationToken) {
    let (mut began, mut wall): (tokio::time::Instant, Timestamp) = (tokio::time::Instant::now(), shared.clock.now());
    loop {
        tokio::select! { () = stop.cancelled() => return, () = tokio::time::sleep(WATCH_EVERY) => {} }
        let now = shared.clock.now();
        if let Some(jump) = clock_jumped(after(wall, began.elapsed()), now) {
            let said = jump.in_words();
            tracing::warn!("{said}");
            let mut draft = Draft {
                actor: Some("daemon".to_owned()),
                reason: Some(format!("clock: {said}")),
                notify: notify.clone(),
                ..Draft::new(RecordKind::Lifecycle)
            };
            let lines = vec!["No nominal time runs twice; ticks that were passed over follow `on_missed`.".to_owned()];
            draft.set_notice(&own_notice("clock", &format!("pgmedic: {said}"), lines));
            append_plain(&shared.audit, draft).await;
        }
        (began, wall) = (tokio::time::Instant::now(), now);
    }
}

/// Waits a little for the messages of a run in the foreground; what is left goes out with the next start.
pub async fn drain(shared: &Shared) {
    let until = after(shared.clock.now(), DRAIN_WITHIN);
    while shared.clock.now() < until {
        match shared.audit.state().await {
            Some(state) if !state.outbox.is_empty() => shared.clock.sleep(Duration::from_millis(100)).await,
            _ => return,
        }
    }
    tracing::warn!("some messages did not reach their channel yet; they go out with the next start");
}
