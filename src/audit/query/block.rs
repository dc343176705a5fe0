//! Reading what is meant of one block, from the log itself.

use super::super::fold::parse;
use super::super::index::Block;
use super::super::layout::Layout;
use super::super::lines::Forward;
use super::glance::Glance;
use super::{Filter, Stored, note_damage};
use std::io;

/// A block in which records may be meant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Span {
    pub(super) block: Block,
    /// The `seq` behind its last record.
    pub(super) end: u64,
    /// The records that may be meant, by number in the block and bytes behind its beginning. `None` when that is not
    /// known: then the block is read whole.
    pub(super) marked: Option<Vec<(u64, u64)>>,
}

impl Span {
    /// The records that are meant. `None` when it does not begin where the index says.
    pub(super) fn read(
        &self,
        layout: &Layout,
        filter: &Filter,
        damaged: &mut Vec<String>,
    ) -> io::Result<Option<Vec<Stored>>> {
        let marked = self.marked.as_ref().map(|marked| self.read_marked(marked, layout, filter));
        match marked.transpose()?.flatten() {
            Some(records) => Ok(Some(records)),
            None => self.read_whole(layout, filter, damaged),
        }
    }

    /// Reads those lines alone. `None` when one of them is not the record that it should be: the log is damaged
    /// there, or the index is wrong.
    fn read_marked(&self, marked: &[(u64, u64)], layout: &Layout, filter: &Filter) -> io::Result<Option<Vec<Stored>>> {
        let path = layout.segment(self.block.place.segment);
        let mut records = Vec::new();
        let mut lines: Option<Forward> = None;
        for (nth, behind) in marked {
            let offset = self.block.place.offset + behind;
            let mut here = match lines.take().filter(|lines| lines.offset() == offset) {
                Some(lines) => lines,
                None => match Forward::open_at(&path, offset) {
                    Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(None),
                    lines => lines?,
                },
            };
            let Some(line) = here.next()?.filter(|line| line.complete) else { return Ok(None) };
            match Glance::at(&line.bytes) {
                Ok(glance) if glance.seq != self.block.first + nth => return Ok(None),
                Err(_) => return Ok(None),
                Ok(glance) if glance.may_match(filter) => {
                    let Ok(record) = parse(&line.bytes) else { return Ok(None) };
                    records.push(Stored { line: line.bytes, record });
                }
                Ok(_) => {}
            }
            lines = Some(here);
        }
        Ok(Some(records))
    }

    fn read_whole(
        &self,
        layout: &Layout,
        filter: &Filter,
        damaged: &mut Vec<String>,
    ) -> io::Result<Option<Vec<Stored>>> {
        let Span { block, end, .. } = *self;
        let mut lines = match Forward::open_at(&layout.segment(block.place.segment), block.place.offset) {
            Err(e) if e.kind() == io::ErrorKind::NotFound => return Ok(None),
            lines => lines?,
        };
        let mut records: Vec<Stored> = Vec::new();
        let mut last = None;
        while let Some(line) = lines.next()?.filter(|line| line.complete) {
            let glance = Glance::at(&line.bytes);
            let meant = match &glance {
                Ok(glance) if last.is_none() && glance.seq != block.first => return Ok(None),
                Err(_) if last.is_none() => return Ok(None),
                Ok(glance) if glance.seq >= end => break,
                Ok(glance) => {
                    last = Some(glance.seq);
                    glance.may_match(filter)
                }
                Err(_) => true,
            };
            if meant {
                match parse(&line.bytes) {
                    Ok(record) => records.push(Stored { line: line.bytes, record }),
                    Err(why) => note_damage(damaged, layout, block.place.segment, line.offset, &why),
                }
            }
            // The last record of a block may be followed by a damaged line, which is not the block's.
            if last.is_some_and(|seq| seq + 1 >= end) {
                break;
            }
        }
        Ok(last.map(|_| records))
    }
}
