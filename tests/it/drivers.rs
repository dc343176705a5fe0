//! The driver against real servers.

use crate::support::{PgBouncer, each_major};

each_major!(smoke, async |c| {
    let s = c.sleeper("app", "app", "SELECT pg_sleep(60)").await;
    c.sql("postgres", &format!("SELECT pg_terminate_backend({})", s.pid)).await;
    assert_eq!(s.ended().await, Err(Some("57P01".to_owned())));
    let mut c = c;
    c.restart();
    let b = PgBouncer::start(&c, &[("default_pool_size", "2")]).unwrap();
    b.connect("app", "app").await.simple_query("SELECT 1").await.unwrap();
});
