//! Where things stand in a playbook's text, for what is found wrong after reading.

use super::{Playbook, read};
use crate::syntax::{Kind, Node, Reader, Span};

/// The place of the value below these keys; that of the file's beginning when it is not written.
#[must_use]
pub fn place(playbook: &Playbook, keys: &[&str]) -> Span {
    let root = tree(playbook);
    let node = keys.iter().try_fold(root.as_ref(), |node, key| Some(node?.below(key)));
    node.flatten().map_or(Span::default(), |node| node.span)
}

/// The places of [`Playbook::rungs`], in their order.
#[must_use]
pub fn rungs(playbook: &Playbook) -> Vec<Span> {
    let root = tree(playbook);
    let Some(Kind::Seq(items)) = root.as_ref().and_then(|root| root.below("do")).map(|node| &node.kind) else {
        return Vec::new();
    };
    items.iter().filter(|item| item.below("wait").is_none()).map(|item| item.span).collect()
}

/// The text was read without a fault before, so nothing new is reported here.
fn tree(playbook: &Playbook) -> Option<Node> {
    read::tree(&mut Reader::new(&playbook.file, &playbook.text))
}
