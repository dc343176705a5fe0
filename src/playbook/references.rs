//! The names in a playbook that stand for something in the configuration.

use super::{Playbook, read};
use crate::syntax::{Kind, Node, Reader, Span};

/// What a name stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refers {
    /// A channel.
    Channel,
    /// A window.
    Window,
    /// A target.
    Target,
}

/// One such name and its place in the playbook's text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NamedAt {
    /// What it stands for.
    pub refers: Refers,
    /// The name.
    pub name: String,
    /// Where it stands.
    pub span: Span,
}

/// All names of channels, windows and targets, in the order of reading.
#[must_use]
pub fn references(playbook: &Playbook) -> Vec<NamedAt> {
    // The text was read without a fault before, so nothing new is reported here.
    let mut reader = Reader::new(&playbook.file, &playbook.text);
    let Some(root) = read::tree(&mut reader) else { return Vec::new() };
    let mut found = Vec::new();
    collect(root.below("notify"), Refers::Channel, &mut found);
    let guard = root.below("guard");
    collect(guard.and_then(|g| g.below("allow_in")), Refers::Window, &mut found);
    collect(guard.and_then(|g| g.below("not_in")), Refers::Window, &mut found);
    if let Some(Kind::Seq(triggers)) = root.below("triggers").map(|n| &n.kind) {
        for trigger in triggers {
            collect(trigger.below("window"), Refers::Window, &mut found);
        }
    }
    collect(root.below("targets").and_then(|t| t.below("names")), Refers::Target, &mut found);
    found
}

fn collect(node: Option<&Node>, refers: Refers, found: &mut Vec<NamedAt>) {
    match node.map(|n| (&n.kind, n.span)) {
        Some((Kind::Scalar { text, .. }, span)) => found.push(NamedAt { refers, name: text.clone(), span }),
        Some((Kind::Seq(items), _)) => items.iter().for_each(|item| collect(Some(item), refers, found)),
        _ => {}
    }
}
