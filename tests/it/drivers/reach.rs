//! What is let in, what is refused, what cannot be written to, and what does not answer.

use super::{act, one, runs, send, text};
use crate::support::{Certificates, Cluster, PgBouncer, Proxy, driver, each_major, eventually, plain, target};
use pgmedic::drivers::Fault;
use pgmedic::model::{Ownership, Place};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio_util::sync::CancellationToken;

#[tokio::test]
async fn a_pooler_in_the_place_of_the_server_is_refused() {
    let Some(c) = Cluster::start(15) else { return };
    for options in [&[][..], &[("ignore_startup_parameters", "extra_float_digits, options")]] {
        let Some(bouncer) = PgBouncer::start(&c, options) else { return };
        let fault = driver(&target(&bouncer.dsn("pgmedic", "postgres")), true).server().await.unwrap_err();
        assert!(fault.to_string().contains("this is a connection pooler"), "{fault}");
    }
}

#[tokio::test]
async fn passwords_come_from_where_they_are_written_and_never_show() {
    let Some(c) = Cluster::start(15) else { return };
    let mut orders = target(&c.dsn("secretive", "postgres"));
    let fault = driver(&orders, false).server().await.unwrap_err();
    assert!(matches!(&fault, Fault::Unreachable(why) if why.contains("secretive@127.0.0.1")), "{fault:?}");
    orders.password = Some(plain("it's me"));
    assert!(driver(&orders, false).server().await.unwrap().privileges.monitor);
    orders.password = Some(plain("wrong-one"));
    let fault = driver(&orders, false).server().await.unwrap_err().to_string();
    assert!(fault.contains("28P01") && !fault.contains("wrong-one"), "{fault}");
    let passfile = c.dir().join("pgpass");
    std::fs::write(&passfile, format!("127.0.0.1:{}:*:secretive:it's me\n", c.port())).unwrap();
    std::fs::set_permissions(&passfile, std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
    let dsn = format!("{}?passfile={}", c.dsn("secretive", "postgres"), passfile.display());
    driver(&target(&dsn), false).server().await.unwrap();
    let socket = format!("host={} port={} user=pgmedic dbname=postgres", c.dir().display(), c.port());
    driver(&target(&socket), false).server().await.unwrap();
}

#[tokio::test]
async fn certificates_are_verified_as_far_as_sslmode_says() {
    let made = Certificates::make();
    let settings = made.settings();
    let settings: Vec<(&str, &str)> = settings.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let Some(c) = Cluster::start_with(15, &settings) else { return };
    let root = made.authority();
    let dsn =
        |host: &str, options: &str| target(&format!("postgresql://pgmedic@{host}:{}/postgres?{options}", c.port()));
    let encrypted = "SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()";
    let full = format!("sslmode=verify-full&sslrootcert={root}");
    let ca = format!("sslmode=verify-ca&sslrootcert={root}");
    for (host, options, ssl) in [
        ("localhost", full.as_str(), "true"),
        ("127.0.0.1", ca.as_str(), "true"),
        ("127.0.0.1", "sslmode=require", "true"),
        ("127.0.0.1", "", "true"),
        ("127.0.0.1", "sslmode=disable", "false"),
    ] {
        assert_eq!(text(&driver(&dsn(host, options), false), Place::Reading, encrypted).await, ssl, "{options}");
    }
    let fault = driver(&dsn("127.0.0.1", &full), false).server().await.unwrap_err().to_string();
    assert!(fault.contains("certificate not valid for name"), "{fault}");
    let others = Certificates::make();
    for mode in ["verify-ca", "verify-full", "require"] {
        let foreign = format!("sslmode={mode}&sslrootcert={}", others.authority());
        let fault = driver(&dsn("localhost", &foreign), false).server().await.unwrap_err().to_string();
        assert!(fault.contains("invalid peer certificate"), "{mode}: {fault}");
    }
    // A cancel goes the same way.
    let driver = driver(&dsn("localhost", &full), true);
    let mut sleep = act(Place::Acting, "SELECT 1 FROM pg_sleep(60)");
    sleep.deadline = Duration::from_millis(300);
    assert_eq!(send(&driver, &sleep).await, Err(Fault::TimedOut("0.3s".to_owned())));
}

#[tokio::test]
async fn what_does_not_answer_is_given_up_in_time() {
    let Some(c) = Cluster::start(15) else { return };
    let orders = target(&c.dsn("pgmedic", "postgres"));
    let driver = driver(&orders, true);
    driver.server().await.unwrap();
    // A backend that does not even take the cancel: what came of the statement is not known.
    let mut sleep = act(Place::Acting, "SELECT 1 FROM pg_sleep(60)");
    sleep.deadline = Duration::from_secs(1);
    let own = Arc::clone(&driver);
    let task = tokio::spawn(async move { own.act(&sleep, &CancellationToken::new()).await });
    eventually(async || runs(&c, "SELECT 1 FROM pg_sleep").await).await;
    let pid = c.sql("postgres", "SELECT pid FROM pg_stat_activity WHERE application_name = 'pgmedic/acting'").await;
    let kill = |signal: &str| std::process::Command::new("kill").args([signal, pid[0].as_str()]).status().unwrap();
    kill("-STOP");
    let ended = task.await.unwrap();
    assert!(matches!(&ended, Err(Fault::Lost(why)) if why.contains("did not confirm")), "{ended:?}");
    // It still holds the lock there, and so nobody acts until it is gone.
    let Ownership::Elsewhere(who) = driver.server().await.unwrap().ownership else { panic!("two hold it") };
    assert!(who.contains(&pid[0]), "{who}");
    kill("-CONT");
    eventually(async || driver.server().await.unwrap().ownership == Ownership::Held).await;

    // A postmaster that takes connections and says nothing.
    c.signal("STOP");
    let began = Instant::now();
    let fault = crate::support::driver(&orders, false).server().await.unwrap_err().to_string();
    assert!(fault.contains("no answer within 3s") && began.elapsed() < Duration::from_secs(5), "{fault}");
}

each_major!(a_primary_that_is_read_only_by_default_is_written_to, async |c: Cluster| {
    c.psql("app", "CREATE TABLE public.t (a int); ALTER TABLE public.t OWNER TO pgmedic");
    c.psql("postgres", "ALTER ROLE pgmedic SET default_transaction_read_only = on");
    c.psql("postgres", "ALTER DATABASE app SET default_transaction_read_only = on");
    c.psql("postgres", "ALTER ROLE pgmedic IN DATABASE app SET default_transaction_read_only = on");
    c.psql("postgres", "ALTER SYSTEM SET default_transaction_read_only = on");
    c.signal("HUP");
    eventually(async || c.psql("postgres", "SHOW default_transaction_read_only") == "on").await;
    let driver = driver(&target(&c.dsn("pgmedic", "app")), true);
    let server = driver.server().await.unwrap();
    assert_eq!((server.in_recovery, server.ownership), (false, Ownership::Held));
    for (n, place) in [Place::Acting, Place::WorkIn("app".to_owned())].into_iter().enumerate() {
        let write = act(place, &format!("INSERT INTO public.t VALUES ({n}) RETURNING a"));
        assert_eq!(send(&driver, &write).await.unwrap().rows.len(), 1);
    }
    assert!(send(&driver, &act(Place::WorkIn("app".to_owned()), "ANALYZE public.t")).await.unwrap().sent);
    let seen = "SELECT reltuples::int, (SELECT count(*) FROM public.t) FROM pg_class WHERE oid = 'public.t'::regclass";
    assert_eq!(c.psql("app", seen), "2|2");
    let why = one(&driver, Place::Reading, "INSERT INTO public.t VALUES (9) RETURNING a").await.unwrap_err();
    assert!(why.contains("25006"), "what looks stays read-only: {why}");
});

#[tokio::test]
async fn maintenance_on_a_server_in_recovery_fails_in_the_servers_words() {
    let Some(mut primary) = Cluster::start(15) else { return };
    primary.admit("local all all trust\nhost all all all trust\nhost replication postgres all trust\n").await;
    primary.psql("app", "CREATE TABLE public.t (a int); ALTER TABLE public.t OWNER TO pgmedic");
    let standby = primary.standby();
    let driver = driver(&target(&standby.dsn("pgmedic", "app")), true);
    let server = driver.server().await.unwrap();
    assert_eq!((server.in_recovery, server.ownership), (true, Ownership::Held));
    let sent = send(&driver, &act(Place::WorkIn("app".to_owned()), "ANALYZE public.t")).await;
    let message = "cannot execute ANALYZE during recovery".to_owned();
    assert_eq!(sent, Err(Fault::Refused { sqlstate: "25006".to_owned(), message }));
}

// By design it takes as long as a statement may, and then the 5 s in which a cancelled one may end: a network that drops
// everything tells nobody.
#[tokio::test]
async fn a_reading_session_that_went_dead_is_given_up_in_time_and_opened_anew() {
    let Some(c) = Cluster::start(15) else { return };
    let way = Proxy::start(c.port()).await;
    let dsn = format!("postgresql://pgmedic@127.0.0.1:{}/postgres?sslmode=disable", way.port());
    let driver = driver(&target(&dsn), false);
    let backend = "SELECT pg_backend_pid()";
    let first = text(&driver, Place::Reading, backend).await;
    // What was open stays dead, what is opened from now on goes through.
    way.stall();
    way.mend();
    let began = Instant::now();
    let why = one(&driver, Place::Reading, "SELECT 1 AS one").await.unwrap_err();
    let took = began.elapsed();
    assert!(took < Duration::from_secs(18), "{took:?}: {why}");
    let second = text(&driver, Place::Reading, backend).await;
    assert!(second != first && began.elapsed() < took + Duration::from_secs(3), "{first} {second} {why}");
}
