//! The one writer: it takes what waits, writes it, syncs once, and answers all.

use super::fold::Fold;
use super::group::{Door, Group, Line, Staged, may_use_headroom};
use super::head::{Head, HeadFile};
use super::idle;
use super::index::Place;
use super::indexer::Indexer;
use super::layout::Layout;
use super::lock::Lock;
use super::medium::is_full;
use super::recover;
use super::segment::{Fault, Segment};
use super::snapshot::Snapshot;
use super::{AppendError, Clock, Entry, Options, Status};
use crate::decide::state::State;
use crate::model::time::to_micros;
use crate::model::{Record, Timestamp};
use std::task::Poll;
use std::time::Duration;
use tokio::sync::{mpsc, oneshot, watch};

/// What the handle asks of the writer.
#[derive(Debug)]
pub(super) enum Request {
    Append(Append),
    State(oneshot::Sender<State>),
    Damaged(String),
    Fired(String, Timestamp),
    LastFire(String, oneshot::Sender<Option<Timestamp>>),
    Close(oneshot::Sender<()>),
}

/// One call of `append`.
#[derive(Debug)]
pub(super) struct Append {
    pub(super) entries: Vec<Entry>,
    pub(super) reply: oneshot::Sender<Result<Vec<u64>, AppendError>>,
}

impl Append {
    fn answer(self, result: Result<Vec<u64>, AppendError>) {
        // A caller that went away needs no answer; the record stands.
        let _ = self.reply.send(result);
    }
}

/// The log's only writer.
pub(super) struct Writer {
    pub(super) layout: Layout,
    pub(super) options: Options,
    pub(super) clock: Clock,
    pub(super) fold: Fold,
    pub(super) segment: Segment,
    pub(super) head: HeadFile,
    pub(super) status: watch::Sender<Status>,
    /// Passes when there is room again.
    pub(super) full: Option<String>,
    /// What is on the disk is not known: stays until a restart.
    pub(super) broken: Option<String>,
    /// Found in an older segment: stays until a restart.
    pub(super) damage: Option<String>,
    pub(super) notify_seq: u64,
    /// `None` where it could not be opened: the next start tries again.
    pub(super) index: Option<Indexer>,
    /// Durable records that were not given to the index yet, nor their hashes written beside them.
    pub(super) behind: Vec<(Record, Place)>,
    pub(super) lock: Lock,
}

/// What is behind is handed over when nobody has asked for anything for so long…
const IDLE: Duration = Duration::from_millis(2);
/// …or when it is so many records.
const MOST_BEHIND: usize = 256;

impl Writer {
    /// Works until the log is closed or its last handle is gone.
    pub(super) fn run(mut self, mut inbox: mpsc::Receiver<Request>) {
        let mut closers = Vec::new();
        while let Some(first) = self.next(&mut inbox) {
            let (mut appends, mut states) = (Vec::new(), Vec::new());
            let mut request = Some(first);
            while let Some(next) = request {
                match next {
                    Request::Append(append) => appends.push(append),
                    Request::State(reply) => states.push(reply),
                    Request::Damaged(what) => self.damage = Some(what),
                    Request::Fired(trigger, nominal) => self.fired(trigger, nominal),
                    Request::LastFire(trigger, reply) => self.last_fire(trigger, reply),
                    Request::Close(reply) => {
                        closers.push(reply);
                        inbox.close();
                    }
                }
                request = if appends.len() < self.options.group_max { inbox.try_recv().ok() } else { None };
            }
            self.turn(appends);
            self.tell();
            for reply in states {
                let _ = reply.send(self.fold.state.clone());
            }
        }
        self.hand_over();
        if let Err(e) = self.head.sync() {
            tracing::warn!("audit/head could not be synced at the end: {e}");
        }
        if let Some(index) = self.index.take() {
            index.close();
        }
        // The data directory is free before anybody is told that the log is closed.
        drop(self.lock);
        for closer in closers {
            let _ = closer.send(());
        }
    }

    fn next(&mut self, inbox: &mut mpsc::Receiver<Request>) -> Option<Request> {
        if !self.behind.is_empty() {
            if let Poll::Ready(request) = idle::within(inbox, IDLE) {
                return request;
            }
            self.hand_over();
        }
        inbox.blocking_recv()
    }

    /// Does what may lag behind the answers. Whoever reads meanwhile reads the log itself for it.
    fn hand_over(&mut self) {
        self.segment.write_leaves();
        let records = std::mem::take(&mut self.behind);
        if let Some(index) = self.index.as_ref().filter(|_| !records.is_empty()) {
            index.add(records);
        }
    }

    fn fired(&mut self, trigger: String, nominal: Timestamp) {
        if let Some(index) = &self.index {
            index.fired(trigger, nominal);
        }
    }

    fn last_fire(&mut self, trigger: String, reply: oneshot::Sender<Option<Timestamp>>) {
        if let Some(index) = &self.index {
            index.last_fire(trigger, reply);
        }
    }

    /// Writes one group.
    fn turn(&mut self, appends: Vec<Append>) {
        if appends.is_empty() {
            return;
        }
        self.look_for_hands();
        if self.broken.is_none() {
            match self.segment.make_room(0) {
                Err(e) => self.full = Some(full_text(&e)),
                Ok(()) if self.segment.len >= self.options.segment_bytes => self.rotate(),
                Ok(()) => self.full = None,
            }
        }
        self.commit(appends);
    }

    /// A segment that somebody else deleted or changed is no log: before anybody is answered, that is told.
    fn look_for_hands(&mut self) {
        if self.broken.is_some() {
            return;
        }
        if let Err(what) = self.segment.is_in_place() {
            let why = format!(
                "{what}, and not by pgmedic: nothing is done and nothing is recorded until somebody has put back \
                 what was there and restarted pgmedic"
            );
            tracing::error!("audit log: {why}");
            self.broken = Some(why);
            self.tell();
        }
    }

    fn commit(&mut self, appends: Vec<Append>) {
        let now = self.now();
        let mut group = Group::default();
        for mut append in appends {
            let trouble = self.broken.as_ref().or(self.full.as_ref().filter(|_| !may_use_headroom(&append.entries)));
            if let Some(why) = trouble {
                let why = why.clone();
                append.answer(Err(AppendError::Unwritable(why)));
                continue;
            }
            let door = Door { layout: &self.layout, damage: self.damage.as_deref() };
            match group.stage(&mut self.fold, &mut append.entries, now, &door) {
                Ok(seqs) => group.waiting.push((append, seqs)),
                Err(e) => append.answer(Err(e)),
            }
        }
        if group.bytes.is_empty() {
            return group.waiting.into_iter().for_each(|(append, seqs)| append.answer(Ok(seqs)));
        }
        match self.segment.append(&group.bytes, self.full.is_some()) {
            Ok(()) => self.publish(group),
            Err(fault) => self.take_back(group, fault),
        }
    }

    /// After the covering sync: tells everybody, then does what may lag behind.
    fn publish(&mut self, group: Group) {
        let start = self.segment.len - group.bytes.len() as u64;
        let notify = group.records.iter().rfind(|s| !s.record.body.notify.is_empty());
        self.notify_seq = notify.map_or(self.notify_seq, |s| s.record.seq);
        self.tell();
        self.put_head();
        for (append, seqs) in group.waiting {
            append.answer(Ok(seqs));
        }
        let segment = self.segment.first;
        for Staged { record, leaf, offset } in group.records {
            self.segment.leaves.push(leaf);
            self.behind.push((record, Place { segment, offset: start + offset }));
        }
        if self.behind.len() >= MOST_BEHIND {
            self.hand_over();
        }
    }

    /// Nothing of the group is in the log: neither is it in the state then.
    fn take_back(&mut self, group: Group, fault: Fault) {
        let again = matches!(fault, Fault::Full(_)) && self.full.is_none();
        self.note(fault);
        if let Err(why) = recover::refold(&self.layout, &self.segment).map(|fold| self.fold = fold) {
            self.broken = Some(format!("what is on the disk cannot be read back: {why}"));
        }
        let appends: Vec<Append> = group.waiting.into_iter().map(|(append, _)| append).collect();
        if again {
            // What came of actions can still go into the room kept for it.
            return self.commit(appends);
        }
        let why = self.broken.clone().or(self.full.clone()).unwrap_or_default();
        for append in appends {
            append.answer(Err(AppendError::Unwritable(why.clone())));
        }
    }

    fn note(&mut self, fault: Fault) {
        match fault {
            Fault::Full(e) => self.full = Some(full_text(&e)),
            Fault::Broken(what, e) => {
                let why = format!(
                    "{what}: {e}; what is on the disk is no longer known: check the disk, then restart pgmedic, \
                     which reads the log again"
                );
                tracing::error!("audit log: {why}");
                self.broken = Some(why);
            }
        }
    }

    /// Begins a new segment. When the disk is full the old one is gone on with.
    fn rotate(&mut self) {
        match self.try_rotate() {
            Ok(()) => self.full = None,
            Err(fault) => self.note(fault),
        }
    }

    fn try_rotate(&mut self) -> Result<(), Fault> {
        let fault =
            |e: std::io::Error| if is_full(&e) { Fault::Full(e) } else { Fault::Broken("cannot begin a segment", e) };
        let line = self.snapshot_line().map_err(|e| fault(std::io::Error::other(e)))?;
        self.hand_over();
        self.segment.seal().map_err(fault)?;
        self.head.sync().map_err(fault)?;
        let first = self.fold.next();
        let began = Segment::create(&self.layout, first).map_err(fault).and_then(|mut next| {
            append_first(&mut next, &line)?;
            Ok(next)
        });
        let next = match began {
            Ok(next) => next,
            Err(why) => {
                // Left behind, it would look like a segment that lost its records.
                recover::remove_segment(&self.layout, first)
                    .map_err(|e| Fault::Broken("cannot remove a segment", e))?;
                return Err(why);
            }
        };
        let old = std::mem::replace(&mut self.segment, next);
        if let Err(e) = old.give_back() {
            tracing::warn!("room reserved for a sealed segment could not be given back: {e}");
        }
        self.fold.accept(&line.record, line.leaf);
        let mut group = Group::default();
        group.add(line);
        self.publish(group);
        Ok(())
    }

    pub(super) fn snapshot_line(&self) -> Result<Line, String> {
        let mut draft =
            Snapshot::new(&self.fold.log, &self.fold.state, &self.fold.tree).draft().map_err(|e| e.to_string())?;
        Line::new(self.fold.next(), self.now(), &mut draft)
    }

    fn now(&self) -> Timestamp {
        let now = to_micros((self.clock)());
        self.fold.state.last.map_or(now, |last| now.max(last))
    }

    /// Of what was told last: the root is worked out once for both.
    pub(super) fn put_head(&mut self) {
        let Status { size, root_hex, .. } = self.status.borrow().clone();
        if let Err(e) = self.head.write(&Head { size, root: root_hex }) {
            tracing::warn!("audit/head could not be written: {e}");
        }
    }

    pub(super) fn tell(&self) {
        let unwritable = self.broken.clone().or_else(|| self.full.clone());
        let damaged = unwritable.is_none() && self.damage.is_some();
        let trouble =
            unwritable.or_else(|| self.damage.as_ref().map(|what| format!("the audit log is damaged: {what}")));
        let size = self.fold.tree.size();
        let known = self.status.borrow().root_hex.clone();
        let same = !known.is_empty() && self.status.borrow().size == size;
        let root_hex = if same { known } else { hex::encode(self.fold.tree.root()) };
        let status = Status { size, root_hex, trouble, damaged, notify_seq: self.notify_seq };
        self.status.send_if_modified(|old| {
            let news = *old != status;
            *old = status;
            news
        });
    }
}

/// Writes the first record of a segment.
pub(super) fn append_first(segment: &mut Segment, line: &Line) -> Result<(), Fault> {
    let mut bytes = line.bytes.clone();
    bytes.push(b'\n');
    segment.append(&bytes, false)
}

fn full_text(e: &std::io::Error) -> String {
    format!(
        "the disk of the data directory is full ({e}): nothing is done until there is room; what came of actions \
         under way is still recorded"
    )
}

#[cfg(test)]
#[path = "writer_tests.rs"]
mod tests;
