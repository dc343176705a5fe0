//! Statements of clients that run longer than they may.
//!
//! Superusers, dumps and DDL are listed too: guards refuse them by name, and that is worth recording.
//! Walsenders, workers and autovacuum are not; their age is no sign of anything wrong.

use super::answers::{AnswerSpec, Holds, Unwritten, column};
use super::{Ask, Finder, Found, note_silence, redact, rows};
use crate::model::progress;
use crate::model::query::RowError;
use crate::model::{Answer, Backend, Candidate, Duration, Kind, Place, Question, Row, Value};
use crate::playbook::{Arg, Args, FinderSpec, Param, ParamType};

/// The finder.
pub struct LongQueries;

const NAME: &str = "long_queries";
const RESPECTS: &[&str] = &["databases", "users", "applications", "client_addrs"];

/// Most statements that one look judges, whatever the selectors leave of them.
const LOOKED_AT: i64 = 1_000;

static SPEC: FinderSpec = FinderSpec {
    name: NAME,
    kind: Kind::Backend,
    about: "Statements of clients that have been running longer than they may.",
    params: &[
        Param {
            name: "longer_than",
            ty: ParamType::Duration,
            default: Some("5m"),
            required: false,
            about: "How long a statement may run, by the server's clock.",
        },
        Param {
            name: "limit",
            ty: ParamType::Count { min: 1, max: 200 },
            default: Some("50"),
            required: false,
            about: "List at most so many, the longest first.",
        },
        Param {
            name: "only",
            ty: ParamType::Selector(RESPECTS),
            default: None,
            required: false,
            about: "Leave out sessions that do not match every respect written here.",
        },
        Param {
            name: "except",
            ty: ParamType::Selector(RESPECTS),
            default: None,
            required: false,
            about: "Leave out sessions that match any respect written here.",
        },
        Param {
            name: "overrides",
            ty: ParamType::Overrides { respects: RESPECTS, params: &["longer_than"] },
            default: None,
            required: false,
            about: "Other limits for sessions that match; the first match wins.",
        },
    ],
};

impl Finder for LongQueries {
    fn spec(&self) -> &'static FinderSpec {
        &SPEC
    }

    fn questions(&self, ask: &Ask) -> Vec<Question> {
        let mut params = vec![Value::Float8(smallest_limit(ask.args).as_secs_f64()), Value::Int8(LOOKED_AT)];
        params.extend(match ask.only {
            Some(Candidate::Backend(b)) => [
                Value::Int4(b.pid),
                Value::Timestamp(Some(b.backend_start)),
                Value::Timestamp(b.xact_start),
                Value::Timestamp(b.query_start),
            ],
            _ => [Value::Int4(0), Value::Timestamp(None), Value::Timestamp(None), Value::Timestamp(None)],
        });
        vec![Question { name: NAME, place: Place::Reading, sql: sql(ask.server.major()), params }]
    }

    fn read(&self, ask: &Ask, answers: &[Answer]) -> Found {
        let mut found = Found::default();
        note_silence(NAME, answers, &mut found);
        for answer in answers.iter().filter(|a| a.name == NAME) {
            let rows = rows(answer, "pg_stat_activity", &mut found);
            if i64::try_from(rows.len()).is_ok_and(|n| n >= LOOKED_AT) {
                let note =
                    format!("more than {LOOKED_AT} statements run too long; only the longest {LOOKED_AT} were judged");
                found.unreadable.push(note);
            }
            for row in rows {
                match backend(ask, row) {
                    Ok(Some(candidate)) => found.candidates.push(candidate),
                    Ok(None) => {}
                    Err(why) => found.unreadable.push(format!("a row of pg_stat_activity: {why}")),
                }
            }
        }
        found.cut(ask.limit());
        found
    }

    fn answers(&self) -> &'static [AnswerSpec] {
        ANSWERS
    }

    fn never_listed(&self, row: &Row) -> Option<String> {
        let is = |column: &str, wanted: &str| match row.text(column) {
            Ok(text) if text != wanted => Some(format!("its {column} is `{text}`, and only `{wanted}` is listed")),
            _ => None,
        };
        let own = row.text("application").is_ok_and(|name| name.starts_with("pgmedic/"));
        let own = own.then(|| "it is a session of pgmedic itself".to_owned());
        is("backend_type", "client backend").or_else(|| is("state", "active")).or(own)
    }
}

static ANSWERS: &[AnswerSpec] = &[AnswerSpec {
    question: NAME,
    from: None,
    columns: &[
        column("pid", Holds::Int, Unwritten::Needed),
        column("backend_start", Holds::Time, Unwritten::As("query_start")),
        column("xact_start", Holds::Time, Unwritten::As("query_start")),
        column("query_start", Holds::Time, Unwritten::Needed),
        column("running_seconds", Holds::Float, Unwritten::Since("query_start")),
        column("state", Holds::Text, Unwritten::Is("active")),
        column("backend_type", Holds::Text, Unwritten::Is("client backend")),
        column("role", Holds::Text, Unwritten::Is("app")),
        column("database", Holds::Text, Unwritten::Is("app")),
        column("application", Holds::Text, Unwritten::Is("")),
        column("client_addr", Holds::Text, Unwritten::Null),
        column("superuser", Holds::Bool, Unwritten::Is("false")),
        column("replication", Holds::Bool, Unwritten::Is("false")),
        column("wait", Holds::Text, Unwritten::Null),
        column("progress", Holds::Text, Unwritten::Null),
        column("relation_locks", Holds::Int, Unwritten::Is("1")),
        column("query", Holds::Text, Unwritten::Is("SELECT 1")),
        column("query_id", Holds::Int, Unwritten::Null),
    ],
    optional: false,
}];

/// The smallest limit that could hold for anybody: the server lists what is past it, and each
/// session is then judged by its own.
fn smallest_limit(args: &Args) -> Duration {
    let overridden = match args.0.get("overrides") {
        Some(Arg::Overrides(list)) => list.iter().filter_map(|(_, over)| over.duration("longer_than")).min(),
        _ => None,
    };
    args.duration("longer_than").into_iter().chain(overridden).min().unwrap_or(Duration::MAX)
}

fn backend(ask: &Ask, row: &Row) -> Result<Option<Candidate>, RowError> {
    let (query, fingerprint) = redact::recorded(&row.text("query")?, query_id(row)?, ask.query_text);
    let backend = Backend {
        pid: i32::try_from(row.int("pid")?).unwrap_or(0),
        backend_start: row.time("backend_start")?,
        xact_start: row.opt_time("xact_start")?,
        query_start: row.opt_time("query_start")?,
        state: row.text("state")?,
        backend_type: row.text("backend_type")?,
        user: row.opt_text("role")?.unwrap_or_default(),
        database: row.opt_text("database")?.unwrap_or_default(),
        application: row.opt_text("application")?.unwrap_or_default(),
        client_addr: row.opt_text("client_addr")?,
        superuser: row.bool("superuser")?,
        replication: row.bool("replication")?,
        wait: row.opt_text("wait")?,
        progress: row.opt_text("progress")?,
        relation_locks: row.int("relation_locks")?,
        running_seconds: row.float("running_seconds")?,
        limit_seconds: 0.0,
        query,
        fingerprint,
    };
    let candidate = Candidate::Backend(backend);
    if !ask.selects(&candidate) {
        return Ok(None);
    }
    let limit = ask.args.for_candidate(&candidate.called()).duration("longer_than").unwrap_or(Duration::MAX);
    let Candidate::Backend(backend) = candidate else { return Ok(None) };
    let limit_seconds = limit.as_secs_f64();
    let past = backend.running_seconds > limit_seconds;
    Ok(past.then_some(Candidate::Backend(Backend { limit_seconds, ..backend })))
}

fn query_id(row: &Row) -> Result<Option<i64>, RowError> {
    // 0 is what the server shows for a statement that it gave no id.
    if row.is_null("query_id") { Ok(None) } else { row.int("query_id").map(|id| (id != 0).then_some(id)) }
}

/// Parameters: smallest limit in seconds, most rows; then pid (0: all), `backend_start`,
/// `xact_start` and `query_start` of the only one to look at.
fn sql(major: i32) -> String {
    let query_id = if major >= 14 { "a.query_id" } else { "NULL::int8" };
    let progress = progress::sql(major);
    format!(
        "WITH long AS MATERIALIZED (
  SELECT a.pid, a.backend_start, a.xact_start, a.query_start, a.state, a.backend_type, a.usesysid,
         a.usename::text AS role, a.datname::text AS database, a.application_name AS application,
         host(a.client_addr) AS client_addr, a.wait_event_type || '/' || a.wait_event AS wait,
         extract(epoch FROM clock_timestamp() - a.query_start)::float8 AS running_seconds,
         left(a.query, 8192) AS query, {query_id} AS query_id
    FROM pg_stat_activity a
   WHERE a.backend_type = 'client backend' AND a.state = 'active'
     AND a.query_start < clock_timestamp() - $1::float8 * interval '1 second'
     AND a.pid <> pg_backend_pid() AND a.application_name NOT LIKE 'pgmedic/%'
     AND ($3::int4 = 0 OR a.pid = $3 AND a.backend_start = $4::timestamptz
          AND a.xact_start IS NOT DISTINCT FROM $5::timestamptz AND a.query_start IS NOT DISTINCT FROM $6::timestamptz)
   ORDER BY a.query_start LIMIT $2::int8
), locks AS (
  SELECT l.pid, count(*) AS n FROM pg_locks l
   WHERE l.locktype = 'relation' AND l.granted AND l.pid IN (SELECT pid FROM long) GROUP BY l.pid
), progress AS (
  {progress}
)
SELECT long.*, coalesce(r.rolsuper, true) AS superuser, coalesce(r.rolreplication, false) AS replication,
       coalesce(locks.n, 0) AS relation_locks, p.what AS progress
  FROM long LEFT JOIN pg_roles r ON r.oid = long.usesysid LEFT JOIN locks ON locks.pid = long.pid
  LEFT JOIN progress p ON p.pid = long.pid
 ORDER BY long.query_start"
    )
}

#[cfg(test)]
mod tests;
