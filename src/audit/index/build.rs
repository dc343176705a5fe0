//! Opening the daemon's index: caught up when it lags, set aside and built again when it is spoilt.

use super::super::fold::parse;
use super::super::layout::Layout;
use super::super::lines::Forward;
use super::{FORMAT, Index, Meta, Place, boot, caught, read_meta, settings};
use crate::model::Timestamp;
use indicatif::{ProgressBar, ProgressStyle};
use std::io::IsTerminal;
use std::sync::Arc;
use std::time::Duration;

/// Records read before they are added.
const BATCH: usize = 1_000;
/// From so many records on, people are told that it takes a while.
const LONG: u64 = 20_000;
/// How often a reader that has the index for a moment is waited for, a tenth of a second each.
const PATIENCE: u32 = 50;

/// What opening the index's files came to; `None` when there are none.
pub(in crate::audit) struct Opened(Result<Option<(sled::Db, Option<Meta>)>, String>);

/// Opens the index's files, whatever log they belong to: that takes as long as reading the last segment, and needs
/// nothing of it. Waits for a reader that has them for a moment.
pub(in crate::audit) fn open_files(layout: &Layout) -> Opened {
    let path = layout.index();
    if !path.exists() {
        return Opened(Ok(None));
    }
    let db = patiently(|| caught(|| settings(&path).open()));
    Opened(db.and_then(|db| read_meta(&db).map(|meta| Some((db, meta)))))
}

/// The index of a log of that many records, complete. `None` when there can be none: the log is read
/// without it then.
pub(in crate::audit) fn open(layout: &Layout, opened: Opened, log: &str, size: u64) -> Option<Index> {
    let ready = match existing(layout, opened, log, size) {
        Ok(Some(index)) => catch_up(layout, index, size),
        Ok(None) => build(layout, log, size),
        Err(why) => Err(why),
    };
    let ready = ready.or_else(|why| {
        if is_held(&why) {
            return Err(why);
        }
        tracing::warn!("the audit index is damaged and will be built again from the log: {why}");
        set_aside(layout).and_then(|()| build(layout, log, size))
    });
    ready.map_err(|why| tracing::warn!("the audit log goes on without its index: {why}")).ok()
}

/// The index that is there, if it belongs to this log. `None` when there is none.
fn existing(layout: &Layout, opened: Opened, log: &str, size: u64) -> Result<Option<Index>, String> {
    let Some((db, meta)) = opened.0? else { return Ok(None) };
    let Some(meta) = meta else { return Err("it has no beginning".to_owned()) };
    if meta.format != FORMAT {
        tracing::info!("the audit index is of format {}, this pgmedic keeps {FORMAT}: built again", meta.format);
        drop(db);
        return set_aside(layout).map(|()| None);
    }
    if meta.log != log || meta.size > size {
        return Err(format!("it belongs to log {} of {} records, this is {log} of {size}", meta.log, meta.size));
    }
    if !meta.closed && meta.boot != boot() {
        return Err("the machine went down while it was being written".to_owned());
    }
    Ok(Some(Index { db: Arc::new(db), meta, filling: None }))
}

fn build(layout: &Layout, log: &str, size: u64) -> Result<Index, String> {
    let path = layout.index();
    let db = patiently(|| caught(|| settings(&path).open()))?;
    let meta = Meta { format: FORMAT, log: log.to_owned(), size: 0, boot: boot(), closed: false };
    catch_up(layout, Index { db: Arc::new(db), meta, filling: None }, size)
}

/// Adds the records from the last block's beginning to the end of the log. A line that cannot be read is
/// passed over: it is the verification that speaks of damage.
fn catch_up(layout: &Layout, mut index: Index, size: u64) -> Result<Index, String> {
    index.begin()?;
    let last = index.block_of(index.size())?;
    if index.size() > 0 && last.is_none() {
        return Err("its last block is missing".to_owned());
    }
    let (known, from) = last.map_or((1, Place { segment: 0, offset: 0 }), |block| (block.first, block.place));
    let progress = Progress::new(size - index.size());
    let segments = layout.segments().map_err(|e| e.to_string())?;
    let mut batch = Vec::with_capacity(BATCH);
    for first in segments.into_iter().filter(|first| *first >= from.segment) {
        let offset = if first == from.segment { from.offset } else { 0 };
        let mut lines = Forward::open_at(&layout.segment(first), offset).map_err(|e| e.to_string())?;
        while let Some(line) = lines.next().map_err(|e| e.to_string())? {
            let place = Place { segment: first, offset: line.offset };
            let record = parse(&line.bytes).ok();
            if place == from && record.as_ref().is_none_or(|r| r.seq != known) {
                return Err(format!("it says that record {known} is where it is not"));
            }
            batch.extend(record.filter(|r| r.seq >= known && r.seq <= size).map(|record| (record, place)));
            if batch.len() >= BATCH {
                progress.on(batch.len() as u64);
                index.add(&batch)?;
                batch.clear();
            }
        }
    }
    index.add(&batch)?;
    progress.done();
    Ok(index)
}

/// Moves it out of the way for whoever wants to look at it; only the last such one is kept.
fn set_aside(layout: &Layout) -> Result<(), String> {
    let set_aside = || {
        for entry in std::fs::read_dir(layout.data_dir())? {
            let entry = entry?;
            if entry.file_name().to_string_lossy().starts_with("index.damaged-") {
                std::fs::remove_dir_all(entry.path())?;
            }
        }
        let name = format!("index.damaged-{}", Timestamp::now().strftime("%Y%m%dT%H%M%SZ"));
        std::fs::rename(layout.index(), layout.data_dir().join(name))
    };
    set_aside().map_err(|e| format!("it cannot be set aside: {e}"))
}

/// Sled's lock, held by `pgmedic audit` for the moment in which it looks something up.
fn is_held(why: &str) -> bool {
    why.contains("could not acquire lock")
}

fn patiently<T>(mut open: impl FnMut() -> Result<T, String>) -> Result<T, String> {
    for _ in 0..PATIENCE {
        match open() {
            Err(why) if is_held(&why) => std::thread::sleep(Duration::from_millis(100)),
            done => return done,
        }
    }
    open()
}

/// Tells people that building takes a while: a bar on a terminal, else two lines in the log.
struct Progress {
    bar: ProgressBar,
    long: bool,
}

impl Progress {
    fn new(records: u64) -> Progress {
        let long = records >= LONG;
        if long && !std::io::stderr().is_terminal() {
            tracing::info!(records, "building the audit index from the log");
        }
        let bar = if long { ProgressBar::new(records) } else { ProgressBar::hidden() };
        if let Ok(style) =
            ProgressStyle::with_template("building the audit index {bar:30} {pos}/{len} records, {eta} left")
        {
            bar.set_style(style);
        }
        Progress { bar, long }
    }

    fn on(&self, records: u64) {
        self.bar.inc(records);
    }

    fn done(self) {
        self.bar.finish_and_clear();
        if self.long && !std::io::stderr().is_terminal() {
            tracing::info!("the audit index is complete");
        }
    }
}
