//! `starved_pools`, `set_pool_size`.

use super::hands::{Hands, args_of};
use crate::support::{Cluster, PgBouncer, each_major, eventually};
use pgmedic::model::{Candidate, Duration, OutcomeStatus, Pool};
use pgmedic::playbook::{Arg, Args};

const SIZE: [(&str, &str); 2] = [("default_pool_size", "2"), ("pool_mode", "transaction")];

async fn found(hands: &Hands) -> Vec<Pool> {
    let args = args_of("starved_pools", &[("longer_than", Arg::Duration(Duration::from_millis(200)))]);
    let found = hands.find("starved_pools", &args, None).await;
    assert_eq!(found.unreadable, Vec::<String>::new());
    let pool = |c| if let Candidate::Pool(p) = c { Some(p) } else { None };
    found.candidates.into_iter().filter_map(pool).collect()
}

/// So many clients, each with a statement that outlasts the test.
async fn crowd(bouncer: &PgBouncer, clients: usize) {
    for _ in 0..clients {
        let client = bouncer.connect("app", "app").await;
        tokio::spawn(async move { client.batch_execute("SELECT pg_sleep(60)").await });
    }
}

each_major!(a_starved_pool_is_widened_and_set_back, async |cluster: Cluster| {
    let Some(bouncer) = PgBouncer::start(&cluster, &SIZE) else { return };
    let hands = Hands::on(&cluster, Some(&bouncer)).await;
    assert!(found(&hands).await.is_empty());
    crowd(&bouncer, 5).await;
    eventually(async || found(&hands).await.len() == 1).await;
    let pool = found(&hands).await.remove(0);
    assert_eq!((pool.database.as_str(), pool.user.as_str(), pool.own_size), ("app", "app", false));
    assert_eq!((pool.waiting_clients, pool.active_servers, pool.pool_size, pool.pools_by_default), (3, 2, 2, 1));
    assert!(pool.direct_clients >= 1 && pool.direct_clients < 5, "{}", pool.direct_clients);

    let raised = Candidate::Pool(Pool { default_pool_size: 4, ..pool.clone() });
    let (args, candidate) = (Args::default(), Candidate::Pool(pool));
    let outcome = hands.carry_out("set_pool_size", &args, &candidate).await.unwrap();
    assert_eq!((outcome.status, outcome.detail.as_str()), (OutcomeStatus::Done, "pool_size of app on main is 4 now"));
    eventually(async || found(&hands).await.first().is_some_and(|p| p.active_servers == 4)).await;

    let action = pgmedic::actions::by_name("set_pool_size").unwrap();
    let outcome = hands.take_back(action, &candidate, &candidate).await;
    assert_eq!(outcome.status, OutcomeStatus::Refused, "it is not as it was seen: {}", outcome.detail);
    let outcome = hands.take_back(action, &candidate, &raised).await;
    assert_eq!((outcome.status, outcome.detail.as_str()), (OutcomeStatus::Done, "pool_size of app on main is 2 now"));
});

each_major!(a_pool_size_of_its_own_is_seen, async |cluster: Cluster| {
    let own = [("app", "pool_size=1")];
    let Some(bouncer) = PgBouncer::start_with(&cluster, &own, &SIZE) else { return };
    let hands = Hands::on(&cluster, Some(&bouncer)).await;
    crowd(&bouncer, 2).await;
    eventually(async || found(&hands).await.len() == 1).await;
    let pool = found(&hands).await.remove(0);
    assert!(pool.own_size);
    let why = hands.carry_out("set_pool_size", &Args::default(), &Candidate::Pool(pool)).await.unwrap_err();
    assert!(why.starts_with("app has a pool_size of its own (1)"), "{why}");
});

each_major!(one_that_equals_the_default_is_found_out_in_the_act, async |cluster: Cluster| {
    let own = [("app", "pool_size=2")];
    let Some(bouncer) = PgBouncer::start_with(&cluster, &own, &SIZE) else { return };
    let hands = Hands::on(&cluster, Some(&bouncer)).await;
    crowd(&bouncer, 3).await;
    eventually(async || found(&hands).await.len() == 1).await;
    let pool = found(&hands).await.remove(0);
    let raised = Candidate::Pool(Pool { default_pool_size: 4, ..pool.clone() });
    let pool = Candidate::Pool(pool);
    let outcome = hands.carry_out("set_pool_size", &Args::default(), &pool).await.unwrap();
    assert!(outcome.detail.contains("does not reach app"), "{}", outcome.detail);
    // It counts as done, so that the verification takes it back.
    assert_eq!(outcome.status, OutcomeStatus::Done);
    let action = pgmedic::actions::by_name("set_pool_size").unwrap();
    assert_eq!(hands.take_back(action, &pool, &raised).await.status, OutcomeStatus::Done);
    let console = bouncer.connect("pgmedic", "pgbouncer").await;
    let config = console.simple_query("SHOW CONFIG").await.unwrap();
    let value = config.iter().find_map(|m| match m {
        tokio_postgres::SimpleQueryMessage::Row(row) if row.get("key") == Some("default_pool_size") => row.get("value"),
        _ => None,
    });
    assert_eq!(value, Some("2"));
});
