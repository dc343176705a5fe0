//! An audit log that cannot be written is told past the log: its messages come from records, and there can be none.

use super::carry::append_plain;
use super::clock::Clock;
use super::daemon::{Core, own_notice};
use super::world::address;
use crate::channels::{self, Message, send};
use crate::config::Channel;
use crate::model::record::{Draft, Notice, RecordKind};
use crate::model::time::{in_words, since};
use crate::model::{Duration, Timestamp};
use std::collections::BTreeMap;
use std::sync::Arc;
use tokio_util::sync::CancellationToken;

/// A disk that is full, then not, then full again, is told of once in so long.
const TOLD_AGAIN_AFTER: Duration = Duration::from_mins(10);
/// Rests between the attempts to reach one channel. No outbox keeps such a message: after the last one it is given up.
const RESTS: [Duration; 4] =
    [Duration::from_secs(2), Duration::from_secs(10), Duration::from_mins(1), Duration::from_mins(5)];

/// Tells people when the log can no longer be written, and records it when it can again.
pub(super) async fn watch(core: Arc<Core>, stop: CancellationToken) {
    let mut status = core.shared.audit.watch();
    let mut known: Option<String> = None;
    let mut told: BTreeMap<String, Timestamp> = BTreeMap::new();
    let mut begun: Option<Timestamp> = None;
    loop {
        let trouble = status.borrow_and_update().trouble.clone();
        let now = core.shared.clock.now();
        match &trouble {
            Some(why) if known != trouble => {
                tracing::error!("nothing is done while the audit log cannot be written: {why}");
                // A clock that was set back since does not keep anybody quiet.
                told.retain(|_, at| *at <= now && since(now, *at) < TOLD_AGAIN_AFTER);
                if told.insert(why.clone(), now).is_none() {
                    begun.get_or_insert(now);
                    cry(&core, why, now, &stop).await;
                }
            }
            None => {
                if let Some(at) = begun.take() {
                    over(&core, at, now).await;
                }
            }
            Some(_) => {}
        }
        known = trouble;
        tokio::select! {
            () = stop.cancelled() => return,
            changed = status.changed() => if changed.is_err() { return },
        }
    }
}

/// Sends the message to every channel of the daemon's own events, each by itself.
async fn cry(core: &Core, why: &str, now: Timestamp, stop: &CancellationToken) {
    let lines = vec![
        why.to_owned(),
        "Looking goes on, acting does not: pgmedic acts on nothing that it cannot record first.".to_owned(),
    ];
    let notice = own_notice("audit log", "pgmedic acts on nothing: its audit log cannot be written", lines);
    let (channels, notify) = {
        let live = core.live.lock().await;
        (live.loaded.config.channels.clone(), live.loaded.config.notify.clone())
    };
    let log = core.shared.audit.log_id();
    for channel in channels.into_iter().filter(|c| notify.contains(&c.name) && channels::wants(c, &notice)) {
        let message = unrecorded(&log, &notice, now);
        let (clock, stop) = (core.shared.clock.clone(), stop.clone());
        tokio::spawn(async move {
            tokio::select! { () = reach(&*clock, &channel, &message) => {}, () = stop.cancelled() => {} }
        });
    }
}

fn unrecorded(log: &str, notice: &Notice, now: Timestamp) -> Message {
    Message {
        seq: 0,
        // Receivers know a repeat by log and seq: no two of these are the same message.
        log: format!("{log}-unrecorded-{}", now.as_microsecond()),
        time: now,
        notice: notice.clone(),
        run: None,
        target: None,
        playbook: None,
    }
}

async fn reach(clock: &dyn Clock, channel: &Channel, message: &Message) {
    for rest in RESTS.iter().map(Some).chain([None]) {
        let sent = match channels::open(&channel.service, &super::load::resolve) {
            Ok(service) => match service.request(message, clock.now()) {
                Ok(request) => send::send(&request, channel.allow_private).await,
                Err(detail) => send::Sent::Retry { after: None, detail },
            },
            Err(detail) => send::Sent::Retry { after: None, detail },
        };
        match (&sent, rest) {
            (send::Sent::Delivered { .. }, _) => return,
            (_, Some(rest)) => clock.sleep(*rest).await,
            (_, None) => {
                tracing::error!(channel = channel.name, ?sent, "nobody could be told that the audit log is ill");
            }
        }
    }
}

/// The log can be written again: what people were told past it gets its end in it.
async fn over(core: &Core, begun: Timestamp, now: Timestamp) {
    tracing::warn!("the audit log can be written again");
    let lines = vec![format!("Actions are possible again. For {} they were not.", in_words(since(now, begun)))];
    let headline = "pgmedic goes on: its audit log can be written again";
    let mut draft = Draft {
        actor: Some("daemon".to_owned()),
        reason: Some("audit log: it can be written again".to_owned()),
        ..Draft::new(RecordKind::Lifecycle)
    };
    draft.set_notice(&own_notice("audit log", headline, lines));
    {
        let live = core.live.lock().await;
        draft.notify.clone_from(&live.loaded.config.notify);
        address(&live.loaded.config.channels, &mut draft);
    }
    append_plain(&core.shared.audit, draft).await;
}
