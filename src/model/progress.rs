//! What the server shows long commands doing, as SQL: finders list it, acting statements check it again.

/// A query for `(pid int4, what text)`: every session that a `pg_stat_progress_*` view of this major
/// version shows, and the command in its words.
#[must_use]
pub fn sql(major: i32) -> String {
    let mut views = vec!["analyze", "basebackup", "cluster", "create_index", "vacuum"];
    if major >= 14 {
        views.push("copy");
    }
    let one = |view: &str| format!("SELECT pid, '{}' AS what FROM pg_stat_progress_{view}", view.replace('_', " "));
    views.into_iter().map(one).collect::<Vec<_>>().join(" UNION ALL ")
}

#[cfg(test)]
mod tests {
    #[test]
    fn copy_has_a_view_from_14() {
        assert!(!super::sql(13).contains("pg_stat_progress_copy"));
        assert!(super::sql(14).contains("SELECT pid, 'copy' AS what FROM pg_stat_progress_copy"));
        assert!(super::sql(13).contains("'create index' AS what"));
    }
}
