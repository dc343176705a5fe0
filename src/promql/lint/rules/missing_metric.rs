//! `pg_replication_lag`

use super::{Found, Look, Node, Rule, metric_of};
use crate::syntax::Span;

pub(super) const RULE: Rule = Rule {
    code: "missing-metric",
    about: "A metric that `postgres_exporter` 0.19 does not export, though rules that go around use it: it had another \
            name in earlier releases, or never existed. What selects nothing never fires. Nothing is said about a side of \
            an `or`. A custom query may export it all the same.",
    wrong: "pg_replication_lag > 30",
    right: "pg_replication_lag_seconds > 30",
    check,
};

/// What is written, and what there is instead. In each pair the second is in the table of known metrics.
const NAMES: &[(&str, &str)] = &[
    ("pg_database_size", "pg_database_size_bytes"),
    ("pg_postmaster_start_time", "pg_postmaster_start_time_seconds"),
    ("pg_replication_lag", "pg_replication_lag_seconds"),
    ("pg_stat_bgwriter_buffers_alloc", "pg_stat_bgwriter_buffers_alloc_total"),
    ("pg_stat_bgwriter_buffers_backend", "pg_stat_bgwriter_buffers_backend_total"),
    ("pg_stat_bgwriter_buffers_backend_fsync", "pg_stat_bgwriter_buffers_backend_fsync_total"),
    ("pg_stat_bgwriter_buffers_checkpoint", "pg_stat_bgwriter_buffers_checkpoint_total"),
    ("pg_stat_bgwriter_buffers_clean", "pg_stat_bgwriter_buffers_clean_total"),
    ("pg_stat_bgwriter_checkpoint_sync_time", "pg_stat_bgwriter_checkpoint_sync_time_total"),
    ("pg_stat_bgwriter_checkpoint_write_time", "pg_stat_bgwriter_checkpoint_write_time_total"),
    ("pg_stat_bgwriter_checkpoints_req", "pg_stat_bgwriter_checkpoints_req_total"),
    ("pg_stat_bgwriter_checkpoints_timed", "pg_stat_bgwriter_checkpoints_timed_total"),
    ("pg_stat_bgwriter_maxwritten_clean", "pg_stat_bgwriter_maxwritten_clean_total"),
    ("pg_stat_replication_pg_xlog_location_diff", "pg_stat_replication_pg_wal_lsn_diff"),
    ("pg_stat_statements_calls", "pg_stat_statements_calls_total"),
    ("pg_stat_statements_total_time_seconds", "pg_stat_statements_seconds_total"),
    ("pg_xlog_position_bytes", "pg_stat_replication_pg_current_wal_lsn_bytes"),
];

fn check(look: &Look, node: &Node) -> Vec<Found> {
    let Some(name) = metric_of(node).filter(|_| !node.optional) else { return Vec::new() };
    let Some((_, instead)) = NAMES.iter().find(|(missing, _)| *missing == name) else { return Vec::new() };
    let start = node.expr.span.start;
    let span = Span { start, end: start + name.len() };
    // The name may stand in quotes or in braces.
    let plain = look.text.at(span) == name;
    let corrected = plain.then(|| look.text.with(vec![(span, (*instead).to_owned())]));
    let message = format!("postgres_exporter has no `{name}`: this selects nothing, and then never fires");
    let span = if plain { span } else { node.expr.span };
    vec![Found::new(span, message, format!("use `{instead}`")).corrected(corrected)]
}

#[cfg(test)]
mod tests {
    use super::NAMES;
    use crate::promql::lint::metrics::sort;
    use crate::promql::lint::tests::{corrected, found};

    #[test]
    fn what_is_missing_has_a_name_that_is_known() {
        for (missing, instead) in NAMES {
            assert!(crate::promql::lint::metrics::labels(missing).is_none(), "{missing} is there");
            assert!(crate::promql::lint::metrics::labels(instead).is_some() && sort(instead).is_some(), "{instead}");
        }
        assert!(NAMES.is_sorted());
    }

    #[test]
    fn a_name_of_old_is_found_unless_the_new_one_stands_beside() {
        assert_eq!(corrected("pg_replication_lag{a=\"b\"} > 5"), "pg_replication_lag_seconds{a=\"b\"} > 5");
        assert_eq!(found("pg_replication_lag_seconds or pg_replication_lag"), Vec::<&str>::new());
        assert_eq!(found("pg_replication_lag_seconds > 5"), Vec::<&str>::new());
        // postgres_exporter has none, but rules of old name it so and pgmedic itself does too.
        assert_eq!(found("pg_replication_lag_bytes > 100e6"), Vec::<&str>::new());
    }
}
