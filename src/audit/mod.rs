//! The audit log: plain files of JSON lines under a Merkle tree, one writer, and what reads them.
//!
//! [`Audit::open`] takes the data directory for this process, makes the log sound and starts its
//! writer, a thread of its own. A record counts when [`Audit::append`] has returned: then it is on disk.

mod ahead;
mod background;
mod fold;
mod group;
mod head;
mod idle;
mod index;
mod indexer;
mod layout;
mod lines;
mod lock;
mod medium;
pub mod query;
mod recover;
mod segment;
mod snapshot;
mod start;
pub mod tree;
pub mod verify;
mod writer;

use crate::decide::intent::Bounds;
use crate::decide::state::State;
use crate::model::record::Draft;
use crate::model::{GuardReport, Timestamp};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tokio::sync::{mpsc, oneshot, watch};
use writer::{Append, Request, Writer};

/// Requests that wait for the writer before [`Audit::append`] itself waits.
const QUEUE: usize = 1_024;

/// Tells the time: the writer reads no clock of its own, so that a simulation can hold it.
pub type Clock = Arc<dyn Fn() -> Timestamp + Send + Sync>;

/// How the log is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Options {
    /// Size in bytes from which on a new segment is begun.
    pub segment_bytes: u64,
    /// Most calls of [`Audit::append`] that share one fdatasync.
    pub group_max: usize,
}

impl Default for Options {
    fn default() -> Options {
        Options { segment_bytes: 64 * 1024 * 1024, group_max: 512 }
    }
}

/// Something to append.
#[derive(Clone, Debug, PartialEq)]
pub enum Entry {
    /// A record that tells what was.
    Plain(Draft),
    /// The announcement of an action: appended only if nothing forbids it at that very moment.
    Intent {
        /// The record.
        draft: Draft,
        /// What must not be exceeded.
        bounds: Bounds,
    },
}

impl Entry {
    fn draft(&self) -> &Draft {
        match self {
            Entry::Plain(draft) | Entry::Intent { draft, .. } => draft,
        }
    }

    fn draft_mut(&mut self) -> &mut Draft {
        match self {
            Entry::Plain(draft) | Entry::Intent { draft, .. } => draft,
        }
    }
}

/// Why nothing was appended.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AppendError {
    /// An intent that must not be, with the guard that says so.
    #[error("{}: {}", .0.name, .0.detail)]
    Refused(GuardReport),
    /// The log cannot be written, or the record is none: nothing may be done.
    #[error("the audit log cannot be written: {0}")]
    Unwritable(String),
    /// The log was closed.
    #[error("the audit log is closed")]
    Closed,
}

/// Why the log could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Another process has the data directory.
    #[error(
        "data directory {} is in use by pgmedic process {pid}: stop that one first, or give this one its own data_dir",
        dir.display()
    )]
    Locked {
        /// The data directory.
        dir: PathBuf,
        /// The process as it wrote itself down.
        pid: String,
    },
    /// The log is not what was written.
    #[error(
        "the audit log is damaged: {}, line {line}, seq {seq}: {what}; nothing was changed: look at it with \
         `pgmedic audit verify`, and put back a sound copy",
        file.display()
    )]
    Damaged {
        /// The file.
        file: PathBuf,
        /// The line in it, from 1.
        line: u64,
        /// The `seq` that belongs there.
        seq: u64,
        /// What is wrong with it.
        what: String,
    },
    /// The system refused.
    #[error("{what}: {source}")]
    Io {
        /// What was tried, and with which file.
        what: String,
        /// The system's own words.
        source: io::Error,
    },
}

fn io_error(what: &str, path: &Path) -> impl FnOnce(io::Error) -> OpenError {
    let what = format!("{what} {}", path.display());
    move |source| OpenError::Io { what, source }
}

/// How the log stands after the last durable group.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Status {
    /// Records in it.
    pub size: u64,
    /// Root of its Merkle tree, in hex.
    pub root_hex: String,
    /// Why nothing may be done, if so.
    pub trouble: Option<String>,
    /// The trouble is damage in an older segment: acting is over, recording goes on.
    pub damaged: bool,
    /// `seq` of the last record that must reach a channel; 0 for none.
    pub notify_seq: u64,
}

/// The open log. Clones share one writer.
#[derive(Clone, Debug)]
pub struct Audit {
    requests: mpsc::Sender<Request>,
    status: watch::Receiver<Status>,
    log_id: Arc<str>,
    started_after_crash: bool,
    data_dir: Arc<Path>,
    index: index::Lent,
}

impl Audit {
    /// Takes the data directory, makes the log sound and starts its writer. Blocks: it reads the last
    /// segment (and all of them when the index must be rebuilt). The rest is verified in the background:
    /// damage found there stops all intents.
    ///
    /// # Errors
    /// When another process has the directory, the log is damaged, or the system refuses.
    pub fn open(data_dir: &Path, options: Options, clock: Clock) -> Result<Audit, OpenError> {
        let (requests, inbox) = mpsc::channel(QUEUE);
        let (writer, opened) = Writer::open(data_dir, options, clock)?;
        let thread = std::thread::Builder::new().name("audit".to_owned()).spawn(move || writer.run(inbox));
        thread.map_err(io_error("cannot start the writer of", data_dir))?;
        background::verify(data_dir, requests.downgrade())?;
        Ok(Audit {
            requests,
            status: opened.status,
            log_id: opened.log_id.into(),
            started_after_crash: opened.started_after_crash,
            data_dir: data_dir.into(),
            index: opened.index,
        })
    }

    /// Appends entries next to each other, all or none, and returns their `seq`s once they are durable.
    /// An append whose future is dropped may still be carried out. After a crash the log may hold the
    /// first entries of a call that was never answered.
    ///
    /// # Errors
    /// A refused intent, a log that cannot be written, a closed log.
    pub async fn append(&self, entries: Vec<Entry>) -> Result<Vec<u64>, AppendError> {
        let (reply, answer) = oneshot::channel();
        let append = Request::Append(Append { entries, reply });
        self.requests.send(append).await.map_err(|_| AppendError::Closed)?;
        answer.await.map_err(|_| AppendError::Closed)?
    }

    /// The folded state after all that was appended before. `None` when the log is closed.
    pub async fn state(&self) -> Option<State> {
        let (reply, answer) = oneshot::channel();
        self.requests.send(Request::State(reply)).await.ok()?;
        answer.await.ok()
    }

    /// Tells that damage was found in an older segment: from now on every intent is refused, and
    /// recording goes on.
    pub async fn damaged(&self, what: String) {
        // A closed log acts on nothing anyway.
        let _ = self.requests.send(Request::Damaged(what)).await;
    }

    /// Remembers the nominal time that a trigger was last run for, so that no restart runs it again. Not
    /// acknowledged: a power cut may lose it.
    pub async fn fired(&self, trigger: String, nominal: Timestamp) {
        // A closed log has no triggers to remember.
        let _ = self.requests.send(Request::Fired(trigger, nominal)).await;
    }

    /// The nominal time that a trigger was last run for, where that is known.
    pub async fn last_fire(&self, trigger: String) -> Option<Timestamp> {
        let (reply, answer) = oneshot::channel();
        self.requests.send(Request::LastFire(trigger, reply)).await.ok()?;
        answer.await.ok()?
    }

    /// How the log stands, after each durable group.
    #[must_use]
    pub fn watch(&self) -> watch::Receiver<Status> {
        self.status.clone()
    }

    /// As [`query::list`], of this log: nobody but the process that writes it can ask its index. Blocks.
    ///
    /// # Errors
    /// As [`query::list`].
    pub fn list(&self, filter: &query::Filter, visit: query::Visit) -> Result<query::Listing, query::QueryError> {
        query::list_beside(&self.data_dir, filter, visit, Some(&self.index))
    }

    /// Whether the process before this one did not end by itself.
    #[must_use]
    pub fn started_after_crash(&self) -> bool {
        self.started_after_crash
    }

    /// The log's ULID.
    #[must_use]
    pub fn log_id(&self) -> String {
        self.log_id.to_string()
    }

    /// Writes what was asked for before, gives the data directory back and ends the writer. Other
    /// clones are told [`AppendError::Closed`] from then on.
    pub async fn close(self) {
        let (reply, done) = oneshot::channel();
        if self.requests.send(Request::Close(reply)).await.is_ok() {
            // The answer, or its loss: either way the writer has ended.
            let _ = done.await;
        }
    }
}
