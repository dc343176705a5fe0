//! A playbook as it is at one target: with that target's variables, and its overrides laid over the
//! playbook's tree before it is read, so that every check holds for the result.

use super::references::{self, NamedAt};
use super::{Catalogue, Playbook, read};
use crate::syntax::fault::quote;
use crate::syntax::{self, Fault, Kind, Node, Reader, Reference, Span};
use serde_json::json;
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;

/// Keys that say which playbook it is.
const FIXED: [&str; 2] = ["version", "name"];

/// Something written in a file of the configuration.
#[derive(Clone, Copy, Debug)]
pub struct Written<'a> {
    /// The file, for messages.
    pub file: &'a str,
    /// Its text.
    pub text: &'a str,
    /// What is written, with its place there.
    pub node: &'a Node,
}

impl Written<'_> {
    /// A fault of a playbook that is this variable's, placed where somebody can mend it.
    #[must_use]
    pub fn misfit(&self, place: &str, name: &str, fault: Fault) -> Fault {
        let used = format!("{}:{}:{}", fault.file, fault.line, fault.column);
        let message = format!("{place}, the variable {} does not fit {used}: {}", quote(name), fault.message);
        let placed = Fault::at(self.file, self.text, self.node.span, fault.severity, fault.code, message);
        Fault { help: fault.help, ..placed }
    }
}

/// What a target changes in one playbook.
#[derive(Clone, Debug, Default)]
pub struct Changes<'a> {
    /// Values of variables that the playbook has.
    pub vars: BTreeMap<&'a str, Written<'a>>,
    /// Keys of the playbook; a later one replaces an earlier.
    pub overrides: Vec<Written<'a>>,
}

/// A changed playbook, or what is wrong with it.
#[derive(Debug)]
pub struct Reading {
    /// `None` where a fault is an error.
    pub playbook: Option<Playbook>,
    /// Faults that the playbook by itself does not have, each with the variable whose value it is about.
    pub faults: Vec<(Option<String>, Fault)>,
    /// Names of channels, windows and targets in it.
    pub names: Vec<NamedAt>,
}

impl Changes<'_> {
    /// Whether it leaves the playbook as it is.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.vars.is_empty() && self.overrides.is_empty()
    }

    /// For the record, and for the digest.
    #[must_use]
    pub fn to_json(&self) -> serde_json::Value {
        let vars: BTreeMap<_, _> = self.vars.iter().map(|(name, value)| (*name, value.node.to_json())).collect();
        let overrides: Vec<_> = self.overrides.iter().map(|keys| keys.node.to_json()).collect();
        json!({"vars": vars, "overrides": overrides})
    }
}

/// Reads a playbook that was read without a fault before, with a target's changes. An override's own
/// `vars` count more than the target's, being the nearer word.
#[must_use]
pub fn read_changed(base: &Playbook, catalogue: &Catalogue, changes: &Changes) -> Reading {
    let mut reader = Reader::new(&base.file, &base.text);
    let Some(mut root) = syntax::parse(&mut reader) else {
        return Reading { playbook: None, faults: Vec::new(), names: Vec::new() };
    };
    lay_over(&mut reader, &mut root, changes);
    let uses = uses(&mut root, changes);
    let vars = read::fill_in(&mut reader, &mut root);
    let playbook = read::from_tree(&mut reader, &base.file, &root, vars, catalogue);
    let names = references::in_tree(&reader, &root);
    let sound = reader.is_sound();
    let (_, known) = read::read(&base.file, &base.text, catalogue);
    let about = |fault: &Fault| {
        let place = uses.iter().find(|(span, _)| fault.file == base.file && span.start == fault.span.start);
        place.map(|(_, name)| name.clone())
    };
    let new = reader.into_faults().into_iter().filter(|fault| !known.contains(fault));
    let faults = new.map(|fault| (about(&fault), fault)).collect();
    let changes = changes.to_json();
    let digest = hex::encode(Sha256::digest(format!("{}\n{changes}", base.digest)));
    let playbook = playbook.filter(|_| sound).map(|p| Playbook { digest, changes: Some(changes), ..p });
    Reading { playbook, faults, names }
}

fn lay_over<'a>(reader: &mut Reader<'a>, root: &mut Node, changes: &Changes<'a>) {
    if let Kind::Map(entries) = &mut root.kind
        && let Some(Kind::Map(vars)) = entries.iter_mut().find(|e| e.key == "vars").map(|e| &mut e.value.kind)
    {
        for var in vars {
            if let Some(value) = changes.vars.get(var.key.as_str()) {
                let by = reader.beside(value.file, value.text);
                var.value = value.node.clone().shift(by);
            }
        }
    }
    for over in &changes.overrides {
        let by = reader.beside(over.file, over.text);
        let keys = over.node.clone().shift(by);
        if let Kind::Map(entries) = &keys.kind {
            for entry in entries.iter().filter(|e| FIXED.contains(&e.key.as_str())) {
                let message = format!("an override cannot change `{}`", entry.key);
                reader.error_help(entry.key_span, "unknown-key", message, "remove it");
            }
            root.overlay(keys);
        } else {
            reader.mismatch(&keys, "a map of a playbook's keys");
        }
    }
}

/// Where the variables that a target sets are used.
fn uses(root: &mut Node, changes: &Changes) -> Vec<(Span, String)> {
    let mut uses = Vec::new();
    root.each_scalar(&mut |node| {
        if let Kind::Scalar { text, .. } = &node.kind
            && let Ok(Some(Reference::Var(name))) = Reference::parse(text)
            && changes.vars.contains_key(name)
        {
            uses.push((node.span, name.to_owned()));
        }
    });
    uses
}
