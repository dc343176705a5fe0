//! Brings every message to its channel, whatever happens in between: it works from the log, so that
//! neither a receiver that is down nor a crash loses one.
//!
//! A message may arrive twice (a crash between the receiver's answer and its record), never not at
//! all without a record that says so. Counts of attempts live in memory: a restart begins them anew.

mod lane;

use crate::channels::send::Sent;
use crate::channels::{self, Message, Request, Resolve};
use crate::config::Channel;
use crate::decide::outbox::{Delivery, MOST_WAITING, Outbox, Waiting};
use crate::model::{Draft, Duration, RecordKind, Timestamp};
use async_trait::async_trait;
use futures_util::future::BoxFuture;
use futures_util::stream::{FuturesUnordered, StreamExt};
use lane::{End, Lane, Step};
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use tokio::sync::watch;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// How long a stop waits for answers that are under way, so that they can still be recorded.
const GRACE: Duration = Duration::from_secs(3);
/// When an end could not be recorded, it is tried again after this.
const RECORD_AGAIN: Duration = Duration::from_secs(5);

/// The log, as the outbox sees it.
#[async_trait]
pub trait Ledger: Send {
    /// The messages that wait now, those of every record that was appended before; none when the log
    /// is closed for good.
    async fn waiting(&self) -> Option<Outbox>;

    /// Returns once the log has grown since this last returned (the first time: since the ledger was
    /// made). Must be safe to cancel.
    async fn changed(&mut self);

    /// Appends one record.
    ///
    /// # Errors
    /// When it cannot be written now.
    async fn record(&self, draft: Draft) -> Result<(), String>;

    /// The log's ULID.
    fn log_id(&self) -> String;
}

/// What carries requests, so that tests and a simulation can stand in for the network.
#[async_trait]
pub trait Carrier: Send + Sync {
    /// Sends one request; must end by itself.
    async fn carry(&self, request: &Request, allow_private: bool) -> Sent;
}

/// The network.
#[derive(Clone, Copy, Debug)]
pub struct Network;

#[async_trait]
impl Carrier for Network {
    async fn carry(&self, request: &Request, allow_private: bool) -> Sent {
        channels::send::send(request, allow_private).await
    }
}

/// What the outbox works with.
#[derive(Clone)]
pub struct Deps {
    /// The channels as configured; a new value is a reload, which opens closed channels again.
    pub channels: watch::Receiver<Arc<Vec<Channel>>>,
    /// How secrets are had; asked at every attempt.
    pub resolve: Arc<Resolve>,
    /// What carries requests.
    pub carrier: Arc<dyn Carrier>,
    /// The clock by which requests are signed.
    pub now: fn() -> Timestamp,
}

/// Delivers until `stop` is cancelled or the log is closed. Each channel gets its messages in the
/// order of their records; no channel waits for another.
pub async fn run(mut ledger: impl Ledger, deps: Deps, stop: CancellationToken) {
    let mut desk = Desk {
        log: ledger.log_id(),
        deps,
        lanes: BTreeMap::new(),
        unrecorded: VecDeque::new(),
        under_way: FuturesUnordered::new(),
    };
    let mut waiting = ledger.waiting().await;
    while let Some(outbox) = &waiting {
        let wake = desk.hand_out(outbox);
        let wake = if desk.record(&ledger).await { wake } else { Some(Instant::now() + RECORD_AGAIN) };
        tokio::select! {
            () = stop.cancelled() => break,
            () = ledger.changed() => waiting = ledger.waiting().await,
            Ok(()) = desk.deps.channels.changed() => desk.lanes.values_mut().for_each(Lane::reopen),
            Some(attempt) = desk.under_way.next() => desk.note(attempt),
            () = until(wake) => {}
        }
    }
    let rest = async {
        while let Some(attempt) = desk.under_way.next().await {
            desk.note(attempt);
        }
    };
    // What does not answer in time is sent again after the next start.
    let _ = tokio::time::timeout(GRACE, rest).await;
    desk.record(&ledger).await;
}

async fn until(wake: Option<Instant>) {
    match wake {
        Some(wake) => tokio::time::sleep_until(wake).await,
        None => std::future::pending().await,
    }
}

struct Desk {
    log: String,
    deps: Deps,
    lanes: BTreeMap<String, Lane>,
    unrecorded: VecDeque<Draft>,
    under_way: FuturesUnordered<BoxFuture<'static, Attempt>>,
}

/// What came of one attempt.
struct Attempt {
    channel: String,
    seq: u64,
    about: About,
    pace: Duration,
    sent: Sent,
}

/// What the record of a delivery says besides.
#[derive(Clone)]
struct About {
    run: Option<String>,
    target: Option<String>,
}

impl From<&Waiting> for About {
    fn from(waiting: &Waiting) -> About {
        About { run: waiting.run.clone(), target: waiting.target.clone() }
    }
}

impl Desk {
    /// Starts what is due and gives up what has nowhere to go. Returns when to look again.
    fn hand_out(&mut self, outbox: &Outbox) -> Option<Instant> {
        let now = Instant::now();
        self.lanes.retain(|name, lane| lane.matters(now) || outbox.waiting.contains_key(name));
        let configured = Arc::clone(&self.deps.channels.borrow());
        let mut wake: Option<Instant> = None;
        for (name, queue) in &outbox.waiting {
            let channel = configured.iter().find(|c| c.name == *name);
            let lane = self.lanes.entry(name.clone()).or_default();
            lane.forget_ended(queue);
            let ends = match channel {
                None => lane.give_up_all(queue, "channel is no longer configured"),
                Some(_) => lane.give_up_hopeless(queue, MOST_WAITING),
            };
            for (seq, end) in ends {
                let about = queue.get(&seq).map(About::from);
                self.unrecorded.push_back(ended(name, seq, about.as_ref(), end));
            }
            match (lane.next(queue, now), channel) {
                (Step::Wait(at), _) => wake = Some(wake.map_or(at, |w| w.min(at))),
                (Step::Send(seq), Some(channel)) => {
                    if let Some(waiting) = queue.get(&seq) {
                        lane.sending(seq);
                        let message = message(&self.log, seq, waiting);
                        self.under_way.push(Box::pin(attempt(self.deps.clone(), channel.clone(), message)));
                    }
                }
                (Step::Rest | Step::Send(_), _) => {}
            }
        }
        wake
    }

    fn note(&mut self, attempt: Attempt) {
        let Attempt { channel, seq, about, pace, sent } = attempt;
        let lane = self.lanes.entry(channel.clone()).or_default();
        if let Sent::Retry { detail, .. } | Sent::Rejected { detail } = &sent
            && lane.failures() == 0
        {
            tracing::warn!(channel, of = seq, detail, "a message was not delivered; trying again");
        }
        if let Some(end) = lane.answered(seq, sent, pace, Instant::now(), jitter()) {
            self.unrecorded.push_back(ended(&channel, seq, Some(&about), end));
        }
    }

    /// Records all ends. False: the log cannot be written; they are kept.
    async fn record(&mut self, ledger: &impl Ledger) -> bool {
        while let Some(draft) = self.unrecorded.front() {
            if let Err(why) = ledger.record(draft.clone()).await {
                tracing::warn!(why, ends = self.unrecorded.len(), "ends of messages cannot be recorded; trying again");
                return false;
            }
            self.unrecorded.pop_front();
        }
        true
    }
}

async fn attempt(deps: Deps, channel: Channel, message: Message) -> Attempt {
    let opened = channels::open(&channel.service, &*deps.resolve);
    let pace = opened.as_ref().map_or(Duration::ZERO, |service| service.pace());
    let sent = match opened.and_then(|service| service.request(&message, (deps.now)())) {
        Ok(request) => deps.carrier.carry(&request, channel.allow_private).await,
        // A secret that cannot be had now may be there after a person looked.
        Err(detail) => Sent::Retry { after: None, detail },
    };
    let about = About { run: message.run, target: message.target };
    Attempt { channel: channel.name, seq: message.seq, about, pace, sent }
}

fn message(log: &str, seq: u64, waiting: &Waiting) -> Message {
    Message {
        seq,
        log: log.to_owned(),
        time: waiting.at,
        notice: waiting.notice.clone(),
        run: waiting.run.clone(),
        target: waiting.target.clone(),
        playbook: waiting.playbook.clone(),
    }
}

/// The record of a message's end.
fn ended(channel: &str, seq: u64, about: Option<&About>, end: End) -> Draft {
    let status = if end.delivered { "delivered" } else { "given_up" };
    if !end.delivered {
        tracing::warn!(channel, of = seq, attempts = end.attempts, detail = end.detail, "a message was given up");
    }
    let mut draft = Draft::new(RecordKind::Notification);
    draft.actor = Some("daemon".to_owned());
    draft.run = about.and_then(|a| a.run.clone());
    draft.target = about.and_then(|a| a.target.clone());
    draft.reason = Some(format!("{channel}: message of record {seq} {}: {}", status.replace('_', " "), end.detail));
    let delivery = Delivery {
        channel: channel.to_owned(),
        of: seq,
        status: status.to_owned(),
        attempts: end.attempts,
        detail: end.detail,
    };
    // Strings and numbers always serialise.
    draft.evidence = Some(serde_json::to_value(delivery).unwrap_or_default());
    draft
}

/// From 0 to 1. Without randomness the waits are still right, only not spread.
fn jitter() -> f64 {
    let mut byte = [0_u8; 1];
    match getrandom::fill(&mut byte) {
        Ok(()) => f64::from(byte[0]) / 255.0,
        Err(_) => 0.5,
    }
}

#[cfg(test)]
mod tests;
