//! Things that could be acted on.

use super::{Backend, Pool, Table, names::Called};
use serde::{Deserialize, Serialize};

/// What sort of thing a finder lists and an action takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// A client session.
    Backend,
    /// A table, materialised view or partitioned parent.
    Table,
    /// A PgBouncer pool.
    Pool,
}

impl Kind {
    /// The word in playbooks, records and documentation.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Kind::Backend => "backend",
            Kind::Table => "table",
            Kind::Pool => "pool",
        }
    }
}

/// One thing that could be acted on, with all that guards and actions may judge it by.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Candidate {
    /// A client session.
    Backend(Backend),
    /// A table.
    Table(Table),
    /// A PgBouncer pool.
    Pool(Pool),
}

impl Candidate {
    /// Its kind.
    #[must_use]
    pub fn kind(&self) -> Kind {
        match self {
            Candidate::Backend(_) => Kind::Backend,
            Candidate::Table(_) => Kind::Table,
            Candidate::Pool(_) => Kind::Pool,
        }
    }

    /// Its identity within the target as text: equal exactly for the same thing in the same incident.
    #[must_use]
    pub fn key(&self) -> String {
        match self {
            Candidate::Backend(b) => b.key(),
            Candidate::Table(t) => t.key(),
            Candidate::Pool(p) => p.key(),
        }
    }

    /// What it is and what is wrong with it, in one line for people.
    #[must_use]
    pub fn title(&self) -> String {
        match self {
            Candidate::Backend(b) => b.title(),
            Candidate::Table(t) => t.title(),
            Candidate::Pool(p) => p.title(),
        }
    }

    /// Its names, for selectors and protections.
    #[must_use]
    pub fn called(&self) -> Called<'_> {
        match self {
            Candidate::Backend(b) => b.called(),
            Candidate::Table(t) => t.called(),
            Candidate::Pool(p) => p.called(),
        }
    }
}

/// A candidate as a record holds it: findable by `key`, readable by `title`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Named {
    /// [`Candidate::key`].
    pub key: String,
    /// [`Candidate::title`].
    pub title: String,
    /// All that was known of it.
    #[serde(flatten)]
    pub candidate: Candidate,
}

impl From<&Candidate> for Named {
    fn from(candidate: &Candidate) -> Named {
        Named { key: candidate.key(), title: candidate.title(), candidate: candidate.clone() }
    }
}
