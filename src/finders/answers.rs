//! What a finder reads of the answers to its questions, as data: tests of playbooks write such rows without a
//! server, and their reference page lists them.

/// One of the answers that a finder reads.
#[derive(Debug)]
pub struct AnswerSpec {
    /// The question's name.
    pub question: &'static str,
    /// What answers, where several may: `database`, `pooler`.
    pub from: Option<&'static str>,
    /// Every column that is read.
    pub columns: &'static [Column],
    /// A server that is not asked this lists candidates all the same.
    pub optional: bool,
}

/// A column of an answer.
#[derive(Debug)]
pub struct Column {
    /// As the question names it.
    pub name: &'static str,
    /// What stands in it.
    pub holds: Holds,
    /// What a test that does not write it means.
    pub unwritten: Unwritten,
}

/// What stands in a column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Holds {
    /// `true` or `false`.
    Bool,
    /// A whole number.
    Int,
    /// A number.
    Float,
    /// A text.
    Text,
    /// A moment.
    Time,
}

/// What a column that is not written stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unwritten {
    /// It must be written.
    Needed,
    /// SQL null.
    Null,
    /// This, as it would be written.
    Is(&'static str),
    /// The same as another column.
    As(&'static str),
    /// The seconds since the moment in another column.
    Since(&'static str),
}

/// A column in one line.
pub(super) const fn column(name: &'static str, holds: Holds, unwritten: Unwritten) -> Column {
    Column { name, holds, unwritten }
}

impl Holds {
    /// In words.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Holds::Bool => "`true` or `false`",
            Holds::Int => "a whole number",
            Holds::Float => "a number",
            Holds::Text => "a text",
            Holds::Time => "a moment such as 2026-11-24T02:00:00Z, or `10m ago`",
        }
    }
}

/// The reference page of the rows that tests of playbooks write, in Markdown.
#[must_use]
pub fn reference() -> String {
    let mut page = String::from(
        "# Rows in tests of playbooks\n\n<!-- Generated from src/finders: PGMEDIC_BLESS=1 cargo test --test it tidy \
         -->\n\nWhat stands under `candidates` of a test, finder by finder, in the names of the finder's own columns. \
         See [testing-playbooks.md](../testing-playbooks.md).\n",
    );
    for finder in super::REGISTRY {
        page.extend(["\n## `", finder.spec().name, "`\n"]);
        for answer in finder.answers() {
            let may = if answer.optional { " (may be left out)" } else { "" };
            page.push_str(&format!(
                "\n`{}`{may}\n\n| column | holds | not written |\n|---|---|---|\n",
                answer.question
            ));
            if let Some(from) = answer.from {
                page.push_str(&format!("| `{from}` | the {from} that answers | must be written |\n"));
            }
            for Column { name, holds, unwritten } in answer.columns {
                let unwritten = match unwritten {
                    Unwritten::Needed => "must be written".to_owned(),
                    Unwritten::Null => "null".to_owned(),
                    Unwritten::Is("") => "empty".to_owned(),
                    Unwritten::Is(text) => format!("`{text}`"),
                    Unwritten::As(other) => format!("as `{other}`"),
                    Unwritten::Since(other) => format!("the seconds since `{other}`"),
                };
                page.push_str(&format!("| `{name}` | {} | {unwritten} |\n", holds.word()));
            }
        }
    }
    page
}
