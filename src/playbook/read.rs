//! A playbook from its text, or everything that is wrong with it.

use super::{Catalogue, Guard, OnMissed, OnOverlap, Playbook, TargetSelector, Vars};
use super::{conditions, guarding, ladder, params, triggers};
use crate::model::{Duration, Labels, Mode};
use crate::syntax::fault::quote;
use crate::syntax::{self, Fault, Keys, Kind, Map, Node, Reader, reference, values};
use sha2::{Digest, Sha256};

/// How long after the ladder the acted candidates may still be there, when `verify` is not written.
const VERIFY_WITHIN: Duration = Duration::from_mins(2);

/// The keys of a playbook's top level.
pub const KEYS: Keys = Keys {
    what: "a playbook",
    known: &[
        "version",
        "name",
        "about",
        "owner",
        "severity",
        "runbook_url",
        "labels",
        "enabled",
        "mode",
        "vars",
        "triggers",
        "targets",
        "find",
        "guard",
        "do",
        "verify",
        "notify",
        "on_overlap",
        "on_missed",
    ],
    required: &["version", "name", "find"],
    later: &["when", "queue"],
};

pub(super) const VERIFY: Keys =
    Keys { what: "`verify`", known: &["within"], required: &[], later: &["also", "no_worse_than"] };

pub(super) const TARGETS: Keys = Keys { what: "`targets`", known: &["names"], required: &["names"], later: &[] };

pub(super) const ON_OVERLAP: [(&str, OnOverlap); 2] = [("skip", OnOverlap::Skip), ("queue", OnOverlap::Queue)];

pub(super) const ON_MISSED: [(&str, OnMissed); 2] = [("skip", OnMissed::Skip), ("once", OnMissed::Once)];

/// Reads a playbook. All faults of the text are reported; a playbook comes back only if none of them
/// is an error. `file` is for messages.
#[must_use]
pub fn read(file: &str, text: &str, catalogue: &Catalogue) -> (Option<Playbook>, Vec<Fault>) {
    let mut reader = Reader::new(file, text);
    let playbook = read_root(&mut reader, file, catalogue);
    let sound = reader.is_sound();
    (playbook.filter(|_| sound), reader.into_faults())
}

fn read_root(reader: &mut Reader, file: &str, catalogue: &Catalogue) -> Option<Playbook> {
    let mut root = syntax::parse(reader)?;
    let vars = fill_in(reader, &mut root);
    from_tree(reader, file, &root, vars, catalogue)
}

/// A playbook from its tree, variables in their places.
pub(super) fn from_tree(
    reader: &mut Reader,
    file: &str,
    root: &Node,
    vars: Vars,
    catalogue: &Catalogue,
) -> Option<Playbook> {
    // Whoever cannot tell whether conditions hold refuses them like any key of a later release.
    let when = root.below(conditions::WHEN).filter(|_| catalogue.conditions).cloned();
    let others = if when.is_some() { &root.without(conditions::WHEN) } else { root };
    let map = reader.map(others, &KEYS)?;
    reader.version(&map);
    let name = map.get("name").and_then(|node| playbook_name(reader, node));
    let mode = map.get("mode").and_then(|node| reader.mode(node)).unwrap_or_default();
    let targets = map.get("targets").and_then(|node| target_selector(reader, node));
    check_targets_written(reader, &map, mode);
    let find = map.get("find").and_then(|node| params::find(reader, node, catalogue));
    let guard = match map.get("guard") {
        Some(node) => guarding::guard(reader, node),
        None => Guard { cooldown: guarding::COOLDOWN, ..Guard::default() },
    };
    let budget = guard.time_budget;
    let steps = map.get("do").map(|node| ladder::steps(reader, node, catalogue, find.as_ref(), mode, budget));
    check_anything_done(reader, &map, mode);
    let text_at = |reader: &mut Reader, key: &str| {
        map.get(key).and_then(|node| reader.text_of(node, "a text")).map(str::to_owned)
    };
    let playbook = Playbook {
        about: text_at(reader, "about").unwrap_or_default(),
        owner: text_at(reader, "owner"),
        severity: text_at(reader, "severity"),
        runbook_url: text_at(reader, "runbook_url"),
        labels: map.get("labels").and_then(|node| reader.labels(node)).unwrap_or_else(Labels::new),
        vars,
        enabled: map.get("enabled").and_then(|node| reader.bool(node)).unwrap_or(true),
        mode,
        triggers: map.get("triggers").map(|node| triggers::triggers(reader, node)).unwrap_or_default(),
        targets: targets.unwrap_or_default(),
        when: when.map(|node| conditions::conditions(reader, &node)).unwrap_or_default(),
        guard,
        steps: steps.unwrap_or_default(),
        verify_within: map.get("verify").and_then(|node| verify_within(reader, node)).unwrap_or(VERIFY_WITHIN),
        notify: map.get("notify").and_then(|node| reader.name_list(node, "channels")),
        on_overlap: map.get("on_overlap").and_then(|node| on_overlap(reader, node)).unwrap_or_default(),
        on_missed: map.get("on_missed").and_then(|node| on_missed(reader, node)).unwrap_or_default(),
        digest: hex::encode(Sha256::digest(reader.text())),
        text: reader.text().to_owned(),
        file: file.to_owned(),
        changes: None,
        // Both are missing only where a fault was reported, and then no playbook comes back.
        name: name?,
        find: find?,
    };
    Some(playbook)
}

/// The text as a tree, variables in their places.
pub(super) fn tree(reader: &mut Reader) -> Option<Node> {
    let mut root = syntax::parse(reader)?;
    fill_in(reader, &mut root);
    Some(root)
}

/// Puts the variables in their places; returns them.
pub(super) fn fill_in(reader: &mut Reader, root: &mut Node) -> Vars {
    let written = root.below("vars").cloned();
    let vars = written.map(|node| reference::vars(reader, &node)).unwrap_or_default();
    reference::fill_in(reader, root, &vars);
    vars
}

fn playbook_name(reader: &mut Reader, node: &Node) -> Option<String> {
    let text = reader.text_of(node, "a name")?;
    if values::is_playbook_name(text) {
        return Some(text.to_owned());
    }
    let help = "use 1 to 63 small letters, digits, `-` and `_`, beginning with a letter or digit";
    reader.error_help(node.span, "bad-name", format!("{} cannot be the name of a playbook", quote(text)), help);
    None
}

fn check_targets_written(reader: &mut Reader, map: &Map, mode: Mode) {
    if mode > Mode::Observe
        && map.entry("targets").is_none()
        && let Some(node) = map.get("mode")
    {
        let message = format!("a playbook in mode `{}` must say on which targets it may act", mode.word());
        let help = "add `targets: ['env=\"prod\"']`, `targets: {names: [orders]}` or `targets: all`";
        reader.error_help(node.span, "targets-missing", message, help);
    }
}

fn check_anything_done(reader: &mut Reader, map: &Map, mode: Mode) {
    let nothing = match map.get("do").map(|node| &node.kind) {
        None => true,
        Some(Kind::Seq(items)) => items.is_empty(),
        Some(_) => false,
    };
    if let Some(node) = map.get("mode").filter(|_| nothing && mode > Mode::Observe) {
        let message = format!("mode `{}` changes nothing here: without `do` a playbook only tells people", mode.word());
        reader.warning(node.span, "no-effect", message, "add steps under `do`, or write `mode: observe`");
    }
}

fn target_selector(reader: &mut Reader, node: &Node) -> Option<TargetSelector> {
    let help = "write `all`, a list of matchers such as ['env=\"prod\"'], or {names: [orders]}";
    match &node.kind {
        Kind::Scalar { text, .. } if text == "all" => Some(TargetSelector::All),
        Kind::Seq(_) => reader.matchers(node).map(TargetSelector::Matchers),
        Kind::Map(_) => {
            let map = reader.map(node, &TARGETS)?;
            let written = map.get("names")?;
            let names = reader.name_list(written, "targets' names")?;
            reader.refuse_empty(written, names.len(), "selects no target");
            Some(TargetSelector::Names(names))
        }
        Kind::Scalar { .. } => {
            reader.error_help(node.span, "wrong-type", "this selects no targets", help);
            None
        }
    }
}

fn verify_within(reader: &mut Reader, node: &Node) -> Option<Duration> {
    let map = reader.map(node, &VERIFY)?;
    map.get("within").and_then(|node| reader.duration(node))
}

fn on_overlap(reader: &mut Reader, node: &Node) -> Option<OnOverlap> {
    reader.word(node, &ON_OVERLAP)
}

fn on_missed(reader: &mut Reader, node: &Node) -> Option<OnMissed> {
    reader.word(node, &ON_MISSED)
}
