//! The words a playbook may use, as data: the registries of finders and actions fill it, the reader
//! checks against it, and reference pages are generated from it.

use crate::model::{Class, Kind};

/// What a finder is called and understands.
#[derive(Debug)]
pub struct FinderSpec {
    /// The key under `find`.
    pub name: &'static str,
    /// What it lists.
    pub kind: Kind,
    /// One sentence for people.
    pub about: &'static str,
    /// What can be written below it.
    pub params: &'static [Param],
}

/// What an action is called and understands.
#[derive(Debug)]
pub struct ActionSpec {
    /// The word under `do`.
    pub name: &'static str,
    /// What it can be done to.
    pub kind: Kind,
    /// What harm it can do.
    pub class: Class,
    /// One sentence for people.
    pub about: &'static str,
    /// What can be written below it (`mode` is understood by all).
    pub params: &'static [Param],
    /// What it may cost and how it is taken back, for the reference page.
    pub danger: &'static str,
}

/// One parameter.
#[derive(Debug)]
pub struct Param {
    /// The key.
    pub name: &'static str,
    /// What it takes.
    pub ty: ParamType,
    /// As it would be written; `None`: may be left out.
    pub default: Option<&'static str>,
    /// It must be written.
    pub required: bool,
    /// One sentence for people.
    pub about: &'static str,
}

/// What a parameter takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ParamType {
    /// A length of time in Prometheus's grammar, above zero.
    Duration,
    /// A whole number within bounds, both included.
    Count {
        /// Smallest.
        min: u64,
        /// Largest.
        max: u64,
    },
    /// A number between 0 and 1.
    Share,
    /// One of these words.
    Word(&'static [&'static str]),
    /// A map of `databases users applications client_addrs schemas tables`, of which the finder's
    /// kind has these.
    Selector(&'static [&'static str]),
    /// A list of `{match: SELECTOR, PARAM: …}`; these parameters can be overridden.
    Overrides {
        /// Respects for `match`.
        respects: &'static [&'static str],
        /// Names of parameters of the same finder.
        params: &'static [&'static str],
    },
}

/// All finders and actions that this build knows.
#[derive(Clone, Copy, Debug)]
pub struct Catalogue {
    /// In order of name.
    pub finders: &'static [&'static FinderSpec],
    /// In order of name.
    pub actions: &'static [&'static ActionSpec],
    /// Whether whoever reads playbooks can tell if a condition holds.
    pub conditions: bool,
}

impl Catalogue {
    /// A finder by name.
    #[must_use]
    pub fn finder(&self, name: &str) -> Option<&'static FinderSpec> {
        self.finders.iter().copied().find(|f| f.name == name)
    }

    /// An action by name.
    #[must_use]
    pub fn action(&self, name: &str) -> Option<&'static ActionSpec> {
        self.actions.iter().copied().find(|a| a.name == name)
    }
}
