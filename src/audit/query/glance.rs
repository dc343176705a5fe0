//! The few fields of a line by which most lines are passed over: reading a whole record takes several times as
//! long, and a question means few of those that stand in a block.

use super::Filter;
use crate::model::{RecordKind, Verdict};
use serde::Deserialize;
use std::borrow::Cow;

/// What a line says of itself. All else is checked to be JSON and not looked at.
#[derive(Deserialize)]
pub(super) struct Glance<'a> {
    /// Its place in the log.
    pub(super) seq: u64,
    kind: RecordKind,
    #[serde(borrow, default)]
    run: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    target: Option<Cow<'a, str>>,
    #[serde(borrow, default)]
    playbook: Option<Name<'a>>,
    #[serde(default)]
    verdict: Option<Verdict>,
}

#[derive(Deserialize)]
struct Name<'a> {
    #[serde(borrow)]
    name: Cow<'a, str>,
}

impl<'a> Glance<'a> {
    /// Glances at a line.
    pub(super) fn at(line: &'a [u8]) -> serde_json::Result<Glance<'a>> {
        serde_json::from_slice(line)
    }

    /// Whether the record may be meant; false is sure. Its time is not looked at.
    pub(super) fn may_match(&self, filter: &Filter) -> bool {
        let is = |wanted: &Option<String>, value: Option<&str>| wanted.as_deref().is_none_or(|w| value == Some(w));
        is(&filter.target, self.target.as_deref())
            && is(&filter.playbook, self.playbook.as_ref().map(|p| &*p.name))
            && is(&filter.run, self.run.as_deref())
            && filter.kind.is_none_or(|kind| self.kind == kind)
            && filter.verdict.is_none_or(|verdict| self.verdict == Some(verdict))
    }
}
