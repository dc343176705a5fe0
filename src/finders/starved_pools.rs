//! PgBouncer pools whose clients wait because all of the pool's server connections are in use.
//!
//! A pool whose clients wait for another reason (paused, server down, connections at rest) is not
//! listed: a larger one would not help it. The console answers in text, and its columns differ from
//! version to version, so they are read by name.

use super::answers::{AnswerSpec, Holds, Unwritten, column};
use super::{Ask, Finder, Found, note_silence, rows};
use crate::model::query::RowError;
use crate::model::{Answer, Candidate, Duration, Kind, Place, Pool, Question, Row};
use crate::playbook::{FinderSpec, Param, ParamType};
use std::collections::BTreeMap;

/// The finder.
pub struct StarvedPools;

const POOLS: &str = "pools";
const DATABASES: &str = "databases";
const USERS: &str = "users";
const CONFIG: &str = "config";
const SESSIONS: &str = "sessions";
const RESPECTS: &[&str] = &["databases", "users"];

static SPEC: FinderSpec = FinderSpec {
    name: "starved_pools",
    kind: Kind::Pool,
    about: "PgBouncer pools whose clients wait while every server connection of the pool is in use.",
    params: &[
        Param {
            name: "longer_than",
            ty: ParamType::Duration,
            default: Some("5s"),
            required: false,
            about: "How long the oldest waiting client must have waited.",
        },
        Param {
            name: "limit",
            ty: ParamType::Count { min: 1, max: 1_000 },
            default: Some("20"),
            required: false,
            about: "List at most so many, the longest wait first.",
        },
        Param {
            name: "only",
            ty: ParamType::Selector(RESPECTS),
            default: None,
            required: false,
            about: "Leave out pools that do not match every respect written here.",
        },
        Param {
            name: "except",
            ty: ParamType::Selector(RESPECTS),
            default: None,
            required: false,
            about: "Leave out pools that match any respect written here.",
        },
    ],
};

impl Finder for StarvedPools {
    fn spec(&self) -> &'static FinderSpec {
        &SPEC
    }

    fn questions(&self, ask: &Ask) -> Vec<Question> {
        let console = match ask.only {
            Some(Candidate::Pool(pool)) => Place::Pooler(pool.pooler.clone()),
            _ => Place::EachPooler,
        };
        let show =
            [(POOLS, "SHOW POOLS"), (DATABASES, "SHOW DATABASES"), (USERS, "SHOW USERS"), (CONFIG, "SHOW CONFIG")]
                .map(|(name, sql)| Question { name, place: console.clone(), sql: sql.to_owned(), params: Vec::new() });
        let sessions = "SELECT count(*) AS sessions FROM pg_stat_activity WHERE backend_type = 'client backend'";
        let sessions = Question { name: SESSIONS, place: Place::Reading, sql: sessions.to_owned(), params: Vec::new() };
        show.into_iter().chain([sessions]).collect()
    }

    fn read(&self, ask: &Ask, answers: &[Answer]) -> Found {
        let mut found = Found::default();
        note_silence(SESSIONS, answers, &mut found);
        let sessions = answers.iter().find(|a| a.name == SESSIONS);
        let sessions = sessions.and_then(|a| rows(a, "pg_stat_activity", &mut found).first());
        // Without it there is no telling whether the server has room: then no pool is listed.
        let Some(sessions) = sessions.and_then(|row| count(row, "sessions").ok()) else { return found };
        for answer in answers.iter().filter(|a| a.name == POOLS) {
            match console(answers, answer, &mut found) {
                Ok(Some(console)) => console.starved(ask, sessions, &mut found),
                Ok(None) => {}
                Err(why) => found.unreadable.push(format!("the console of {}: {why}", answer.from)),
            }
        }
        found.candidates.sort_by(|a, b| max_wait(b).total_cmp(&max_wait(a)));
        found.cut(ask.limit());
        found
    }

    fn answers(&self) -> &'static [AnswerSpec] {
        ANSWERS
    }
}

/// The rows of SHOW have more columns; these are read.
static ANSWERS: &[AnswerSpec] = &[
    AnswerSpec {
        question: POOLS,
        from: Some("pooler"),
        columns: &[
            column("database", Holds::Text, Unwritten::Needed),
            column("user", Holds::Text, Unwritten::Needed),
            column("cl_waiting", Holds::Int, Unwritten::Needed),
            column("sv_active", Holds::Int, Unwritten::Needed),
            column("sv_idle", Holds::Int, Unwritten::Is("0")),
            column("sv_used", Holds::Int, Unwritten::Is("0")),
            column("sv_tested", Holds::Int, Unwritten::Is("0")),
            column("sv_login", Holds::Int, Unwritten::Is("0")),
            column("maxwait", Holds::Int, Unwritten::Needed),
            column("maxwait_us", Holds::Int, Unwritten::Is("0")),
        ],
        optional: false,
    },
    AnswerSpec {
        question: DATABASES,
        from: Some("pooler"),
        columns: &[
            column("name", Holds::Text, Unwritten::Needed),
            column("pool_size", Holds::Int, Unwritten::Needed),
            column("reserve_pool_size", Holds::Int, Unwritten::Is("0")),
        ],
        optional: false,
    },
    AnswerSpec {
        question: USERS,
        from: Some("pooler"),
        columns: &[column("name", Holds::Text, Unwritten::Needed), column("pool_size", Holds::Int, Unwritten::Null)],
        optional: true,
    },
    AnswerSpec {
        question: CONFIG,
        from: Some("pooler"),
        columns: &[column("key", Holds::Text, Unwritten::Needed), column("value", Holds::Text, Unwritten::Needed)],
        optional: false,
    },
    AnswerSpec {
        question: SESSIONS,
        from: None,
        columns: &[column("sessions", Holds::Int, Unwritten::Needed)],
        optional: false,
    },
];

fn max_wait(candidate: &Candidate) -> f64 {
    match candidate {
        Candidate::Pool(pool) => pool.max_wait_seconds,
        _ => 0.0,
    }
}

/// One PgBouncer, as its console shows it.
struct Console<'a> {
    name: &'a str,
    default_pool_size: u32,
    config_file: Option<String>,
    /// By database, then by user: sizes that are in force.
    databases: BTreeMap<String, Size>,
    users: BTreeMap<String, u32>,
    pools: Vec<&'a Row>,
}

#[derive(Clone, Copy)]
struct Size {
    pool: u32,
    reserve: u32,
}

fn console<'a>(answers: &'a [Answer], pools: &'a Answer, found: &mut Found) -> Result<Option<Console<'a>>, RowError> {
    let from = pools.from.as_str();
    let mut of = |name: &str, what: &str| -> &'a [Row] {
        let answer = answers.iter().find(|a| a.name == name && a.from == from);
        answer.map_or(&[], |a| rows(a, what, found))
    };
    let (config, databases) = (of(CONFIG, "SHOW CONFIG"), of(DATABASES, "SHOW DATABASES"));
    let (users, pools) = (of(USERS, "SHOW USERS"), of(POOLS, "SHOW POOLS"));
    // Without the sizes of users, one of its own would be taken for the default.
    let unread = answers.iter().any(|a| a.name == USERS && a.from == from && a.rows.is_err());
    if config.is_empty() || databases.is_empty() || unread {
        return Ok(None);
    }
    let setting = |key: &str| config.iter().find(|r| r.text("key").is_ok_and(|k| k == key));
    let Some(default_pool_size) = setting("default_pool_size") else {
        found.unreadable.push(format!("SHOW CONFIG of {from} has no default_pool_size"));
        return Ok(None);
    };
    let sizes = databases.iter().map(|row| Ok((row.text("name")?, size(row)?)));
    // A size of their own came with 1.23; where they have none the cell is empty.
    let users = users.iter().filter_map(|row| Some((row.text("name").ok()?, count(row, "pool_size").ok()?)));
    let pools = pools.iter().filter(|row| row.text("database").is_ok_and(|name| name != "pgbouncer")).collect();
    Ok(Some(Console {
        name: from,
        default_pool_size: count(default_pool_size, "value")?,
        config_file: setting("conffile").and_then(|row| row.text("value").ok()),
        databases: sizes.collect::<Result<_, RowError>>()?,
        users: users.filter(|(_, size)| *size > 0).collect(),
        pools,
    }))
}

fn size(row: &Row) -> Result<Size, RowError> {
    // 1.24 renamed the column.
    let reserve = count(row, "reserve_pool_size").or_else(|_| count(row, "reserve_pool"))?;
    Ok(Size { pool: count(row, "pool_size")?, reserve })
}

impl Console<'_> {
    fn starved(&self, ask: &Ask, sessions: u32, found: &mut Found) {
        let mut readable = Vec::new();
        for row in &self.pools {
            match self.pool(row) {
                Ok(Some(pool)) => readable.push(pool),
                // Opened or dropped between two answers; the next look shows both sides.
                Ok(None) => {}
                Err(why) => found.unreadable.push(format!("SHOW POOLS of {}: {why}", self.name)),
            }
        }
        let sum = |of: &dyn Fn(&Seen) -> u32| readable.iter().map(of).fold(0, u32::saturating_add);
        let usable_connections = ask.server.usable_connections();
        let pools_total = sum(&|s| s.may_open(usable_connections).saturating_add(s.reserve));
        let pools_by_default = sum(&|s| u32::from(!s.pool.own_size));
        let direct_clients = sessions.saturating_sub(sum(&|s| s.servers));
        let longer_than = ask.args.duration("longer_than").unwrap_or(Duration::MAX).as_secs_f64();
        for seen in readable {
            if !seen.is_starved(longer_than) && !seen.still_waits(ask.only, longer_than) {
                continue;
            }
            let pool = Pool { pools_by_default, pools_total, direct_clients, usable_connections, ..seen.pool };
            let candidate = Candidate::Pool(pool);
            if ask.selects(&candidate) {
                found.candidates.push(candidate);
            }
        }
    }

    fn pool(&self, row: &Row) -> Result<Option<Seen>, RowError> {
        let (database, user) = (row.text("database")?, row.text("user")?);
        let Some(size) = self.databases.get(&database).copied() else { return Ok(None) };
        let own_of_user = self.users.get(&user).copied();
        let pool_size = own_of_user.unwrap_or(size.pool);
        let idle_servers = count(row, "sv_idle")?;
        let servers = row.0.keys().filter(|column| column.starts_with("sv_"));
        let servers = servers.map(|column| count(row, column)).sum::<Result<u32, _>>()?;
        let wait = row.float("maxwait")? + row.float("maxwait_us").unwrap_or(0.0) / 1e6;
        let pool = Pool {
            pooler: self.name.to_owned(),
            database,
            user,
            waiting_clients: count(row, "cl_waiting")?,
            max_wait_seconds: wait,
            active_servers: count(row, "sv_active")?,
            idle_servers,
            pool_size,
            own_size: own_of_user.is_some() || pool_size != self.default_pool_size,
            default_pool_size: self.default_pool_size,
            pools_by_default: 0,
            pools_total: 0,
            direct_clients: 0,
            usable_connections: 0,
            config_file: self.config_file.clone(),
        };
        let largest = if size.pool == 0 || pool_size == 0 { None } else { Some(size.pool.max(pool_size)) };
        Ok(Some(Seen { pool, servers, largest, reserve: size.reserve }))
    }
}

/// A pool with what only its neighbours are judged by.
struct Seen {
    pool: Pool,
    /// Server connections in whatever state.
    servers: u32,
    /// The larger of the database's and the user's size: up to 1.25 SHOW USERS also shows the size of one
    /// user in the rows of others that have none. `None`: unlimited.
    largest: Option<u32>,
    reserve: u32,
}

impl Seen {
    fn may_open(&self, usable_connections: u32) -> u32 {
        self.largest.unwrap_or(usable_connections)
    }

    /// Once its size is another than when it was found, its clients still waiting is the harm, whatever
    /// for: a server that takes no more connections would otherwise look like a remedy.
    fn still_waits(&self, found: Option<&Candidate>, longer_than: f64) -> bool {
        let Some(Candidate::Pool(found)) = found else { return false };
        let pool = &self.pool;
        let same = found.database == pool.database && found.user == pool.user;
        same && found.default_pool_size != pool.default_pool_size
            && pool.waiting_clients > 0
            && pool.max_wait_seconds >= longer_than
    }

    fn is_starved(&self, longer_than: f64) -> bool {
        let pool = &self.pool;
        pool.waiting_clients > 0
            && pool.max_wait_seconds >= longer_than
            && pool.idle_servers == 0
            // 0 is unlimited from 1.24 on: such clients wait for something else.
            && pool.pool_size > 0
            && self.servers >= pool.pool_size
    }
}

fn count(row: &Row, column: &str) -> Result<u32, RowError> {
    row.int(column).map(|n| u32::try_from(n).unwrap_or(0))
}

#[cfg(test)]
mod tests;
