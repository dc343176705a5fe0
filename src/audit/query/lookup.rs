//! Asking the index: only to find the places, which are then read from the log itself.

use super::super::fold::parse;
use super::super::index::{Block, Field, Index};
use super::super::layout::Layout;
use super::super::lines::Forward;
use super::super::snapshot::Snapshot;
use super::scan::{Reach, scan};
use super::{Filter, Stored, Visit, note_damage};
use std::io;

/// Blocks looked up at most for one value: where more speak of it, reading all is about as good.
const MOST: usize = 20_000;

/// What the index knows.
pub(super) struct Found {
    /// Blocks in which records may be meant, ascending; each with the `seq` behind its last record.
    blocks: Vec<(Block, u64)>,
    /// The index speaks of records up to this `seq`; those behind it must be read.
    upto: u64,
}

/// Asks the index, and lets go of it at once: a daemon that starts must find it free. `None` when it is
/// not there, held, spoilt, of another log, or of no help for this question.
pub(super) fn found(layout: &Layout, filter: &Filter) -> Option<Found> {
    let values = [
        (Field::Run, filter.run.as_deref()),
        (Field::Target, filter.target.as_deref()),
        (Field::Playbook, filter.playbook.as_deref()),
        (Field::Verdict, filter.verdict.map(crate::model::Verdict::word)),
        (Field::Kind, filter.kind.map(crate::model::RecordKind::word)),
    ];
    let values: Vec<(Field, &str)> = values.into_iter().filter_map(|(field, v)| Some((field, v?))).collect();
    if values.is_empty() {
        return None;
    }
    let index = Index::for_reading(&layout.index()).filter(|index| log_of(layout).as_deref() == Some(index.log()))?;
    let found = ask(&index, filter, &values);
    index.let_go();
    found.map_err(|why| tracing::warn!("the audit index could not be asked, the log itself is read: {why}")).ok()?
}

fn ask(index: &Index, filter: &Filter, values: &[(Field, &str)]) -> Result<Option<Found>, String> {
    let from = filter.since.map_or(Ok(0), |since| index.begun_before(since))?;
    let mut firsts: Option<Vec<u64>> = None;
    for value in values {
        let Some(about) = index.about(*value, from, MOST)? else { continue };
        firsts = Some(match firsts {
            None => about,
            Some(both) => both.into_iter().filter(|first| about.binary_search(first).is_ok()).collect(),
        });
    }
    let Some(firsts) = firsts else { return Ok(None) };
    let mut blocks = Vec::with_capacity(firsts.len());
    for first in firsts {
        match index.block_of(first)? {
            Some(block) if block.first == first => {
                let end = index.block_after(first)?.map_or(index.size() + 1, |next| next.first);
                blocks.push((block, end));
            }
            _ => return Err(format!("the block of record {first} has no place")),
        }
    }
    Ok(Some(Found { blocks, upto: index.size() }))
}

fn log_of(layout: &Layout) -> Option<String> {
    let first = *layout.segments().ok()?.first()?;
    let line = Forward::open(&layout.segment(first)).ok()?.next().ok()??;
    Snapshot::read(&parse(&line.bytes).ok()?).ok().map(|snapshot| snapshot.log)
}

impl Found {
    /// Shows what was found, and what lies behind the index.
    pub(super) fn show(
        self,
        layout: &Layout,
        reach: Reach,
        newest_first: bool,
        damaged: &mut Vec<String>,
        visit: Visit,
    ) -> io::Result<()> {
        let behind = Reach { after: self.upto, ..reach };
        if newest_first && scan(layout, behind, true, damaged, visit)?.is_break() {
            return Ok(());
        }
        let mut blocks = self.blocks;
        if newest_first {
            blocks.reverse();
        }
        for (block, end) in blocks {
            let Some(mut records) = read(layout, block, end, damaged)? else {
                // The index is wrong from here on: what is left is read from the log itself.
                let rest = if newest_first {
                    Reach { before: Some(end), ..reach }
                } else {
                    Reach { after: block.first - 1, ..reach }
                };
                return scan(layout, rest, newest_first, damaged, visit).map(drop);
            };
            if newest_first {
                records.reverse();
            }
            if records.iter().any(|stored| visit(&stored.line, &stored.record).is_break()) {
                return Ok(());
            }
        }
        if newest_first { Ok(()) } else { scan(layout, behind, false, damaged, visit).map(drop) }
    }
}

/// The records of a block. `None` when it does not begin where the index says.
fn read(layout: &Layout, block: Block, end: u64, damaged: &mut Vec<String>) -> io::Result<Option<Vec<Stored>>> {
    let mut lines = match Forward::open_at(&layout.segment(block.place.segment), block.place.offset) {
        Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(None),
        lines => lines?,
    };
    let mut records: Vec<Stored> = Vec::new();
    while let Some(line) = lines.next()?.filter(|line| line.complete) {
        match parse(&line.bytes) {
            Ok(record) if records.is_empty() && record.seq != block.first => return Ok(None),
            Err(_) if records.is_empty() => return Ok(None),
            Ok(record) if record.seq >= end => break,
            Ok(record) => records.push(Stored { line: line.bytes, record }),
            Err(why) => note_damage(damaged, layout, block.place.segment, line.offset, &why),
        }
        // The last record of a block may be followed by a damaged line, which is not the block's.
        if records.last().is_some_and(|stored| stored.record.seq + 1 >= end) {
            break;
        }
    }
    Ok(Some(records).filter(|records| !records.is_empty()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audit::{Audit, Entry, Options};
    use crate::model::{Draft, RecordKind, Timestamp};

    #[tokio::test]
    async fn the_index_is_asked_when_it_is_free_and_of_help() {
        let dir = tempfile::tempdir().unwrap();
        let clock = std::sync::Arc::new(|| Timestamp::UNIX_EPOCH);
        let audit = Audit::open(dir.path(), Options::default(), clock).unwrap();
        for kind in [RecordKind::Quiet, RecordKind::Control, RecordKind::Quiet] {
            audit.append(vec![Entry::Plain(Draft::new(kind))]).await.unwrap();
        }
        let quiet = Filter { kind: Some(RecordKind::Quiet), ..Filter::default() };
        let layout = Layout::new(dir.path());
        assert!(found(&layout, &quiet).is_none(), "the writer has it");
        audit.close().await;
        let answer = found(&layout, &quiet).unwrap();
        assert_eq!(
            (answer.blocks.iter().map(|(b, end)| (b.first, *end)).collect::<Vec<_>>(), answer.upto),
            (vec![(1, 5)], 4)
        );
        let approval = Filter { kind: Some(RecordKind::Approval), ..Filter::default() };
        assert_eq!(found(&layout, &approval).unwrap().blocks, []);
        assert!(found(&layout, &Filter::default()).is_none(), "everything is meant: reading it is best");
    }
}
