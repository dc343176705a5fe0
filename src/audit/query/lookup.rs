//! Asking the index: only to find the places, which are then read from the log itself.

use super::super::fold::parse;
use super::super::index::{Field, Index, Place};
use super::super::layout::Layout;
use super::super::lines::Forward;
use super::super::snapshot::Snapshot;
use super::scan::{Reach, scan};
use super::{Filter, Visit};
use std::io;

/// Places looked up at most: where more records speak of a value, reading all is about as good.
const MOST: usize = 100_000;

/// What the index knows.
pub(super) struct Found {
    /// `seq` and place of each record that may be meant, ascending.
    places: Vec<(u64, Place)>,
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
    let from = filter.since.map_or(Ok(0), |since| index.first_at(since))?;
    let to = filter.until.map_or(Ok(index.size() + 1), |until| index.first_at(until))?;
    let mut seqs: Option<Vec<u64>> = None;
    for value in values {
        let Some(about) = index.about(*value, from, to, MOST)? else { continue };
        seqs = Some(match seqs {
            None => about,
            Some(both) => both.into_iter().filter(|seq| about.binary_search(seq).is_ok()).collect(),
        });
    }
    let Some(seqs) = seqs else { return Ok(None) };
    let mut places = Vec::with_capacity(seqs.len());
    for seq in seqs {
        match index.place(seq)? {
            Some(place) => places.push((seq, place)),
            None => return Err(format!("record {seq} has no place")),
        }
    }
    Ok(Some(Found { places, upto: index.size() }))
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
        let places: Box<dyn Iterator<Item = &(u64, Place)>> =
            if newest_first { Box::new(self.places.iter().rev()) } else { Box::new(self.places.iter()) };
        let mut log = Log { layout, open: None };
        for (seq, place) in places {
            let Some(stored) = log.read(*place).filter(|(_, record)| record.seq == *seq) else {
                // The index is wrong from here on: what is left is read from the log itself.
                let rest = if newest_first {
                    Reach { before: Some(seq + 1), ..reach }
                } else {
                    Reach { after: seq - 1, ..reach }
                };
                return scan(layout, rest, newest_first, damaged, visit).map(drop);
            };
            if visit(&stored.0, &stored.1).is_break() {
                return Ok(());
            }
        }
        if newest_first { Ok(()) } else { scan(layout, behind, false, damaged, visit).map(drop) }
    }
}

/// Reads single lines, and keeps the last segment open.
struct Log<'a> {
    layout: &'a Layout,
    open: Option<(u64, Forward)>,
}

impl Log<'_> {
    fn read(&mut self, place: Place) -> Option<(Vec<u8>, crate::model::Record)> {
        let mut lines = match self.open.take() {
            Some((segment, mut lines)) if segment == place.segment => {
                lines.go(place.offset).ok()?;
                lines
            }
            _ => Forward::open_at(&self.layout.segment(place.segment), place.offset).ok()?,
        };
        let line = lines.next().ok()??;
        self.open = Some((place.segment, lines));
        let record = parse(&line.bytes).ok().filter(|_| line.complete)?;
        Some((line.bytes, record))
    }
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
        assert_eq!((answer.places.iter().map(|p| p.0).collect::<Vec<_>>(), answer.upto), (vec![2, 4], 4));
        assert!(found(&layout, &Filter::default()).is_none(), "everything is meant: reading it is best");
    }
}
