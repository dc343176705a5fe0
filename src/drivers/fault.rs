//! A driver's errors as faults, in words without anybody's data.

use super::Fault;
use std::error::Error as _;
use tokio_postgres::Error;
use tokio_postgres::error::{DbError, Severity};

/// An error before anything was sent that could have an effect.
pub fn before(error: &Error) -> Fault {
    match error.as_db_error() {
        Some(db) if !ends_session(db) => refused(db),
        _ => Fault::Unreachable(words(error)),
    }
}

/// An error after the statement was sent.
pub fn after(error: &Error) -> Fault {
    match error.as_db_error() {
        Some(db) if !ends_session(db) => refused(db),
        None if is_ours(error) => Fault::Unreachable(words(error)),
        _ => Fault::Lost(words(error)),
    }
}

/// The server's message with its SQLSTATE, or what went wrong on the way to it. A message's detail is
/// left out: it quotes rows.
pub fn words(error: &Error) -> String {
    if let Some(db) = error.as_db_error() {
        return format!("{} (SQLSTATE {})", message(db), db.code().code());
    }
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let cause_text = cause.to_string();
        if !text.contains(&cause_text) {
            text = format!("{text}: {cause_text}");
        }
        source = cause.source();
    }
    text
}

fn refused(db: &DbError) -> Fault {
    Fault::Refused { sqlstate: db.code().code().to_owned(), message: message(db) }
}

fn message(db: &DbError) -> String {
    db.hint().map_or_else(|| db.message().to_owned(), |hint| format!("{}; hint: {hint}", db.message()))
}

/// FATAL and PANIC end the session: whether the statement's work was committed is not said.
fn ends_session(db: &DbError) -> bool {
    matches!(db.parsed_severity(), Some(Severity::Fatal | Severity::Panic))
        || matches!(db.severity(), "FATAL" | "PANIC")
}

/// A parameter that did not fit its type: nothing left this process.
fn is_ours(error: &Error) -> bool {
    error.to_string().starts_with("error serializing parameter")
}
