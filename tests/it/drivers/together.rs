//! Sessions of one target stay together, whatever leads to its server, and secrets are read anew.

use super::{act, send, text};
use crate::support::{Cluster, Home, driver, eventually, target};
use pgmedic::config::Login;
use pgmedic::model::{Ownership, Place};
use std::collections::BTreeSet;
use tokio::net::{TcpListener, TcpStream};

const PORT: &str = "SELECT current_setting('port')";

#[tokio::test]
async fn all_sessions_of_a_target_are_in_one_server() {
    let Some(mut c) = Cluster::start(15) else { return };
    c.admit("host replication postgres 127.0.0.1/32 trust\nhost all all 127.0.0.1/32 trust\n").await;
    let standby = c.standby();
    let hosts = format!("127.0.0.1:{},127.0.0.1:{}", c.port(), standby.port());
    let mut orders = target(&format!("postgresql://pgmedic@{hosts}/postgres?load_balance_hosts=random"));
    orders.act_as = Some(Login { user: "pgmedic_act".to_owned(), password: None });
    let mut seen = BTreeSet::new();
    while seen.len() < 2 {
        let driver = driver(&orders, true);
        let port = text(&driver, Place::Reading, PORT).await;
        assert_eq!(text(&driver, Place::Acting, PORT).await, port);
        assert_eq!(text(&driver, Place::ReadIn("app".to_owned()), PORT).await, port);
        let it = send(&driver, &act(Place::WorkIn("app".to_owned()), &format!("{PORT} AS it"))).await.unwrap();
        assert_eq!(it.rows[0].text("it").unwrap(), port);
        seen.insert(port);
    }
}

#[tokio::test]
async fn two_servers_behind_one_address_are_not_acted_on() {
    let Some(mut c) = Cluster::start(15) else { return };
    c.admit("host replication postgres 127.0.0.1/32 trust\nhost all all 127.0.0.1/32 trust\n").await;
    let standby = c.standby();
    let port = balancer(vec![c.port(), standby.port()]).await;
    let driver = driver(&target(&format!("postgresql://pgmedic@127.0.0.1:{port}/postgres?sslmode=disable")), true);
    let server = driver.server().await.unwrap();
    assert!(!server.in_recovery);
    let Ownership::Unknown(why) = server.ownership else { panic!("it would act in the standby") };
    assert!(why.contains("reached another server than the one that was looked at"), "{why}");
    // The next connection goes to the primary again; the one after it, a work session, does not.
    let fault = send(&driver, &act(Place::WorkIn("app".to_owned()), "CREATE TABLE public.t ()")).await.unwrap_err();
    assert!(fault.to_string().contains("nothing is sent there"), "{fault}");
    assert_eq!(driver.server().await.unwrap().ownership, Ownership::Held);
    // Reading is not done elsewhere either: the first of these goes to the primary, the second does not.
    let question = super::question(Place::ReadIn("app".to_owned()), PORT, Vec::new());
    assert!(driver.ask(&question).await.remove(0).rows.is_ok());
    assert!(driver.ask(&question).await.remove(0).rows.is_err_and(|why| why.contains("another server")));
}

#[tokio::test]
async fn the_acting_connection_follows_the_reading_one() {
    let Some(mut c) = Cluster::start(15) else { return };
    c.admit("host replication postgres 127.0.0.1/32 trust\nhost all all 127.0.0.1/32 trust\n").await;
    let standby = c.standby();
    let port = balancer(vec![c.port(), c.port(), standby.port(), standby.port()]).await;
    let driver = driver(&target(&format!("postgresql://pgmedic@127.0.0.1:{port}/postgres?sslmode=disable")), true);
    assert_eq!(driver.server().await.unwrap().ownership, Ownership::Held);
    assert_eq!(text(&driver, Place::Acting, PORT).await, c.port().to_string());
    let end = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'pgmedic/reading'";
    c.sql("postgres", end).await;
    eventually(async || driver.server().await.is_ok_and(|s| s.in_recovery && s.ownership == Ownership::Held)).await;
    assert_eq!(text(&driver, Place::Acting, PORT).await, standby.port().to_string());
    let left = "SELECT 1 FROM pg_stat_activity WHERE application_name LIKE 'pgmedic/%'";
    eventually(async || c.sql("postgres", left).await.is_empty()).await;
}

/// A port behind which each connection goes to the next server, round and round.
async fn balancer(servers: Vec<u16>) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let mut turns = servers.into_iter().cycle();
    tokio::spawn(async move {
        while let (Ok((mut client, _)), Some(server)) = (listener.accept().await, turns.next()) {
            tokio::spawn(async move {
                let mut server = TcpStream::connect(("127.0.0.1", server)).await.unwrap();
                tokio::io::copy_bidirectional(&mut client, &mut server).await
            });
        }
    });
    port
}

const LOOKS: &str = "
version: 1
name: looks
about: Looks.
triggers: [{every: 1s}]
targets: all
find: {long_queries: {longer_than: 1h}}
do: [cancel_backend]
";

#[tokio::test(flavor = "multi_thread")]
async fn a_changed_secret_is_used_at_the_next_connect() {
    let Some(c) = Cluster::start(15) else { return };
    let dsn = c.dsn("secretive", "postgres");
    let home = Home::new(
        &format!("targets:\n  - name: orders\n    dsn: {dsn}\n    password: \"${{file:secret}}\"\n"),
        &[LOOKS],
    );
    let end = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name LIKE 'pgmedic/%'";
    let state = || home.run(&["targets", "--json"]).1;
    home.write("secret", "it's me\n");
    let daemon = home.serve();
    eventually(async || state().contains("\"up\"")).await;

    c.sql("postgres", "ALTER ROLE secretive PASSWORD 'the-second'").await;
    home.write("secret", "the-second\n");
    let killed = c.sql("postgres", end).await;
    assert!(!killed.is_empty(), "no session was there");
    eventually(async || !c.sql("postgres", &end.replace("pg_terminate_backend(pid)", "1")).await.is_empty()).await;
    eventually(async || state().contains("\"up\"")).await;

    c.sql("postgres", "ALTER ROLE secretive PASSWORD 'the-third'").await;
    c.sql("postgres", end).await;
    eventually(async || state().contains("28P01")).await;
    home.write("secret", "the-third\n");
    eventually(async || state().contains("\"up\"")).await;
    drop(daemon);
    let all = format!("{}{:?}", home.log(), home.records());
    assert!(!all.contains("the-second") && !all.contains("the-third"), "{all}");
}
