//! The index in a thread of its own: neither an append nor its answer waits for it. What is durable is handed over
//! and entered later; whoever asks meanwhile reads the log's end itself. Nothing rests on it: what it lacks at an end
//! without order, the next start adds from the log.

use super::index::{Index, Place};
use crate::model::{Record, Timestamp};
use std::io;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::JoinHandle;
use tokio::sync::oneshot;

/// Batches that may wait: beyond it whoever hands over waits too, since all of them are kept in memory.
const BACKLOG: usize = 4;

enum Job {
    Add(Vec<(Record, Place)>),
    Fired(String, Timestamp),
    LastFire(String, oneshot::Sender<Option<Timestamp>>),
}

/// The thread that keeps the index.
pub(super) struct Indexer {
    jobs: SyncSender<Job>,
    thread: JoinHandle<()>,
}

impl Indexer {
    /// Gives an index to a thread.
    ///
    /// # Errors
    /// When the system has no thread left.
    pub(super) fn start(index: Index) -> io::Result<Indexer> {
        let (jobs, inbox) = sync_channel(BACKLOG);
        let thread = std::thread::Builder::new().name("audit-index".to_owned()).spawn(move || keep(index, &inbox))?;
        Ok(Indexer { jobs, thread })
    }

    /// Enters durable records that follow on those before.
    pub(super) fn add(&self, records: Vec<(Record, Place)>) {
        self.ask(Job::Add(records));
    }

    /// Remembers the nominal time that a trigger was last run for.
    pub(super) fn fired(&self, trigger: String, nominal: Timestamp) {
        self.ask(Job::Fired(trigger, nominal));
    }

    /// Answers which that was, after all that was asked before.
    pub(super) fn last_fire(&self, trigger: String, reply: oneshot::Sender<Option<Timestamp>>) {
        self.ask(Job::LastFire(trigger, reply));
    }

    fn ask(&self, job: Job) {
        // Without its thread there is no index, which is said when the log is closed.
        let _ = self.jobs.send(job);
    }

    /// Enters what waits, and ends the index in order.
    pub(super) fn close(self) {
        drop(self.jobs);
        if self.thread.join().is_err() {
            tracing::warn!("the audit index ended too early and will be completed from the log at the next start");
        }
    }
}

/// Works until nobody can ask any more. An index that fails is dropped: the next start looks at it.
fn keep(index: Index, jobs: &Receiver<Job>) {
    let mut index = Some(index);
    for job in jobs {
        let done = match (&mut index, job) {
            (Some(index), Job::Add(records)) => index.add(&records),
            (Some(index), Job::Fired(trigger, nominal)) => index.fired(&trigger, nominal),
            (Some(index), Job::LastFire(trigger, reply)) => index.last_fire(&trigger).map(|known| {
                // Whoever asked may be gone.
                let _ = reply.send(known);
            }),
            // A reply that is dropped says that nothing is known.
            (None, _) => Ok(()),
        };
        if let Err(why) = done {
            tracing::warn!("the audit log goes on without its index until the next start: {why}");
            index = None;
        }
    }
    if let Some(index) = index {
        index.close();
    }
}

#[cfg(test)]
mod tests {
    use super::super::index;
    use super::super::layout::Layout;
    use super::*;
    use crate::model::{Draft, RecordKind};

    #[test]
    fn what_was_handed_over_is_in_the_index_when_it_is_closed() {
        let dir = tempfile::tempdir().unwrap();
        let layout = Layout::new(dir.path());
        layout.create().unwrap();
        let began = index::open(&layout, index::open_files(&layout), "01", 0).unwrap();
        let indexer = Indexer::start(began).unwrap();
        for seq in 1..=2_000_u64 {
            let record = Record { seq, time: Timestamp::UNIX_EPOCH, body: Draft::new(RecordKind::Quiet) };
            indexer.add(vec![(record, Place { segment: 1, offset: seq * 100 })]);
        }
        indexer.fired("tick".to_owned(), Timestamp::UNIX_EPOCH);
        let (reply, mut answer) = oneshot::channel();
        indexer.last_fire("tick".to_owned(), reply);
        indexer.close();
        assert_eq!(answer.try_recv(), Ok(Some(Timestamp::UNIX_EPOCH)), "asked after it was remembered");
        let index = Index::for_reading(&layout.index()).unwrap();
        assert_eq!(index.size(), 2_000);
    }
}
