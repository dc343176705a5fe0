//! `long_queries`, `cancel_backend`, `terminate_backend`.

use super::hands::{Hands, args_of};
use crate::support::{Cluster, each_major, eventually};
use pgmedic::model::{Backend, Candidate, Duration, OutcomeStatus, time};
use pgmedic::playbook::{Arg, Args};

fn at_once() -> Args {
    args_of("long_queries", &[("longer_than", Arg::Duration(Duration::from_millis(1)))])
}

async fn found(hands: &Hands, pid: i32) -> Option<Backend> {
    let found = hands.find("long_queries", &at_once(), None).await;
    assert_eq!(found.unreadable, Vec::<String>::new());
    found.candidates.into_iter().find_map(|c| match c {
        Candidate::Backend(b) if b.pid == pid => Some(b),
        _ => None,
    })
}

async fn act(hands: &Hands, action: &str, backend: &Backend) -> (OutcomeStatus, String) {
    let outcome = hands.carry_out(action, &Args::default(), &Candidate::Backend(backend.clone())).await.unwrap();
    (outcome.status, outcome.detail)
}

each_major!(a_long_query_is_cancelled_and_its_session_stays, async |cluster: Cluster| {
    let hands = Hands::on(&cluster, None).await;
    let sleeper = cluster.sleeper("app", "app", "SELECT pg_sleep(60), 'secret'").await;
    let backend = found(&hands, sleeper.pid).await.unwrap();
    assert_eq!(backend.query, "SELECT pg_sleep($1), $2");
    assert_eq!((backend.user.as_str(), backend.database.as_str(), backend.superuser), ("app", "app", false));
    assert_eq!(backend.wait.as_deref(), Some("Timeout/PgSleep"));
    let candidate = Candidate::Backend(backend.clone());
    assert_eq!(hands.find("long_queries", &at_once(), Some(&candidate)).await.candidates.len(), 1);

    let (status, detail) = act(&hands, "cancel_backend", &backend).await;
    assert_eq!(status, OutcomeStatus::Done, "{detail}");
    assert!(detail.starts_with("the query ended within "), "{detail}");
    let pid = sleeper.pid;
    assert_eq!(sleeper.ended().await, Err(Some("57014".to_owned())));

    assert!(hands.find("long_queries", &at_once(), Some(&candidate)).await.candidates.is_empty());
    let (status, detail) = act(&hands, "cancel_backend", &backend).await;
    assert_eq!(
        (status, detail.as_str()),
        (OutcomeStatus::Gone, "the query had ended before the cancel was sent; nothing was touched"),
        "{pid}"
    );
});

each_major!(a_session_is_terminated, async |cluster: Cluster| {
    let hands = Hands::on(&cluster, None).await;
    let sleeper = cluster.sleeper("app", "app", "SELECT pg_sleep(60)").await;
    let backend = found(&hands, sleeper.pid).await.unwrap();
    let (status, detail) = act(&hands, "terminate_backend", &backend).await;
    assert_eq!(status, OutcomeStatus::Done, "{detail}");
    assert_eq!(sleeper.ended().await, Err(Some("57P01".to_owned())));
});

each_major!(another_statement_of_the_same_session_is_not_hit, async |cluster: Cluster| {
    let hands = Hands::on(&cluster, None).await;
    let sleeper = cluster.sleeper("app", "app", "SELECT pg_sleep(3)").await;
    let backend = found(&hands, sleeper.pid).await.unwrap();
    let second = Duration::from_secs(1);
    let stale = [
        Backend { query_start: backend.query_start.map(|t| time::before(t, second)), ..backend.clone() },
        Backend { xact_start: backend.xact_start.map(|t| time::before(t, second)), ..backend.clone() },
        Backend { backend_start: time::before(backend.backend_start, second), ..backend.clone() },
    ];
    for stale in stale {
        for action in ["cancel_backend", "terminate_backend"] {
            assert_eq!(act(&hands, action, &stale).await.0, OutcomeStatus::Gone, "{action} {stale:?}");
        }
    }
    assert_eq!(sleeper.ended().await, Ok(()));
});

each_major!(the_protected_are_listed_and_refused_in_the_act, async |cluster: Cluster| {
    let hands = Hands::on(&cluster, None).await;
    cluster.sql("postgres", "CREATE ROLE repl LOGIN REPLICATION").await;
    let sleep = "SELECT pg_sleep(30)";
    let superuser = cluster.sleeper("postgres", "app", sleep).await;
    let replication = cluster.sleeper("repl", "app", sleep).await;
    let dump = cluster.sleeper("app", "app", "SET application_name = 'pg_dump'; SELECT pg_sleep(30)").await;
    let reasons = [
        (&superuser, "its session user is a superuser"),
        (&replication, "its session user has REPLICATION"),
        (&dump, "its application_name is 'pg_dump'"),
    ];
    for (sleeper, reason) in reasons {
        let backend = found(&hands, sleeper.pid).await.unwrap();
        for action in ["cancel_backend", "terminate_backend"] {
            let (status, detail) = act(&hands, action, &backend).await;
            assert_eq!((status, detail), (OutcomeStatus::Refused, format!("protected in the act: {reason}")));
        }
    }
    assert_eq!(cluster.sql("app", "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'PgSleep'").await, ["3"]);
});

each_major!(own_sessions_are_not_listed, async |cluster: Cluster| {
    let hands = Hands::on(&cluster, None).await;
    let own = cluster.sleeper("app", "app", "SET application_name = 'pgmedic/x'; SELECT pg_sleep(5)").await;
    assert_eq!(found(&hands, own.pid).await, None);
});

each_major!(a_build_of_an_index_is_protected, async |cluster: Cluster| {
    let hands = Hands::on(&cluster, None).await;
    cluster.sql("app", "CREATE TABLE t (a int); INSERT INTO t SELECT generate_series(1, 10); ALTER TABLE t OWNER TO app;
        CREATE FUNCTION slow(int) RETURNS int LANGUAGE plpgsql IMMUTABLE AS 'BEGIN PERFORM pg_sleep(0.3); RETURN $1; END'").await;
    let builder = cluster.sleeper("app", "app", "CREATE INDEX i ON t (slow(a))").await;
    eventually(async || found(&hands, builder.pid).await.is_some_and(|b| b.progress.is_some())).await;
    let backend = found(&hands, builder.pid).await.unwrap();
    assert_eq!(backend.progress.as_deref(), Some("create index"));
    assert_eq!(backend.query, "CREATE INDEX i ON t (slow(a))");
    assert!(backend.relation_locks >= 1);
    let before = Backend { progress: None, ..backend.clone() };
    for decided_on in [before, backend] {
        let (status, detail) = act(&hands, "cancel_backend", &decided_on).await;
        let reason = "protected in the act: it is in the middle of a command that must not be cut short: create index";
        assert_eq!((status, detail.as_str()), (OutcomeStatus::Refused, reason));
    }
    assert_eq!(builder.ended().await, Ok(()));
});

each_major!(a_commit_that_waits_for_a_standby_is_protected, async |cluster: Cluster| {
    let hands = Hands::on(&cluster, None).await;
    cluster.connect("app", "app").await.batch_execute("CREATE TABLE t (a int)").await.unwrap();
    cluster.sql("postgres", "ALTER SYSTEM SET synchronous_standby_names = 'nobody'").await;
    cluster.sql("postgres", "SELECT pg_reload_conf()").await;
    let waits = async |pid| found(&hands, pid).await.filter(|b| b.wait.as_deref() == Some("IPC/SyncRep"));
    let commit = cluster.sleeper("app", "app", "SET synchronous_commit = on; INSERT INTO t VALUES (1)").await;
    eventually(async || waits(commit.pid).await.is_some()).await;
    let backend = waits(commit.pid).await.unwrap();
    for action in ["cancel_backend", "terminate_backend"] {
        let (status, detail) = act(&hands, action, &backend).await;
        assert_eq!(status, OutcomeStatus::Refused);
        assert!(detail.starts_with("protected in the act: it waits for synchronous replication"), "{detail}");
    }
});

each_major!(a_role_setting_stops_what_acts, async |cluster: Cluster| {
    let hands = Hands::on(&cluster, None).await;
    let sleeper = cluster.sleeper("app", "app", "SELECT pg_sleep(30)").await;
    let backend = found(&hands, sleeper.pid).await.unwrap();
    for scope in ["ROLE pgmedic_act", "ROLE pgmedic_act IN DATABASE app", "ROLE ALL"] {
        cluster.sql("postgres", &format!("ALTER {scope} SET pgmedic.paused = 'upgrade = now'")).await;
        let (status, detail) = act(&hands, "cancel_backend", &backend).await;
        assert_eq!(status, OutcomeStatus::Refused, "{scope}");
        assert_eq!(detail, "pgmedic.paused is set for the role that acts: upgrade = now");
        cluster.sql("postgres", &format!("ALTER {scope} SET pgmedic.paused = 'off'")).await;
    }
    cluster.sql("postgres", "ALTER ROLE app SET pgmedic.paused = 'another role'").await;
    assert_eq!(act(&hands, "cancel_backend", &backend).await.0, OutcomeStatus::Done);
});
