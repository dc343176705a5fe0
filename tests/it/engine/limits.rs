//! Limits and cooldowns: exact, and not forgotten by a restart.

use super::LONG_QUERIES;
use crate::support::{Cluster, Home, eventually, target_of};

async fn a_query(cluster: &Cluster, n: u32) -> crate::support::Sleeper {
    // Each is another query, so that only the hourly limit counts.
    cluster.sleeper("app", "app", &format!("SELECT pg_sleep(60) AS q{n}, current_setting('port') AS p{n}")).await
}

#[tokio::test]
async fn an_hourly_limit_survives_a_restart_and_a_crash() {
    let Some(cluster) = Cluster::start(15) else { return };
    let policy = "policy: {limits: {disruptive: {per_target_hour: 2}}}\n";
    let home = Home::new(&format!("{}{policy}", target_of(&cluster, "")), &[LONG_QUERIES]);
    let first = a_query(&cluster, 1).await;
    let daemon = home.serve();
    assert_eq!(first.ended().await, Err(Some("57014".to_owned())));
    eventually(async || home.outcomes().len() == 1).await;
    daemon.end("TERM");

    let second = a_query(&cluster, 2).await;
    let daemon = home.serve();
    assert_eq!(second.ended().await, Err(Some("57014".to_owned())));
    eventually(async || home.outcomes().len() == 2).await;
    daemon.end("KILL");

    let _third = a_query(&cluster, 3).await;
    let _daemon = home.serve();
    let refused =
        || home.of_kind("decision").iter().any(|r| r["reason"].as_str().is_some_and(|w| w.starts_with("limits:")));
    eventually(async || refused()).await;
    home.turns(2).await;
    assert_eq!(home.outcomes().len(), 2, "{:?}", home.outcomes());
    let verified = home.run(&["audit", "verify"]);
    assert_eq!(verified.0, 0, "{verified:?}");
}

#[tokio::test]
async fn a_client_that_repeats_its_query_is_handed_to_a_person() {
    let Some(cluster) = Cluster::start(15) else { return };
    let home = Home::new(&target_of(&cluster, ""), &[LONG_QUERIES]);
    let _daemon = home.serve();
    for _ in 0..3 {
        let again = cluster.sleeper("app", "app", "SELECT pg_sleep(60)").await;
        assert_eq!(again.ended().await, Err(Some("57014".to_owned())));
    }
    let _fourth = cluster.sleeper("app", "app", "SELECT pg_sleep(60)").await;
    let refused =
        || home.of_kind("decision").iter().any(|r| r["reason"].as_str().is_some_and(|w| w.starts_with("same_query:")));
    eventually(async || refused()).await;
    assert_eq!(home.outcomes().len(), 3);
}
