//! A log of a million records: start, questions, verification.

use crate::daemon::Daemon;
use crate::machine::major;
use crate::running;
use crate::support::{Cluster, Home};
use crate::table::{Table, median, short};
use pgmedic::audit::{Audit, Entry, Options};
use pgmedic::model::{Draft, Record, RecordKind, Timestamp, Verdict};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, Instant};

/// Records at the least. The last segment is filled up as well: reading that is what a start has to do.
const RECORDS: u64 = 1_000_000;
/// A last segment of so many bytes counts as full.
const NEARLY_FULL: u64 = 60 << 20;
/// Runs whose records are appended with one fdatasync.
const RUNS: i64 = 100;
/// Time between two runs, in µs: the log tells of a hundred days or so.
const APART: i64 = 60_000_000;
/// Starts, questions and verifications, of which the median counts.
const TIMES: usize = 3;

/// Two filters each: what many records speak of, what few do, and what none does.
const QUESTIONS: [&str; 3] =
    ["target=t007&kind=outcome", "playbook=end-long-queries&verdict=hold", "target=t007&verdict=hold"];

/// Prints the figures.
pub fn measure(table: &mut Table) {
    eprintln!("a log of {RECORDS} records");
    let cluster = Cluster::start(major()).unwrap();
    let home = running::home_of_one(&cluster);
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let drafts = runtime.block_on(one_run(&cluster));
    let began = Instant::now();
    let size = runtime.block_on(fill(&home.path("data"), &drafts));
    let bytes: u64 = segments(&home.path("data")).iter().map(|s| std::fs::metadata(s).unwrap().len()).sum();
    let made = format!("{size} records, {} MiB, in {} s", bytes >> 20, short(began.elapsed().as_secs_f64()));
    table.only("made through the writer, in groups", &made);
    starts(table, &home);
    questions(table, &home, &runtime);
    verification(table, &home);
}

fn starts(table: &mut Table, home: &Home) {
    let mut ready = Vec::new();
    for _ in 0..TIMES {
        let (daemon, took) = Daemon::start(home);
        ready.push(took.as_secs_f64());
        daemon.end("TERM");
    }
    let last = std::fs::metadata(segments(&home.path("data")).last().unwrap()).unwrap().len();
    let what = format!("start to ready, a log of a million, its last segment {} MiB", last >> 20);
    table.below(&what, median(&ready), 1.0, "s");
    Daemon::start(home).0.end("KILL");
    let (daemon, took) = Daemon::start(home);
    table.only("the same after kill -9", &format!("{} s", short(took.as_secs_f64())));
    daemon.end("TERM");
}

fn questions(table: &mut Table, home: &Home, runtime: &tokio::runtime::Runtime) {
    let (daemon, _) = Daemon::start(home);
    daemon.verified();
    for question in QUESTIONS {
        let took = runtime.block_on(asked(&home.path("data"), question));
        let what = format!("the newest 50 of a million, {question}, as the daemon answers");
        table.below(&what, median(&took[1..]), 20.0, "ms");
        table.only("the same, asked for the first time", &format!("{} ms", short(took[0])));
    }
    // Without the index it reads backwards, through everything when few are meant: once will do.
    let with = median(&listed(home, 1));
    table.only("RSS with that log", &format!("{} MiB", short(daemon.resident())));
    daemon.end("TERM");
    let without = median(&listed(home, TIMES));
    let both = format!("{} ms beside a daemon, {} ms without", short(with), short(without));
    table.only("the slowest of these as the whole command `pgmedic audit list`", &both);
}

/// How long the answers to a question took, in ms.
async fn asked(data_dir: &Path, question: &str) -> Vec<f64> {
    let socket = data_dir.join("pgmedic.sock");
    let client = reqwest::Client::builder().unix_socket(socket).no_proxy().build().unwrap();
    let mut took = Vec::new();
    for _ in 0..=20 {
        let began = Instant::now();
        let answer = client.get(format!("http://pgmedic/api/v1/records?limit=50&{question}")).send().await.unwrap();
        assert!(answer.status().is_success(), "{}", answer.text().await.unwrap());
        let answer = answer.bytes().await.unwrap();
        took.push(began.elapsed().as_secs_f64() * 1e3);
        assert!(question.contains("t007&verdict") || String::from_utf8_lossy(&answer).lines().count() == 50);
    }
    took
}

/// How long the command took, of each question the median, in ms; the slowest question alone.
fn listed(home: &Home, times: usize) -> Vec<f64> {
    let of = |question: &str| {
        let options: Vec<String> = question.split('&').map(|pair| format!("--{pair}")).collect();
        let mut words = vec!["audit", "list", "-q"];
        words.extend(options.iter().map(String::as_str));
        let mut took: Vec<f64> = (0..times).map(|_| run(home.command(&words).stdout(Stdio::null())) * 1e3).collect();
        took.sort_by(f64::total_cmp);
        took
    };
    QUESTIONS.into_iter().map(of).max_by(|a, b| median(a).total_cmp(&median(b))).unwrap()
}

fn verification(table: &mut Table, home: &Home) {
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    for _ in 0..TIMES {
        theirs.push(run(Command::new("sha256sum").args(segments(&home.path("data"))).stdout(Stdio::null())));
        ours.push(run(home.command(&["audit", "verify", "-q"]).stdout(Stdio::null())));
    }
    let ratios: Vec<f64> = ours.iter().zip(&theirs).map(|(ours, theirs)| theirs / ours).collect();
    let measured = format!("{} s beside {} s", short(median(&ours)), short(median(&theirs)));
    table.beside(
        "`audit verify` of a million records beside sha256sum over the same files",
        &measured,
        median(&ratios),
        0.5,
    );
}

/// Seconds that a command took, which must succeed.
fn run(command: &mut Command) -> f64 {
    let began = Instant::now();
    let status = command.status().unwrap();
    let took = began.elapsed().as_secs_f64();
    assert!(status.success(), "{command:?}: {status}");
    took
}

/// The records that a real daemon writes when it cancels a query.
async fn one_run(cluster: &Cluster) -> Vec<Draft> {
    let home = running::home_of_one(cluster);
    let (daemon, _) = Daemon::start(&home);
    let runaway = cluster.sleeper("app", "app", "SELECT pg_sleep(120)").await;
    let _ = runaway.ended().await;
    while home.of_kind("verification").is_empty() {
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    daemon.end("TERM");
    let run = home.of_kind("verification")[0]["run"].clone();
    let records = home.records().into_iter().filter(|record| record["run"] == run);
    records.map(|record| serde_json::from_value::<Record>(record).unwrap().body).collect()
}

/// Appends such runs until there are enough records; how many there are.
async fn fill(data_dir: &Path, drafts: &[Draft]) -> u64 {
    let runs = i64::try_from(RECORDS).unwrap() / i64::try_from(drafts.len()).unwrap();
    let clock = Arc::new(AtomicI64::new(Timestamp::now().as_microsecond() - runs * APART - APART));
    let shown = clock.clone();
    let now = move || Timestamp::from_microsecond(shown.load(Ordering::Relaxed)).unwrap();
    let audit = Audit::open(data_dir, Options::default(), Arc::new(now)).unwrap();
    let mut n = 0;
    loop {
        let mut entries = Vec::new();
        for _ in 0..RUNS {
            n += 1;
            entries.extend(drafts.iter().map(|draft| Entry::Plain(of_run(draft.clone(), n))));
        }
        // The last runs may lie a little in the future; neither the daemon nor a question minds.
        clock.fetch_add(APART * RUNS, Ordering::Relaxed);
        let seqs = audit.append(entries).await.unwrap();
        let last = *seqs.last().unwrap();
        let full = || std::fs::metadata(segments(data_dir).last().unwrap()).unwrap().len() >= NEARLY_FULL;
        if last >= RECORDS && full() {
            audit.close().await;
            return last;
        }
    }
}

/// The same for another run, target and candidate. Few are held.
fn of_run(mut draft: Draft, n: usize) -> Draft {
    draft.run = Some(format!("01KXR{n:021}"));
    draft.target = Some(format!("t{:03}", n % 200));
    if let Some(candidate) = &mut draft.candidate {
        candidate.key = format!("{} {n}", candidate.key);
    }
    if draft.kind == RecordKind::Decision && n.is_multiple_of(500) {
        draft.verdict = Some(Verdict::Hold);
    }
    draft
}

fn segments(data_dir: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(data_dir.join("audit")).unwrap().map(|entry| entry.unwrap().path());
    let mut paths: Vec<PathBuf> = entries.filter(|path| path.extension().is_some_and(|e| e == "jsonl")).collect();
    paths.sort();
    paths
}
