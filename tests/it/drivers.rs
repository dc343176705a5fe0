//! The driver against real servers.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod libpq;
mod ownership;
mod reach;
mod together;

use crate::support::{Cluster, PgBouncer, driver, each_major, eventually, plain, target};
use pgmedic::config;
use pgmedic::drivers::{Fault, TargetDriver};
use pgmedic::model::query::{Act, ActAnswer};
use pgmedic::model::{Answer, Cell, Ownership, Place, Question, Row, Value};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio_util::sync::CancellationToken;

fn question(place: Place, sql: &str, params: Vec<Value>) -> Question {
    Question { name: "test", place, sql: sql.to_owned(), params }
}

fn act(place: Place, statement: &str) -> Act {
    Act {
        place,
        settings: Vec::new(),
        precondition: None,
        wanted: Vec::new(),
        statement: statement.to_owned(),
        params: Vec::new(),
        deadline: Duration::from_secs(5),
        confirm: None,
    }
}

async fn one(driver: &Arc<dyn TargetDriver>, place: Place, sql: &str) -> Result<Row, String> {
    let mut answers = driver.ask(&question(place, sql, Vec::new())).await;
    assert_eq!(answers.len(), 1);
    answers.remove(0).rows.map(|mut rows| rows.remove(0))
}

async fn text(driver: &Arc<dyn TargetDriver>, place: Place, sql: &str) -> String {
    one(driver, place, &format!("SELECT ({sql})::text AS it")).await.unwrap().text("it").unwrap()
}

async fn send(driver: &Arc<dyn TargetDriver>, act: &Act) -> Result<ActAnswer, Fault> {
    driver.act(act, &CancellationToken::new()).await
}

/// Whether any session of pgmedic runs a statement that begins so.
async fn runs(c: &Cluster, beginning: &str) -> bool {
    let sql = format!(
        "SELECT 1 FROM pg_stat_activity WHERE state = 'active' AND application_name LIKE 'pgmedic/%' \
         AND query LIKE '{beginning}%'"
    );
    !c.sql("postgres", &sql).await.is_empty()
}

each_major!(server_tells_what_it_is, async |c| {
    c.sql("postgres", "ALTER ROLE pgmedic_act SET pgmedic.paused = 'ask Kim first'").await;
    let other = c.connect("app", "app").await;
    let mut orders = target(&c.dsn("pgmedic", "postgres"));
    orders.act_as = Some(config::Login { user: "pgmedic_act".to_owned(), password: None });
    let driver = driver(&orders, true);
    let server = driver.server().await.unwrap();
    assert_eq!(u32::try_from(server.major()).unwrap(), c.major());
    let identifier = c.sql("postgres", "SELECT system_identifier FROM pg_control_system()").await;
    assert_eq!(vec![server.system_identifier], identifier);
    assert_eq!((server.timeline, server.in_recovery), (1, false));
    assert_eq!((server.max_connections, server.reserved_connections), (40, 3));
    assert_eq!(server.deadlock_timeout_milliseconds, 1000);
    assert_eq!(server.client_backends, 1, "only the application's");
    assert_eq!(server.databases, ["app", "postgres"]);
    assert_eq!(server.paused_by_role.as_deref(), Some("ask Kim first"));
    assert_eq!((server.privileges.monitor, server.privileges.signal_backend), (true, true));
    assert_eq!(server.ownership, Ownership::Held);
    assert_eq!(text(&driver, Place::Acting, "SELECT current_user").await, "pgmedic_act");
    assert_eq!(text(&driver, Place::Reading, "SELECT current_user").await, "pgmedic");
    drop(other);

    c.sql("postgres", "ALTER ROLE pgmedic_act SET pgmedic.paused = 'off'; REVOKE pg_signal_backend FROM pgmedic_act")
        .await;
    let server = driver.server().await.unwrap();
    assert_eq!((server.paused_by_role, server.privileges.signal_backend), (None, false));
});

each_major!(sessions_are_set_up_over_what_the_role_says, async |c| {
    c.sql(
        "postgres",
        "ALTER ROLE pgmedic SET statement_timeout = '200ms'; ALTER ROLE pgmedic SET search_path = 'evil'",
    )
    .await;
    let driver = driver(&target(&c.dsn("pgmedic", "postgres")), true);
    let settings = "SELECT concat_ws(' ', current_setting('application_name'), current_setting('statement_timeout'), \
                    current_setting('lock_timeout'), current_setting('default_transaction_read_only'), \
                    current_setting('search_path'), current_setting('jit'))";
    assert_eq!(text(&driver, Place::Reading, settings).await, "pgmedic/reading 5s 250ms on pg_catalog off");
    assert_eq!(text(&driver, Place::Acting, settings).await, "pgmedic/acting 5s 250ms off pg_catalog off");
    let mut work = act(Place::WorkIn("app".to_owned()), settings);
    work.settings = vec![("lock_timeout", "500ms".to_owned())];
    let rows = send(&driver, &work).await.unwrap().rows;
    assert_eq!(rows[0].text("concat_ws").unwrap(), "pgmedic/work 0 500ms off pg_catalog off");
    // On the standing connection a setting holds for its own statement only.
    work.place = Place::Acting;
    let rows = send(&driver, &work).await.unwrap().rows;
    assert_eq!(rows[0].text("concat_ws").unwrap(), "pgmedic/acting 5s 500ms off pg_catalog off");
    assert_eq!(text(&driver, Place::Acting, "SELECT current_setting('lock_timeout')").await, "250ms");
    // Also when whoever asked for it gave up waiting.
    work.statement = "SELECT 1 FROM pg_sleep(1)".to_owned();
    let given_up = tokio::time::timeout(Duration::from_millis(300), send(&driver, &work)).await;
    assert!(given_up.is_err());
    assert_eq!(text(&driver, Place::Acting, "SELECT current_setting('lock_timeout')").await, "250ms");
});

each_major!(every_type_arrives_or_is_refused_by_name, async |c| {
    let driver = driver(&target(&c.dsn("pgmedic", "postgres")), false);
    let sql = "SELECT true AS b, 2::int2 AS i2, $1 AS i4, $2 AS i8, $3 AS f, $4 AS t, $5 AS o, $6 AS at, \
               'infinity'::timestamptz AS inf, NULL::text AS null, 'r'::\"char\" AS c, 'n'::name AS n, \
               '10.0.0.1'::inet AS addr, -12345.5::numeric AS num, $7::interval = '5 minutes' AS cast";
    let at: pgmedic::model::Timestamp = "2026-11-24T20:19:12.000001Z".parse().unwrap();
    let params = vec![
        Value::Int4(4),
        Value::Int8(1 << 40),
        Value::Float8(0.5),
        Value::Text("it's".to_owned()),
        Value::Oid(u32::MAX),
        Value::Timestamp(Some(at)),
        Value::Text("5min".to_owned()),
    ];
    let rows = driver.ask(&question(Place::Reading, sql, params)).await.remove(0).rows.unwrap();
    let expected = [
        ("addr", Cell::Text("10.0.0.1".to_owned())),
        ("at", Cell::Time(at)),
        ("b", Cell::Bool(true)),
        ("c", Cell::Text("r".to_owned())),
        ("cast", Cell::Bool(true)),
        ("f", Cell::Float(0.5)),
        ("i2", Cell::Int(2)),
        ("i4", Cell::Int(4)),
        ("i8", Cell::Int(1 << 40)),
        ("inf", Cell::Null),
        ("n", Cell::Text("n".to_owned())),
        ("null", Cell::Null),
        ("num", Cell::Float(-12345.5)),
        ("o", Cell::Int(u32::MAX.into())),
        ("t", Cell::Text("it's".to_owned())),
    ];
    let found: Vec<(&str, Cell)> = rows[0].0.iter().map(|(k, v)| (k.as_str(), v.clone())).collect();
    assert_eq!(found, expected);

    let why = one(&driver, Place::Reading, "SELECT now() - now() AS since WHERE false").await.unwrap_err();
    assert!(why.contains("`since`") && why.contains("interval"), "{why}");
    let why = one(&driver, Place::Reading, "SELECT 1; SELECT 2").await.unwrap_err();
    assert!(why.contains("multiple commands"), "{why}");
    let why = one(&driver, Place::Reading, "CREATE TABLE public.x (a int)").await.unwrap_err();
    assert!(why.contains("read-only"), "{why}");
});

each_major!(each_database_answers_for_itself, async |c| {
    for sql in ["CREATE DATABASE closed", "REVOKE CONNECT ON DATABASE closed FROM public", "CREATE DATABASE extra"] {
        c.sql("postgres", sql).await;
    }
    let mut orders = target(&c.dsn("pgmedic", "postgres"));
    orders.databases = vec!["app".to_owned(), "c*".to_owned(), "postgres".to_owned()];
    let driver = driver(&orders, false);
    let all = question(Place::EachDatabase, "SELECT current_database() AS name", Vec::new());
    let answers = driver.ask(&all).await;
    let from: Vec<&str> = answers.iter().map(|a| a.from.as_str()).collect();
    assert_eq!(from, ["app", "closed", "postgres"]);
    let name = |a: &Answer| a.rows.as_ref().map(|rows| rows[0].text("name").unwrap()).map_err(String::clone);
    assert_eq!((name(&answers[0]), name(&answers[2])), (Ok("app".to_owned()), Ok("postgres".to_owned())));
    assert!(name(&answers[1]).unwrap_err().contains("permission denied for database"));
    let read = text(&driver, Place::ReadIn("extra".to_owned()), "SELECT current_database()").await;
    assert_eq!(read, "extra");
});

each_major!(a_deadline_ends_the_statement_on_the_server, async |c| {
    let driver = driver(&target(&c.dsn("pgmedic", "postgres")), true);
    for place in [Place::Acting, Place::WorkIn("app".to_owned())] {
        let mut sleep = act(place, "SELECT 1 FROM pg_sleep(60)");
        sleep.deadline = Duration::from_millis(400);
        let began = Instant::now();
        assert_eq!(send(&driver, &sleep).await, Err(Fault::TimedOut("0.4s".to_owned())));
        assert!(began.elapsed() < Duration::from_secs(4), "{:?}", began.elapsed());
        assert!(!runs(&c, "SELECT 1 FROM pg_sleep").await);
    }
    // The acting connection is the same one still, and the right to act was never given up.
    assert_eq!(driver.server().await.unwrap().ownership, Ownership::Held);
});

each_major!(stop_ends_the_statement_on_the_server, async |c| {
    let driver = driver(&target(&c.dsn("pgmedic", "postgres")), true);
    let stop = CancellationToken::new();
    let mut sleep = act(Place::WorkIn("app".to_owned()), "SELECT 1 FROM pg_sleep(60)");
    sleep.deadline = Duration::from_mins(1);
    let (own, token) = (Arc::clone(&driver), stop.clone());
    let task = tokio::spawn(async move { own.act(&sleep, &token).await });
    eventually(async || runs(&c, "SELECT 1 FROM pg_sleep").await).await;
    stop.cancel();
    assert_eq!(task.await.unwrap(), Err(Fault::Stopped));
    assert!(!runs(&c, "SELECT 1 FROM pg_sleep").await);
    let sent = driver.act(&act(Place::Acting, "SELECT 1 AS one"), &stop).await;
    assert!(matches!(sent, Err(Fault::Unreachable(_))), "{sent:?}");
});

each_major!(lost_connections_are_told_apart_and_opened_again, async |c| {
    let driver = driver(&target(&c.dsn("pgmedic", "postgres")), true);
    let ended = send(&driver, &act(Place::Acting, "SELECT pg_terminate_backend(pg_backend_pid())")).await;
    assert!(matches!(&ended, Err(Fault::Lost(why)) if why.contains("57P01")), "{ended:?}");
    assert_eq!(driver.server().await.unwrap().ownership, Ownership::Held, "taken again");
    let kill = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name LIKE 'pgmedic/%'";
    c.sql("postgres", kill).await;
    eventually(async || driver.server().await.is_ok_and(|s| s.ownership == Ownership::Held)).await;
    assert_eq!(send(&driver, &act(Place::Acting, "SELECT 1 AS one")).await.unwrap().rows.len(), 1);

    // Losing the acting connection ends what changes.
    let mut sleep = act(Place::WorkIn("app".to_owned()), "SELECT 1 FROM pg_sleep(60)");
    sleep.deadline = Duration::from_mins(1);
    let own = Arc::clone(&driver);
    let task = tokio::spawn(async move { own.act(&sleep, &CancellationToken::new()).await });
    eventually(async || runs(&c, "SELECT 1 FROM pg_sleep").await).await;
    c.sql("postgres", &kill.replace("pgmedic/%", "pgmedic/acting")).await;
    let ended = task.await.unwrap();
    assert!(matches!(&ended, Err(Fault::Refused { message, .. }) if message.contains("right to act")), "{ended:?}");
    assert!(!runs(&c, "SELECT 1 FROM pg_sleep").await);
});

each_major!(a_stopped_server_is_unreachable_and_found_again, async |mut c| {
    let driver = driver(&target(&c.dsn("pgmedic", "postgres")), true);
    driver.server().await.unwrap();
    c.stop();
    for _ in 0..2 {
        let fault = driver.server().await.unwrap_err();
        assert!(matches!(&fault, Fault::Unreachable(_) | Fault::Lost(_)), "{fault:?}");
    }
    let fault = send(&driver, &act(Place::Acting, "SELECT 1 AS one")).await.unwrap_err();
    assert!(matches!(&fault, Fault::Unreachable(why) if why.contains("refused")), "{fault:?}");
    c.restart();
    assert_eq!(driver.server().await.unwrap().ownership, Ownership::Held);
});

each_major!(warnings_come_with_the_answer, async |c| {
    c.sql("app", "CREATE TABLE public.t (a int)").await;
    let driver = driver(&target(&c.dsn("pgmedic", "postgres")), true);
    let mut analyze = act(Place::WorkIn("app".to_owned()), "ANALYZE public.t /* run=x */");
    analyze.settings = vec![("statement_timeout", "1min".to_owned())];
    let answer = send(&driver, &analyze).await.unwrap();
    assert!(answer.sent && answer.warnings.len() == 1, "{answer:?}");
    assert!(answer.warnings[0].contains('t'), "{answer:?}");
    c.sql("app", "ALTER TABLE public.t OWNER TO pgmedic").await;
    assert_eq!(send(&driver, &analyze).await.unwrap().warnings, Vec::<String>::new());
    analyze.statement = "VACUUM public.t".to_owned();
    assert!(send(&driver, &analyze).await.unwrap().sent, "what must not run in a transaction block does run");
});

each_major!(a_precondition_without_rows_sends_nothing, async |c| {
    let driver = driver(&target(&c.dsn("pgmedic", "postgres")), true);
    for place in [Place::Acting, Place::WorkIn("postgres".to_owned())] {
        let mut deed = act(place.clone(), "SELECT 1 FROM nowhere");
        deed.precondition = Some(question(place, "SELECT 1 AS one WHERE $1 = 2", vec![Value::Int4(1)]));
        assert_eq!(send(&driver, &deed).await, Ok(ActAnswer::default()));
        deed.precondition.as_mut().unwrap().params = vec![Value::Int4(2)];
        let sent = send(&driver, &deed).await;
        assert!(matches!(&sent, Err(Fault::Refused { sqlstate, .. }) if sqlstate == "42P01"), "{sent:?}");
    }
});

each_major!(one_driver_acts_whatever_database_it_comes_by, async |c| {
    let first = driver(&target(&c.dsn("pgmedic", "postgres")), true);
    assert_eq!(first.server().await.unwrap().ownership, Ownership::Held);
    for database in ["postgres", "app"] {
        let second = driver(&target(&c.dsn("pgmedic", database)), true);
        for _ in 0..2 {
            let Ownership::Elsewhere(who) = second.server().await.unwrap().ownership else { panic!("both hold it") };
            assert!(who.contains("pgmedic/acting of pgmedic in postgres from 127.0.0.1, pid "), "{who}");
        }
        for place in [Place::Acting, Place::WorkIn("app".to_owned())] {
            let fault = send(&second, &act(place, "SELECT 1 AS one")).await.unwrap_err();
            assert!(fault.to_string().contains("the right to act is held by pgmedic/acting"), "{fault}");
        }
        assert_eq!(first.server().await.unwrap().ownership, Ownership::Held, "and keeps it");
    }
    let observer = driver(&target(&c.dsn("pgmedic", "postgres")), false);
    assert_eq!(observer.server().await.unwrap().ownership, Ownership::NotNeeded);
    assert!(send(&observer, &act(Place::Acting, "SELECT 1 AS one")).await.is_err());
    first.close().await;
    let second = driver(&target(&c.dsn("pgmedic", "app")), true);
    eventually(async || second.server().await.unwrap().ownership == Ownership::Held).await;
});

#[tokio::test]
async fn two_that_come_at_once_in_two_databases_never_both_hold() {
    let Some(c) = Cluster::start(15) else { return };
    for _ in 0..20 {
        let pair = ["postgres", "app"].map(|database| driver(&target(&c.dsn("pgmedic", database)), true));
        for own in &pair {
            text(own, Place::Acting, "SELECT 1").await;
            text(own, Place::Reading, "SELECT 1").await;
        }
        let (one, other) = tokio::join!(pair[0].server(), pair[1].server());
        let held = [one, other].map(|server| server.unwrap().ownership == Ownership::Held);
        assert_ne!(held, [true, true]);
        for own in &pair {
            own.close().await;
        }
    }
}

#[tokio::test]
async fn the_console_shows_and_sets() {
    let Some(c) = Cluster::start(15) else { return };
    let Some(bouncer) = PgBouncer::start(&c, &[("default_pool_size", "2")]) else { return };
    let mut orders = target(&c.dsn("pgmedic", "postgres"));
    let pool = |name: &str, dsn: &str| config::PgBouncer { name: name.to_owned(), dsn: plain(dsn), password: None };
    orders.pgbouncer = vec![
        pool("shop", &bouncer.dsn("pgmedic", "whatever")),
        pool("dead", "postgresql://pgmedic@127.0.0.1:1/pgbouncer"),
    ];
    let driver = driver(&orders, true);
    let answers = driver.ask(&question(Place::EachPooler, "SHOW CONFIG", Vec::new())).await;
    assert_eq!(answers.iter().map(|a| a.from.as_str()).collect::<Vec<_>>(), ["shop", "dead"]);
    assert!(answers[1].rows.as_ref().unwrap_err().contains("cannot connect to the PgBouncer console"));
    let shop = || Place::Pooler("shop".to_owned());
    let size = async || {
        let rows = driver.ask(&question(shop(), "SHOW CONFIG", Vec::new())).await.remove(0).rows.unwrap();
        let row = rows.into_iter().find(|r| r.text("key").unwrap() == "default_pool_size").unwrap();
        row.int("value").unwrap()
    };
    assert_eq!(size().await, 2);
    assert!(send(&driver, &act(shop(), "SET default_pool_size = '4'")).await.unwrap().sent);
    assert_eq!(size().await, 4);
    let refused = send(&driver, &act(shop(), "SET nonsense = '4'")).await;
    assert!(matches!(&refused, Err(Fault::Refused { .. })), "{refused:?}");
    let unknown = send(&driver, &act(Place::Pooler("x".to_owned()), "SHOW VERSION")).await;
    assert!(matches!(&unknown, Err(Fault::Unreachable(why)) if why.contains("no pooler `x`")), "{unknown:?}");
}
