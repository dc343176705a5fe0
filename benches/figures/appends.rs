//! Durable appends through the real writer against a bare file.

use crate::peers;
use crate::table::{Table, median, short};
use pgmedic::audit::{Audit, Entry, Options};
use pgmedic::model::record::PlaybookRef;
use pgmedic::model::{Draft, RecordKind, Timestamp, Verdict};
use std::fs::File;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// How often each is measured, in turns, so that all see the same disk.
const ROUNDS: usize = 7;
/// How long a round is.
const ROUND: Duration = Duration::from_millis(1_500);

type Peer = fn(File, &[u8], usize, Duration) -> Vec<f64>;

/// Prints the figures of one writer and of 64.
pub fn measure(table: &mut Table) {
    eprintln!("durable appends, {ROUNDS} rounds of {} s each", ROUND.as_secs_f64());
    let one = against(
        1,
        &[
            ("bare append + fdatasync", peers::one_by_one),
            ("bare append + fdatasync by a thread that is asked and answers", peers::grouped),
        ],
    );
    one.tell(table, 0, Some(0.9));
    // What a log with a writer of its own can reach: the same bytes, and nothing else done to them.
    one.tell(table, 1, None);
    one.between_peers(table);
    let many = against(
        64,
        &[
            ("64 threads, each append + fdatasync, one at a time", peers::one_by_one),
            ("64 threads, each append + fdatasync, all at once", peers::all_at_once),
            ("a bare group commit: all that waits in one write + fdatasync", peers::grouped),
        ],
    );
    many.tell(table, 0, Some(0.7));
    many.tell(table, 1, Some(0.7));
    // What the disk allows: nobody asked for that much, and the distance is the price of a record.
    many.tell(table, 2, None);
}

/// What was measured of some writers: in each round, of pgmedic and of each peer.
struct Seen {
    writers: usize,
    bytes: usize,
    ours: Rounds,
    peers: Vec<(&'static str, Rounds)>,
}

/// Records a second in each round, and how long each append of all rounds took, in ms.
#[derive(Default)]
struct Rounds {
    rates: Vec<f64>,
    took: Vec<f64>,
}

impl Rounds {
    fn add(&mut self, began: Instant, took: Vec<f64>) {
        #[allow(clippy::cast_precision_loss, reason = "counts far below 2^53")]
        self.rates.push(took.len() as f64 / began.elapsed().as_secs_f64());
        self.took.extend(took);
    }

    fn told(&self) -> String {
        format!("{}/s (median {} ms)", short(median(&self.rates)), short(median(&self.took)))
    }
}

impl Seen {
    fn tell(&self, table: &mut Table, peer: usize, least: Option<f64>) {
        let (name, theirs) = &self.peers[peer];
        let ratios: Vec<f64> = self.ours.rates.iter().zip(&theirs.rates).map(|(ours, theirs)| ours / theirs).collect();
        let writers = if self.writers == 1 { "1 writer".to_owned() } else { format!("{} writers", self.writers) };
        let what = format!("durable appends of {} bytes, {writers}, beside {name}", self.bytes);
        let measured = format!("{} beside {}", self.ours.told(), theirs.told());
        match least {
            Some(least) => table.beside(&what, &measured, median(&ratios), least),
            None => table.beside_only(&what, &measured, median(&ratios)),
        }
    }
}

impl Seen {
    /// What the second peer reaches of the first.
    fn between_peers(&self, table: &mut Table) {
        let [(first, bare), (second, asked), ..] = self.peers.as_slice() else { return };
        let ratios: Vec<f64> = asked.rates.iter().zip(&bare.rates).map(|(asked, bare)| asked / bare).collect();
        let measured = format!("{} beside {}", asked.told(), bare.told());
        table.beside_only(&format!("of these, {second}, beside {first}"), &measured, median(&ratios));
    }
}

fn against(writers: usize, peers: &[(&'static str, Peer)]) -> Seen {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    let dir = tempfile::tempdir().unwrap();
    let audit = Audit::open(&dir.path().join("log"), Options::default(), Arc::new(Timestamp::now)).unwrap();
    // What is appended is what is stored: the bytes of a line are those of its neighbour.
    let record = runtime.block_on(async {
        audit.append(vec![Entry::Plain(draft(0))]).await.unwrap();
        line_of(&dir.path().join("log"))
    });
    let mut seen = Seen {
        writers,
        bytes: record.len(),
        ours: Rounds::default(),
        peers: peers.iter().map(|(name, _)| (*name, Rounds::default())).collect(),
    };
    for round in 0..ROUNDS {
        let began = Instant::now();
        seen.ours.add(began, runtime.block_on(append(&audit, writers, ROUND)));
        for ((_, peer), (_, rounds)) in peers.iter().zip(&mut seen.peers) {
            let file = peers::open(&dir.path().join(format!("bare-{round}")));
            let began = Instant::now();
            rounds.add(began, peer(file, &record, writers, ROUND));
        }
    }
    runtime.block_on(audit.close());
    seen
}

async fn append(audit: &Audit, writers: usize, time: Duration) -> Vec<f64> {
    let until = Instant::now() + time;
    let work = |audit: Audit| async move {
        let mut took = Vec::new();
        while Instant::now() < until {
            let began = Instant::now();
            audit.append(vec![Entry::Plain(draft(took.len()))]).await.unwrap();
            took.push(began.elapsed().as_secs_f64() * 1e3);
        }
        took
    };
    let tasks: Vec<_> = (0..writers).map(|_| tokio::spawn(work(audit.clone()))).collect();
    let mut all = Vec::new();
    for task in tasks {
        all.extend(task.await.unwrap());
    }
    all
}

/// A decision as an observing run leaves it.
fn draft(n: usize) -> Draft {
    let mut draft = Draft::new(RecordKind::Decision);
    draft.run = Some(format!("01KXR{n:021}"));
    draft.target = Some("orders".to_owned());
    draft.playbook = Some(PlaybookRef { name: "cancel-long-queries".to_owned(), digest: "0123456789abcdef".repeat(4) });
    draft.verdict = Some(Verdict::Observe);
    draft.reason = Some("mode: observe is the playbook's ceiling; it would cancel the query of pid 4711".to_owned());
    draft.evidence = Some(serde_json::json!({
        "candidate": {"pid": 4711, "user": "app", "database": "shop", "seconds": 312.5, "state": "active"},
        "query": "SELECT count(*) FROM orders a JOIN orders b ON a.customer = b.customer WHERE a.placed > $1",
        "server": {"version_num": 150_019, "connections": 37, "max_connections": 100, "in_recovery": false},
    }));
    draft
}

/// The last line of the log, line feed included.
fn line_of(data_dir: &Path) -> Vec<u8> {
    let text = std::fs::read(data_dir.join("audit/00000000000000000001.jsonl")).unwrap();
    text.split_inclusive(|byte| *byte == b'\n').next_back().unwrap().to_vec()
}
