//! Tasks of targets that a reload removed: they are waited for a little, and what they leave open gets its end when
//! they are gone, however late that is.

use super::clock::Clock;
use super::daemon::Core;
use super::recovery::{Occasion, recover};
use crate::model::Duration;
use std::collections::BTreeSet;
use std::sync::Arc;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// A stop waits so long for what is under way, then leaves it to the next start.
const STOP_WITHIN: Duration = Duration::from_secs(6);

/// Between two looks whether one has gone.
const WATCH_EVERY: Duration = Duration::from_secs(2);

/// Tasks that were told to end, by their targets.
#[derive(Default)]
pub(super) struct Leaving {
    still: Vec<(String, JoinHandle<()>)>,
    ended: BTreeSet<String>,
}

impl Leaving {
    /// Waits, for a while, until these have ended; those that have not stay, beside those that were told before.
    pub(super) async fn let_end(&mut self, mut told: Vec<(String, JoinHandle<()>)>, clock: &dyn Clock) {
        let all_ended = async {
            for (name, task) in &mut told {
                if let Err(e) = task.await {
                    tracing::error!("the task of target {name} ended badly: {e}");
                }
            }
        };
        tokio::select! { () = all_ended => {}, () = clock.sleep(STOP_WITHIN) => {} }
        self.still.append(&mut told);
        self.look();
    }

    fn look(&mut self) {
        let gone = self.still.extract_if(.., |(_, task)| task.is_finished());
        self.ended.extend(gone.map(|(name, _)| name));
    }

    /// Targets of those that have not ended.
    pub(super) fn still(&self) -> impl Iterator<Item = &str> {
        self.still.iter().map(|(name, _)| name.as_str())
    }

    /// Targets all of whose tasks have ended, each told once.
    pub(super) fn ended(&mut self) -> BTreeSet<String> {
        self.look();
        let (still, ended): (BTreeSet<String>, BTreeSet<String>) =
            std::mem::take(&mut self.ended).into_iter().partition(|name| self.still().any(|other| other == name));
        self.ended = still;
        ended
    }
}

/// Gives what they left open its end as soon as they are gone.
pub(super) async fn watch(core: Arc<Core>, stop: CancellationToken) {
    loop {
        tokio::select! { () = stop.cancelled() => return, () = core.shared.clock.sleep(WATCH_EVERY) => {} }
        let mut live = core.live.lock().await;
        let targets = live.ended();
        if targets.is_empty() {
            continue;
        }
        let occasion = Occasion::Reload { targets: &targets, before: &live.worlds };
        // A target without a task is not configured any more: no run comes of it.
        let ends = recover(&core.shared.audit, &live.loaded, &live.worlds, occasion, &*core.shared.clock).await;
        if let Err(why) = ends {
            tracing::error!("what was left at {targets:?} waits for the next start: {why}");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::clock::System;
    use super::*;
    use tokio::sync::oneshot;

    fn task(name: &str) -> (oneshot::Sender<()>, (String, JoinHandle<()>)) {
        let (end, ended) = oneshot::channel();
        (end, (name.to_owned(), tokio::spawn(async move { drop(ended.await) })))
    }

    #[tokio::test(start_paused = true)]
    async fn a_target_is_told_once_when_its_last_task_has_gone() {
        let (mut leaving, begun) = (Leaving::default(), tokio::time::Instant::now());
        let ((first, slow), (second, quick)) = (task("orders"), task("crm"));
        drop(second);
        leaving.let_end(vec![slow, quick], &System).await;
        assert!(begun.elapsed() >= STOP_WITHIN);
        assert_eq!(leaving.still().collect::<Vec<_>>(), ["orders"]);
        assert_eq!(leaving.ended(), BTreeSet::from(["crm".to_owned()]));
        // Brought back and removed again, while the task before still leaves: only the new one is waited for.
        let (begun, (again, same)) = (tokio::time::Instant::now(), task("orders"));
        drop(again);
        leaving.let_end(vec![same], &System).await;
        assert!(begun.elapsed() < STOP_WITHIN);
        assert_eq!(leaving.ended(), BTreeSet::new(), "one of the two is still at it");
        drop(first);
        while leaving.still().next().is_some() {
            tokio::task::yield_now().await;
            leaving.look();
        }
        assert_eq!(leaving.ended(), BTreeSet::from(["orders".to_owned()]));
        assert_eq!(leaving.ended(), BTreeSet::new());
    }
}
