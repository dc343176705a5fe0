//! Lines of a segment with their place, forwards and backwards, in bounded memory: one line (and a
//! block) at a time.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Seek, SeekFrom};
use std::os::unix::fs::FileExt;
use std::path::Path;

/// Bytes read at once when going backwards.
const BLOCK: u64 = 64 * 1024;

/// Bytes read at once when going forwards: few, since single blocks are looked up too.
const CAPACITY: usize = 16 * 1024;

/// One line as it stands in the file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Line {
    /// Where it begins.
    pub(super) offset: u64,
    /// Its bytes, without the line feed.
    pub(super) bytes: Vec<u8>,
    /// Whether a line feed ends it; without one it is still being written, or was torn by a crash.
    pub(super) complete: bool,
}

impl Line {
    /// Where the next line begins.
    pub(super) fn end(&self) -> u64 {
        self.offset + self.bytes.len() as u64 + u64::from(self.complete)
    }
}

/// Reads forwards.
#[derive(Debug)]
pub(super) struct Forward {
    reader: BufReader<File>,
    offset: u64,
}

impl Forward {
    /// From the first line.
    pub(super) fn open(path: &Path) -> io::Result<Forward> {
        Forward::open_at(path, 0)
    }

    /// From the line that begins at `offset`.
    pub(super) fn open_at(path: &Path, offset: u64) -> io::Result<Forward> {
        let mut file = File::open(path)?;
        file.seek(SeekFrom::Start(offset))?;
        Ok(Forward { reader: BufReader::with_capacity(CAPACITY, file), offset })
    }

    /// Where the next line begins.
    pub(super) fn offset(&self) -> u64 {
        self.offset
    }

    /// The next line; `None` at the end of the file.
    pub(super) fn next(&mut self) -> io::Result<Option<Line>> {
        let mut bytes = Vec::new();
        self.reader.read_until(b'\n', &mut bytes)?;
        if bytes.is_empty() {
            return Ok(None);
        }
        let complete = bytes.last() == Some(&b'\n');
        if complete {
            bytes.pop();
        }
        let line = Line { offset: self.offset, bytes, complete };
        self.offset = line.end();
        Ok(Some(line))
    }
}

/// Reads complete lines backwards, the last one first.
pub(super) struct Backward {
    file: File,
    /// Bytes before this place were not read yet.
    unread: u64,
    /// What was read and not yet given out, up to and including the line feed of its last line.
    held: Vec<u8>,
}

impl Backward {
    /// From the last complete line; what stands behind its line feed is not looked at.
    pub(super) fn open(path: &Path) -> io::Result<Backward> {
        let file = File::open(path)?;
        let unread = file.metadata()?.len();
        let mut lines = Backward { file, unread, held: Vec::new() };
        while !lines.held.contains(&b'\n') && lines.unread > 0 {
            lines.fill()?;
        }
        let keep = lines.held.iter().rposition(|b| *b == b'\n').map_or(0, |at| at + 1);
        lines.held.truncate(keep);
        Ok(lines)
    }

    fn fill(&mut self) -> io::Result<()> {
        let take = BLOCK.max(self.held.len() as u64).min(self.unread);
        let from = self.unread - take;
        let mut block = vec![0; usize::try_from(take).map_err(io::Error::other)?];
        self.file.read_exact_at(&mut block, from)?;
        block.append(&mut self.held);
        self.held = block;
        self.unread = from;
        Ok(())
    }

    /// The line before; `None` at the beginning of the file.
    pub(super) fn next(&mut self) -> io::Result<Option<Line>> {
        loop {
            let Some(text) = self.held.len().checked_sub(1) else {
                if self.unread == 0 {
                    return Ok(None);
                }
                self.fill()?;
                continue;
            };
            let begin = self.held[..text].iter().rposition(|b| *b == b'\n').map(|at| at + 1);
            let begin = match begin {
                Some(at) => at,
                None if self.unread == 0 => 0,
                None => {
                    self.fill()?;
                    continue;
                }
            };
            let mut bytes = self.held.split_off(begin);
            bytes.pop();
            return Ok(Some(Line { offset: self.unread + begin as u64, bytes, complete: true }));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn write(text: &[u8]) -> tempfile::NamedTempFile {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), text).unwrap();
        file
    }

    fn forwards(path: &Path) -> Vec<Line> {
        let mut lines = Forward::open(path).unwrap();
        std::iter::from_fn(|| lines.next().unwrap()).collect()
    }

    fn backwards(path: &Path) -> Vec<Line> {
        let mut lines = Backward::open(path).unwrap();
        std::iter::from_fn(|| lines.next().unwrap()).collect()
    }

    #[test]
    fn a_torn_line_is_told_apart() {
        let file = write(b"one\n\nthree");
        let lines = forwards(file.path());
        assert_eq!(
            lines.iter().map(|l| (l.offset, l.complete)).collect::<Vec<_>>(),
            [(0, true), (4, true), (5, false)]
        );
        assert_eq!(backwards(file.path()).iter().map(|l| l.offset).collect::<Vec<_>>(), [4, 0]);
    }

    #[test]
    fn lines_longer_than_a_block_come_back_whole() {
        let long = "x".repeat(200_000);
        let file = write(format!("a\n{long}\nb\n{long}").as_bytes());
        let lengths: Vec<usize> = backwards(file.path()).iter().map(|l| l.bytes.len()).collect();
        assert_eq!(lengths, [1, 200_000, 1]);
    }

    proptest! {
        #[test]
        fn backwards_is_forwards_reversed(text in proptest::collection::vec(prop_oneof![Just(b'\n'), Just(b'x')], 0..200)) {
            let file = write(&text);
            let mut complete: Vec<Line> = forwards(file.path()).into_iter().filter(|l| l.complete).collect();
            complete.reverse();
            prop_assert_eq!(backwards(file.path()), complete);
        }
    }
}
