//! What the roles must be granted: what every target needs, and the words in which an action says what
//! it needs besides.

use crate::model::{Place, Question};

/// Which login a grant is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hand {
    /// The one that looks.
    Reading,
    /// The one that acts.
    Acting,
}

/// What has to be there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Needs {
    /// Membership in a role that PostgreSQL brings along.
    Member(&'static str),
    /// Membership in every role that owns a table which may be acted on.
    TableOwners,
    /// USAGE on the schemas of those tables, where not everybody has it.
    TableSchemas,
    /// A place in PgBouncer's `admin_users`.
    PoolerAdmin,
}

/// One thing that a login must be granted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Grant {
    /// Whom.
    pub hand: Hand,
    /// What.
    pub needs: Needs,
    /// From this major on.
    pub from: i32,
    /// Up to and including this major.
    pub to: i32,
    /// What fails without it, in a sentence.
    pub why: &'static str,
    /// What it lets the login do besides, in a sentence: grants are coarser than needs.
    pub also_permits: &'static str,
}

impl Grant {
    /// Whether it is needed on a major.
    #[must_use]
    pub fn holds_on(&self, major: i32) -> bool {
        (self.from..=self.to).contains(&major)
    }
}

/// The oldest and the newest major there may be.
pub const ANY: (i32, i32) = (13, i32::MAX);

const MONITOR: Grant = Grant {
    hand: Hand::Reading,
    needs: Needs::Member("pg_monitor"),
    from: ANY.0,
    to: ANY.1,
    why: "Without it the views hide what other users' sessions do, and every finder would say that all is well.",
    also_permits: "reading every session's query text and client address and all settings; running functions that \
                   scan a table under a light lock (pgstattuple and its like).",
};

const RESERVED: Grant = Grant {
    hand: Hand::Reading,
    needs: Needs::Member("pg_use_reserved_connections"),
    from: 16,
    to: ANY.1,
    why: "Lets it come in when the server is full, which is when it is needed; useful once reserved_connections is \
          set to 2 or more (needs a restart).",
    also_permits: "nothing else.",
};

/// What every target needs, whatever its playbooks do. The acting login reads the views, too: its
/// statements check their victim themselves.
pub static BASE: &[Grant] = &[
    MONITOR,
    Grant {
        hand: Hand::Acting,
        why: "Without it the views hide from it what others do: no session is cancelled or terminated. Maintenance goes \
              on: who waits for it is found by pg_locks, but not what kind of session that is.",
        ..MONITOR
    },
    RESERVED,
    Grant { hand: Hand::Acting, ..RESERVED },
];

/// A role of which to ask.
pub const ROLES: &str = "roles";
/// The tables of a database, summed up.
pub const TABLES: &str = "tables";

/// What the server says of the two roles, for those that are there already.
#[must_use]
pub fn roles(reading: &str, acting: &str) -> Question {
    use crate::model::Value::Text;
    let sql = "SELECT rolname::text AS name, rolsuper AS super, rolinherit AS inherits, rolconnlimit::int4 AS connections \
                 FROM pg_roles WHERE rolname IN ($1, $2) ORDER BY rolname";
    let params = vec![Text(reading.to_owned()), Text(acting.to_owned())];
    Question { name: ROLES, place: Place::Reading, sql: sql.to_owned(), params }
}

/// The tables that maintenance may ever be about, in each database: not only those that are ill today.
/// `open`: everybody has USAGE on the schema. `super`: whoever is a member of the owner is a superuser or
/// can make itself one; below 16 CREATEROLE is enough for that.
#[must_use]
pub fn tables() -> Question {
    let sql = "WITH owners AS MATERIALIZED ( \
                 SELECT r.oid, r.rolname, \
                        r.rolcreaterole AND current_setting('server_version_num')::int4 < 160000 \
                        OR EXISTS (SELECT FROM pg_roles s WHERE pg_has_role(r.oid, s.oid, 'MEMBER') AND (s.rolsuper OR s.rolname IN \
                             ('pg_execute_server_program', 'pg_read_server_files', 'pg_write_server_files'))) AS super \
                   FROM pg_roles r WHERE r.oid IN (SELECT relowner FROM pg_class)) \
               SELECT n.nspname::text AS schema, c.relname::text AS name, r.rolname::text AS owner, r.super, \
                      has_schema_privilege('public', n.oid, 'USAGE') AS open \
                 FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace JOIN owners r ON r.oid = c.relowner \
                WHERE c.relkind IN ('r', 'm', 'p') AND c.relpersistence <> 't' \
                  AND n.nspname <> 'information_schema' AND n.nspname !~ '^pg_' \
                ORDER BY n.nspname, r.rolname, c.relname";
    Question { name: TABLES, place: Place::EachDatabase, sql: sql.to_owned(), params: Vec::new() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::actions::REGISTRY;

    #[test]
    fn a_grant_says_why_and_what_else_it_permits() {
        for grant in REGISTRY.iter().flat_map(|a| a.grants()).chain(BASE) {
            assert!(grant.why.ends_with('.') && grant.also_permits.ends_with('.'), "{grant:?}");
            assert!(grant.from <= grant.to, "{grant:?}");
        }
    }

    #[test]
    fn every_action_needs_something_on_every_major() {
        for major in 13..=18 {
            for action in REGISTRY {
                let needs = action.grants().iter().filter(|g| g.holds_on(major)).count();
                assert!(needs > 0, "{} on {major}", action.spec().name);
            }
        }
    }

    #[test]
    fn ownership_is_asked_for_only_where_there_is_nothing_milder() {
        let owners = |major| {
            let all = REGISTRY.iter().flat_map(|a| a.grants());
            all.filter(|g| g.holds_on(major)).any(|g| g.needs == Needs::TableOwners)
        };
        assert_eq!([13, 16, 17, 18].map(owners), [true, true, false, false]);
    }
}
