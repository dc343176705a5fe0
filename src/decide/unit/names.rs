//! What a test calls a candidate: a session by its pid, a table as `shop.public.orders`, a pool as
//! `main.shop.app`. Of a name of parts the last ones will do where they mean one thing only.

use crate::model::{Candidate, Kind, Row};
use crate::syntax::fault::{quote, suggest};
use crate::syntax::{Node, Reader};

/// The candidates that a test may name.
#[derive(Clone, Copy)]
pub(super) struct Names<'a> {
    pub all: &'a [String],
    /// Rows could not be read: a name that is not there may be that of such a row, whose fault was told.
    pub faulty: bool,
}

/// The name of a candidate.
pub(super) fn of(candidate: &Candidate) -> String {
    match candidate {
        Candidate::Backend(b) => b.pid.to_string(),
        Candidate::Table(t) => format!("{}.{}.{}", t.database, t.schema, t.name),
        Candidate::Pool(p) => format!("{}.{}.{}", p.pooler, p.database, p.user),
    }
}

/// The name of the candidate that a row would be.
pub(super) fn of_row(kind: Kind, from: &str, row: &Row) -> String {
    let text = |column: &str| row.text(column).unwrap_or_default();
    match kind {
        Kind::Backend => row.int("pid").unwrap_or_default().to_string(),
        Kind::Table => format!("{from}.{}.{}", text("schema"), text("name")),
        Kind::Pool => format!("{from}.{}.{}", text("database"), text("user")),
    }
}

/// The name that is written, in full.
pub(super) fn read(reader: &mut Reader, node: &Node, names: &Names) -> Option<String> {
    let written = reader.text_of(node, "a candidate")?;
    let end = format!(".{written}");
    let meant: Vec<&String> = names.all.iter().filter(|name| *name == written || name.ends_with(&end)).collect();
    match meant.as_slice() {
        [one] => Some((*one).clone()),
        [] if names.faulty => None,
        [] => {
            let message = format!("there is no candidate {} in this test", quote(written));
            let help = suggest(written, names.all.iter().map(String::as_str));
            reader.error_help(node.span, "unknown-candidate", message, help);
            None
        }
        [first, ..] => {
            let message = format!("{} means {} candidates of this test", quote(written), meant.len());
            reader.error_help(node.span, "unknown-candidate", message, format!("write for example `{first}`"));
            None
        }
    }
}
