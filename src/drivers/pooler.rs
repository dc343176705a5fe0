//! PgBouncer's console: simple protocol only, one command a call, every value a text.

use super::Fault;
use super::attributes::Wanted;
use super::fault;
use super::login::Login;
use super::reach::{Opening, reach};
use crate::model::time::in_words;
use crate::model::{Cell, Duration, Row};
use tokio_postgres::{Client, SimpleQueryMessage};

/// An open console. It ends when it is dropped.
pub struct Console(Client);

impl Console {
    /// Connects to the console.
    ///
    /// # Errors
    /// [`Fault::Unreachable`]: who could not come in where, and why.
    pub async fn open(login: &Login) -> Result<Console, Fault> {
        let opening = Opening { database: "pgbouncer", application: "pgmedic/console", options: None };
        let reached = match single(login) {
            Ok(()) => reach(login, &opening).await,
            Err(why) => Err(why.to_owned()),
        };
        let why = match reached {
            Ok(reached) => return Ok(Console(reached.client)),
            Err(why) => why,
        };
        Err(Fault::Unreachable(format!("cannot connect to the PgBouncer console as {}: {why}", login.title())))
    }

    /// Runs one command.
    ///
    /// # Errors
    /// As the console answers. A command cannot be cancelled there: with no answer in time its end is not known.
    pub async fn run(&self, command: &str, deadline: Duration) -> Result<Vec<Row>, Fault> {
        match tokio::time::timeout(deadline, self.0.simple_query(command)).await {
            Ok(Ok(messages)) => Ok(messages.iter().filter_map(row).collect()),
            Ok(Err(e)) => Err(fault::after(&e)),
            Err(_) => Err(Fault::Lost(format!("no answer within {}", in_words(deadline)))),
        }
    }
}

/// Each console tells of its own pools and changes them alone.
fn single(login: &Login) -> Result<(), &'static str> {
    if login.places.len() > 1 {
        return Err("several hosts are several PgBouncers: write one entry each");
    }
    if login.wanted != Wanted::Any {
        return Err("a PgBouncer is neither primary nor standby: leave target_session_attrs out");
    }
    Ok(())
}

fn row(message: &SimpleQueryMessage) -> Option<Row> {
    let SimpleQueryMessage::Row(row) = message else { return None };
    let cell = |(at, column): (usize, &tokio_postgres::SimpleColumn)| {
        let value = row.try_get(at).ok().flatten();
        (column.name().to_owned(), value.map_or(Cell::Null, |v| Cell::Text(v.to_owned())))
    };
    Some(Row(row.columns().iter().enumerate().map(cell).collect()))
}
