//! Questions to a server and its answers, free of any driver, so that finders and actions stay pure
//! and a simulation can answer in a server's stead.

use super::{Duration, Timestamp};
use std::collections::BTreeMap;

/// Where a statement runs.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Place {
    /// The standing connection that reads.
    Reading,
    /// The standing connection that acts; statements of at most 5 s.
    Acting,
    /// A work session that reads, in each database in which table and index work looks.
    EachDatabase,
    /// A work session that reads, in one database.
    ReadIn(String),
    /// The work session that changes, in one database.
    WorkIn(String),
    /// The console of every PgBouncer of the target.
    EachPooler,
    /// The console of one PgBouncer.
    Pooler(String),
}

/// One statement that reads, with its parameters.
#[derive(Clone, Debug, PartialEq)]
pub struct Question {
    /// Names the answer for the finder that asked.
    pub name: &'static str,
    /// Where it is asked.
    pub place: Place,
    /// The statement; `$1`… are the parameters. On a PgBouncer console: one command, no parameters.
    pub sql: String,
    /// The parameters.
    pub params: Vec<Value>,
}

/// A statement's parameter.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// `int4`.
    Int4(i32),
    /// `int8`.
    Int8(i64),
    /// `float8`.
    Float8(f64),
    /// `text`.
    Text(String),
    /// `oid`.
    Oid(u32),
    /// `timestamptz`, null when none.
    Timestamp(Option<Timestamp>),
}

/// The rows that one place gave to one question.
#[derive(Clone, Debug, PartialEq)]
pub struct Answer {
    /// [`Question::name`].
    pub name: &'static str,
    /// The database or the pooler that answered; empty for the standing connections.
    pub from: String,
    /// The rows, or the server's error in its own words.
    pub rows: Result<Vec<Row>, String>,
}

/// One row by column name.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Row(pub BTreeMap<String, Cell>);

/// One value of a row.
#[derive(Clone, Debug, PartialEq)]
pub enum Cell {
    /// SQL null.
    Null,
    /// `bool`.
    Bool(bool),
    /// `int2`, `int4`, `int8`, `oid`.
    Int(i64),
    /// `float4`, `float8`.
    Float(f64),
    /// `text`, `name`, `varchar`, `"char"`, and everything from a PgBouncer console.
    Text(String),
    /// `timestamptz`.
    Time(Timestamp),
}

/// A column is missing or not of the type that the reader expects.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("column `{column}` is {found}, expected {wanted}")]
pub struct RowError {
    column: String,
    found: String,
    wanted: &'static str,
}

impl Row {
    fn get<T>(&self, column: &str, wanted: &'static str, read: impl Fn(&Cell) -> Option<T>) -> Result<T, RowError> {
        let cell = self.0.get(column);
        cell.and_then(read).ok_or_else(|| RowError {
            column: column.to_owned(),
            found: cell.map_or_else(|| "missing".to_owned(), |c| format!("{c:?}")),
            wanted,
        })
    }

    /// Whether the column is absent or null.
    #[must_use]
    pub fn is_null(&self, column: &str) -> bool {
        matches!(self.0.get(column), None | Some(Cell::Null))
    }

    /// A whole number; text from a console is read as one.
    ///
    /// # Errors
    /// When the column is missing, null or no whole number.
    pub fn int(&self, column: &str) -> Result<i64, RowError> {
        self.get(column, "a whole number", |c| match c {
            Cell::Int(n) => Some(*n),
            Cell::Text(t) => t.parse().ok(),
            _ => None,
        })
    }

    /// A number.
    ///
    /// # Errors
    /// When the column is missing, null or no number.
    pub fn float(&self, column: &str) -> Result<f64, RowError> {
        self.get(column, "a number", |c| match c {
            Cell::Float(n) => Some(*n),
            #[allow(clippy::cast_precision_loss)] // counts far below 2^53
            Cell::Int(n) => Some(*n as f64),
            Cell::Text(t) => t.parse().ok(),
            _ => None,
        })
    }

    /// A text.
    ///
    /// # Errors
    /// When the column is missing, null or no text.
    pub fn text(&self, column: &str) -> Result<String, RowError> {
        self.get(column, "a text", |c| match c {
            Cell::Text(t) => Some(t.clone()),
            _ => None,
        })
    }

    /// A text or nothing.
    ///
    /// # Errors
    /// When the column is neither.
    pub fn opt_text(&self, column: &str) -> Result<Option<String>, RowError> {
        if self.is_null(column) { Ok(None) } else { self.text(column).map(Some) }
    }

    /// A truth value.
    ///
    /// # Errors
    /// When the column is missing, null or none.
    pub fn bool(&self, column: &str) -> Result<bool, RowError> {
        self.get(column, "a truth value", |c| match c {
            Cell::Bool(b) => Some(*b),
            _ => None,
        })
    }

    /// A moment.
    ///
    /// # Errors
    /// When the column is missing, null or none.
    pub fn time(&self, column: &str) -> Result<Timestamp, RowError> {
        self.get(column, "a moment", |c| match c {
            Cell::Time(t) => Some(*t),
            _ => None,
        })
    }

    /// A moment or nothing.
    ///
    /// # Errors
    /// When the column is neither.
    pub fn opt_time(&self, column: &str) -> Result<Option<Timestamp>, RowError> {
        if self.is_null(column) { Ok(None) } else { self.time(column).map(Some) }
    }
}

/// A statement that changes something, with all that the driver needs to run it safely.
#[derive(Clone, Debug, PartialEq)]
pub struct Act {
    /// Where it runs.
    pub place: Place,
    /// `SET` before it, for the session or (on the acting connection) this statement only.
    pub settings: Vec<(&'static str, String)>,
    /// Asked in the same session just before; the statement runs only if it returns a row.
    pub precondition: Option<Question>,
    /// Of the precondition's rows one must have these texts; empty: any row will do.
    pub wanted: Vec<(&'static str, String)>,
    /// The statement as sent, run comment included.
    pub statement: String,
    /// Its parameters.
    pub params: Vec<Value>,
    /// Cancelled on the server when it has not ended by then.
    pub deadline: Duration,
    /// How the effect is seen afterwards.
    pub confirm: Option<Confirm>,
}

/// Asked again and again after the statement until the action judges that its effect is there.
#[derive(Clone, Debug, PartialEq)]
pub struct Confirm {
    /// What to look at.
    pub question: Question,
    /// Between two looks.
    pub every: Duration,
    /// Given up after.
    pub within: Duration,
}

/// What a statement gave back.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ActAnswer {
    /// False when the precondition gave no row: the statement was not sent.
    pub sent: bool,
    /// Its rows.
    pub rows: Vec<Row>,
    /// Warnings that the server sent with it; a maintenance command without privilege only warns.
    pub warnings: Vec<String>,
}
