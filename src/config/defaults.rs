//! `target_defaults`: what holds for each target that does not say otherwise.

use super::read::Folder;
use super::{Login, Narrowed, Text, Written, rules, targets};
use crate::model::{Labels, Mode};
use crate::syntax::{Keys, Node, Reader};
use std::collections::BTreeMap;

/// What is the same for several servers. A pooler's address is not, nor is what is said of one by name.
pub(super) const DEFAULTS: Keys = Keys {
    what: "`target_defaults`",
    known: &["mode", "labels", "databases", "act_as", "password", "vars", "policy"],
    required: &[],
    later: &["collect_every"],
};

/// What stands under each target: labels and variables one by one, policy together with its own, all
/// else where the target says nothing.
#[derive(Debug, Default)]
pub(super) struct Defaults {
    pub mode: Mode,
    pub labels: Labels,
    pub databases: Option<Vec<String>>,
    pub act_as: Option<Login>,
    pub password: Option<Text>,
    pub vars: BTreeMap<String, Written>,
    pub policy: Narrowed,
}

pub(super) fn defaults(reader: &mut Reader, node: &Node, folder: &Folder) -> Defaults {
    let Some(map) = reader.map(node, &DEFAULTS) else { return Defaults::default() };
    Defaults {
        mode: map.get("mode").and_then(|node| reader.mode(node)).unwrap_or_default(),
        labels: map.get("labels").and_then(|node| reader.labels(node)).unwrap_or_default(),
        databases: map.get("databases").map(|node| targets::databases(reader, node)),
        act_as: map.get("act_as").and_then(|node| targets::login(reader, node, folder)),
        password: map.get("password").and_then(|node| folder.secret(reader, node, "a password")),
        vars: map.get("vars").map(|node| targets::vars(reader, node, folder)).unwrap_or_default(),
        policy: map.get("policy").map(|node| rules::narrowed(reader, node)).unwrap_or_default(),
    }
}
