//! What the server says of itself: its version, the roles that are there, its tables and their owners.

use super::super::start;
use crate::actions::grants::{ROLES, TABLES, roles, tables};
use crate::config::{Target, Text};
use crate::drivers::{Connect, TargetDriver};
use crate::model::names::Called;
use crate::model::query::RowError;
use crate::model::{Answer, Row, Server};
use std::time::Duration;

/// A person is waiting.
const DEADLINE: Duration = Duration::from_secs(20);

/// One look.
pub(super) struct Seen {
    server: Server,
    /// Of the two roles, those that are there.
    pub roles: Vec<Role>,
    /// All that maintenance could ever be about.
    pub tables: Vec<Owned>,
    /// What could not be read, each in words.
    pub unreadable: Vec<String>,
}

/// A role that is there.
pub(super) struct Role {
    pub name: String,
    pub superuser: bool,
    pub inherits: bool,
    /// -1: no limit.
    pub connections: i64,
}

/// A table and whose it is.
pub(super) struct Owned {
    pub database: String,
    pub schema: String,
    pub name: String,
    pub owner: String,
    /// The owner is a superuser, or can make itself one.
    pub superuser: bool,
    /// Everybody has USAGE on the schema.
    pub open: bool,
}

impl Seen {
    pub(super) fn major(&self) -> i32 {
        self.server.major()
    }

    pub(super) fn databases(&self) -> &[String] {
        &self.server.databases
    }

    /// As seen by a look that a test makes up.
    #[cfg(test)]
    pub(super) fn of(server: Server, roles: Vec<Role>, tables: Vec<Owned>) -> Seen {
        Seen { server, roles, tables, unreadable: Vec::new() }
    }
}

impl Owned {
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

/// Looks, as the target's own reading login or as the one of `dsn`.
pub(super) async fn look(target: &Target, dsn: Option<&str>, reading: &str, acting: &str) -> Result<Seen, String> {
    let mut target = target.clone();
    if let Some(dsn) = dsn {
        target.dsn = Text::Plain(dsn.to_owned().into());
        target.password = None;
        target.act_as = None;
    }
    let driver = start::live().driver(&target, false);
    let looked = tokio::time::timeout(DEADLINE, ask(&*driver, reading, acting)).await;
    driver.close().await;
    looked.unwrap_or_else(|_| Err(format!("no answer within {} s", DEADLINE.as_secs())))
}

async fn ask(driver: &dyn TargetDriver, reading: &str, acting: &str) -> Result<Seen, String> {
    let server = driver.server().await.map_err(|fault| fault.to_string())?;
    let mut seen = Seen { server, roles: Vec::new(), tables: Vec::new(), unreadable: Vec::new() };
    let mut answers = driver.ask(&roles(reading, acting)).await;
    answers.extend(driver.ask(&tables()).await);
    for answer in answers {
        if let Err(why) = seen.take(&answer) {
            let place = if answer.from.is_empty() { "the server" } else { &answer.from };
            seen.unreadable.push(format!("{} of {place} could not be read: {why}", answer.name));
        }
    }
    Ok(seen)
}

impl Seen {
    fn take(&mut self, answer: &Answer) -> Result<(), String> {
        let rows = answer.rows.as_ref().map_err(String::clone)?;
        for row in rows {
            match answer.name {
                ROLES => self.roles.push(role(row).map_err(|e| e.to_string())?),
                TABLES => self.tables.push(owned(&answer.from, row).map_err(|e| e.to_string())?),
                _ => {}
            }
        }
        Ok(())
    }
}

fn role(row: &Row) -> Result<Role, RowError> {
    Ok(Role {
        name: row.text("name")?,
        superuser: row.bool("super")?,
        inherits: row.bool("inherits")?,
        connections: row.int("connections")?,
    })
}

fn owned(database: &str, row: &Row) -> Result<Owned, RowError> {
    Ok(Owned {
        database: database.to_owned(),
        schema: row.text("schema")?,
        name: row.text("name")?,
        owner: row.text("owner")?,
        superuser: row.bool("super")?,
        open: row.bool("open")?,
    })
}
