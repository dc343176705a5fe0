//! The right to act: what a driver says of it, and what it does not do without it.

use super::{act, send, text};
use crate::support::{Cluster, driver, each_major, eventually, target};
use pgmedic::config::Text;
use pgmedic::drivers::{Connect, Fault, TargetDriver, live::Live};
use pgmedic::model::{Ownership, Place};
use std::sync::Arc;

const END_ACTING: &str =
    "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE application_name = 'pgmedic/acting'";

/// A driver of the daemon that writes this log.
fn of_log(log: &str, c: &Cluster, database: &str) -> Arc<dyn TargetDriver> {
    let resolve = |text: &Text| match text {
        Text::Plain(secret) => Ok(secret.clone()),
        other => Err(format!("{other:?} is not resolved in this test")),
    };
    Live::new(Arc::new(resolve)).with_log(log).driver(&target(&c.dsn("pgmedic", database)), true)
}

each_major!(what_was_lost_since_the_last_look_is_not_acted_on, async |c| {
    let driver = driver(&target(&c.dsn("pgmedic", "postgres")), true);
    assert_eq!(driver.server().await.unwrap().ownership, Ownership::Held);
    let places = [Place::Acting, Place::WorkIn("app".to_owned())];
    for place in &places {
        assert!(send(&driver, &act(place.clone(), "SELECT 1 AS one")).await.is_ok());
    }
    assert_eq!(c.sql("postgres", END_ACTING).await, ["1"]);
    eventually(async || c.sql("postgres", END_ACTING).await == ["0"]).await;
    for place in &places {
        let fault = send(&driver, &act(place.clone(), "SELECT 1 AS one")).await.unwrap_err();
        assert!(matches!(&fault, Fault::Unreachable(why) if why.contains("lost")), "{fault:?}");
    }
    assert_eq!(driver.server().await.unwrap().ownership, Ownership::Held, "a look takes it again");
    for place in &places {
        assert!(send(&driver, &act(place.clone(), "SELECT 1 AS one")).await.is_ok());
    }
});

each_major!(sessions_of_one_log_are_told_from_those_of_others, async |c| {
    let first = of_log("A", &c, "postgres");
    assert_eq!(first.server().await.unwrap().ownership, Ownership::Held);
    let again = of_log("A", &c, "app");
    let Ownership::Unknown(why) = again.server().await.unwrap().ownership else { panic!("taken for another's") };
    assert!(why.contains("another session of this same pgmedic holds it (pgmedic/acting of pgmedic in "), "{why}");
    let fault = send(&again, &act(Place::Acting, "SELECT 1 AS one")).await.unwrap_err();
    assert!(matches!(&fault, Fault::Unreachable(why) if why.contains("the right to act is not here")), "{fault:?}");
    let other = of_log("B", &c, "app");
    let seen = other.server().await.unwrap().ownership;
    assert!(matches!(&seen, Ownership::Elsewhere(who) if who.contains("in postgres")), "{seen:?}");
    first.close().await;
    eventually(async || other.server().await.unwrap().ownership == Ownership::Held).await;
    let seen = again.server().await.unwrap().ownership;
    assert!(matches!(&seen, Ownership::Elsewhere(who) if who.contains("in app")), "{seen:?}");
});

#[tokio::test]
async fn two_that_collide_come_to_one_holder() {
    let Some(c) = Cluster::start(15) else { return };
    for round in 0..10 {
        let pair = ["postgres", "app"].map(|database| of_log(database, &c, database));
        let held = async || {
            let (one, other) = tokio::join!(pair[0].server(), pair[1].server());
            [one, other].map(|server| server.unwrap().ownership == Ownership::Held)
        };
        eventually(async || {
            let held = held().await;
            assert_ne!(held, [true, true], "round {round}");
            held != [false, false]
        })
        .await;
        for own in &pair {
            own.close().await;
        }
        let left = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'";
        eventually(async || c.sql("postgres", left).await == ["0"]).await;
    }
}

each_major!(a_lock_that_was_never_seen_to_be_the_only_one_is_given_back, async |c| {
    let first = of_log("A", &c, "app");
    assert_eq!(first.server().await.unwrap().ownership, Ownership::Held);
    let locks = "FROM pg_locks WHERE locktype = 'advisory' AND mode = 'ExclusiveLock'";
    let key = &c.sql("postgres", &format!("SELECT (classid::int8 << 32) | objid::int8 {locks}")).await[0];
    // As a look leaves it that broke off between the lock and the look at it.
    let second = of_log("B", &c, "postgres");
    assert_eq!(text(&second, Place::Acting, &format!("SELECT pg_try_advisory_lock({key})")).await, "true");
    assert_eq!(c.sql("postgres", &format!("SELECT count(*) {locks}")).await, ["2"]);
    let seen = second.server().await.unwrap().ownership;
    assert!(matches!(&seen, Ownership::Elsewhere(who) if who.contains("in app")), "{seen:?}");
    assert_eq!(c.sql("postgres", &format!("SELECT count(*) {locks}")).await, ["1"]);
    assert_eq!(first.server().await.unwrap().ownership, Ownership::Held);
});
