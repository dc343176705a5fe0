//! Tables whose planner statistics are behind their contents.
//!
//! A table is judged by autovacuum's own threshold, its storage parameters included. Partitioned
//! parents, which autovacuum never analyzes, are judged by what changed in their leaves since the
//! parent's own ANALYZE. Foreign tables, and parents with foreign leaves, are left alone: reading
//! them loads another server. `pg_stats` is never asked: it hides from a monitoring role what it may
//! not select, which would look like no statistics at all. No size function, no lock on any table.

use super::answers::{AnswerSpec, Holds, Unwritten, column};
use super::{Ask, Finder, Found, note_silence, rows};
use crate::model::query::RowError;
use crate::model::{Answer, Candidate, Kind, Place, Question, Row, Table, Value};
use crate::playbook::{Arg, Args, FinderSpec, Param, ParamType};
use std::cmp::Ordering;

/// The finder.
pub struct StaleStatistics;

const NAME: &str = "stale_statistics";
const RESPECTS: &[&str] = &["databases", "users", "schemas", "tables"];

/// Most tables that one database lists.
const LISTED: u64 = 10_000;

static SPEC: FinderSpec = FinderSpec {
    name: NAME,
    kind: Kind::Table,
    about: "Tables of which more rows changed since the last ANALYZE than autovacuum would let pass, and partitioned parents, which it never analyzes.",
    params: &[
        Param {
            name: "at_least",
            ty: ParamType::Count { min: 1, max: 1_000_000_000_000 },
            default: Some("1000"),
            required: false,
            about: "Changed rows below which a table is never listed, however small its threshold.",
        },
        Param {
            name: "limit",
            ty: ParamType::Count { min: 1, max: LISTED },
            default: Some("200"),
            required: false,
            about: "List at most so many, never analyzed ones first, then those furthest past their threshold.",
        },
        Param {
            name: "only",
            ty: ParamType::Selector(RESPECTS),
            default: None,
            required: false,
            about: "Leave out tables that do not match every respect written here; `users` are owners.",
        },
        Param {
            name: "except",
            ty: ParamType::Selector(RESPECTS),
            default: None,
            required: false,
            about: "Leave out tables that match any respect written here; `users` are owners.",
        },
        Param {
            name: "overrides",
            ty: ParamType::Overrides { respects: RESPECTS, params: &["at_least"] },
            default: None,
            required: false,
            about: "Other limits for tables that match; the first match wins.",
        },
    ],
};

impl Finder for StaleStatistics {
    fn spec(&self) -> &'static FinderSpec {
        &SPEC
    }

    fn questions(&self, ask: &Ask) -> Vec<Question> {
        let listed = if ask.selects_by_name() { LISTED } else { ask.limit().try_into().unwrap_or(LISTED) };
        let (place, oid) = match ask.only {
            Some(Candidate::Table(table)) => (Place::ReadIn(table.database.clone()), table.oid),
            _ => (Place::EachDatabase, 0),
        };
        let params = vec![
            Value::Float8(in_rows(smallest_at_least(ask.args))),
            Value::Int8(i64::try_from(listed).unwrap_or(i64::MAX)),
            Value::Oid(oid),
        ];
        vec![Question { name: NAME, place, sql: sql(ask.server.major()), params }]
    }

    fn read(&self, ask: &Ask, answers: &[Answer]) -> Found {
        let mut found = Found::default();
        note_silence(NAME, answers, &mut found);
        for answer in answers.iter().filter(|a| a.name == NAME) {
            let rows = rows(answer, "statistics of tables", &mut found);
            note_unlisted(ask, &answer.from, rows, &mut found);
            for row in rows {
                match table(&answer.from, row) {
                    Ok(table) => found.candidates.extend(judged(ask, table)),
                    Err(why) => found.unreadable.push(format!("a table in {}: {why}", answer.from)),
                }
            }
        }
        // Each database sorted its own; here they come together.
        found.candidates.sort_by(worst_first);
        found.cut(ask.limit());
        found
    }

    fn answers(&self) -> &'static [AnswerSpec] {
        ANSWERS
    }

    fn never_listed(&self, row: &Row) -> Option<String> {
        let (modified, threshold) = (row.float("modified").ok()?, row.float("threshold").ok()?);
        let few = modified <= threshold;
        few.then(|| format!("{modified} rows changed, which is not above its threshold of {threshold}"))
    }
}

/// What a database has more than it listed: beyond `limit`, or, where names pick from all that is listed, not judged.
fn note_unlisted(ask: &Ask, database: &str, rows: &[Row], found: &mut Found) {
    let stale = rows.first().and_then(|row| row.int("stale").ok()).and_then(|n| u64::try_from(n).ok()).unwrap_or(0);
    let unlisted = stale.saturating_sub(u64::try_from(rows.len()).unwrap_or(u64::MAX));
    if unlisted > 0 && ask.selects_by_name() {
        let note = format!("{stale} tables in {database} are stale; only the first {LISTED} were judged");
        found.unreadable.push(note);
    } else {
        found.beyond_limit = found.beyond_limit.saturating_add(unlisted);
    }
}

static ANSWERS: &[AnswerSpec] = &[AnswerSpec {
    question: NAME,
    from: Some("database"),
    columns: &[
        column("oid", Holds::Int, Unwritten::Is("16384")),
        column("schema", Holds::Text, Unwritten::Is("public")),
        column("name", Holds::Text, Unwritten::Needed),
        column("owner", Holds::Text, Unwritten::Is("app")),
        column("partitioned", Holds::Bool, Unwritten::Is("false")),
        column("rows", Holds::Float, Unwritten::Is("100000")),
        column("modified", Holds::Int, Unwritten::Needed),
        column("threshold", Holds::Float, Unwritten::Is("10050")),
        column("analyzed", Holds::Time, Unwritten::Null),
        column("leaf_analyzed", Holds::Time, Unwritten::Null),
        column("never", Holds::Bool, Unwritten::Is("false")),
        column("autovacuum_off", Holds::Bool, Unwritten::Is("false")),
    ],
    optional: false,
}];

fn judged(ask: &Ask, table: Table) -> Option<Candidate> {
    let candidate = Candidate::Table(table);
    if !ask.selects(&candidate) {
        return None;
    }
    let at_least = in_rows(ask.args.for_candidate(&candidate.called()).count("at_least").unwrap_or(u64::MAX));
    let Candidate::Table(table) = candidate else { return None };
    let threshold_rows = table.threshold_rows.max(at_least);
    let stale = in_rows(u64::try_from(table.modified_rows).unwrap_or(0)) >= at_least;
    stale.then_some(Candidate::Table(Table { threshold_rows, ..table }))
}

fn worst_first(a: &Candidate, b: &Candidate) -> Ordering {
    let (Candidate::Table(a), Candidate::Table(b)) = (a, b) else { return Ordering::Equal };
    let never = |t: &Table| t.never_analyzed == Some(true);
    never(b).cmp(&never(a)).then(b.staleness().total_cmp(&a.staleness()))
}

fn smallest_at_least(args: &Args) -> u64 {
    let overridden = match args.0.get("overrides") {
        Some(Arg::Overrides(list)) => list.iter().filter_map(|(_, over)| over.count("at_least")).min(),
        _ => None,
    };
    args.count("at_least").into_iter().chain(overridden).min().unwrap_or(u64::MAX)
}

#[allow(clippy::cast_precision_loss)] // numbers of rows, far below 2^53
fn in_rows(n: u64) -> f64 {
    n as f64
}

fn table(database: &str, row: &Row) -> Result<Table, RowError> {
    Ok(Table {
        database: database.to_owned(),
        schema: row.text("schema")?,
        name: row.text("name")?,
        oid: u32::try_from(row.int("oid")?).unwrap_or(0),
        owner: row.text("owner")?,
        partitioned: row.bool("partitioned")?,
        rows: row.float("rows")?,
        modified_rows: row.int("modified")?,
        threshold_rows: row.float("threshold")?,
        last_analyzed: row.opt_time("analyzed")?,
        leaf_last_analyzed: row.opt_time("leaf_analyzed")?,
        never_analyzed: if row.is_null("never") { None } else { Some(row.bool("never")?) },
        autovacuum_off: row.bool("autovacuum_off")?,
    })
}

/// Parameters: fewest changed rows, most tables, oid of the only one to look at (0: all). A table that is
/// being worked on is not worth listing; of the only one that says nothing: it is stale until that ended.
///
/// A leaf counts what changed since its last ANALYZE, not since its parent's. So for a leaf that was
/// analyzed along with its parent and by autovacuum later, one threshold of it is added: so much
/// changed at least; and one that was never analyzed along with it counts in full. PostgreSQL 13
/// keeps nothing about a parent: there each leaf's own manual ANALYZE stands for the parent's.
fn sql(major: i32) -> String {
    let (unseen, since, never) = if major >= 14 {
        ("c.reltuples < 0", "CASE WHEN p.unseen THEN '-infinity' ELSE p.manual END", "r.unseen AND r.manual IS NULL")
    } else {
        ("c.reltuples = 0 AND c.relpages = 0", "'-infinity'::timestamptz", "NULL::bool")
    };
    format!(
        "WITH RECURSIVE tree(root, oid) AS (
  SELECT c.oid, c.oid FROM pg_class c WHERE c.relkind = 'p' AND NOT c.relispartition AND c.relpersistence <> 't'
  UNION ALL
  SELECT t.root, i.inhrelid FROM tree t JOIN pg_inherits i ON i.inhparent = t.oid
), g AS (
  SELECT current_setting('autovacuum_analyze_threshold')::float8 AS base,
         current_setting('autovacuum_analyze_scale_factor')::float8 AS scale
), rel AS (
  SELECT c.oid, n.nspname, c.relname, c.relkind, c.relowner, o.enabled, {unseen} AS unseen,
         pg_stat_get_last_analyze_time(c.oid) AS manual, pg_stat_get_last_autoanalyze_time(c.oid) AS auto,
         coalesce(nullif(greatest(c.reltuples, 0), 0)::float8, pg_stat_get_live_tuples(c.oid), 0)::float8 AS rows,
         coalesce(pg_stat_get_mod_since_analyze(c.oid), 0)::float8 AS mods,
         coalesce(o.base, g.base) + coalesce(o.scale, g.scale) * greatest(c.reltuples, 0)::float8 AS threshold
    FROM g CROSS JOIN pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    LEFT JOIN LATERAL (
      SELECT max(option_value) FILTER (WHERE option_name = 'autovacuum_analyze_threshold')::float8 AS base,
             max(option_value) FILTER (WHERE option_name = 'autovacuum_analyze_scale_factor')::float8 AS scale,
             max(option_value) FILTER (WHERE option_name = 'autovacuum_enabled')::bool AS enabled
        FROM pg_options_to_table(c.reloptions)) o ON c.reloptions IS NOT NULL
   WHERE c.relkind IN ('r', 'm', 'p', 'f') AND c.relpersistence <> 't'
     AND n.nspname <> 'information_schema' AND n.nspname !~ '^pg_'
), leaves AS (
  SELECT t.root, sum(l.rows) AS rows, max(greatest(l.manual, l.auto)) AS analyzed, bool_or(l.relkind = 'f') AS remote,
         sum(CASE WHEN {since} IS NULL THEN l.mods
                  WHEN l.manual >= {since} THEN l.mods + CASE WHEN l.auto > l.manual THEN l.threshold ELSE 0 END
                  ELSE greatest(l.mods, l.rows) END) AS mods
    FROM tree t JOIN rel p ON p.oid = t.root JOIN rel l ON l.oid = t.oid
   WHERE l.relkind <> 'p' GROUP BY t.root
), judged AS (
  SELECT r.oid, r.nspname, r.relname, r.relowner, r.enabled, false AS partitioned, r.rows, r.mods, r.threshold,
         greatest(r.manual, r.auto) AS analyzed, NULL::timestamptz AS leaf_analyzed,
         CASE WHEN greatest(r.manual, r.auto) IS NOT NULL THEN false WHEN r.unseen THEN true END AS never
    FROM rel r WHERE r.relkind IN ('r', 'm')
  UNION ALL
  SELECT r.oid, r.nspname, r.relname, r.relowner, r.enabled, true, l.rows, l.mods, g.base + g.scale * l.rows,
         r.manual, l.analyzed, {never}
    FROM rel r JOIN leaves l ON l.root = r.oid CROSS JOIN g WHERE r.relkind = 'p' AND NOT l.remote
), stale AS (
  SELECT j.*, CASE WHEN j.never THEN greatest(j.mods, j.rows) ELSE j.mods END AS modified FROM judged j
)
SELECT s.oid, s.nspname::text AS schema, s.relname::text AS name, pg_get_userbyid(s.relowner)::text AS owner,
       s.partitioned, s.rows, s.modified::int8 AS modified, s.threshold, s.analyzed, s.leaf_analyzed, s.never,
       s.enabled IS FALSE AS autovacuum_off, count(*) OVER () AS stale
  FROM stale s
 WHERE s.modified > s.threshold AND s.modified >= $1::float8 AND ($3::oid = 0 OR s.oid = $3)
   AND ($3::oid <> 0 OR NOT EXISTS (
         SELECT FROM pg_stat_progress_analyze p WHERE p.relid = s.oid AND p.datname = current_database()
         UNION ALL
         SELECT FROM pg_stat_progress_vacuum p WHERE p.relid = s.oid AND p.datname = current_database()))
 ORDER BY s.never IS TRUE DESC, s.modified / greatest(s.threshold, $1, 1) DESC, s.oid LIMIT $2::int8"
    )
}

#[cfg(test)]
mod tests;
