//! A writer whose disk fails.

use super::super::medium::Medium;
use super::super::{AppendError, Clock, Entry, Options, Status};
use super::{Append, Request, Writer};
use crate::model::{Draft, RecordKind, Timestamp};
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use tokio::sync::{mpsc, oneshot, watch};

/// What fails, and when.
#[derive(Default)]
struct Plan {
    sync: AtomicBool,
    /// Every write is cut off by a full disk, after half its bytes.
    write: AtomicBool,
}

struct Faulty {
    file: Box<dyn Medium>,
    plan: Arc<Plan>,
}

impl Medium for Faulty {
    fn write(&self, bytes: &[u8], at: u64) -> io::Result<()> {
        if self.plan.write.load(Ordering::SeqCst) {
            self.file.write(&bytes[..bytes.len() / 2], at)?;
            return Err(io::ErrorKind::StorageFull.into());
        }
        self.file.write(bytes, at)
    }

    fn sync(&self) -> io::Result<()> {
        if self.plan.sync.load(Ordering::SeqCst) { Err(io::Error::other("I/O error")) } else { self.file.sync() }
    }

    fn truncate(&self, length: u64) -> io::Result<()> {
        self.file.truncate(length)
    }

    fn reserve(&self, _: u64, _: u64) -> io::Result<()> {
        // As a file system that cannot reserve: a full disk is met by the write itself.
        Err(io::ErrorKind::Unsupported.into())
    }
}

struct Log {
    dir: tempfile::TempDir,
    plan: Arc<Plan>,
    requests: mpsc::Sender<Request>,
    status: watch::Receiver<Status>,
}

impl Log {
    fn new() -> Log {
        let dir = tempfile::tempdir().unwrap();
        let clock: Clock = Arc::new(|| Timestamp::UNIX_EPOCH);
        let (mut writer, opened) = Writer::open(dir.path(), Options::default(), clock).unwrap();
        let plan = Arc::new(Plan::default());
        let real = std::mem::replace(&mut writer.segment.medium, Box::new(tempfile::tempfile().unwrap()));
        writer.segment.medium = Box::new(Faulty { file: real, plan: Arc::clone(&plan) });
        let (requests, inbox) = mpsc::channel(8);
        std::thread::spawn(move || writer.run(inbox));
        Log { dir, plan, requests, status: opened.status }
    }

    async fn append(&self) -> Result<Vec<u64>, AppendError> {
        let (reply, answer) = oneshot::channel();
        let mut draft = Draft::new(RecordKind::Lifecycle);
        draft.reason = Some("started".to_owned());
        let append = Append { entries: vec![Entry::Plain(draft)], reply };
        self.requests.send(Request::Append(append)).await.unwrap();
        answer.await.unwrap()
    }

    fn text(&self) -> String {
        std::fs::read_to_string(self.dir.path().join("audit/00000000000000000001.jsonl")).unwrap()
    }
}

#[tokio::test]
async fn a_failed_sync_refuses_everything_until_a_restart() {
    let log = Log::new();
    assert_eq!(log.append().await, Ok(vec![2]));
    log.plan.sync.store(true, Ordering::SeqCst);
    let said = log.append().await.unwrap_err().to_string();
    assert!(said.contains("fdatasync failed: I/O error") && said.contains("restart pgmedic"), "{said}");
    // The disk seems well again: that a sync fails may be told only once.
    log.plan.sync.store(false, Ordering::SeqCst);
    assert!(log.append().await.is_err());
    let status = log.status.borrow().clone();
    assert_eq!((status.size, status.trouble.is_some()), (2, true));
    assert_eq!(log.text().lines().count(), 2, "what was answered as not written is not there");
}

#[tokio::test]
async fn a_write_cut_off_by_a_full_disk_leaves_no_trace_and_passes() {
    let log = Log::new();
    log.plan.write.store(true, Ordering::SeqCst);
    let before = log.text();
    let said = log.append().await.unwrap_err().to_string();
    assert!(said.contains("is full"), "{said}");
    assert_eq!(log.text(), before);
    log.plan.write.store(false, Ordering::SeqCst);
    assert_eq!(log.append().await, Ok(vec![2]));
    assert_eq!(log.status.borrow().trouble, None);
    assert_eq!(log.text().lines().count(), 2);
}
