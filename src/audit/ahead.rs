//! Reading a segment ahead of whoever folds it. Most of the work on a line is to hash and to parse it, and no line
//! waits for another in that: threads do it, and give the lines out in their order.

use super::fold::parse;
use super::lines::{Forward, Line};
use super::tree::{self, Hash};
use crate::model::Record;
use std::io;
use std::path::Path;
use std::sync::mpsc::{Receiver, Sender, SyncSender, channel, sync_channel};
use std::thread::{self, Builder, JoinHandle};

/// Bytes of lines that are handed on together.
const CHUNK: usize = 64 * 1024;
/// Chunks that wait on each side of each thread: with those in hand, what is held in memory.
const WAITING: usize = 1;
/// More threads than this are not kept busy by one that folds.
const MOST_THREADS: usize = 4;

/// One line and what there is to know of it by itself.
#[derive(Debug)]
pub(super) struct Read {
    pub(super) line: Line,
    /// Its leaf hash.
    pub(super) leaf: Hash,
    /// The record, or why it is none.
    pub(super) record: Result<Record, String>,
}

impl Read {
    fn new(line: Line) -> Read {
        Read { leaf: tree::leaf(&line.bytes), record: parse(&line.bytes), line }
    }
}

type Lines = io::Result<Vec<Line>>;
type Reads = io::Result<Vec<Read>>;

/// The lines of a segment, in order.
pub(super) struct Ahead {
    source: Source,
    held: Vec<Read>,
    given: usize,
}

enum Source {
    Here(Forward),
    Threads { crew: Crew, turn: usize, ended: bool },
}

/// The threads of one file; none of them outlives it.
#[derive(Default)]
struct Crew {
    parsers: Vec<Parser>,
    handles: Vec<JoinHandle<()>>,
}

impl Drop for Crew {
    fn drop(&mut self) {
        // With nobody to give anything to each ends after the chunk that it has in hand.
        self.parsers.clear();
        for handle in self.handles.drain(..) {
            // One that was lost has shown itself by what it did not give out.
            let _ = handle.join();
        }
    }
}

/// A thread that hashes and parses every so many-th chunk.
struct Parser {
    parsed: Receiver<Reads>,
    /// Chunks that were used go back to be freed where they were made: elsewhere that takes several times as long.
    used: Sender<Vec<Read>>,
}

impl Ahead {
    /// Reads with as many threads as there are processors.
    ///
    /// # Errors
    /// When the file cannot be opened.
    pub(super) fn open(path: &Path) -> io::Result<Ahead> {
        let processors = thread::available_parallelism().map_or(1, usize::from).min(MOST_THREADS);
        Ahead::with(path, processors, &spawn)
    }

    fn with(path: &Path, processors: usize, spawn: &Spawn) -> io::Result<Ahead> {
        let lines = Forward::open(path)?;
        if processors == 1 {
            return Ok(Ahead::of(Source::Here(lines)));
        }
        match threads(lines, processors, spawn) {
            Ok(threads) => Ok(Ahead::of(threads)),
            // Slower, and no reason to refuse a start at which nothing else may be wrong.
            Err(why) => {
                tracing::warn!("the audit log is read without threads of its own, none can be started: {why}");
                Ahead::unhurried(path)
            }
        }
    }

    /// Reads in this thread alone, for work that is in nobody's way.
    ///
    /// # Errors
    /// When the file cannot be opened.
    pub(super) fn unhurried(path: &Path) -> io::Result<Ahead> {
        Ok(Ahead::of(Source::Here(Forward::open(path)?)))
    }

    fn of(source: Source) -> Ahead {
        Ahead { source, held: Vec::new(), given: 0 }
    }

    /// The next line; `None` at the end of the file.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub(super) fn next(&mut self) -> io::Result<Option<&Read>> {
        if self.given == self.held.len() {
            self.given = 0;
            self.held = self.source.after(std::mem::take(&mut self.held))?;
        }
        self.given += 1;
        Ok(self.held.get(self.given - 1))
    }
}

impl Source {
    /// The lines behind those that were used; none at the end of the file.
    fn after(&mut self, used: Vec<Read>) -> Reads {
        match self {
            Source::Here(lines) => Ok(lines.next()?.map(Read::new).into_iter().collect()),
            Source::Threads { ended: true, .. } => Ok(Vec::new()),
            Source::Threads { crew: Crew { parsers: threads, .. }, turn, ended } => {
                let before = turn.checked_sub(1).unwrap_or(threads.len() - 1);
                // A thread that has come to the end has nothing left to make room for.
                let _ = threads[before].used.send(used);
                let parsed = threads[*turn].parsed.recv();
                *turn = (*turn + 1) % threads.len();
                // Taken for the end of the file, a thread that is lost would let a start cut off what follows.
                let reads = parsed.unwrap_or_else(|_| Err(io::Error::other("a thread that reads it was lost")));
                *ended = reads.as_ref().is_ok_and(Vec::is_empty);
                reads
            }
        }
    }
}

/// Starts a thread of that name.
type Spawn = dyn Fn(&str, Box<dyn FnOnce() + Send>) -> io::Result<JoinHandle<()>>;

fn spawn(name: &str, work: Box<dyn FnOnce() + Send>) -> io::Result<JoinHandle<()>> {
    Builder::new().name(name.to_owned()).spawn(work)
}

/// Starts the threads of one file. They end with it, or when nobody takes what they give out.
fn threads(lines: Forward, parsers: usize, spawn: &Spawn) -> io::Result<Source> {
    let mut crew = Crew::default();
    // Behind the crew, so that it is dropped before it: its threads wait for what comes from here.
    let mut inboxes = Vec::new();
    for _ in 0..parsers {
        let (inbox, chunks) = sync_channel(WAITING);
        let (out, parsed) = sync_channel(WAITING);
        let (used, spent) = channel();
        crew.handles.push(spawn("audit-parse", Box::new(move || parse_chunks(&chunks, &out, &spent)))?);
        inboxes.push(inbox);
        crew.parsers.push(Parser { parsed, used });
    }
    crew.handles.push(spawn("audit-read", Box::new(move || deal(lines, &inboxes)))?);
    Ok(Source::Threads { crew, turn: 0, ended: false })
}

/// Gives the chunks of a file to the threads in turn; an empty one is the end.
fn deal(mut lines: Forward, inboxes: &[SyncSender<Lines>]) {
    for inbox in inboxes.iter().cycle() {
        let chunk = chunk(&mut lines);
        let is_last = chunk.as_ref().map_or(true, Vec::is_empty);
        if inbox.send(chunk).is_err() || is_last {
            return;
        }
    }
}

fn chunk(lines: &mut Forward) -> Lines {
    let begin = lines.offset();
    let mut chunk = Vec::new();
    while lines.offset() < begin + CHUNK as u64 {
        let Some(line) = lines.next()? else { break };
        chunk.push(line);
    }
    Ok(chunk)
}

fn parse_chunks(chunks: &Receiver<Lines>, out: &SyncSender<Reads>, spent: &Receiver<Vec<Read>>) {
    for lines in chunks {
        spent.try_iter().for_each(drop);
        let reads = lines.map(|lines| lines.into_iter().map(Read::new).collect());
        if out.send(reads).is_err() {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(mut lines: Ahead) -> Vec<(Line, Hash, Option<u64>)> {
        let mut all = Vec::new();
        while let Some(read) = lines.next().unwrap() {
            all.push((read.line.clone(), read.leaf, read.record.as_ref().ok().map(|record| record.seq)));
        }
        assert!(lines.next().unwrap().is_none(), "the end stays the end");
        all
    }

    fn with_threads(path: &Path, parsers: usize) -> Ahead {
        Ahead::of(threads(Forward::open(path).unwrap(), parsers, &spawn).unwrap())
    }

    #[test]
    fn where_no_thread_can_be_started_the_file_is_read_all_the_same() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), "x\n".repeat(100_000)).unwrap();
        let expected = all(Ahead::unhurried(file.path()).unwrap());
        for most in 0..3 {
            let started = std::cell::Cell::new(0);
            let few = move |name: &str, work: Box<dyn FnOnce() + Send>| {
                if started.replace(started.get() + 1) == most {
                    return Err(io::ErrorKind::WouldBlock.into());
                }
                spawn(name, work)
            };
            let lines = Ahead::with(file.path(), 2, &few).unwrap();
            assert!(matches!(lines.source, Source::Here(_)), "{most} of three could be started");
            assert_eq!(all(lines), expected);
        }
    }

    #[test]
    fn threads_give_out_every_line_in_its_order() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let line = |n: u64| match n % 7 {
            0 => "no record".to_owned(),
            _ => format!(r#"{{"seq":{n},"time":"2026-11-24T20:00:00Z","kind":"quiet","reason":"{n:0300}"}}"#),
        };
        let text: Vec<String> = (1..=5_000).map(line).collect();
        std::fs::write(file.path(), text.join("\n")).unwrap();
        let expected = all(Ahead::unhurried(file.path()).unwrap());
        assert_eq!(expected.len(), 5_000);
        assert_eq!((expected[4].2, expected[6].2, expected[4_999].0.complete), (Some(5), None, false));
        for parsers in 1..=3 {
            assert_eq!(all(with_threads(file.path(), parsers)), expected);
        }
    }

    #[test]
    fn a_file_may_be_empty_and_need_not_be_read_to_its_end() {
        let file = tempfile::NamedTempFile::new().unwrap();
        assert_eq!(all(with_threads(file.path(), 2)), []);
        std::fs::write(file.path(), "x\n".repeat(1_000_000)).unwrap();
        let mut lines = with_threads(file.path(), 2);
        assert_eq!(lines.next().unwrap().map(|read| read.line.offset), Some(0));
    }

    #[test]
    fn no_thread_outlives_its_reader() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), "x\n".repeat(1_000_000)).unwrap();
        let ended = std::sync::Arc::new(std::sync::atomic::AtomicUsize::new(0));
        let count = ended.clone();
        let counted = move |name: &str, work: Box<dyn FnOnce() + Send>| {
            let ended = count.clone();
            let work = move || {
                work();
                // A thread that was not waited for would not have come here yet.
                thread::sleep(std::time::Duration::from_millis(20));
                ended.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
            };
            spawn(name, Box::new(work))
        };
        let mut lines = Ahead::with(file.path(), 2, &counted).unwrap();
        assert!(lines.next().unwrap().is_some());
        drop(lines);
        assert_eq!(ended.load(std::sync::atomic::Ordering::SeqCst), 3);
    }

    #[test]
    fn a_thread_that_is_lost_is_not_the_end_of_the_file() {
        let (parsed, used) = (sync_channel(1).1, channel().0);
        let crew = Crew { parsers: vec![Parser { parsed, used }], handles: Vec::new() };
        let mut lines = Ahead::of(Source::Threads { crew, turn: 0, ended: false });
        assert!(lines.next().is_err());
    }

    #[test]
    fn a_file_that_cannot_be_read_says_so() {
        let dir = tempfile::tempdir().unwrap();
        assert!(with_threads(dir.path(), 2).next().is_err());
    }
}
