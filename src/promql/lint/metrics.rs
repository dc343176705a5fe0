//! What is known about metrics by their names: counter or gauge, and their labels.
//!
//! The table is what `postgres_exporter` 0.19.1 with all its collectors said of itself (`# TYPE` and the
//! labels of its series) when it read a `PostgreSQL` 15 primary with a standby, a slot, an archive and
//! `pg_stat_statements`; pgmedic's own series are named and labelled alike. Labels that a scrape adds are
//! not in it.

use Sort::{Counter, Gauge};

/// How a metric's values move.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Sort {
    /// Only up, but for resets.
    Counter,
    /// Up and down.
    Gauge,
}

/// Metrics with the same labels.
struct Family {
    prefix: &'static str,
    labels: &'static [&'static str],
    counters: &'static [&'static str],
    gauges: &'static [&'static str],
}

/// Labels that a scrape may well add to all its series: their absence from the table proves nothing.
const PERHAPS_OF_THE_SCRAPE: [&str; 5] = ["server", "database", "status", "upstream_host", "collector"];

/// A `*` stands for every name with the prefix.
#[rustfmt::skip]
const FAMILIES: &[Family] = &[
    Family { prefix: "pg_", labels: &[], counters: &[], gauges: &["up"] },
    Family { prefix: "pg_database_", labels: &["datname"], counters: &[], gauges: &["connection_limit", "size_bytes", "wraparound_age_datfrozenxid_seconds", "wraparound_age_datminmxid_seconds"] },
    Family { prefix: "pg_exporter_", labels: &[], counters: &["scrapes_total"], gauges: &["last_scrape_duration_seconds", "last_scrape_error"] },
    Family { prefix: "pg_locks_", labels: &["datname", "mode"], counters: &[], gauges: &["count"] },
    Family { prefix: "pg_long_running_transactions", labels: &[], counters: &[], gauges: &["", "_oldest_timestamp_seconds"] },
    Family { prefix: "pg_postmaster_", labels: &[], counters: &[], gauges: &["start_time_seconds"] },
    Family { prefix: "pg_replication_", labels: &[], counters: &[], gauges: &["is_replica", "lag_seconds", "last_replay_seconds"] },
    Family { prefix: "pg_replication_slot_", labels: &["slot_name", "slot_type"], counters: &[], gauges: &["slot_confirmed_flush_lsn", "slot_current_wal_lsn", "slot_is_active"] },
    Family { prefix: "pg_replication_slot_", labels: &["slot_name", "slot_type", "wal_status"], counters: &[], gauges: &["wal_status"] },
    Family { prefix: "pg_replication_slots_", labels: &["database", "server", "slot_name"], counters: &[], gauges: &["active", "pg_wal_lsn_diff"] },
    Family { prefix: "pg_roles_", labels: &["rolname"], counters: &[], gauges: &["connection_limit"] },
    Family { prefix: "pg_scrape_collector_", labels: &["collector"], counters: &[], gauges: &["duration_seconds", "success"] },
    Family { prefix: "pg_stat_activity_", labels: &["application_name", "backend_type", "datname", "server", "state", "usename", "wait_event", "wait_event_type"], counters: &[], gauges: &["count", "max_tx_duration"] },
    Family { prefix: "pg_stat_archiver_", labels: &["server"], counters: &["archived_count", "failed_count"], gauges: &["last_archive_age"] },
    Family { prefix: "pg_stat_bgwriter_", labels: &[], counters: &["buffers_alloc_total", "buffers_backend_fsync_total", "buffers_backend_total", "buffers_checkpoint_total", "buffers_clean_total", "checkpoint_sync_time_total", "checkpoint_write_time_total", "checkpoints_req_total", "checkpoints_timed_total", "maxwritten_clean_total", "stats_reset_total"], gauges: &[] },
    Family { prefix: "pg_stat_database_", labels: &["datid", "datname"], counters: &["active_time_seconds_total", "blk_read_time", "blk_write_time", "blks_hit", "blks_read", "conflicts", "deadlocks", "stats_reset", "temp_bytes", "temp_files", "tup_deleted", "tup_fetched", "tup_inserted", "tup_returned", "tup_updated", "xact_commit", "xact_rollback"], gauges: &["numbackends"] },
    Family { prefix: "pg_stat_database_conflicts_", labels: &["datid", "datname", "server"], counters: &["confl_bufferpin", "confl_deadlock", "confl_lock", "confl_snapshot", "confl_tablespace"], gauges: &[] },
    Family { prefix: "pg_stat_replication_", labels: &["application_name", "client_addr", "server", "slot_name", "state"], counters: &[], gauges: &["pg_current_wal_lsn_bytes", "pg_wal_lsn_diff"] },
    Family { prefix: "pg_stat_statements_", labels: &["datname", "queryid", "user"], counters: &["block_read_seconds_total", "block_write_seconds_total", "calls_total", "rows_total", "seconds_total"], gauges: &[] },
    Family { prefix: "pg_stat_user_tables_", labels: &["datname", "relname", "schemaname"], counters: &["analyze_count", "autoanalyze_count", "autovacuum_count", "idx_scan", "idx_tup_fetch", "n_tup_del", "n_tup_hot_upd", "n_tup_ins", "n_tup_upd", "seq_scan", "seq_tup_read", "vacuum_count"], gauges: &["index_size_bytes", "last_analyze", "last_autoanalyze", "last_autovacuum", "last_vacuum", "n_dead_tup", "n_live_tup", "n_mod_since_analyze", "table_size_bytes"] },
    Family { prefix: "pg_stat_wal_receiver_", labels: &["slot_name", "status", "upstream_host"], counters: &["flushed_lsn", "last_msg_receipt_time", "last_msg_send_time", "latest_end_lsn", "latest_end_time", "receive_start_lsn"], gauges: &["receive_start_tli", "received_tli"] },
    Family { prefix: "pg_statio_user_tables_", labels: &["datname", "relname", "schemaname"], counters: &["heap_blocks_hit", "heap_blocks_read", "idx_blocks_hit", "idx_blocks_read", "tidx_blocks_hit", "tidx_blocks_read", "toast_blocks_hit", "toast_blocks_read"], gauges: &[] },
    Family { prefix: "pg_wal_", labels: &[], counters: &[], gauges: &["segments", "size_bytes"] },
    Family { prefix: "pg_settings_", labels: &["server"], counters: &[], gauges: &["*"] },
];

/// Endings that by the naming rules of Prometheus only counters have, those of a histogram's or summary's
/// parts included.
const COUNTERS: [&str; 6] = ["_total", "_bucket", "_seconds_count", "_seconds_sum", "_bytes_count", "_bytes_sum"];
/// Endings that only gauges have.
const GAUGES: [&str; 6] = ["_info", "_ratio", "_percent", "_celsius", "_timestamp_seconds", "_size_bytes"];

fn family(name: &str) -> Option<(&'static Family, Sort)> {
    FAMILIES.iter().find_map(|family| {
        let rest = name.strip_prefix(family.prefix)?;
        let among = |names: &[&str]| names.contains(&rest) || names.contains(&"*");
        let sort = if among(family.counters) { Some(Counter) } else { among(family.gauges).then_some(Gauge) };
        sort.map(|sort| (family, sort))
    })
}

/// Counter or gauge, when the name tells.
pub(super) fn sort(name: &str) -> Option<Sort> {
    let ends = |endings: &[&str]| endings.iter().any(|ending| name.ends_with(ending));
    match family(name) {
        Some((_, sort)) => Some(sort),
        None if name == "up" || ends(&GAUGES) => Some(Gauge),
        None => ends(&COUNTERS).then_some(Counter),
    }
}

/// The labels that a known metric has of its own, of which no series lacks all, and those that only other
/// metrics have.
pub(super) fn labels(name: &str) -> Option<(Vec<&'static str>, Vec<&'static str>)> {
    let (family, _) = family(name)?;
    let certain = |label: &&&'static str| !PERHAPS_OF_THE_SCRAPE.contains(*label);
    let own: Vec<&'static str> = family.labels.iter().filter(certain).copied().collect();
    let all = FAMILIES.iter().flat_map(|family| family.labels.iter().filter(certain).copied());
    let mut others: Vec<&'static str> = all.filter(|label| !own.contains(label)).collect();
    others.sort_unstable();
    others.dedup();
    Some((own, others))
}

/// Whether the numbers of a metric's series can be added up to that of the whole.
pub(super) fn adds_up(name: &str) -> bool {
    ["pg_stat_activity_count", "pg_locks_count"].contains(&name)
}

/// Whether a metric is 0 or 1.
pub(super) fn is_flag(name: &str) -> bool {
    ["up", "pg_up", "pg_replication_is_replica", "pg_replication_slots_active", "pg_scrape_collector_success"]
        .contains(&name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_comes_before_the_endings() {
        assert_eq!(sort("pg_stat_activity_count"), Some(Gauge));
        assert_eq!(sort("pg_stat_user_tables_vacuum_count"), Some(Counter));
        assert_eq!(sort("pg_stat_database_numbackends"), Some(Gauge));
        assert_eq!(sort("pg_stat_database_conflicts"), Some(Counter));
        assert_eq!(sort("http_requests_total"), Some(Counter));
        assert_eq!(sort("queue_count"), None);
        assert_eq!(sort("pg_settings_max_connections"), Some(Gauge));
    }

    #[test]
    fn a_scrapes_own_labels_prove_nothing() {
        let (own, others) = labels("pg_settings_max_connections").unwrap();
        assert!(own.is_empty() && others.contains(&"datname"));
        assert!(!others.contains(&"server") && !others.contains(&"instance"));
        assert_eq!(labels("pg_unheard_of"), None);
    }

    #[test]
    fn no_metric_is_in_two_families() {
        for (at, family) in FAMILIES.iter().enumerate() {
            for name in family.counters.iter().chain(family.gauges).filter(|name| **name != "*") {
                let name = format!("{}{name}", family.prefix);
                let first = FAMILIES.iter().position(|one| {
                    let rest = name.strip_prefix(one.prefix);
                    rest.is_some_and(|rest| one.counters.contains(&rest) || one.gauges.contains(&rest))
                });
                assert_eq!(first, Some(at), "{name}");
            }
        }
    }
}
