//! Tells what a file is by its keys.

use crate::syntax::{self, Fault, Kind, Node, Reader, Severity, Span};
use crate::{config, playbook};

/// What a file is.
pub(super) enum Sort {
    /// `pgmedic.yaml`.
    Config,
    /// A playbook.
    Playbook,
    /// A Prometheus rule file.
    Rules,
    /// Unit tests of rules.
    Tests,
    /// Tests of playbooks.
    PlaybookTests,
    /// Something else; says what.
    Neither(Fault),
}

/// What a file is, by the keys that only one of both has.
pub(super) fn sort(file: &str, text: &str) -> Sort {
    let mut reader = Reader::new(file, text);
    let root = syntax::parse(&mut reader);
    let Some(root) = root else {
        // Both readers would report the same; the fault itself is enough.
        let fault = reader.into_faults().into_iter().next();
        return fault.map_or(Sort::Playbook, Sort::Neither);
    };
    let targets = match &root.kind {
        Kind::Seq(_) => true,
        Kind::Map(entries) => matches!(entries.as_slice(), [one] if one.key == "targets"),
        Kind::Scalar { .. } => false,
    };
    if targets {
        let message = "this looks like a file of targets: it is checked with the configuration that names it";
        return Sort::Neither(neither(file, text, root.span, message));
    }
    let Kind::Map(entries) = &root.kind else {
        return Sort::Neither(neither(file, text, root.span, "the file is neither a configuration nor a playbook"));
    };
    // Neither a configuration nor a playbook has this key.
    if entries.iter().any(|entry| entry.key == "tests") {
        return if tests_playbooks(&root) { Sort::PlaybookTests } else { Sort::Tests };
    }
    let (config, playbook) = (keys(&config::read::KEYS), keys(&playbook::read::KEYS));
    let count = |own: &[&str], other: &[&str]| {
        entries.iter().filter(|e| own.contains(&e.key.as_str()) && !other.contains(&e.key.as_str())).count()
    };
    let (as_config, as_playbook) = (count(&config, &playbook), count(&playbook, &config));
    if as_config == 0 && as_playbook == 0 {
        let has = |keys: &[&str]| entries.iter().any(|entry| keys.contains(&entry.key.as_str()));
        if has(&["groups"]) {
            return Sort::Rules;
        }
        if has(&["rule_files", "evaluation_interval"]) {
            return Sort::Tests;
        }
        let what = "no key of this file is one of a configuration or a playbook";
        return Sort::Neither(neither(file, text, root.span, what));
    }
    if as_config > as_playbook { Sort::Config } else { Sort::Playbook }
}

/// Whether a file of tests is one of playbooks; one that cannot be read is none.
pub(super) fn of_playbooks(file: &str, text: &str) -> bool {
    syntax::parse(&mut Reader::new(file, text)).is_some_and(|root| tests_playbooks(&root))
}

/// Tests of rules have no version, and name no playbook.
fn tests_playbooks(root: &Node) -> bool {
    let names = |node: &Node| ["playbook", "candidates"].iter().any(|key| node.below(key).is_some());
    let tests = match root.below("tests").map(|node| &node.kind) {
        Some(Kind::Seq(items)) => items.as_slice(),
        _ => &[],
    };
    let own = ["version", "config", "playbooks", "playbook"].iter().any(|key| root.below(key).is_some());
    own || tests.iter().any(names)
}

fn keys(keys: &syntax::Keys) -> Vec<&'static str> {
    keys.known.iter().chain(keys.later).copied().collect()
}

fn neither(file: &str, text: &str, span: Span, message: &str) -> Fault {
    Fault::at(file, text, span, Severity::Error, "unknown-file", message.to_owned())
        .with_help("a playbook has `name`, `find` and `do`; a configuration has `targets` and `playbooks`")
}
