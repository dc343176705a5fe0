//! ANALYZE runs functions of the table's owner: under the same `search_path` as autovacuum, with the same end.

use super::STATISTICS;
use crate::support::{Cluster, Home, each_major, eventually, target_of};

const TABLE: &str = "SET ROLE app;
    CREATE FUNCTION helper(a int) RETURNS int IMMUTABLE LANGUAGE sql AS 'SELECT a';
    CREATE FUNCTION shown(a int) RETURNS int IMMUTABLE LANGUAGE plpgsql AS 'BEGIN RETURN helper(a); END';
    CREATE TABLE t (a int);
    CREATE INDEX ON t (shown(a));
    INSERT INTO t SELECT generate_series(1, 5000)";

each_major!(what_autovacuum_cannot_analyze_is_said_in_the_servers_words, async |cluster: Cluster| {
    cluster.psql("postgres", "ALTER SYSTEM SET autovacuum = off");
    cluster.psql("postgres", "ALTER SYSTEM SET autovacuum_naptime = '1s'");
    cluster.psql("postgres", "SELECT pg_reload_conf()");
    cluster.psql("app", "GRANT app TO pgmedic_act; GRANT CREATE ON SCHEMA public TO app");
    cluster.psql("app", TABLE);
    let home = Home::new(&target_of(&cluster, ""), &[STATISTICS]);
    let _daemon = home.serve();
    eventually(async || !home.outcomes().is_empty()).await;
    let said = home.of_kind("outcome")[0]["outcome"].clone();
    assert_eq!(said["status"], "failed", "{said}");
    let detail = said["detail"].as_str().unwrap_or_default();
    assert!(detail.starts_with("function helper(integer) does not exist"), "{detail}");
    assert!(detail.contains("(SQLSTATE 42883): unless") && detail.ends_with("SET search_path = …)"), "{detail}");
    // Autovacuum comes to the same end: with a wider path pgmedic would do what the server itself dares not.
    cluster.psql("postgres", "ALTER SYSTEM SET autovacuum = on");
    cluster.psql("postgres", "SELECT pg_reload_conf()");
    eventually(async || cluster.log().contains("automatic analyze of table \"app.public.t\"")).await;
    assert!(cluster.log().contains("function helper(integer) does not exist"));
    // As the message says.
    cluster.psql("app", "SET ROLE app; ALTER FUNCTION shown(int) SET search_path = public");
    cluster.psql("postgres", "SELECT pg_reload_conf()");
    let analyzed = "SELECT 1 FROM pg_stat_user_tables WHERE greatest(last_analyze, last_autoanalyze) IS NOT NULL";
    eventually(async || cluster.psql("app", analyzed) == "1").await;
});
