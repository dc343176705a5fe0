//! The statements of one target.

use super::quote::{identifier, literal};
use super::report::{Choice, Statement};
use super::seen::{Owned, Seen};
use crate::actions::grants::{ANY, Grant, Hand, Needs};
use crate::engine::world::World;
use crate::model::Kind;
use crate::playbook::Playbook;
use std::collections::{BTreeMap, BTreeSet};

/// Two standing sessions and two for work, and the same again for a daemon that stands by.
pub(super) const CONNECTIONS: u32 = 8;
/// The first major in which a membership need not include SET ROLE.
const SET_FALSE: i32 = 16;

/// Everything that statements are made from.
pub(super) struct Writer<'a> {
    pub world: &'a World,
    pub choice: &'a Choice,
    pub seen: Option<&'a Seen>,
    pub playbooks: &'a [&'a Playbook],
}

impl Writer<'_> {
    pub(super) fn name(&self, hand: Hand) -> &str {
        match hand {
            Hand::Reading => &self.choice.address.user,
            Hand::Acting => &self.choice.acting,
        }
    }

    pub(super) fn roles(&self) -> Vec<Statement> {
        let why = |what: &str| format!("The login that {what}. Where it is there already it stays as it is.");
        let role = |hand, what: &str| {
            let name = self.name(hand);
            let create = format!("CREATE ROLE {} LOGIN CONNECTION LIMIT {CONNECTIONS}", identifier(name));
            let missing = format!("NOT EXISTS (SELECT FROM pg_roles WHERE rolname = {})", literal(name));
            let sql = format!("SELECT {} WHERE {missing} \\gexec", literal(&create));
            plain(sql, format!("{} Then give it a password: \\password {}", why(what), identifier(name)))
        };
        if self.name(Hand::Reading) == self.name(Hand::Acting) {
            return vec![role(Hand::Reading, "looks and, without `act_as`, also acts")];
        }
        vec![role(Hand::Reading, "looks"), role(Hand::Acting, "acts")]
    }

    pub(super) fn of(&self, grant: &Grant) -> Vec<Statement> {
        let to = identifier(self.name(grant.hand));
        match grant.needs {
            Needs::Member(role) => {
                let mut all = vec![self.granted(grant, format!("GRANT {role} TO {to}"))];
                if role == "pg_maintain" {
                    all.extend(self.narrower(grant, &to));
                }
                all
            }
            Needs::TableOwners => self.owners(grant, &to),
            Needs::TableSchemas => self.schemas(grant, &to),
            Needs::PoolerAdmin => Vec::new(),
        }
    }

    fn granted(&self, grant: &Grant, sql: String) -> Statement {
        Statement {
            also_permits: Some(grant.also_permits.to_owned()),
            from: self.choice.major.unwrap_or(grant.from),
            to: self.choice.major.or((grant.to != i32::MAX).then_some(grant.to)),
            ..plain(sql + ";", grant.why.to_owned())
        }
    }

    /// The same per schema, for those to whom `pg_maintain` is too much.
    fn narrower(&self, grant: &Grant, to: &str) -> Vec<Statement> {
        let tables = self.tables();
        let places: BTreeSet<(&str, &str)> = tables.iter().map(|t| (t.database.as_str(), t.schema.as_str())).collect();
        let one = |(database, schema): (&str, &str)| Statement {
            database: Some(database.to_owned()),
            also_permits: Some("the same as pg_maintain, on these tables only.".to_owned()),
            commented_out: Some("instead of pg_maintain, not besides it; tables made later need it again".to_owned()),
            why: "Narrower than pg_maintain.".to_owned(),
            ..self.granted(grant, format!("GRANT MAINTAIN ON ALL TABLES IN SCHEMA {} TO {to}", identifier(schema)))
        };
        places.into_iter().map(one).collect()
    }

    fn owners(&self, grant: &Grant, to: &str) -> Vec<Statement> {
        let Some(seen) = self.seen else {
            let unknown = "whose tables there are is not known: the server was not looked at (--dsn)";
            return vec![self.commented(grant, format!("GRANT \"OWNER\" TO {to}"), unknown.to_owned())];
        };
        let mut owners: BTreeMap<&str, (bool, usize)> = BTreeMap::new();
        for table in self.tables() {
            owners.entry(&table.owner).or_insert((table.superuser, 0)).1 += 1;
        }
        owners.remove(self.choice.acting.as_str());
        let limit = if seen.major() >= SET_FALSE { " WITH INHERIT TRUE, SET FALSE" } else { "" };
        let one = |(owner, (superuser, tables)): (&str, (bool, usize))| {
            let sql = format!("GRANT {} TO {to}{limit}", identifier(owner));
            let of = format!("owner of {tables} of the tables");
            if superuser {
                let why = format!(
                    "{owner}, {of}, is a superuser or can make itself one, and so could pgmedic: give the tables another owner"
                );
                return self.commented(grant, sql, why);
            }
            if self.choice.allow_ownership {
                return self.granted(grant, sql);
            }
            let why = format!("{owner} is {of}; to be decided by a person: --allow-ownership prints it ready to run");
            self.commented(grant, sql, why)
        };
        owners.into_iter().map(one).collect()
    }

    fn schemas(&self, grant: &Grant, to: &str) -> Vec<Statement> {
        if self.seen.is_none() {
            let unknown = "which schemas are closed to others is not known: the server was not looked at (--dsn)";
            let sql = format!("GRANT USAGE ON SCHEMA \"SCHEMA\" TO {to}");
            return vec![self.commented(grant, sql, unknown.to_owned())];
        }
        let tables = self.tables();
        let closed: BTreeSet<(&str, &str)> =
            tables.iter().filter(|t| !t.open).map(|t| (t.database.as_str(), t.schema.as_str())).collect();
        let one = |(database, schema): (&str, &str)| Statement {
            database: Some(database.to_owned()),
            ..self.granted(grant, format!("GRANT USAGE ON SCHEMA {} TO {to}", identifier(schema)))
        };
        closed.into_iter().map(one).collect()
    }

    fn commented(&self, grant: &Grant, sql: String, why: String) -> Statement {
        Statement { commented_out: Some(why), ..self.granted(grant, sql) }
    }

    /// Tables that a loaded playbook may act on: selected by its finder, protected by nobody.
    fn tables(&self) -> Vec<&Owned> {
        let maintains = |p: &&&Playbook| p.rungs().any(|rung| rung.action.kind == Kind::Table);
        let playbooks: Vec<&&Playbook> = self.playbooks.iter().filter(maintains).collect();
        let meant = |table: &&Owned| {
            let called = table.called();
            playbooks.iter().any(|p| {
                p.find.args.selector("only").is_none_or(|only| only.all(&called))
                    && p.find.args.selector("except").is_none_or(|except| except.any(&called).is_none())
                    && p.guard.protect.matching(&called).is_none()
            }) && self.world.policy.protect.matching(&called).is_none()
        };
        self.seen.map(|seen| seen.tables.iter().filter(meant).collect()).unwrap_or_default()
    }

    /// The databases that sessions are opened in, as far as they are known.
    pub(super) fn databases(&self) -> BTreeSet<&str> {
        let written = self.world.target.databases.iter().map(String::as_str).filter(|name| !is_pattern(name));
        let there = self.seen.map(Seen::databases).unwrap_or_default().iter().map(String::as_str);
        written.filter(|_| self.seen.is_none()).chain(there).chain([self.choice.address.database.as_str()]).collect()
    }

    pub(super) fn connect(&self) -> Vec<Statement> {
        let hands: BTreeSet<String> = [Hand::Reading, Hand::Acting].map(|hand| identifier(self.name(hand))).into();
        let hands = hands.into_iter().collect::<Vec<_>>().join(", ");
        let one = |database: &str| Statement {
            also_permits: Some("sessions in this database; reading its tables takes further grants.".to_owned()),
            ..plain(
                format!("GRANT CONNECT ON DATABASE {} TO {hands};", identifier(database)),
                "Everybody has it unless somebody took it away.".to_owned(),
            )
        };
        self.databases().into_iter().map(one).collect()
    }
}

/// Whether a written database stands for whichever match.
pub(super) fn is_pattern(name: &str) -> bool {
    name.contains(['*', '?', '[', '{', '\\'])
}

fn plain(sql: String, why: String) -> Statement {
    let (from, to) = (ANY.0, None);
    Statement { database: None, sql, why, also_permits: None, commented_out: None, from, to }
}
