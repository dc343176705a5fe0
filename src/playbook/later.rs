//! Words of the design that this build does not know yet. One that the catalogue has is not looked up
//! here, so a new finder or action need not be taken out.

/// Finders that later releases bring.
pub(super) const FINDERS: [&str; 25] = [
    "archive_failures",
    "autovacuum_starved",
    "bloated_indexes",
    "config_errors",
    "dead_tuples",
    "duplicate_indexes",
    "exhausting_sequences",
    "idle_connections",
    "idle_in_transaction",
    "inactive_slots",
    "invalid_indexes",
    "lagging_replicas",
    "lock_blockers",
    "long_transactions",
    "missing_indexes",
    "orphaned_prepared_xacts",
    "overdue_backups",
    "oversized_pools",
    "pending_restart",
    "pool_sizing",
    "setting_advice",
    "sql",
    "unused_indexes",
    "wraparound_risk",
    "xmin_holders",
];

/// Actions that later releases bring.
pub(super) const ACTIONS: [&str; 16] = [
    "alter_role",
    "alter_system",
    "call_webhook",
    "create_index_concurrently",
    "drop_index_concurrently",
    "drop_slot",
    "patch_patroni",
    "patch_percona_cluster",
    "reconnect_pool",
    "reindex_concurrently",
    "rollback_prepared",
    "run_backup",
    "set_table_options",
    "sql",
    "vacuum",
    "vacuum_freeze",
];
