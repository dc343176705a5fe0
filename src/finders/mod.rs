//! What is wrong: read-only questions to a server and the candidates that its answers name.
//!
//! One finder is one file and one line in [`REGISTRY`]. Looking again at one candidate asks the same
//! questions narrowed to it, so that "still there" always means what "found" meant.

pub mod answers;
mod long_queries;
pub mod redact;
mod stale_statistics;
mod starved_pools;

use crate::config::QueryText;
use crate::model::{Answer, Candidate, Question, Row, Server};
use crate::playbook::{Args, FinderSpec};
pub use answers::AnswerSpec;

/// What a finder is asked with.
#[derive(Clone, Copy, Debug)]
pub struct Ask<'a> {
    /// Its arguments, defaults filled in.
    pub args: &'a Args,
    /// The server as just seen.
    pub server: &'a Server,
    /// Look only at this one again: its identity and its condition must still hold.
    pub only: Option<&'a Candidate>,
    /// How query texts become part of candidates.
    pub query_text: QueryText,
}

/// What a finder made of the answers.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Found {
    /// The worst first.
    pub candidates: Vec<Candidate>,
    /// How many were found beyond `limit`, and left out.
    pub beyond_limit: u64,
    /// What could not be read, each in words.
    pub unreadable: Vec<String>,
}

impl Found {
    /// Keeps the first `limit` candidates and counts the others.
    fn cut(&mut self, limit: usize) {
        let over = self.candidates.len().saturating_sub(limit);
        self.candidates.truncate(limit);
        self.beyond_limit = self.beyond_limit.saturating_add(u64::try_from(over).unwrap_or(u64::MAX));
    }
}

/// Lists candidates of one kind.
pub trait Finder: Sync {
    /// Its name, kind and parameters.
    fn spec(&self) -> &'static FinderSpec;
    /// What to ask.
    fn questions(&self, ask: &Ask) -> Vec<Question>;
    /// What the answers say. Nothing that a server answers makes it panic.
    fn read(&self, ask: &Ask, answers: &[Answer]) -> Found;
    /// What it reads of the answers; the first is the one whose rows are candidates.
    fn answers(&self) -> &'static [AnswerSpec];
    /// Why a server never answers with a row like this, in words: what the statement itself leaves out.
    fn never_listed(&self, row: &Row) -> Option<String> {
        let _ = row;
        None
    }
}

/// All finders, in order of name.
pub static REGISTRY: &[&dyn Finder] =
    &[&long_queries::LongQueries, &stale_statistics::StaleStatistics, &starved_pools::StarvedPools];

/// The finder of a specification that came from the catalogue.
#[must_use]
pub fn of(spec: &FinderSpec) -> Option<&'static dyn Finder> {
    REGISTRY.iter().copied().find(|f| f.spec().name == spec.name)
}

impl Ask<'_> {
    /// Whether `only` and `except` let a candidate through, and, on a second look, whether it is the
    /// very one that is looked for.
    fn selects(&self, candidate: &Candidate) -> bool {
        let called = candidate.called();
        self.args.selector("only").is_none_or(|only| only.all(&called))
            && self.args.selector("except").is_none_or(|except| except.any(&called).is_none())
            && self.only.is_none_or(|only| only.key() == candidate.key())
    }

    /// Whether candidates are picked here as well as on the server; then the server must not cut its
    /// answer at `limit`, or those left out would take the place of those wanted.
    fn selects_by_name(&self) -> bool {
        ["only", "except", "overrides"].iter().any(|name| self.args.0.contains_key(name))
    }

    /// Argument `limit`.
    fn limit(&self) -> usize {
        self.args.count("limit").and_then(|n| usize::try_from(n).ok()).unwrap_or(usize::MAX)
    }
}

/// An answer's rows; what the server said instead is noted as unreadable.
fn rows<'a>(answer: &'a Answer, what: &str, found: &mut Found) -> &'a [Row] {
    match &answer.rows {
        Ok(rows) => rows,
        Err(why) if answer.from.is_empty() => {
            found.unreadable.push(format!("{what}: {why}"));
            &[]
        }
        Err(why) => {
            found.unreadable.push(format!("{what} of {}: {why}", answer.from));
            &[]
        }
    }
}

/// Without an answer nothing is known, which is not the same as nothing being wrong.
fn note_silence(question: &str, answers: &[Answer], found: &mut Found) {
    if !answers.iter().any(|a| a.name == question) {
        found.unreadable.push(format!("{question}: nobody answered"));
    }
}

#[cfg(test)]
mod testing;
