//! The arguments of a finder or an action: typed, complete, in order of name.

use crate::model::{Duration, Selector};
use serde_json::{Value as Json, json};
use std::collections::BTreeMap;

/// One argument.
#[derive(Clone, Debug)]
pub enum Arg {
    /// A length of time.
    Duration(Duration),
    /// A whole number.
    Count(u64),
    /// Between 0 and 1.
    Share(f64),
    /// One of the parameter's words.
    Word(&'static str),
    /// Patterns.
    Selector(Box<Selector>),
    /// Arguments for those that match; the first match wins.
    Overrides(Vec<(Selector, Args)>),
}

/// Arguments by name. Every parameter with a default is present.
#[derive(Clone, Debug, Default)]
pub struct Args(pub BTreeMap<&'static str, Arg>);

impl Args {
    /// A length of time, if it is written or has a default.
    #[must_use]
    pub fn duration(&self, name: &str) -> Option<Duration> {
        match self.0.get(name) {
            Some(Arg::Duration(d)) => Some(*d),
            _ => None,
        }
    }

    /// A whole number, if it is written or has a default.
    #[must_use]
    pub fn count(&self, name: &str) -> Option<u64> {
        match self.0.get(name) {
            Some(Arg::Count(n)) => Some(*n),
            _ => None,
        }
    }

    /// A share of one, if it is written or has a default.
    #[must_use]
    pub fn share(&self, name: &str) -> Option<f64> {
        match self.0.get(name) {
            Some(Arg::Share(x)) => Some(*x),
            _ => None,
        }
    }

    /// A word, if it is written or has a default.
    #[must_use]
    pub fn word(&self, name: &str) -> Option<&'static str> {
        match self.0.get(name) {
            Some(Arg::Word(w)) => Some(w),
            _ => None,
        }
    }

    /// Patterns, if they are written.
    #[must_use]
    pub fn selector(&self, name: &str) -> Option<&Selector> {
        match self.0.get(name) {
            Some(Arg::Selector(s)) => Some(s),
            _ => None,
        }
    }

    /// The arguments in force for a candidate: those of the first override that matches, over these.
    #[must_use]
    pub fn for_candidate(&self, called: &crate::model::names::Called) -> Args {
        let Some(Arg::Overrides(overrides)) = self.0.get("overrides") else { return self.clone() };
        let Some((_, over)) = overrides.iter().find(|(selector, _)| selector.all(called)) else { return self.clone() };
        let mut all = self.0.clone();
        all.extend(over.0.iter().map(|(k, v)| (*k, v.clone())));
        Args(all)
    }

    /// As records show them.
    #[must_use]
    pub fn to_json(&self) -> Json {
        let plain = self.0.iter().filter_map(|(name, arg)| {
            let value = match arg {
                Arg::Duration(d) => json!(crate::model::time::in_words(*d)),
                Arg::Count(n) => json!(n),
                Arg::Share(x) => json!(x),
                Arg::Word(w) => json!(w),
                Arg::Selector(_) | Arg::Overrides(_) => return None,
            };
            Some(((*name).to_owned(), value))
        });
        Json::Object(plain.collect())
    }
}
