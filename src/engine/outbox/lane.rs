//! One channel's queue: what is due, what is hopeless, how long to wait. No I/O here.

use crate::channels::send::Sent;
use crate::decide::outbox::Waiting;
use crate::model::Duration;
use std::collections::{BTreeMap, BTreeSet};
use tokio::time::Instant;

/// A message that the receiver answered and did not take is given up after so many attempts (18 minutes).
pub(super) const MOST_REJECTIONS: u32 = 12;
/// A message for a receiver that is not there is given up after so many attempts (a day).
pub(super) const MOST_ATTEMPTS: u32 = 300;
const FIRST_WAIT: Duration = Duration::from_secs(1);
const LONGEST_WAIT: Duration = Duration::from_mins(5);

type Queue = BTreeMap<u64, Waiting>;

/// What to do about a channel now.
#[derive(Debug, PartialEq)]
pub(super) enum Step {
    /// Nothing waits, or an attempt is under way.
    Rest,
    /// Look again then.
    Wait(Instant),
    /// Send this one.
    Send(u64),
}

/// How a message ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct End {
    pub delivered: bool,
    pub attempts: u32,
    pub detail: String,
}

/// What is remembered of one channel.
#[derive(Debug, Default)]
pub(super) struct Lane {
    not_before: Option<Instant>,
    /// In a row, whatever the message: the wait grows with it.
    failures: u32,
    /// The message at the head, once it was tried.
    tried: Option<Tried>,
    sending: Option<u64>,
    /// The attempt under way began before a reload: its answer says nothing about the channel now.
    outdated: bool,
    /// Why no message can arrive until a reload.
    closed: Option<String>,
    /// Ended here, but perhaps not yet in the log.
    ended: BTreeSet<u64>,
}

#[derive(Debug)]
struct Tried {
    seq: u64,
    attempts: u32,
    rejections: u32,
    last: String,
}

impl Lane {
    /// Whether anything here still matters once no message waits.
    pub fn matters(&self, now: Instant) -> bool {
        self.closed.is_some() || self.sending.is_some() || self.not_before.is_some_and(|at| at > now)
    }

    /// Failed attempts in a row.
    pub fn failures(&self) -> u32 {
        self.failures
    }

    /// After a reload: the channel may be another one now.
    pub fn reopen(&mut self) {
        self.closed = None;
        self.not_before = None;
        self.failures = 0;
        self.outdated = self.sending.is_some();
    }

    /// Forgets ends that the log knows by now.
    pub fn forget_ended(&mut self, queue: &Queue) {
        self.ended.retain(|seq| queue.contains_key(seq));
    }

    /// What to do now.
    pub fn next(&self, queue: &Queue, now: Instant) -> Step {
        let head = self.open(queue).next();
        match (head, self.not_before) {
            _ if self.sending.is_some() || self.closed.is_some() => Step::Rest,
            (None, _) => Step::Rest,
            (Some(_), Some(at)) if at > now => Step::Wait(at),
            (Some(seq), _) => Step::Send(seq),
        }
    }

    /// An attempt begins.
    pub fn sending(&mut self, seq: u64) {
        self.sending = Some(seq);
        self.outdated = false;
    }

    /// An attempt ended. Returns the message's end, if that was it. `jitter` is from 0 to 1.
    pub fn answered(&mut self, seq: u64, sent: Sent, pace: Duration, now: Instant, jitter: f64) -> Option<End> {
        self.sending = None;
        let mut tried = match self.tried.take() {
            Some(tried) if tried.seq == seq => tried,
            _ => Tried { seq, attempts: 0, rejections: 0, last: String::new() },
        };
        tried.attempts += 1;
        let (wait, end) = match sent {
            Sent::Delivered { detail } => {
                self.failures = 0;
                (pace, Some(End { delivered: true, attempts: tried.attempts, detail }))
            }
            Sent::Gone { detail } if !self.outdated => {
                let why = format!("channel disabled until the next reload: the receiver {detail}");
                self.closed = Some(why.clone());
                (pace, Some(End { delivered: false, attempts: tried.attempts, detail: why }))
            }
            Sent::Retry { after, detail } => {
                let end = self.failed(&mut tried, detail);
                (after.unwrap_or_else(|| backoff(self.failures, jitter)), end)
            }
            Sent::Rejected { detail } | Sent::Gone { detail } => {
                tried.rejections += 1;
                let end = self.failed(&mut tried, detail);
                (backoff(self.failures, jitter), end)
            }
        };
        self.not_before = Some(now + wait.max(pace));
        if end.is_some() {
            self.ended.insert(seq);
        } else {
            self.tried = Some(tried);
        }
        end
    }

    fn failed(&mut self, tried: &mut Tried, detail: String) -> Option<End> {
        self.failures = self.failures.saturating_add(1);
        tried.last = detail;
        let refused = tried.rejections >= MOST_REJECTIONS;
        if refused {
            // The receiver answers: the next message deserves a prompt attempt.
            self.failures = 0;
        }
        (refused || tried.attempts >= MOST_ATTEMPTS).then(|| End {
            delivered: false,
            attempts: tried.attempts,
            detail: tried.last.clone(),
        })
    }

    /// Gives up every message that waits.
    pub fn give_up_all(&mut self, queue: &Queue, why: &str) -> Vec<(u64, End)> {
        let seqs: Vec<u64> = self.open(queue).filter(|seq| self.sending != Some(*seq)).collect();
        seqs.into_iter().map(|seq| (seq, self.give_up(seq, why.to_owned()))).collect()
    }

    /// Gives up what cannot arrive: all of a closed channel, and the oldest beyond `most`.
    pub fn give_up_hopeless(&mut self, queue: &Queue, most: usize) -> Vec<(u64, End)> {
        if let Some(why) = self.closed.clone() {
            return self.give_up_all(queue, &why);
        }
        let open = self.open(queue).count();
        let oldest: Vec<u64> =
            self.open(queue).filter(|seq| self.sending != Some(*seq)).take(open.saturating_sub(most)).collect();
        oldest
            .into_iter()
            .map(|seq| {
                let last = self.tried.as_ref().filter(|t| t.seq == seq).map(|t| format!("; last: {}", t.last));
                let why = format!("more than {most} messages wait for this channel{}", last.unwrap_or_default());
                (seq, self.give_up(seq, why))
            })
            .collect()
    }

    fn give_up(&mut self, seq: u64, detail: String) -> End {
        self.ended.insert(seq);
        let attempts = self.tried.as_ref().filter(|t| t.seq == seq).map_or(0, |t| t.attempts);
        End { delivered: false, attempts, detail }
    }

    fn open<'a>(&'a self, queue: &'a Queue) -> impl Iterator<Item = u64> + 'a {
        queue.keys().copied().filter(|seq| !self.ended.contains(seq))
    }
}

/// Twice as long after each failure, from 1 s to 5 min, spread by up to a quarter either way.
fn backoff(failures: u32, jitter: f64) -> Duration {
    let doubled = FIRST_WAIT.saturating_mul(1 << failures.saturating_sub(1).min(16));
    doubled.min(LONGEST_WAIT).mul_f64(0.75 + jitter.clamp(0.0, 1.0) / 2.0).clamp(FIRST_WAIT, LONGEST_WAIT)
}
