//! One table, materialised view or partitioned parent.

use super::Timestamp;
use super::names::Called;
use serde::{Deserialize, Serialize};

/// A table whose planner statistics are behind its contents.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Table {
    /// Database.
    pub database: String,
    /// Schema.
    pub schema: String,
    /// Name without its schema.
    pub name: String,
    /// `pg_class.oid`: a table dropped and made again is another one.
    pub oid: u32,
    /// Owner.
    pub owner: String,
    /// A partitioned parent: autovacuum never analyzes those.
    pub partitioned: bool,
    /// Rows, as the server estimates; of all leaves for a parent.
    pub rows: f64,
    /// Rows changed since the last ANALYZE; of all leaves for a parent.
    pub modified_rows: i64,
    /// Above so many changed rows its statistics count as stale.
    pub threshold_rows: f64,
    /// The last ANALYZE of either kind, where the server keeps it.
    pub last_analyzed: Option<Timestamp>,
    /// The newest ANALYZE of a leaf, for a parent.
    pub leaf_last_analyzed: Option<Timestamp>,
    /// It was never analyzed, as far as the server can tell; `None` where it cannot
    /// (partitioned parents on PostgreSQL 13).
    pub never_analyzed: Option<bool>,
    /// `autovacuum_enabled=off` on the table: its owner's choice.
    pub autovacuum_off: bool,
}

impl Table {
    /// How far past its threshold it is; orders the worst first.
    #[must_use]
    pub fn staleness(&self) -> f64 {
        #[allow(clippy::cast_precision_loss)] // a ratio for ordering
        let modified = self.modified_rows as f64;
        modified / self.threshold_rows.max(1.0)
    }

    pub(super) fn key(&self) -> String {
        format!("table:{}:{}:{}.{}", self.database, self.oid, self.schema, self.name)
    }

    pub(super) fn title(&self) -> String {
        let what = if self.partitioned { "partitioned table" } else { "table" };
        format!(
            "{what} {}.{} in {} ({} rows changed since its last ANALYZE, threshold {:.0})",
            self.schema, self.name, self.database, self.modified_rows, self.threshold_rows
        )
    }

    pub(super) fn called(&self) -> Called<'_> {
        Called {
            database: Some(&self.database),
            user: Some(&self.owner),
            schema: Some(&self.schema),
            table: Some(&self.name),
            ..Called::default()
        }
    }
}
