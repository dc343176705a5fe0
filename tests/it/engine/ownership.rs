//! The right to act on a target: one daemon has it at a time, over databases, nodes, cuts and restarts, and whoever
//! takes it over waits.

use super::{LONG_QUERIES, STATISTICS, crash::slow_table};
use crate::support::{Clock, Cluster, Home, Network, PgBouncer, Proxy, at_last, each_major, eventually, target_of};
use serde_json::Value as Json;
use std::time::{Duration, Instant};

/// The changes of hands that a daemon recorded, in order.
pub fn changes(home: &Home) -> Vec<String> {
    let change = |r: &Json| r["evidence"]["right_to_act"]["change"].as_str().map(str::to_owned);
    home.of_kind("lifecycle").iter().filter_map(change).collect()
}

/// Whether a decision was recorded whose reason begins so.
pub fn refused(home: &Home, beginning: &str) -> bool {
    home.of_kind("decision").iter().any(|r| r["reason"].as_str().is_some_and(|why| why.starts_with(beginning)))
}

/// The session that holds the right to act, in whatever database. The lock beside it is shared.
pub fn holder(cluster: &Cluster) -> Option<String> {
    let held = "SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND mode = 'ExclusiveLock' AND granted";
    let pids = cluster.psql("postgres", held);
    assert!(pids.lines().count() <= 1, "several hold it: {pids}");
    Some(pids).filter(|pid| !pid.is_empty())
}

/// A target by this port and database, all of it enforced.
fn target(port: u16, database: &str) -> String {
    target_at("127.0.0.1", port, database)
}

fn target_at(host: &str, port: u16, database: &str) -> String {
    format!(
        "mode: enforce\ntargets:\n  - name: orders\n    \
         dsn: postgresql://pgmedic@{host}:{port}/{database}?sslmode=disable\n    \
         act_as: {{user: pgmedic_act}}\n    mode: enforce\n"
    )
}

fn home(port: u16, database: &str) -> Home {
    Home::new(&target(port, database), &[LONG_QUERIES])
}

fn intents(home: &Home) -> usize {
    home.of_kind("intent").len()
}

fn status(home: &Home) -> String {
    home.run(&["status"]).1
}

async fn runaway(cluster: &Cluster, n: usize) -> crate::support::Sleeper {
    // Each is another query: repeats have a limit of their own.
    cluster.sleeper("app", "app", &format!("SELECT pg_sleep(120){}", ", now()".repeat(n))).await
}

const CANCELLED: Result<&(), Option<&str>> = Err(Some("57014"));

async fn is_cancelled(runaway: crate::support::Sleeper) {
    let ended = runaway.ended().await;
    assert_eq!(ended.as_ref().map_err(Option::as_deref), CANCELLED);
}

/// That nothing is done while each of these daemons has had several turns.
async fn nobody_acts(runaway: &crate::support::Sleeper, daemons: &[&Home]) {
    for home in daemons {
        home.turns(3).await;
    }
    assert!(runaway.still_runs());
}

each_major!(two_databases_of_one_server_have_one_holder, async |cluster| {
    let homes = ["postgres", "app"].map(|database| home(cluster.port(), database));
    // At once, so that both reach for it at the same moment.
    let _daemons = [homes[0].start(), homes[1].start()];
    for n in 0..3 {
        is_cancelled(runaway(&cluster, n).await).await;
        assert!(holder(&cluster).is_some());
    }
    eventually(async || homes.iter().map(|h| h.outcomes().len()).sum::<usize>() == 3).await;
    let mut acted = homes.each_ref().map(intents);
    acted.sort_unstable();
    assert_eq!(acted, [0, 3], "one of them, and always the same");
    let stands_by = homes.iter().find(|h| intents(h) == 0).unwrap();
    assert_eq!(changes(stands_by), ["stands_by"]);
    assert!(refused(stands_by, "ownership: another session holds the right to act: pgmedic/acting of pgmedic_act in "));
    let said = status(stands_by);
    assert!(said.contains("stands by for ") && said.contains("holds the right to act"), "{said}");
    let (_, plan, _) = stands_by.run(&["plan"]);
    assert!(plan.contains("ownership: another session holds the right to act"), "{plan}");
});

#[tokio::test]
async fn the_wait_after_a_takeover_is_told_once_and_outlives_a_restart() {
    let Some(cluster) = Cluster::start(15) else { return };
    let Some(clock) = Clock::start() else { return };
    let first = home(cluster.port(), "postgres");
    let channel = "notify: [ops]\nchannels: [{name: ops, slack: {webhook_url: \"http://127.0.0.1:9/x\"}, allow_private: true}]\n\
         policy: {limits: {disruptive: {per_target_hour: 4}}}\n";
    let mut second = Home::new(&format!("{}{channel}", target(cluster.port(), "app")), &[LONG_QUERIES]);
    second.set_clock(&clock);
    let holds = first.serve();
    eventually(async || holder(&cluster).is_some()).await;
    let daemon = second.serve();
    eventually(async || changes(&second) == ["stands_by"]).await;
    drop(holds);
    eventually(async || changes(&second) == ["stands_by", "took_over"]).await;
    let held_back = runaway(&cluster, 0).await;
    eventually(async || refused(&second, "takeover: took over from another pgmedic")).await;
    let said = status(&second);
    assert!(said.contains("took over from another pgmedic") && said.contains("acts after 5m"), "{said}");
    let why = second.run(&["why", "end-long-queries", "--target", "orders"]).1;
    assert!(why.contains("acts after 5m, in another"), "{why}");

    // A restart finds the right free, and still knows. Even a kill: nobody else was in between.
    daemon.end("KILL");
    let daemon = second.serve();
    nobody_acts(&held_back, &[&second]).await;
    clock.show(Duration::from_mins(6));
    is_cancelled(held_back).await;
    is_cancelled(runaway(&cluster, 1).await).await;

    // Half of four an hour is spent.
    let third = runaway(&cluster, 2).await;
    eventually(async || refused(&second, "limits:")).await;
    let decisions = second.of_kind("decision");
    let limited = |r: &&Json| r["reason"].as_str().is_some_and(|why| why.contains("no disruptive action is left"));
    let reason = decisions.iter().find(limited).unwrap()["reason"].to_string();
    assert!(reason.contains("4 of 4 this target in an hour (2 of them count for the takeover"), "{reason}");
    assert!(third.still_runs());
    clock.show(Duration::from_mins(70));
    is_cancelled(third).await;

    daemon.end("TERM");
    assert_eq!(changes(&second), ["stands_by", "took_over"]);
    let told = |r: &Json| r["evidence"]["notice"]["headline"] == "target orders: took over from another pgmedic";
    let told: Vec<Json> = second.records().into_iter().filter(told).collect();
    assert_eq!(told.len(), 1, "{told:?}");
    assert_eq!(told[0]["notify"], serde_json::json!(["ops"]));
    assert_eq!(second.run(&["audit", "verify"]).0, 0);
}

#[tokio::test]
async fn a_session_lost_or_a_daemon_killed_without_another_in_between_is_no_takeover() {
    let Some(cluster) = Cluster::start(15) else { return };
    let home = home(cluster.port(), "postgres");
    let daemon = home.serve();
    is_cancelled(runaway(&cluster, 0).await).await;
    let end = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name LIKE 'pgmedic/%'";
    cluster.psql("postgres", end);
    is_cancelled(runaway(&cluster, 1).await).await;
    drop(daemon);
    for n in 2..5 {
        // The server may still be at its old session when the next one comes.
        let _daemon = home.start();
        is_cancelled(runaway(&cluster, n).await).await;
    }
    let _daemon = home.start();
    is_cancelled(runaway(&cluster, 5).await).await;
    assert_eq!(changes(&home), Vec::<String>::new());
}

each_major!(each_node_has_its_own_right_to_act, async |mut primary| {
    primary.admit("host replication postgres 127.0.0.1/32 trust\nhost all all 127.0.0.1/32 trust\n").await;
    let standby = primary.standby();
    let any = LONG_QUERIES.replace("targets: all", "targets: all\nguard: {role: any}");
    let homes = [&primary, &standby].map(|node| Home::new(&target(node.port(), "postgres"), &[&any]));
    let _daemons = homes.each_ref().map(Home::serve);
    for (n, (node, home)) in [&primary, &standby].into_iter().zip(&homes).enumerate() {
        is_cancelled(runaway(node, n).await).await;
        eventually(async || home.outcomes() == ["cancel_backend done"]).await;
        assert!(holder(node).is_some());
    }
    for home in &homes {
        assert_eq!((intents(home), changes(home).len()), (1, 0));
    }
    // A second one on the standby stands by there.
    let another = Home::new(&target(standby.port(), "app"), &[&any]);
    let _daemon = another.serve();
    eventually(async || changes(&another) == ["stands_by"]).await;
});

#[tokio::test]
async fn a_holder_that_is_cut_off_does_nothing_more() {
    let Some(cluster) = Cluster::start(15) else { return };
    let Some(clock) = Clock::start() else { return };
    let proxy = Proxy::start(cluster.port()).await;
    let first = home(proxy.port(), "postgres");
    let mut second = home(cluster.port(), "app");
    second.set_clock(&clock);
    let _first = first.serve();
    eventually(async || holder(&cluster).is_some()).await;
    let held = holder(&cluster);
    let _second = second.serve();
    eventually(async || changes(&second) == ["stands_by"]).await;

    proxy.stall();
    let runaway = runaway(&cluster, 0).await;
    nobody_acts(&runaway, &[&first, &second]).await;
    assert_eq!(holder(&cluster), held, "the server has not noticed");
    assert_eq!(changes(&second), ["stands_by"]);

    proxy.server_notices();
    eventually(async || changes(&second) == ["stands_by", "took_over"]).await;
    // The first one is back while the second one waits: it is not the holder any more.
    proxy.mend();
    at_last(async || changes(&first) == ["stands_by"]).await;
    assert!(runaway.still_runs());
    assert_eq!((intents(&first), intents(&second)), (0, 0));
    clock.show(Duration::from_mins(6));
    is_cancelled(runaway).await;
    eventually(async || second.outcomes() == ["cancel_backend done"]).await;
    assert_eq!((intents(&first), intents(&second)), (0, 1));
}

async fn a_holder_whose_network_drops_everything(major: u32) {
    let Some(cluster) = Cluster::start_with(major, &[("listen_addresses", "*")]) else { return };
    let (Some(clock), Some(network)) = (Clock::start(), Network::start()) else { return };
    cluster.admit("host all all 10.0.0.0/8 trust\nhost all all 127.0.0.1/32 trust\n").await;
    let mut first = Home::new(&target_at(&network.servers(), cluster.port(), "postgres"), &[LONG_QUERIES]);
    first.move_into(&network);
    let mut second = home(cluster.port(), "app");
    second.set_clock(&clock);
    let _first = first.serve();
    eventually(async || holder(&cluster).is_some()).await;
    let _second = second.serve();
    eventually(async || changes(&second) == ["stands_by"]).await;

    network.drop_all();
    let cut = Instant::now();
    let runaway = runaway(&cluster, 0).await;
    at_last(async || changes(&second) == ["stands_by", "took_over"]).await;
    let noticed = cut.elapsed();
    eprintln!("PostgreSQL {major} gave the right to act back {noticed:.1?} after the cut");
    assert!(noticed > Duration::from_secs(8) && noticed < Duration::from_secs(40), "{noticed:?}");
    assert!(runaway.still_runs());
    assert_eq!((intents(&first), intents(&second)), (0, 0));
    clock.show(Duration::from_mins(6));
    is_cancelled(runaway).await;
    eventually(async || second.outcomes() == ["cancel_backend done"]).await;
    assert_eq!(intents(&first), 0);
}

#[tokio::test]
#[ignore = "only with tests/run.sh --full"]
async fn a_holder_whose_network_drops_everything_v13() {
    a_holder_whose_network_drops_everything(13).await;
}

#[tokio::test]
#[ignore = "only with tests/run.sh --full"]
async fn a_holder_whose_network_drops_everything_v18() {
    a_holder_whose_network_drops_everything(18).await;
}

#[tokio::test]
async fn its_own_session_that_the_server_still_sees_is_waited_for_and_no_takeover() {
    let Some(cluster) = Cluster::start(15) else { return };
    let proxy = Proxy::start(cluster.port()).await;
    let home = home(proxy.port(), "postgres");
    let _daemon = home.serve();
    eventually(async || holder(&cluster).is_some()).await;
    let held = holder(&cluster);
    proxy.stall();
    let runaway = runaway(&cluster, 0).await;
    nobody_acts(&runaway, &[&home]).await;
    proxy.mend();
    at_last(async || refused(&home, "ownership: the right to act could not be taken: ")).await;
    nobody_acts(&runaway, &[&home]).await;
    assert_eq!((holder(&cluster), intents(&home)), (held, 0), "its new sessions see the old one there");
    proxy.server_notices();
    is_cancelled(runaway).await;
    assert_eq!(changes(&home), Vec::<String>::new());
}

each_major!(what_a_cut_off_holder_left_running_is_ended_by_a_server_from_14_on, async |cluster| {
    slow_table(&cluster);
    let proxy = Proxy::start(cluster.port()).await;
    let home = Home::new(&target(proxy.port(), "postgres"), &[STATISTICS]);
    let _daemon = home.serve();
    let analyzing = async || cluster.psql("app", "SELECT count(*) FROM pg_stat_progress_analyze") == "1";
    eventually(analyzing).await;
    proxy.stall();
    proxy.server_notices();
    eventually(async || holder(&cluster).is_none()).await;
    if cluster.major() >= 14 {
        return eventually(async || !analyzing().await).await;
    }
    // Without client_connection_check_interval it runs to its end: what takes over must not act at once.
    tokio::time::sleep(Duration::from_secs(4)).await;
    assert!(analyzing().await);
});

#[tokio::test]
async fn through_a_pooler_it_refuses_to_act() {
    let Some(cluster) = Cluster::start(15) else { return };
    // Also through one that drops what pgmedic says of itself at the start.
    for options in ["extra_float_digits", "extra_float_digits, options"] {
        let Some(bouncer) = PgBouncer::start(&cluster, &[("ignore_startup_parameters", options)]) else { return };
        let home = home(bouncer.port(), "postgres");
        let _daemon = home.serve();
        let runaway = runaway(&cluster, 0).await;
        eventually(async || refused(&home, "unreachable: ")).await;
        nobody_acts(&runaway, &[&home]).await;
        assert_eq!((intents(&home), holder(&cluster)), (0, None));
        let said = status(&home);
        assert!(said.contains("this is a connection pooler"), "{said}");
    }
}

#[tokio::test]
async fn what_is_only_observed_takes_no_lock() {
    let Some(cluster) = Cluster::start(15) else { return };
    let observed = target_of(&cluster, "").replace("    mode: enforce", "    mode: observe");
    let home = Home::new(&observed, &[LONG_QUERIES]);
    let _daemon = home.serve();
    let _runaway = runaway(&cluster, 0).await;
    eventually(async || home.of_kind("decision").iter().any(|r| r["verdict"] == "observe")).await;
    let locks = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'";
    assert_eq!(cluster.psql("postgres", locks), "0");
}

#[tokio::test]
async fn one_daemon_acts_on_a_primary_and_on_its_standby() {
    let Some(mut primary) = Cluster::start(15) else { return };
    primary.admit("host replication postgres 127.0.0.1/32 trust\nhost all all 127.0.0.1/32 trust\n").await;
    let standby = primary.standby();
    let any = LONG_QUERIES.replace("targets: all", "targets: all\nguard: {role: any}");
    let second = target(standby.port(), "postgres").replace("name: orders", "name: standby");
    let second = second.split_once("targets:\n").unwrap().1.to_owned();
    let home = Home::new(&(target(primary.port(), "postgres") + &second), &[&any]);
    let _daemon = home.serve();
    for (n, node) in [&primary, &standby].into_iter().enumerate() {
        is_cancelled(runaway(node, n).await).await;
    }
    eventually(async || home.outcomes().len() == 2).await;
    assert!(!home.log().contains("same server"), "{}", home.log());
}

/// One server as two targets.
fn twice(cluster: &Cluster) -> String {
    let target = |name: &str, database: &str| {
        let dsn = format!("postgresql://pgmedic@127.0.0.1:{}/{database}?sslmode=disable", cluster.port());
        format!("  - {{name: {name}, dsn: \"{dsn}\", act_as: {{user: pgmedic_act}}, mode: enforce}}\n")
    };
    let channel =
        "notify: [ops]\nchannels: [{name: ops, slack: {webhook_url: \"http://127.0.0.1:9/x\"}, allow_private: true}]\n";
    format!("{channel}mode: enforce\ntargets:\n{}{}", target("orders", "postgres"), target("shop", "app"))
}

each_major!(of_two_targets_that_are_one_server_only_one_acts_and_it_is_no_takeover, async |cluster| {
    let home = Home::new(&twice(&cluster), &[LONG_QUERIES]);
    let acting = || home.of_kind("intent").iter().map(|r| r["target"].to_string()).collect::<Vec<_>>();
    let told = || {
        let said = |r: &Json| r["reason"].as_str().is_some_and(|why| why.contains(" is the same server as target "));
        home.of_kind("lifecycle").into_iter().filter(said).collect::<Vec<_>>()
    };
    let daemon = home.serve();
    is_cancelled(runaway(&cluster, 0).await).await;
    eventually(async || home.outcomes().len() == 1 && told().len() == 1).await;
    // Without its session the one that acts still is the one that does.
    let end = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'pgmedic/acting'";
    cluster.psql("postgres", end);
    is_cancelled(runaway(&cluster, 1).await).await;
    eventually(async || home.outcomes().len() == 2).await;
    let acted = acting();
    assert_eq!(acted[0], acted[1]);
    let (one, other) = if acted[0].contains("orders") { ("orders", "shop") } else { ("shop", "orders") };
    eventually(async || refused(&home, &format!("ownership: target {one} is the same server"))).await;
    let reason = format!("target {other} is the same server as target {one}: only {one} acts there");
    assert_eq!((&told()[0]["reason"], &told()[0]["notify"]), (&reason.into(), &serde_json::json!(["ops"])));
    let said = status(&home);
    assert!(said.contains(&format!("only observed: target {one} is the same server")), "{said}");
    assert!(home.log().contains("only one of the two can act there"), "lint sees it at the start: {}", home.log());
    daemon.end("TERM");
    let _daemon = home.serve();
    is_cancelled(runaway(&cluster, 2).await).await;
    assert_eq!(changes(&home), Vec::<String>::new(), "nobody took over from anybody");
});
