//! One look at the server itself.

use super::Fault;
use super::session::Session;
use super::statement::{Limits, run};
use crate::model::facts::Privileges;
use crate::model::{Duration, Names, Ownership, Row, Server, Value};
use std::collections::BTreeMap;

const DEADLINE: Duration = Duration::from_secs(10);

/// $1 is the role that acts. `pgmedic.paused` counts wherever it may have been set for either role, for
/// all roles or for one database: a DBA who wrote it meant it.
const SERVER: &str = "SELECT current_setting('server_version_num')::int4 AS version_num, \
     (SELECT system_identifier FROM pg_control_system())::text AS system_identifier, \
     (SELECT timeline_id FROM pg_control_checkpoint()) AS timeline, \
     pg_is_in_recovery() AS in_recovery, \
     (SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend' \
        AND application_name NOT IN ('pgmedic/reading', 'pgmedic/acting', 'pgmedic/work')) AS client_backends, \
     current_setting('max_connections')::int4 AS max_connections, \
     current_setting('superuser_reserved_connections')::int4 \
        + coalesce(current_setting('reserved_connections', true)::int4, 0) AS reserved_connections, \
     (SELECT setting::int8 FROM pg_settings WHERE name = 'deadlock_timeout') AS deadlock_timeout, \
     (SELECT string_agg(DISTINCT substr(c, length('pgmedic.paused=') + 1), '; ') \
        FROM pg_db_role_setting s LEFT JOIN pg_roles r ON r.oid = s.setrole CROSS JOIN unnest(s.setconfig) AS c \
       WHERE (s.setrole = 0 OR r.rolname IN (current_user, $1)) AND c LIKE 'pgmedic.paused=%' \
         AND lower(trim(substr(c, length('pgmedic.paused=') + 1))) NOT IN ('', 'off', 'false', 'no', '0')) AS paused, \
     (SELECT rolsuper OR pg_has_role(oid, 'pg_monitor', 'USAGE') FROM pg_roles \
       WHERE rolname = current_user) AS monitor, \
     coalesce((SELECT rolsuper OR pg_has_role(oid, 'pg_monitor', 'USAGE') FROM pg_roles \
       WHERE rolname = $1), false) AS acting_monitor, \
     coalesce((SELECT rolsuper OR pg_has_role(oid, 'pg_signal_backend', 'USAGE') FROM pg_roles \
       WHERE rolname = $1), false) AS signal_backend";

/// A database of which a broken DROP left a husk (`datconnlimit` -2) cannot be connected to.
const DATABASES: &str = "SELECT datname AS name FROM pg_database \
     WHERE datallowconn AND NOT datistemplate AND datconnlimit <> -2 ORDER BY datname";

/// Reads it all but who holds the right to act.
///
/// # Errors
/// When the server does not answer in time, or refuses.
pub async fn look(session: &Session, acting_user: &str, wanted: Option<&Names>) -> Result<Server, Fault> {
    let params = [Value::Text(acting_user.to_owned())];
    let rows = run(session, SERVER, &params, &Limits::deadline(DEADLINE)).await?;
    let row = rows.first().ok_or_else(|| Fault::Lost("the server said nothing of itself".to_owned()))?;
    let mut server = read(row).map_err(|e| Fault::Lost(e.to_string()))?;
    server.databases = databases(session, wanted).await?;
    Ok(server)
}

/// Which server this is.
///
/// # Errors
/// When the server does not answer in time, or refuses.
pub async fn system_identifier(session: &Session) -> Result<String, Fault> {
    let sql = "SELECT system_identifier::text AS id FROM pg_control_system()";
    let rows = run(session, sql, &[], &Limits::deadline(DEADLINE)).await?;
    rows.first()
        .and_then(|row| row.text("id").ok())
        .ok_or_else(|| Fault::Lost("the server has no identifier".to_owned()))
}

/// The databases in which table and index work looks.
///
/// # Errors
/// When the server does not answer in time, or refuses.
pub async fn databases(session: &Session, wanted: Option<&Names>) -> Result<Vec<String>, Fault> {
    let rows = run(session, DATABASES, &[], &Limits::deadline(DEADLINE)).await?;
    let names = rows.iter().filter_map(|row| row.text("name").ok());
    Ok(names.filter(|name| wanted.is_none_or(|w| w.matching(name).is_some())).collect())
}

fn read(row: &Row) -> Result<Server, crate::model::query::RowError> {
    let count = |column| row.int(column).map(|n| u32::try_from(n).unwrap_or_default());
    Ok(Server {
        version_num: i32::try_from(row.int("version_num")?).unwrap_or_default(),
        system_identifier: row.text("system_identifier")?,
        timeline: row.int("timeline")?,
        in_recovery: row.bool("in_recovery")?,
        client_backends: count("client_backends")?,
        max_connections: count("max_connections")?,
        reserved_connections: count("reserved_connections")?,
        deadlock_timeout_milliseconds: count("deadlock_timeout")?,
        paused_by_role: row.opt_text("paused")?,
        privileges: Privileges {
            monitor: row.bool("monitor")?,
            acting_monitor: row.bool("acting_monitor")?,
            signal_backend: row.bool("signal_backend")?,
        },
        ownership: Ownership::NotNeeded,
        databases: Vec::new(),
        poolers: BTreeMap::new(),
    })
}
