//! What is wrong: read-only questions to a server and the candidates that its answers name.
//!
//! One finder is one file and one line in [`REGISTRY`]. Looking again at one candidate asks the same
//! questions narrowed to it, so that "still there" always means what "found" meant.

use crate::config::QueryText;
use crate::model::{Answer, Candidate, Question, Server};
use crate::playbook::{Args, FinderSpec};

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
    /// What could not be read, each in words.
    pub unreadable: Vec<String>,
}

/// Lists candidates of one kind.
pub trait Finder: Sync {
    /// Its name, kind and parameters.
    fn spec(&self) -> &'static FinderSpec;
    /// What to ask.
    fn questions(&self, ask: &Ask) -> Vec<Question>;
    /// What the answers say. Nothing that a server answers makes it panic.
    fn read(&self, ask: &Ask, answers: &[Answer]) -> Found;
}

/// All finders, in order of name.
pub static REGISTRY: &[&dyn Finder] = &[];

/// The finder of a specification that came from the catalogue.
#[must_use]
pub fn of(spec: &FinderSpec) -> Option<&'static dyn Finder> {
    REGISTRY.iter().copied().find(|f| f.spec().name == spec.name)
}
