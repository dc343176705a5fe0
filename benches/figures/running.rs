//! The daemon at work: memory, processor time, how fast it is there, and how fast it cancels.

use crate::daemon::Daemon;
use crate::machine::major;
use crate::support::{Cluster, Home, target_of};
use crate::table::{Table, median, short};
use pgmedic::http::client::Client;
use std::fmt::Write as _;
use std::time::{Duration, Instant};

/// Starts from nothing, of which the median counts.
const STARTS: usize = 7;
/// How long a daemon is watched at the least.
const WATCHED: Duration = Duration::from_mins(1);
/// What a query may take in the playbook below.
const LIMIT: Duration = Duration::from_secs(1);
/// Cancels waited for at the least.
const TRIES: usize = 21;

/// Ends what runs longer than a second.
pub const LONG_QUERIES: &str = "
version: 1
name: end-long-queries
about: Cancels application queries that run longer than a second.
mode: enforce
triggers: [{every: EVERY}]
targets: all
find: {long_queries: {longer_than: 1s}}
do: [cancel_backend]
verify: {within: 10s}
";
/// Only observes.
const STATISTICS: &str = "
version: 1
name: refresh-statistics
about: Would analyze tables whose statistics are stale.
mode: observe
triggers: [{every: 30s}]
targets: all
find: stale_statistics
do: [analyze]
";
/// So that the one client that is cancelled again and again is not left alone in the end.
const LIMITS: &str = "policy: {limits: {disruptive: {per_playbook_hour: 100000, per_target_hour: 100000, \
                      fleet_hour: 100000, same_query: {max: 100000, per: 1h}}}}\n";

/// A daemon for one server, with two playbooks of which one acts.
pub fn home_of_one(cluster: &Cluster) -> Home {
    Home::new(&format!("{}{LIMITS}", target_of(cluster, "")), &[&LONG_QUERIES.replace("EVERY", "1s"), STATISTICS])
}

/// Start, memory, processor time and cancels with one target.
pub fn one_target(table: &mut Table) {
    eprintln!("one target, an acting playbook every second and an observing one, for {} s", WATCHED.as_secs());
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let cluster = Cluster::start(major()).unwrap();
    let (mut ready, mut answered) = (Vec::new(), Vec::new());
    for _ in 0..STARTS {
        let home = home_of_one(&cluster);
        let began = Instant::now();
        let (daemon, took) = Daemon::start(&home);
        ready.push(took.as_secs_f64());
        runtime.block_on(until_up(&home));
        answered.push(began.elapsed().as_secs_f64());
        daemon.end("TERM");
    }
    table.below("start to ready, one target", median(&ready), 0.5, "s");
    table.only("start until the target has answered", &format!("{} s", short(median(&answered))));
    let home = home_of_one(&cluster);
    let (daemon, _) = Daemon::start(&home);
    let mut late = Vec::new();
    let watched = watch(&daemon, TRIES, || runtime.block_on(cancelled(&cluster, &mut late)));
    table.below("RSS, one target", watched.resident, 40.0, "MiB");
    let cpu = format!("{} ms/s (a cancel every {} s)", short(watched.processor), short(60.0 / to_f64(late.len())));
    table.only("processor time, one target, a run a second", &cpu);
    let median = median(&late);
    let most = late.iter().copied().fold(0.0, f64::max);
    table.below("limit passed to 57014 at the client, `every: 1s`, median", median, 1.5, "s");
    table.only("the same, slowest", &format!("{} s of {} tries", short(most), late.len()));
    daemon.end("TERM");
    idle(table, &cluster);
}

/// Processor time when there is nothing to act on.
fn idle(table: &mut Table, cluster: &Cluster) {
    let home = home_of_one(cluster);
    let (daemon, _) = Daemon::start(&home);
    std::thread::sleep(Duration::from_secs(3));
    let (began, before) = (Instant::now(), daemon.processor());
    std::thread::sleep(Duration::from_secs(20));
    let per_second = (daemon.processor() - before) / began.elapsed().as_secs_f64();
    table.only("the same, nothing to act on", &format!("{} ms/s", short(per_second)));
    daemon.end("TERM");
}

/// Memory and processor time with 200 targets: all names of one server, each with its own connections. The
/// first of them takes the right to act, the others are known to be that same server, only observe and ask for no lock.
pub fn many_targets(table: &mut Table) {
    eprintln!("200 targets, an acting playbook every 10 s and an observing one, for {} s", WATCHED.as_secs());
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let cluster = Cluster::start_with(major(), &[("max_connections", "900")]).unwrap();
    let mut config =
        "mode: enforce\ntarget_defaults: {mode: enforce, act_as: {user: pgmedic_act}}\ntargets:\n".to_owned();
    let dsn = cluster.dsn("pgmedic", "postgres");
    for n in 0..200 {
        let _ = writeln!(config, "  - {{name: t{n:03}, dsn: \"{dsn}?sslmode=disable\"}}");
    }
    let home = Home::new(&format!("{config}{LIMITS}"), &[&LONG_QUERIES.replace("EVERY", "10s"), STATISTICS]);
    let (daemon, ready) = Daemon::start(&home);
    table.only("start to ready, 200 targets", &format!("{} s", short(ready.as_secs_f64())));
    runtime.block_on(until_up(&home));
    let mut late = Vec::new();
    let watched = watch(&daemon, 1, || runtime.block_on(cancelled(&cluster, &mut late)));
    table.below("RSS, 200 targets", watched.resident, 128.0, "MiB");
    table.only("processor time, 200 targets, 27 runs a second", &format!("{} ms/s", short(watched.processor)));
    daemon.end("TERM");
}

/// What was seen of a daemon.
struct Watched {
    /// The most resident memory, in MiB.
    resident: f64,
    /// ms a second.
    processor: f64,
}

/// Watches a daemon for a minute, and until something has happened as often as it must, again and again.
fn watch(daemon: &Daemon, at_least: usize, mut happens: impl FnMut() -> usize) -> Watched {
    let (began, before) = (Instant::now(), daemon.processor());
    let (mut resident, mut times) = (0.0_f64, 0);
    while began.elapsed() < WATCHED || times < at_least {
        times = happens();
        resident = resident.max(daemon.resident());
    }
    Watched { resident, processor: (daemon.processor() - before) / began.elapsed().as_secs_f64() }
}

/// One query that is cancelled; how long after its limit is added, in seconds. How many there are now.
async fn cancelled(cluster: &Cluster, late: &mut Vec<f64>) -> usize {
    let client = cluster.connect("app", "app").await;
    // Not in step with the daemon's ticks: each try begins at another place between two of them.
    tokio::time::sleep(Duration::from_millis(370 * late.len() as u64 % 1_000)).await;
    let began = Instant::now();
    let ended = tokio::time::timeout(Duration::from_mins(1), client.batch_execute("SELECT pg_sleep(60)")).await;
    let code = ended.expect("it is cancelled").expect_err("it is cancelled").code().map(|c| c.code().to_owned());
    assert_eq!(code.as_deref(), Some("57014"));
    late.push(began.elapsed().as_secs_f64() - LIMIT.as_secs_f64());
    late.len()
}

/// Waits until every target has answered.
async fn until_up(home: &Home) {
    let client = Client::connect(&home.path("data")).unwrap().expect("the daemon");
    while client.status().await.unwrap().targets.iter().any(|target| target.state != "up") {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

#[allow(clippy::cast_precision_loss, reason = "counts far below 2^53")]
fn to_f64(n: usize) -> f64 {
    n as f64
}
