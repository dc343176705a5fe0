//! The beginning of a writer: the directory taken, the log made sound or begun.

use super::fold::Fold;
use super::head::HeadFile;
use super::index::{self, Index, Lent};
use super::indexer::Indexer;
use super::layout::Layout;
use super::lock;
use super::recover::recover;
use super::segment::{Fault, Segment};
use super::writer::{Writer, append_first};
use super::{Clock, OpenError, Options, Status, io_error};
use std::path::Path;
use tokio::sync::watch;

/// What the handle is told at the start.
pub(super) struct Opened {
    pub(super) status: watch::Receiver<Status>,
    pub(super) log_id: String,
    pub(super) started_after_crash: bool,
    pub(super) index: Lent,
}

impl Writer {
    /// Takes the data directory and makes its log sound, or begins a new one.
    pub(super) fn open(data_dir: &Path, options: Options, clock: Clock) -> Result<(Writer, Opened), OpenError> {
        let layout = Layout::new(data_dir);
        layout.create().map_err(io_error("cannot make", layout.audit()))?;
        let lock = lock::take(&layout)?;
        let (recovered, index_files) = std::thread::scope(|scope| {
            let opening = std::thread::Builder::new().spawn_scoped(scope, || index::open_files(&layout));
            let recovered = recover(&layout);
            // What panics at files that are spoilt is caught in it; and what did not begin is done here.
            let files = opening.ok().and_then(|opening| opening.join().ok());
            (recovered, files.unwrap_or_else(|| index::open_files(&layout)))
        });
        let (fold, segment, is_new) = match recovered? {
            Some(scan) => {
                let segment = Segment::open(&layout, scan.first, scan.len, scan.leaves);
                (scan.fold, segment, false)
            }
            None => (Fold::new(new_ulid(&clock, data_dir)?), Segment::create(&layout, 1), true),
        };
        let segment = segment.map_err(io_error("cannot open the last segment in", layout.audit()))?;
        let head = HeadFile::open(&layout).map_err(io_error("cannot open", &layout.head()))?;
        let waiting = fold.state.outbox.waiting.values().filter_map(|queue| queue.keys().next_back());
        let notify_seq = waiting.max().copied().unwrap_or(0);
        let crashed = !is_new && !fold.state.lifecycle.as_deref().is_some_and(|why| why.starts_with("stopped"));
        let (status, watcher) = watch::channel(Status::default());
        let mut writer = Writer {
            layout,
            options,
            clock,
            fold,
            segment,
            head,
            status,
            full: None,
            broken: None,
            damage: None,
            notify_seq,
            index: None,
            behind: Vec::new(),
            lock,
        };
        if is_new {
            writer.first_record().map_err(io_error("cannot begin the audit log in", data_dir))?;
        }
        writer.tell();
        writer.put_head();
        writer.head.sync().map_err(io_error("cannot sync", &writer.layout.head()))?;
        let index = index::open(&writer.layout, index_files, &writer.fold.log, writer.fold.tree.size());
        writer.tell();
        let lent = index.as_ref().map(Index::lend).unwrap_or_default();
        let indexer = index.map(Indexer::start).transpose();
        writer.index = indexer.map_err(io_error("cannot start the index of", data_dir))?;
        let opened =
            Opened { status: watcher, log_id: writer.fold.log.clone(), started_after_crash: crashed, index: lent };
        Ok((writer, opened))
    }

    /// The snapshot of nothing, which gives the log its name.
    fn first_record(&mut self) -> std::io::Result<()> {
        let line = self.snapshot_line().map_err(std::io::Error::other)?;
        append_first(&mut self.segment, &line).map_err(|fault| match fault {
            Fault::Full(e) | Fault::Broken(_, e) => e,
        })?;
        self.fold.accept(&line.record, line.leaf);
        self.segment.leaves.push(line.leaf);
        self.segment.write_leaves();
        Ok(())
    }
}

fn new_ulid(clock: &Clock, data_dir: &Path) -> Result<String, OpenError> {
    let mut random = [0; 16];
    getrandom::fill(&mut random)
        .map_err(|e| io_error("no random number for the new log in", data_dir)(std::io::Error::other(e.to_string())))?;
    let millis = u64::try_from(clock().as_millisecond()).unwrap_or(0);
    Ok(ulid::Ulid::from_parts(millis, u128::from_be_bytes(random)).to_string())
}
