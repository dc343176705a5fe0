//! `${env:X}`, `${file:F}` and `${var:V}`: each replaces a whole value.

use super::fault::{quote, suggest};
use super::{Kind, Node, Reader};
use std::collections::{BTreeMap, BTreeSet};

/// Where a value comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reference<'n> {
    /// `${env:NAME}`.
    Env(&'n str),
    /// `${file:PATH}`.
    File(&'n str),
    /// `${var:NAME}`.
    Var(&'n str),
    /// `${alert:LABEL}`.
    Alert(&'n str),
}

impl<'n> Reference<'n> {
    /// The reference that a text is; `None` for a plain text.
    ///
    /// # Errors
    /// For a text that only contains a reference, or one of an unknown sort. Never quotes the text: it
    /// may hold a secret.
    pub fn parse(text: &'n str) -> Result<Option<Reference<'n>>, &'static str> {
        if !text.contains("${") {
            return Ok(None);
        }
        let whole = text.strip_prefix("${").and_then(|rest| rest.strip_suffix('}'));
        let Some(inner) = whole.filter(|inner| !inner.contains(['{', '}'])) else {
            return Err("a reference `${…}` replaces a whole value and cannot be a part of one");
        };
        let reference = match inner.split_once(':') {
            Some(("env", name)) if is_name(name) => Reference::Env(name),
            Some(("file", path)) if !path.trim().is_empty() => Reference::File(path.trim()),
            Some(("var", name)) if is_name(name) => Reference::Var(name),
            Some(("alert", label)) if is_name(label) => Reference::Alert(label),
            _ => return Err("there is only `${env:NAME}`, `${file:PATH}` and, in playbooks, `${var:NAME}`"),
        };
        Ok(Some(reference))
    }
}

/// Most bytes that the values of variables may have in all their places.
const MOST_FILLED: usize = 1 << 20;

fn is_name(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
}

/// A playbook's `vars`: names and plain values.
pub fn vars(reader: &mut Reader, node: &Node) -> BTreeMap<String, String> {
    let Some(map) = reader.open_map(node, "variables by name") else { return BTreeMap::new() };
    let mut vars = BTreeMap::new();
    for entry in map.entries() {
        if !is_name(&entry.key) {
            let message = format!("{} is no name for a variable", quote(&entry.key));
            reader.error_help(entry.key_span, "bad-name", message, "use letters, digits and `_`");
        }
        let Some(value) = reader.text_of(&entry.value, "a text or number") else { continue };
        if Reference::parse(value) == Ok(None) {
            vars.insert(entry.key.clone(), value.to_owned());
        } else {
            let help = "write the value itself";
            reader.error_help(entry.value.span, "bad-reference", "a variable cannot be a reference", help);
        }
    }
    vars
}

/// Puts the playbook's variables in their places, everywhere but in `vars` itself. A faulty
/// reference is reported, and its value reads as it stands.
pub fn fill_in(reader: &mut Reader, root: &mut Node, vars: &BTreeMap<String, String>) {
    let mut used = Used::default();
    let Kind::Map(entries) = &mut root.kind else { return };
    for entry in entries.iter_mut().filter(|e| e.key != "vars") {
        entry.value.each_scalar(&mut |node| fill_in_one(reader, node, vars, &mut used));
    }
    let Some(entry) = entries.iter().find(|e| e.key == "vars") else { return };
    let Kind::Map(written) = &entry.value.kind else { return };
    for var in written.iter().filter(|v| !used.names.contains(&v.key)) {
        let help = format!("use it as \"${{var:{}}}\", or remove it", var.key);
        reader.warning(var.key_span, "unused-variable", format!("{} is not used", quote(&var.key)), help);
    }
}

/// The variables that were put in their places.
#[derive(Default)]
struct Used {
    names: BTreeSet<String>,
    /// How many bytes they have there in all.
    bytes: usize,
}

fn fill_in_one(reader: &mut Reader, node: &mut Node, vars: &BTreeMap<String, String>, used: &mut Used) {
    let Kind::Scalar { text, .. } = &node.kind else { return };
    match Reference::parse(text) {
        Ok(None) => {}
        Ok(Some(Reference::Var(name))) => {
            used.names.insert(name.to_owned());
            let Some(value) = vars.get(name) else {
                let message = format!("there is no variable {}", quote(name));
                let help = suggest(name, vars.keys().map(String::as_str));
                return reader.error_help(node.span, "unknown-variable", message, help);
            };
            let before = used.bytes;
            used.bytes += value.len();
            if used.bytes <= MOST_FILLED {
                node.kind = Kind::Scalar { text: value.clone(), quoted: false };
            } else if before <= MOST_FILLED {
                let message = format!("variables are used for more than {MOST_FILLED} bytes in all");
                reader.error_help(node.span, "too-large", message, "shorten their values");
            }
        }
        Ok(Some(Reference::Alert(_))) => reader.not_yet(node.span, "${alert:…}"),
        Ok(Some(Reference::Env(_) | Reference::File(_))) => {
            let message = "`${env:…}` and `${file:…}` are for the secrets of pgmedic.yaml, not for playbooks";
            reader.error_help(node.span, "bad-reference", message, "use `vars` and `${var:NAME}`");
        }
        Err(why) => reader.error_help(node.span, "bad-reference", why, "write for example \"${var:long_query}\""),
    }
}

/// Reports references where none is understood: everywhere but below the keys that are allowed, and
/// those that are refused as a whole.
pub fn refuse(reader: &mut Reader, node: &Node, allowed: &[&str], refused: &[&str]) {
    match &node.kind {
        Kind::Scalar { text, .. } => {
            if Reference::parse(text) != Ok(None) {
                let help = format!("references work for {}", allowed.join(", "));
                reader.error_help(node.span, "bad-reference", "a reference is not understood here", help);
            }
        }
        Kind::Seq(items) => items.iter().for_each(|item| refuse(reader, item, allowed, refused)),
        Kind::Map(entries) => {
            let skipped = |key: &str| allowed.contains(&key) || refused.contains(&key);
            for entry in entries.iter().filter(|e| !skipped(&e.key)) {
                refuse(reader, &entry.value, allowed, refused);
            }
        }
    }
}
