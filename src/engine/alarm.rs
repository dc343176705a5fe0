//! An audit log that cannot be written is told past the log: its messages come from records, and there can be none.
//! One that is damaged can be written, and its message comes from a record like all others.

mod news;

use super::carry::append_plain;
use super::clock::Clock;
use super::daemon::{Core, own_notice};
use super::world::address;
use crate::channels::{self, Message, send};
use crate::config::Channel;
use crate::model::record::{Draft, Notice, RecordKind};
use crate::model::time::in_words;
use crate::model::{Duration, Timestamp};
use news::{Alarm, News};
use std::sync::Arc;
use tokio_util::sync::CancellationToken;

/// Rests between the attempts to reach one channel. No outbox keeps such a message: after the last one it is given up.
const RESTS: [Duration; 4] =
    [Duration::from_secs(2), Duration::from_secs(10), Duration::from_mins(1), Duration::from_mins(5)];

/// Tells people when the log is ill, and when it can be written again.
pub(super) async fn watch(core: Arc<Core>, stop: CancellationToken) {
    let (mut status, clock) = (core.shared.audit.watch(), core.shared.clock.clone());
    let mut alarm = Alarm::new(stop.clone());
    loop {
        let news = alarm.see(&status.borrow_and_update(), clock.elapsed());
        for one in news {
            tell(&core, one).await;
        }
        let due = alarm.due();
        let rest = due.unwrap_or_default().saturating_sub(clock.elapsed());
        tokio::select! {
            () = stop.cancelled() => return,
            () = clock.sleep(rest), if due.is_some() => {}
            changed = status.changed() => if changed.is_err() { return },
        }
    }
}

async fn tell(core: &Core, news: News) {
    match news {
        News::Unwritable { why, over } => cry(core, &unwritable(&why), &over).await,
        News::Written { lasted, told, damaged } => {
            tracing::warn!("the audit log can be written again");
            let notice = told.then(|| written(lasted, damaged));
            note(core, &format!("it can be written again; for {} it could not", in_words(lasted)), notice).await;
        }
        News::Damaged(what) => note(core, &what, Some(damage(&what))).await,
    }
}

fn unwritable(why: &str) -> Notice {
    let lines = vec![
        why.to_owned(),
        "Looking goes on, acting does not: pgmedic acts on nothing that it cannot record first.".to_owned(),
    ];
    own_notice("audit log", "pgmedic acts on nothing: its audit log cannot be written", lines)
}

fn written(lasted: Duration, damaged: bool) -> Notice {
    let lasted = in_words(lasted);
    if damaged {
        let lines = vec![
            format!("Recording goes on. For {lasted} it did not."),
            "Acting does not: what was written before is damaged.".to_owned(),
        ];
        return own_notice("audit log", "pgmedic records again and acts on nothing: its audit log is damaged", lines);
    }
    let lines = vec![format!("Actions are possible again. For {lasted} they were not.")];
    own_notice("audit log", "pgmedic goes on: its audit log can be written again", lines)
}

fn damage(what: &str) -> Notice {
    let lines = vec![
        what.to_owned(),
        "Looking and recording go on, acting does not, until a person has looked at it: pgmedic audit verify"
            .to_owned(),
    ];
    own_notice("audit log damage", "pgmedic acts on nothing: its audit log is damaged", lines)
}

/// Sends the message to every channel of the daemon's own events, each by itself, until it is over.
async fn cry(core: &Core, notice: &Notice, over: &CancellationToken) {
    let now = core.shared.clock.now();
    let (channels, notify) = {
        let live = core.live.lock().await;
        (live.loaded.config.channels.clone(), live.loaded.config.notify.clone())
    };
    let log = core.shared.audit.log_id();
    for channel in channels.into_iter().filter(|c| notify.contains(&c.name) && channels::wants(c, notice)) {
        let message = unrecorded(&log, notice, now);
        let (clock, over) = (core.shared.clock.clone(), over.clone());
        tokio::spawn(async move {
            tokio::select! { () = reach(&*clock, &channel, &message) => {}, () = over.cancelled() => {} }
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

/// Records what became of the log in the log, with what people are to hear of it.
async fn note(core: &Core, what: &str, notice: Option<Notice>) {
    let mut draft = Draft {
        actor: Some("daemon".to_owned()),
        reason: Some(format!("audit log: {what}")),
        ..Draft::new(RecordKind::Lifecycle)
    };
    if let Some(notice) = notice {
        draft.set_notice(&notice);
        let live = core.live.lock().await;
        draft.notify.clone_from(&live.loaded.config.notify);
        address(&live.loaded.config.channels, &mut draft);
    }
    append_plain(&core.shared.audit, draft).await;
}

#[cfg(test)]
mod tests;
