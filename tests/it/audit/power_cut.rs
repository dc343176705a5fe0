//! A power cut loses nothing that was acknowledged, wherever it falls: while a segment is begun or ended, while
//! the index is written, while the log itself is begun.
//!
//! A writer of its own appends onto a file system in an image file. It is stopped, and the image is copied as
//! it is then: what the kernel has not written back is not in the copy, as after a power cut. The copy is the
//! next round's disk. What a cut leaves in the middle of one sync, torn and holed lines, `recovery` tries.

use super::kit::{SMALL, copy, draft, index_entries, open, plain, records};
use crate::support::places;
use pgmedic::audit::{Entry, Options};
use pgmedic::model::RecordKind;
use rustix::process::{Pid, Signal, kill_process};
use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

/// Names the data directory to the writer; without it the writer's test has nothing to do.
const DATA: &str = "PGMEDIC_TEST_CUT_DATA";
/// Bytes of its segments.
const SEGMENT: &str = "PGMEDIC_TEST_CUT_SEGMENT";
/// The first number that it writes.
const FROM: &str = "PGMEDIC_TEST_CUT_FROM";
/// How many numbers it has.
const COUNT: &str = "PGMEDIC_TEST_CUT_COUNT";
/// Appends that it has under way at most.
const WRITERS: usize = 8;
/// Numbers of one round: more than it can write.
const NUMBERS: usize = 8_000_000;

/// The file system is mounted where only the writer sees it, so that it goes when the writer does; and the
/// writer believes in another boot than whoever opens its log afterwards.
const IN_ITS_OWN_WORLD: &str = r#"
mount -o loop "$1" "$2" && mount --bind "$3" /proc/sys/kernel/random/boot_id || exit 1
shift 3; exec "$@""#;

/// Run by the tests below in a process of its own: appends until the power is gone, and says what was
/// acknowledged. A line of that length goes into a pipe as a whole.
#[tokio::test(flavor = "multi_thread")]
async fn child_appends_until_the_power_is_gone() {
    let Some(data) = std::env::var_os(DATA) else { return };
    let number = |name: &str| std::env::var(name).unwrap().parse::<usize>().unwrap();
    let (from, count, segment_bytes) = (number(FROM), number(COUNT), number(SEGMENT) as u64);
    println!("\nopening");
    let audit = open(data.as_ref(), Options { segment_bytes, ..SMALL }).unwrap();
    println!("\nopened");
    let writers = (0..WRITERS).map(|writer| {
        let audit = audit.clone();
        tokio::spawn(async move {
            for number in (from + writer..from + count).step_by(WRITERS) {
                let seqs = audit.append(plain(number)).await.unwrap();
                println!("\nacknowledged {} {number}", seqs[0]);
            }
        })
    });
    for writer in writers.collect::<Vec<_>>() {
        writer.await.unwrap();
    }
}

/// Makes a command run the writer.
fn writes(command: &mut Command, data: &Path, segment_bytes: u64, from: usize, count: usize) {
    command.arg(std::env::current_exe().unwrap());
    command.args(["--exact", "audit::power_cut::child_appends_until_the_power_is_gone", "--nocapture"]);
    command.env(DATA, data).env(SEGMENT, segment_bytes.to_string());
    command.env(FROM, from.to_string()).env(COUNT, count.to_string());
}

/// A file system in an image file, mounted as long as this lives.
struct Mounted(tempfile::TempDir);

impl Mounted {
    fn mount(image: &Path) -> Option<Mounted> {
        let place = tempfile::tempdir().unwrap();
        let status = Command::new("mount").args(["-o", "loop"]).arg(image).arg(place.path()).status();
        status.is_ok_and(|s| s.success()).then(|| Mounted(place))
    }

    /// A file system that was ended in order. Sled's threads may hold its files for a moment.
    fn unmount(self) {
        let umount = || Command::new("umount").arg(self.0.path()).stderr(Stdio::null()).status().unwrap().success();
        let began = Instant::now();
        while !umount() {
            assert!(began.elapsed() < Duration::from_secs(20), "{} stays busy", self.0.path().display());
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

impl Drop for Mounted {
    fn drop(&mut self) {
        // Lazily: after a failed test the log may still be open for a moment. The loop device goes with the mount.
        let _ = Command::new("umount").args(["-q", "-l"]).arg(self.0.path()).status();
    }
}

/// The writer with what it says; killed with this value.
struct Running {
    child: Child,
    said: Receiver<String>,
}

impl Running {
    fn start(bench: &Bench, round: usize) -> Running {
        let segment = if round.is_multiple_of(3) { 100_000 } else { SMALL.segment_bytes };
        let mut command = Command::new("setpriv");
        command.args(["--pdeathsig", "KILL", "unshare", "--mount", "sh", "-c", IN_ITS_OWN_WORLD, "sh"]);
        command.arg(bench.image()).arg(bench.path("place")).arg(bench.path("boot_id"));
        writes(&mut command, &bench.path("place/data"), segment, round * NUMBERS, NUMBERS);
        let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok);
        let (tell, said) = channel();
        std::thread::spawn(move || lines.try_for_each(|line| tell.send(line)));
        Running { child, said }
    }

    fn until(&self, word: &str) {
        while self.said.recv_timeout(Duration::from_mins(1)).expect("the writer goes on") != word {}
    }

    /// Stops it, and waits until it does nothing more: a system call that it is in is carried out first.
    fn stop(&self) {
        kill_process(Pid::from_child(&self.child), Signal::STOP).unwrap();
        let state = |task: PathBuf| {
            let stat = fs::read_to_string(task.join("stat")).unwrap_or_default();
            stat.rsplit_once(") ").is_some_and(|(_, rest)| rest.starts_with('T'))
        };
        let tasks = || fs::read_dir(format!("/proc/{}/task", self.child.id())).unwrap();
        let began = Instant::now();
        while !tasks().all(|task| state(task.unwrap().path())) {
            assert!(began.elapsed() < Duration::from_mins(1), "the writer does not stop");
            std::thread::sleep(Duration::from_millis(1));
        }
    }

    /// What it has acknowledged in its life, as number and `seq`.
    fn end(mut self) -> Vec<(usize, u64)> {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
        let said = std::mem::replace(&mut self.said, channel().1);
        let acknowledged = said.iter().filter_map(|line| {
            let (seq, number) = line.strip_prefix("acknowledged ")?.split_once(' ')?;
            Some((number.parse().unwrap(), seq.parse().unwrap()))
        });
        acknowledged.collect()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The folder outside of the disk.
struct Bench(tempfile::TempDir);

impl Bench {
    /// None, said loudly, without the right to mount.
    fn new() -> Option<Bench> {
        let bench = Bench(tempfile::tempdir().unwrap());
        fs::create_dir(bench.path("place")).unwrap();
        fs::write(bench.path("boot_id"), "00000000-0000-4000-8000-000000000000\n").unwrap();
        bench.new_disk();
        let mounted = places::is_root().then(|| Mounted::mount(&bench.image())).flatten();
        if mounted.is_none() {
            places::skipped("a power cut needs the right to mount a loop device");
        }
        mounted.map(Mounted::unmount).map(|()| bench)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn image(&self) -> PathBuf {
        self.path("disk")
    }

    fn new_disk(&self) {
        let _ = fs::remove_file(self.image());
        fs::File::create(self.image()).unwrap().set_len(64 << 20).unwrap();
        let mut mkfs = Command::new("/sbin/mkfs.ext4");
        let made = mkfs.args(["-q", "-F", "-b", "4096"]).arg(self.image()).status();
        assert!(made.is_ok_and(|s| s.success()), "mkfs.ext4");
    }

    /// The disk as a power cut leaves it, between two system calls of the stopped writer. What the kernel
    /// writes meanwhile must not mix two moments into one image.
    fn cut(&self) -> PathBuf {
        let image = || fs::read(self.image()).unwrap();
        let (mut before, mut after) = (image(), image());
        while before != after {
            (before, after) = (after, image());
        }
        fs::write(self.path("cut"), after).unwrap();
        self.path("cut")
    }
}

/// Whether a cut falls while the log is opened, each fifth does; else it falls while the log is written.
fn while_opening(round: usize) -> bool {
    round % 5 == 4
}

/// One power cut: the disk is the one after it then. Returns what was acknowledged, as number and `seq`.
fn power_cut(bench: &Bench, round: usize) -> Vec<(usize, u64)> {
    let mut random = [0; 2];
    getrandom::fill(&mut random).unwrap();
    let random = u64::from(u16::from_le_bytes(random));
    let writer = Running::start(bench, round);
    // In microseconds; sled writes about twice a second.
    let (word, most) = if while_opening(round) { ("opening", 60_000) } else { ("opened", 1_200_000) };
    writer.until(word);
    let moment = Duration::from_micros(random * most / u64::from(u16::MAX));
    std::thread::sleep(moment);
    writer.stop();
    let cut = bench.cut();
    let acknowledged = writer.end();
    println!("round {round}: cut {moment:?} after it had {word}, {} acknowledged", acknowledged.len());
    // Not over the old one: the kernel may be writing it still.
    fs::rename(cut, bench.image()).unwrap();
    acknowledged
}

/// Number to `seq` of all that the log holds.
fn numbers(data: &Path) -> BTreeMap<usize, u64> {
    let decisions = records(data).into_iter().filter(|r| r["kind"] == "decision");
    let number = |r: &serde_json::Value| usize::try_from(r["evidence"]["n"].as_u64().unwrap()).unwrap();
    decisions.map(|r| (number(&r), r["seq"].as_u64().unwrap())).collect()
}

/// Nothing acknowledged is missing or elsewhere; what else there is was under way, one record of each writer.
fn assert_all_there(data: &Path, round: usize, acknowledged: &BTreeMap<usize, u64>) {
    let there = numbers(data);
    for (number, seq) in acknowledged {
        assert_eq!(there.get(number), Some(seq), "round {round}: record {seq} was acknowledged");
    }
    let own = |map: &BTreeMap<usize, u64>| map.range(round * NUMBERS..).count();
    let more = own(&there) - own(acknowledged);
    assert!(more <= WRITERS, "round {round}: {more} records more than were acknowledged");
}

/// `pgmedic audit verify` finds nothing.
fn assert_sound(data: &Path, when: &str) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_pgmedic"));
    let output = command.args(["audit", "verify", "--dir"]).arg(data).output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{when}: {}", String::from_utf8_lossy(&output.stdout));
}

/// Removes the indexes that a start had set aside; whether there was one.
fn clear_aside(data: &Path) -> bool {
    let entries = fs::read_dir(data).into_iter().flatten().map(|e| e.unwrap().path());
    let mut aside = entries.filter(|p| p.to_string_lossy().contains("/index.damaged-")).peekable();
    let any = aside.peek().is_some();
    aside.for_each(|p| fs::remove_dir_all(p).unwrap());
    any
}

/// Opens the log that a power cut left, looks at it, and goes on with it.
fn look_after(bench: &Bench, round: usize, acknowledged: &BTreeMap<usize, u64>) {
    let mounted = Mounted::mount(&bench.image()).expect("the journal is replayed");
    let data = mounted.0.path().join("data");
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    clear_aside(&data);
    let audit = open(&data, SMALL).unwrap_or_else(|e| panic!("round {round}: {e}"));
    runtime.block_on(audit.close());
    // What sled made of the cut is not believed, however sound it looks.
    assert!(while_opening(round) || clear_aside(&data), "round {round}: the index was not built again");
    assert_all_there(&data, round, acknowledged);
    assert_sound(&data, &format!("round {round}, opened"));
    let before = records(&data).len();
    let audit = open(&data, SMALL).unwrap();
    for n in 0..8 {
        runtime.block_on(audit.append(vec![Entry::Plain(draft(RecordKind::Quiet, "orders", n))])).unwrap();
    }
    runtime.block_on(audit.close());
    assert!(records(&data).len() >= before + 8);
    assert_sound(&data, &format!("round {round}, gone on with"));
    let rebuilt = copy(&data);
    runtime.block_on(open(rebuilt.path(), SMALL).unwrap().close());
    assert!(index_entries(&data) == index_entries(rebuilt.path()), "round {round}: the index is not a rebuilt one's");
    mounted.unmount();
}

fn power_cuts(rounds: usize) {
    let Some(bench) = Bench::new() else { return };
    let mut acknowledged = BTreeMap::new();
    for round in 0..rounds {
        if round % 10 == 4 {
            // A cut while a log is begun; the others fall into one that has grown over several.
            bench.new_disk();
            acknowledged.clear();
        }
        acknowledged.extend(power_cut(&bench, round));
        look_after(&bench, round, &acknowledged);
    }
}

#[test]
fn nothing_acknowledged_is_lost_to_a_power_cut() {
    power_cuts(5);
}

#[test]
#[ignore = "only with tests/run.sh --full"]
fn nothing_acknowledged_is_lost_to_fifty_power_cuts() {
    power_cuts(50);
}

/// ext4, xfs and btrfs make a new file's name durable with the file itself, so that no power cut on them shows
/// whether the folder was synced; others lose the whole segment. What was asked of the system does show it.
#[test]
fn a_segments_name_is_durable_before_any_of_its_records_counts() {
    let dir = tempfile::tempdir().unwrap();
    let real = dir.path().canonicalize().unwrap();
    let (data, trace) = (real.join("data"), real.join("trace"));
    let mut strace = Command::new("strace");
    strace.args(["-f", "-y", "-qq", "-e", "trace=openat,fsync,fdatasync", "-o"]).arg(&trace);
    writes(&mut strace, &data, SMALL.segment_bytes, 0, 80);
    if !strace.stdout(Stdio::null()).status().is_ok_and(|s| s.success()) {
        return places::skipped("what is asked of the system cannot be seen without strace");
    }
    let mut durable: BTreeMap<PathBuf, bool> = BTreeMap::new();
    let mut synced = 0;
    for call in fs::read_to_string(trace).unwrap().lines() {
        // Calls of several threads mix; where one goes on in a second line, the first has all that is asked here.
        let Some((_, call)) = call.split_once(' ') else { continue };
        if let Some(opened) = call.trim_start().strip_prefix("openat(") {
            let path = opened.split('"').nth(1).map(PathBuf::from);
            let segment = path.filter(|p| opened.contains("O_CREAT") && p.extension().is_some_and(|e| e == "jsonl"));
            segment.map(|segment| durable.entry(segment).or_insert(false));
        } else if let Some((_, path)) = call.split_once('<').filter(|_| !call.contains("resumed>")) {
            let path = Path::new(path.split('>').next().unwrap());
            if path == data.join("audit") {
                for named in durable.values_mut() {
                    *named = true;
                }
            } else if let Some(named) = durable.get(path).filter(|_| call.trim_start().starts_with("fdatasync")) {
                assert!(named, "records of {} count, and its name may be lost", path.display());
                synced += 1;
            }
        }
    }
    assert!(durable.len() > 5 && synced >= durable.len(), "{synced} syncs of {} segments", durable.len());
}
