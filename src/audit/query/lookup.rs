//! Asking the index: only to find the places, which are then read from the log itself.

use super::super::fold::parse;
use super::super::index::{Field, Index, Lent};
use super::super::layout::Layout;
use super::super::lines::Forward;
use super::super::snapshot::Snapshot;
use super::block::Span;
use super::scan::{Reach, scan};
use super::{Filter, Visit};
use std::io;

/// Blocks that are looked up at first. Most questions want the newest few; who wants more gets twice as many
/// each time.
const AT_FIRST: usize = 64;

/// A question with the values by which the index can find what is meant.
pub(super) struct Lookup<'a> {
    layout: &'a Layout,
    filter: &'a Filter,
    values: Vec<(Field, &'a str)>,
    lent: Option<&'a Lent>,
    /// The index speaks of records up to this `seq`; those behind it must be read.
    upto: u64,
    /// How many blocks are looked up next.
    most: usize,
}

impl<'a> Lookup<'a> {
    /// `None` when the index is of no help for this question.
    pub(super) fn new(layout: &'a Layout, filter: &'a Filter, lent: Option<&'a Lent>) -> Option<Lookup<'a>> {
        let values = [
            (Field::Run, filter.run.as_deref()),
            (Field::Target, filter.target.as_deref()),
            (Field::Playbook, filter.playbook.as_deref()),
            (Field::Verdict, filter.verdict.map(crate::model::Verdict::word)),
            (Field::Kind, filter.kind.map(crate::model::RecordKind::word)),
        ];
        let values: Vec<(Field, &str)> = values.into_iter().filter_map(|(field, v)| Some((field, v?))).collect();
        (!values.is_empty()).then_some(Lookup { layout, filter, values, lent, upto: 0, most: AT_FIRST })
    }

    /// The first blocks in the order of reading. `None` when the index is not there, held, spoilt or of another log.
    pub(super) fn begin(&mut self) -> Option<Vec<Span>> {
        let index = self.index()?;
        self.upto = index.size();
        let from = if self.filter.newest_first { self.upto } else { 0 };
        self.asked(index, from)
    }

    fn index(&self) -> Option<Index> {
        if let Some(lent) = self.lent {
            return lent.index();
        }
        let index = Index::for_reading(&self.layout.index())?;
        (log_of(self.layout).as_deref() == Some(index.log())).then_some(index)
    }

    /// Further blocks, from `from` on. `None` when the index cannot be asked any more.
    fn go_on(&mut self, from: u64) -> Option<Vec<Span>> {
        self.most *= 2;
        let index = self.index().filter(|index| index.size() >= self.upto)?;
        self.asked(index, from)
    }

    /// Asks the index, and lets go of it at once: a daemon that starts must find it free.
    fn asked(&self, index: Index, from: u64) -> Option<Vec<Span>> {
        let found = self.ask(&index, from);
        index.let_go();
        found.map_err(|why| tracing::warn!("the audit index could not be asked, the log itself is read: {why}")).ok()
    }

    fn ask(&self, index: &Index, mut from: u64) -> Result<Vec<Span>, String> {
        // The last block that begins before a moment is the one that can reach beyond it.
        let since = self.filter.since.map_or(Ok(0), |since| index.begun_before(since))?;
        let until = self.filter.until.map_or(Ok(u64::MAX), |until| index.begun_before(until))?.min(self.upto);
        from = if self.filter.newest_first { from.min(until) } else { from.max(since) };
        let mut blocks = Vec::new();
        while blocks.len() < self.most {
            let first = match self.next(index, from)? {
                Some(first) if first >= since && first <= until => first,
                _ => break,
            };
            let Some(block) = index.block_of(first)?.filter(|block| block.first == first) else {
                return Err(format!("the block of record {first} has no place"));
            };
            // What was appended since lies behind `upto` and is read there.
            let end = index.block_after(first)?.map_or(u64::MAX, |next| next.first).min(self.upto + 1);
            // One that does not speak of every record is of no use.
            let summary = index.summary_of(block)?.filter(|summary| summary.len() == end - first);
            let span = Span { block, end, marked: summary.map(|summary| summary.marked(&self.values)) };
            from = self.behind(&span);
            if span.marked.as_ref().is_none_or(|marked| !marked.is_empty()) {
                blocks.push(span);
            }
        }
        Ok(blocks)
    }

    /// The next block, from `from` on, in which all values are spoken of.
    fn next(&self, index: &Index, mut from: u64) -> Result<Option<u64>, String> {
        let mut agreed = 0;
        for value in self.values.iter().cycle() {
            let Some(first) = index.nearest(*value, from, self.filter.newest_first)? else { return Ok(None) };
            agreed = if first == from { agreed + 1 } else { 1 };
            from = first;
            if agreed >= self.values.len() {
                return Ok(Some(first));
            }
        }
        Ok(None)
    }

    /// Where to go on after a block.
    fn behind(&self, span: &Span) -> u64 {
        if self.filter.newest_first { span.block.first.saturating_sub(1) } else { span.end }
    }

    /// Shows what is in these blocks, the first ones, and in those after them, and what lies behind the index.
    pub(super) fn show(
        mut self,
        mut blocks: Vec<Span>,
        reach: Reach,
        damaged: &mut Vec<String>,
        visit: Visit,
    ) -> io::Result<()> {
        let newest_first = self.filter.newest_first;
        let unknown = Reach { after: self.upto, ..reach };
        if newest_first && scan(self.layout, unknown, true, damaged, visit)?.is_break() {
            return Ok(());
        }
        while let Some(from) = blocks.last().map(|last| self.behind(last)) {
            let more = blocks.len() == self.most;
            for span in blocks {
                let Some(mut records) = span.read(self.layout, self.filter, damaged)? else {
                    // The index is wrong from here on.
                    let here = if newest_first { span.end - 1 } else { span.block.first };
                    return self.rest(here, reach, damaged, visit);
                };
                if newest_first {
                    records.reverse();
                }
                if records.iter().any(|stored| visit(&stored.line, &stored.record).is_break()) {
                    return Ok(());
                }
            }
            blocks = match more.then(|| self.go_on(from)) {
                None => break,
                Some(Some(blocks)) => blocks,
                Some(None) => return self.rest(from, reach, damaged, visit),
            };
        }
        if newest_first { Ok(()) } else { scan(self.layout, unknown, false, damaged, visit).map(drop) }
    }

    /// What is left, from `from` on, is read from the log itself.
    fn rest(&self, from: u64, reach: Reach, damaged: &mut Vec<String>, visit: Visit) -> io::Result<()> {
        let rest = if self.filter.newest_first {
            Reach { before: Some(from + 1), ..reach }
        } else {
            Reach { after: from.saturating_sub(1), ..reach }
        };
        scan(self.layout, rest, self.filter.newest_first, damaged, visit).map(drop)
    }
}

fn log_of(layout: &Layout) -> Option<String> {
    let first = *layout.segments().ok()?.first()?;
    let line = Forward::open(&layout.segment(first)).ok()?.next().ok()??;
    Snapshot::read(&parse(&line.bytes).ok()?).ok().map(|snapshot| snapshot.log)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audit::{Audit, Entry, Options};
    use crate::model::{Draft, RecordKind, Timestamp};
    use std::ops::ControlFlow;

    fn open(dir: &std::path::Path) -> Audit {
        Audit::open(
            dir,
            Options { segment_bytes: 2_000, ..Options::default() },
            std::sync::Arc::new(|| Timestamp::UNIX_EPOCH),
        )
        .unwrap()
    }

    async fn append(audit: &Audit, kinds: &[RecordKind]) {
        for kind in kinds {
            let draft = Draft { target: Some("orders".to_owned()), ..Draft::new(*kind) };
            audit.append(vec![Entry::Plain(draft)]).await.unwrap();
        }
    }

    fn of(kind: RecordKind) -> Filter {
        Filter { kind: Some(kind), target: Some("orders".to_owned()), newest_first: true, ..Filter::default() }
    }

    /// As found with the index, a single block at first; it must be asked.
    fn found(layout: &Layout, filter: &Filter, lent: Option<&Lent>) -> Vec<u64> {
        let mut lookup = Lookup::new(layout, filter, lent).unwrap();
        lookup.most = 1;
        let blocks = lookup.begin().expect("an index");
        let mut seqs = Vec::new();
        let mut show = |_: &[u8], record: &crate::model::Record| {
            seqs.extend(filter.matches(record).then_some(record.seq));
            ControlFlow::Continue(())
        };
        lookup.show(blocks, Reach::default(), &mut Vec::new(), &mut show).unwrap();
        seqs
    }

    #[tokio::test]
    async fn the_index_is_asked_when_it_is_free_and_of_help() {
        let dir = tempfile::tempdir().unwrap();
        let layout = Layout::new(dir.path());
        let audit = open(dir.path());
        append(&audit, &[RecordKind::Quiet, RecordKind::Control, RecordKind::Quiet]).await;
        let quiet = of(RecordKind::Quiet);
        assert!(Lookup::new(&layout, &quiet, None).unwrap().begin().is_none(), "the writer has it");
        audit.close().await;
        let mut lookup = Lookup::new(&layout, &quiet, None).unwrap();
        let blocks = lookup.begin().unwrap();
        assert_eq!(
            (blocks.iter().map(|span| (span.block.first, span.end)).collect::<Vec<_>>(), lookup.upto),
            (vec![(1, 5)], 4)
        );
        assert_eq!(Lookup::new(&layout, &of(RecordKind::Approval), None).unwrap().begin().unwrap(), []);
        assert!(Lookup::new(&layout, &Filter::default(), None).is_none(), "everything is meant: reading it is best");
    }

    #[tokio::test]
    async fn what_the_writer_lends_finds_the_same_while_the_log_grows() {
        let dir = tempfile::tempdir().unwrap();
        let layout = Layout::new(dir.path());
        let audit = open(dir.path());
        append(&audit, &[RecordKind::Quiet, RecordKind::Control].repeat(40)).await;
        let filter = of(RecordKind::Control);
        let early = found(&layout, &filter, Some(&audit.index));
        assert_eq!(early.len(), 40);
        assert!(early.is_sorted_by(|a, b| a > b), "{early:?}");
        let oldest_first = Filter { newest_first: false, ..filter.clone() };
        assert!(found(&layout, &oldest_first, Some(&audit.index)).into_iter().eq(early.iter().rev().copied()));
        // Appended between the question and the reading: shown once, by the reading of what the index did not know.
        let mut lookup = Lookup::new(&layout, &filter, Some(&audit.index)).unwrap();
        lookup.most = 1;
        let blocks = lookup.begin().unwrap();
        append(&audit, &[RecordKind::Control].repeat(20)).await;
        let mut seqs = Vec::new();
        let mut show = |_: &[u8], record: &crate::model::Record| {
            seqs.extend(filter.matches(record).then_some(record.seq));
            ControlFlow::Continue(())
        };
        lookup.show(blocks, Reach::default(), &mut Vec::new(), &mut show).unwrap();
        assert_eq!(seqs.len(), 60);
        assert!(seqs.is_sorted_by(|a, b| a > b), "{seqs:?}");
        let lent = audit.index.clone();
        audit.close().await;
        assert!(lent.index().is_none(), "it ends with the writer's");
    }
}
