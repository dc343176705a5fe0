//! Tells what a file is by its keys.

use crate::syntax::{self, Fault, Kind, Reader, Severity, Span};
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
        if has(&["tests", "rule_files", "evaluation_interval"]) {
            return Sort::Tests;
        }
        let what = "no key of this file is one of a configuration or a playbook";
        return Sort::Neither(neither(file, text, root.span, what));
    }
    if as_config > as_playbook { Sort::Config } else { Sort::Playbook }
}

fn keys(keys: &syntax::Keys) -> Vec<&'static str> {
    keys.known.iter().chain(keys.later).copied().collect()
}

fn neither(file: &str, text: &str, span: Span, message: &str) -> Fault {
    Fault::at(file, text, span, Severity::Error, "unknown-file", message.to_owned())
        .with_help("a playbook has `name`, `find` and `do`; a configuration has `targets` and `playbooks`")
}
