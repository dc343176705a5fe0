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

/// One such name and its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NamedAt {
    /// What it stands for.
    pub refers: Refers,
    /// The name.
    pub name: String,
    /// The file it stands in: the playbook's, or one of the configuration that changes it.
    pub file: String,
    /// Where it stands there.
    pub span: Span,
}

/// All names of channels, windows and targets, in the order of reading.
#[must_use]
pub fn references(playbook: &Playbook) -> Vec<NamedAt> {
    // The text was read without a fault before, so nothing new is reported here.
    let mut reader = Reader::new(&playbook.file, &playbook.text);
    let Some(root) = read::tree(&mut reader) else { return Vec::new() };
    in_tree(&reader, &root)
}

/// All names in a playbook's tree, variables in their places.
pub(super) fn in_tree(reader: &Reader, root: &Node) -> Vec<NamedAt> {
    let mut found = Vec::new();
    let mut collect = |node: Option<&Node>, refers| collect(reader, node, refers, &mut found);
    collect(root.below("notify"), Refers::Channel);
    let guard = root.below("guard");
    collect(guard.and_then(|g| g.below("allow_in")), Refers::Window);
    collect(guard.and_then(|g| g.below("not_in")), Refers::Window);
    if let Some(Kind::Seq(triggers)) = root.below("triggers").map(|n| &n.kind) {
        for trigger in triggers {
            collect(trigger.below("window"), Refers::Window);
        }
    }
    collect(root.below("targets").and_then(|t| t.below("names")), Refers::Target);
    found
}

fn collect(reader: &Reader, node: Option<&Node>, refers: Refers, found: &mut Vec<NamedAt>) {
    match node.map(|n| (&n.kind, n.span)) {
        Some((Kind::Scalar { text, .. }, span)) => {
            let (file, _, span) = reader.place(span);
            found.push(NamedAt { refers, name: text.clone(), file: file.to_owned(), span });
        }
        Some((Kind::Seq(items), _)) => items.iter().for_each(|item| collect(reader, Some(item), refers, found)),
        _ => {}
    }
}
