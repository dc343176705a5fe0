//! Somebody who looks on from outside, every 50 ms: who waits for a lock, for whom, and for how long.

use crate::support::Cluster;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};
use tokio_postgres::{Client, NoTls};

const EVERY: Duration = Duration::from_millis(50);

/// The longest `lock_timeout` that pgmedic sets (500 ms), and what a loaded machine may take to see it through. Both
/// together are `deadlock_timeout`, from which on a waiter has an autovacuum worker cancelled.
const LONGEST: Duration = Duration::from_secs(1);

/// Waits that concern pgmedic: its own, others' for it, and those of sessions that only begin, which show
/// neither name nor user (before 18 they are in `pg_locks` alone). One wait is one statement and one lock.
const WAITS: &str = "SELECT format('%s (%s, %s)%s waits for %s since the statement of %s: %s', l.pid,
         coalesce(a.usename, '?'), coalesce(nullif(a.application_name, ''), '?'),
         CASE WHEN b.pids IS NOT NULL THEN ', behind pgmedic,' END,
         concat_ws(' ', l.locktype, l.relation, l.mode), a.query_start, left(a.query, 200))
  FROM pg_locks l LEFT JOIN pg_stat_activity a ON a.pid = l.pid
  LEFT JOIN LATERAL (SELECT array_agg(p.pid) AS pids FROM pg_stat_activity p
     WHERE p.application_name LIKE 'pgmedic/%' AND p.pid = ANY (pg_blocking_pids(l.pid))) b ON true
 WHERE NOT l.granted AND (a.pid IS NULL OR a.state = 'starting' OR b.pids IS NOT NULL
                          OR a.application_name LIKE 'pgmedic/%')";

/// What was seen so far.
#[derive(Debug, Default)]
pub struct Seen {
    /// How often it looked.
    pub looks: usize,
    /// Each wait, and how long it was seen to last at least.
    pub waits: BTreeMap<String, Duration>,
}

/// Looks until it is told to stop, in a thread of its own: the test's own may stand still for a while.
pub struct Onlooker {
    stop: Arc<AtomicBool>,
    thread: JoinHandle<Seen>,
}

impl Onlooker {
    /// Begins to look. It keeps one connection of a superuser's.
    pub fn at(cluster: &Cluster) -> Onlooker {
        let (dsn, stop) = (cluster.dsn("postgres", "postgres"), Arc::new(AtomicBool::new(false)));
        let told = Arc::clone(&stop);
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
            runtime.block_on(async {
                let (client, connection) = tokio_postgres::connect(&dsn, NoTls).await.expect("a connection");
                tokio::spawn(connection);
                look(&client, &told).await
            })
        });
        Onlooker { stop, thread }
    }

    /// Ends it; fails when pgmedic waited, or was waited for, longer than it may.
    pub fn saw_nobody_in_the_way(self) -> Seen {
        self.stop.store(true, Ordering::Relaxed);
        let seen = self.thread.join().expect("its looks");
        assert!(seen.looks > 5, "it hardly looked: {seen:?}");
        let offenders: Vec<_> = seen.waits.iter().filter(|(_, lasted)| **lasted > LONGEST).collect();
        assert!(offenders.is_empty(), "{offenders:#?}");
        seen
    }
}

async fn look(client: &Client, stop: &AtomicBool) -> Seen {
    let waits = client.prepare(WAITS).await.expect("a look");
    let mut seen = Seen::default();
    let mut began: BTreeMap<String, Instant> = BTreeMap::new();
    while !stop.load(Ordering::Relaxed) {
        let rows = client.query(&waits, &[]).await.expect("a look");
        let answered = Instant::now();
        let now: Vec<String> = rows.iter().map(|row| row.get(0)).collect();
        began.retain(|wait, _| now.contains(wait));
        for wait in now {
            let since = *began.entry(wait.clone()).or_insert(answered);
            seen.waits.insert(wait, answered - since);
        }
        seen.looks += 1;
        tokio::time::sleep(EVERY).await;
    }
    seen
}
