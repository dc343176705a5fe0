//! The index over the log, in sled: where its blocks stand, and which of them speak of what.
//!
//! A block is a run of at most 256 records. To index each record alone took sled seven keys for it, and
//! 2 KiB of memory. Which records of a block may be meant is told by its summary, once it is full; until then, and
//! where records are missing, it is read whole.
//!
//! Nothing that was acknowledged lives here alone: sled may lose or spoil it in a power cut, and then
//! it is built again from the log. Every call of sled is caught, panics included.

mod build;
mod fires;
mod keys;
mod summary;

pub(super) use build::{open, open_files};
pub(super) use keys::{Field, Place};
pub(super) use summary::Summary;

use crate::model::{Record, Timestamp};
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::{Arc, Weak};

/// Bytes of memory for sled's cache; its own default is 1 GiB.
const CACHE: u64 = 16 * 1024 * 1024;

/// Records in one of sled's batches: what a batch replaces is freed only after it, and larger ones were seen
/// to take hundreds of MiB.
const CHUNK: usize = 64;

/// Most records of a block.
const BLOCK_RECORDS: u64 = 256;
/// A block of so many bytes takes no further record.
const BLOCK_BYTES: u64 = 256 * 1024;

/// What the index's keys and values are. One of another format is built again.
const FORMAT: u32 = 2;

/// The block that is being filled.
struct Filling {
    first: u64,
    place: Place,
    records: u64,
    /// Keys that are in the index already.
    keys: BTreeSet<Vec<u8>>,
    /// `None` when a record is missing: damage.
    summary: Option<Summary>,
}

impl Filling {
    fn takes(&self, place: Place) -> bool {
        self.records < BLOCK_RECORDS
            && place.segment == self.place.segment
            && place.offset < self.place.offset + BLOCK_BYTES
    }

    fn add(&mut self, record: &Record, place: Place) {
        let follows = record.seq == self.first + self.records;
        self.summary = self.summary.take().filter(|_| follows);
        if let Some(summary) = &mut self.summary {
            summary.push(record, place.offset - self.place.offset);
        }
        self.records += 1;
    }
}

/// A block as it is found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Block {
    /// `seq` of its first record.
    pub(super) first: u64,
    /// Where that stands.
    pub(super) place: Place,
}

/// What was looked up of one block.
#[derive(Default)]
pub(super) struct Looked {
    block: Option<Block>,
    /// First record of the block behind it.
    end: u64,
    summary: Option<Summary>,
    /// Keys that are there.
    keys: BTreeSet<Vec<u8>>,
}

/// How far the index has come, and under which circumstances.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Meta {
    /// What its keys are; the first pgmedic did not say.
    #[serde(default)]
    format: u32,
    /// ULID of the log.
    log: String,
    /// `seq` of the last record in it.
    size: u64,
    /// The boot in which it was last written: without a clean end and after another boot it cannot be trusted.
    boot: String,
    /// Whether it was closed in order.
    closed: bool,
}

/// The open index.
pub(super) struct Index {
    db: Arc<sled::Db>,
    meta: Meta,
    filling: Option<Filling>,
}

/// The index that the writer has open, for readers in the same process: sled lets no second one open it. It
/// ends with the writer's.
#[derive(Clone, Debug, Default)]
pub(super) struct Lent(Weak<sled::Db>);

impl Lent {
    /// The index as it is now. `None` when the writer has none (any more).
    pub(super) fn index(&self) -> Option<Index> {
        let db = self.0.upgrade()?;
        let meta = read_meta(&db).ok()??;
        Some(Index { db, meta, filling: None })
    }
}

impl Index {
    /// For readers beside the writer.
    pub(super) fn lend(&self) -> Lent {
        Lent(Arc::downgrade(&self.db))
    }

    /// Opens the index that is there, to read it. `None` when there is none, another process has it,
    /// or it does not open: then the log itself is read.
    pub(super) fn for_reading(path: &Path) -> Option<Index> {
        use std::os::unix::fs::MetadataExt;
        let owner = std::fs::metadata(path.join("conf")).ok()?.uid();
        // Opening writes: files of another owner would shut the daemon out of its own index.
        if owner != rustix::process::geteuid().as_raw() {
            return None;
        }
        let db = caught(|| settings(path).open()).ok()?;
        let meta = read_meta(&db).ok()??;
        (meta.format == FORMAT && (meta.closed || meta.boot == boot())).then(|| Index {
            db: Arc::new(db),
            meta,
            filling: None,
        })
    }

    /// `seq` of the last record in it.
    pub(super) fn size(&self) -> u64 {
        self.meta.size
    }

    /// ULID of the log that it belongs to.
    pub(super) fn log(&self) -> &str {
        &self.meta.log
    }

    /// Adds records that follow on each other, from the beginning of the last block at the latest.
    ///
    /// # Errors
    /// Sled's words; the index is not to be used any more then.
    pub(super) fn add(&mut self, records: &[(Record, Place)]) -> Result<(), String> {
        for chunk in records.chunks(CHUNK) {
            let mut batch = sled::Batch::default();
            for (record, place) in chunk {
                self.enter(record, *place, &mut batch);
            }
            batch.insert(keys::META, meta_bytes(&self.meta));
            // One batch is all or nothing, so the size is never ahead of the keys.
            caught(|| self.db.apply_batch(batch))?;
        }
        Ok(())
    }

    fn enter(&mut self, record: &Record, place: Place, batch: &mut sled::Batch) {
        let filling = match self.filling.take() {
            Some(filling) if filling.takes(place) => filling,
            full => {
                if let Some((first, summary)) = full.and_then(|full| Some((full.first, full.summary?))) {
                    batch.insert(keys::summary(first), summary.bytes());
                }
                batch.insert(keys::block(record.seq), place.bytes().as_slice());
                batch.insert(keys::time(record.time, record.seq), &[]);
                let summary = Some(Summary::default());
                Filling { first: record.seq, place, records: 0, keys: BTreeSet::new(), summary }
            }
        };
        let filling = self.filling.insert(filling);
        filling.add(record, place);
        for key in keys::of(record, filling.first) {
            if filling.keys.insert(key.clone()) {
                batch.insert(key, &[]);
            }
        }
        self.meta.size = self.meta.size.max(record.seq);
    }

    /// From now on it is being written, in this boot. Durably so, before anything else is written: else a power
    /// cut could leave half of what follows in an index that says that it was closed in order.
    fn begin(&mut self) -> Result<(), String> {
        self.meta.closed = false;
        self.meta.boot = boot();
        caught(|| self.db.insert(keys::META, meta_bytes(&self.meta)))?;
        caught(|| self.db.flush()).map(drop)
    }

    /// The block of a record, if it is in one.
    ///
    /// # Errors
    /// Sled's words.
    pub(super) fn block_of(&self, seq: u64) -> Result<Option<Block>, String> {
        let found = caught(|| self.db.range(keys::block(0)..=keys::block(seq)).next_back().transpose())?;
        Ok(found.and_then(block))
    }

    /// The block behind a record's.
    ///
    /// # Errors
    /// Sled's words.
    pub(super) fn block_after(&self, seq: u64) -> Result<Option<Block>, String> {
        let found = caught(|| self.db.range(keys::block(seq + 1)..keys::block(u64::MAX)).next().transpose())?;
        Ok(found.and_then(block))
    }

    /// What is kept of a block; `None` while it is being filled.
    ///
    /// # Errors
    /// Sled's words.
    pub(super) fn summary_of(&self, block: Block) -> Result<Option<Summary>, String> {
        let found = caught(|| self.db.get(keys::summary(block.first)))?;
        Ok(found.and_then(|bytes| Summary::read(&bytes)))
    }

    /// Whether the block of a record is where it should be, and is found by all that the record speaks of, and the
    /// record in it. What was `looked` up for one record serves those behind it in the same block.
    ///
    /// # Errors
    /// Sled's words.
    pub(super) fn knows(&self, record: &Record, place: Place, looked: &mut Looked) -> Result<bool, String> {
        if !looked.block.is_some_and(|block| (block.first..looked.end).contains(&record.seq)) {
            *looked = self.look(record.seq)?;
        }
        let Some(block) = looked.block else { return Ok(false) };
        let fits = if block.first == record.seq {
            block.place == place
        } else {
            block.place.segment == place.segment && block.place.offset < place.offset
        };
        for key in keys::of(record, block.first) {
            if !fits || !(looked.keys.contains(&key) || caught(|| self.db.contains_key(&key))?) {
                return Ok(false);
            }
            looked.keys.insert(key);
        }
        let marked = |s: &Summary| s.fits(record.seq - block.first, record, place.offset - block.place.offset);
        Ok(fits && looked.summary.as_ref().is_none_or(marked))
    }

    fn look(&self, seq: u64) -> Result<Looked, String> {
        let Some(block) = self.block_of(seq)? else { return Ok(Looked::default()) };
        let end = self.block_after(seq)?.map_or(u64::MAX, |next| next.first);
        Ok(Looked { block: Some(block), end, summary: self.summary_of(block)?, keys: BTreeSet::new() })
    }

    /// First record of the last block that begins before a moment; 0 when none does.
    ///
    /// # Errors
    /// Sled's words.
    pub(super) fn begun_before(&self, moment: Timestamp) -> Result<u64, String> {
        let range = keys::time(Timestamp::MIN, 0)..keys::time(moment, 0);
        let last = caught(|| self.db.range(range).next_back().transpose())?;
        Ok(last.map_or(0, |(key, _)| keys::seq_of(&key)))
    }

    /// The block nearest to `seq`, from there on in the given direction, in which some record speaks of a value:
    /// its first record.
    ///
    /// # Errors
    /// Sled's words.
    pub(super) fn nearest(&self, value: (Field, &str), seq: u64, downwards: bool) -> Result<Option<u64>, String> {
        let key = |seq| keys::value(value.0, value.1, seq);
        let found = caught(|| {
            let found = if downwards {
                self.db.range(key(0)..=key(seq)).next_back()
            } else {
                self.db.range(key(seq)..=key(u64::MAX)).next()
            };
            found.transpose()
        })?;
        Ok(found.map(|(key, _)| keys::seq_of(&key)))
    }

    /// Gives it back unchanged, after reading.
    pub(super) fn let_go(self) {
        if let Err(why) = caught(move || {
            drop(self);
            Ok(())
        }) {
            tracing::warn!("the audit index could not be given back: {why}");
        }
    }

    /// Ends it in order.
    pub(super) fn close(mut self) {
        self.meta.closed = true;
        let closed = caught(|| self.db.insert(keys::META, meta_bytes(&self.meta)))
            .and_then(|_| caught(|| self.db.flush()))
            .and_then(|_| {
                caught(move || {
                    drop(self);
                    Ok(())
                })
            });
        if let Err(e) = closed {
            tracing::warn!("the audit index could not be closed in order and may be built again: {e}");
        }
    }
}

fn block((key, place): (sled::IVec, sled::IVec)) -> Option<Block> {
    Some(Block { first: keys::seq_of(&key), place: Place::read(&place)? })
}

fn settings(path: &Path) -> sled::Config {
    sled::Config::new().path(path).cache_capacity(CACHE)
}

fn read_meta(db: &sled::Db) -> Result<Option<Meta>, String> {
    let bytes = caught(|| db.get(keys::META))?;
    bytes.map(|b| serde_json::from_slice(&b).map_err(|e| e.to_string())).transpose()
}

fn meta_bytes(meta: &Meta) -> Vec<u8> {
    // Strings, a number and a flag always serialise.
    serde_json::to_vec(meta).unwrap_or_default()
}

/// The running boot; empty where the system does not tell.
fn boot() -> String {
    std::fs::read_to_string("/proc/sys/kernel/random/boot_id").map(|s| s.trim().to_owned()).unwrap_or_default()
}

/// Calls sled, which may panic on files that a power cut has spoilt.
fn caught<T>(call: impl FnOnce() -> sled::Result<T>) -> Result<T, String> {
    match catch_unwind(AssertUnwindSafe(call)) {
        Ok(done) => done.map_err(|e| e.to_string()),
        Err(panic) => {
            let text = panic.downcast_ref::<String>().map(String::as_str);
            let text = text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("no reason given");
            Err(format!("sled panicked: {text}"))
        }
    }
}
