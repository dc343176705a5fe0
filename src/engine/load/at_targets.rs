//! Playbooks as they are at each target: with that target's variables and overrides.

use super::Sources;
use crate::config::{self, Config, Target};
use crate::playbook::{self, Catalogue, Changes, NamedAt, Playbook, Written, read_changed};
use crate::syntax::fault::{quote, suggest};
use crate::syntax::{Fault, Severity, Span};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// Playbooks that differ at a target, by target and playbook.
pub type Changed = BTreeMap<(String, String), Arc<Playbook>>;

/// What was read, and what is wrong with it.
#[derive(Default)]
pub(super) struct AtTargets {
    pub changed: Changed,
    pub faults: Vec<Fault>,
    /// Names that changes brought in, each with the words that say where.
    pub names: Vec<(String, NamedAt)>,
}

/// Reads each playbook once for each set of changes that targets make to it.
pub(super) fn read(config: &Config, playbooks: &[Playbook], sources: &Sources, catalogue: &Catalogue) -> AtTargets {
    let mut all = AtTargets::default();
    for base in playbooks {
        for (changes, targets) in distinct(config, base, sources) {
            all.one(config, base, catalogue, &changes, &targets);
        }
    }
    all
}

/// Changes to a playbook, and the targets that make them.
type Set<'a> = (Changes<'a>, Vec<&'a Target>);

/// The sets of changes to a playbook, and the targets that make each. Two places are two sets even
/// when they say the same, so that a fault is reported at both.
fn distinct<'a>(config: &'a Config, base: &Playbook, sources: &'a Sources) -> Vec<Set<'a>> {
    let mut sets: BTreeMap<Vec<(&str, Span)>, Set> = BTreeMap::new();
    for target in &config.targets {
        let changes = changes(target, base, sources);
        if !changes.is_empty() {
            let written = changes.vars.values().chain(&changes.overrides);
            let places = written.map(|w| (w.file, w.node.span)).collect();
            sets.entry(places).or_insert_with(|| (changes, Vec::new())).1.push(target);
        }
    }
    sets.into_values().collect()
}

fn changes<'a>(target: &'a Target, base: &Playbook, sources: &'a Sources) -> Changes<'a> {
    let written = |w: &'a config::Written| Written {
        file: &w.file,
        text: sources.0.get(&w.file).map_or("", String::as_str),
        node: &w.node,
    };
    let vars = target.vars.iter().filter(|(name, _)| base.vars.contains_key(*name));
    let overrides = target.overrides.iter().filter(|over| over.names.matching(&base.name).is_some());
    Changes {
        vars: vars.map(|(name, value)| (name.as_str(), written(value))).collect(),
        overrides: overrides.map(|over| written(&over.keys)).collect(),
    }
}

impl AtTargets {
    fn one(&mut self, config: &Config, base: &Playbook, catalogue: &Catalogue, changes: &Changes, targets: &[&Target]) {
        let read = read_changed(base, catalogue, changes);
        let selected = targets.iter().any(|t| base.targets.selects(&t.name, &t.labels));
        // A value that a playbook would not take is no fault at a target where it does not run.
        if read.playbook.is_none() && changes.overrides.is_empty() && !selected {
            return;
        }
        let place = at(targets);
        for (var, fault) in read.faults.into_iter().filter(|(_, fault)| fault.is_error()) {
            let value = var.as_deref().and_then(|name| changes.vars.get(name).map(|value| (name, value)));
            self.faults.push(if let Some((name, value)) = value {
                value.misfit(&place, name, fault)
            } else {
                let message = format!("{place}, in playbook {}: {}", quote(&base.name), fault.message);
                Fault { message, ..fault }
            });
        }
        let known = playbook::references(base);
        let new = read.names.into_iter().filter(|named| !known.contains(named));
        self.names.extend(new.map(|named| (format!("{place}: "), named)));
        if let Some(playbook) = read.playbook.map(Arc::new) {
            let untold = super::advice::nobody_is_told(config, &playbook);
            // The playbook itself was warned of where it is read.
            if let Some(fault) = untold.filter(|_| super::advice::nobody_is_told(config, base).is_none()) {
                self.faults.push(Fault { message: format!("{place}: {}", fault.message), ..fault });
            }
            let key = |t: &&Target| (t.name.clone(), base.name.clone());
            self.changed.extend(targets.iter().map(|t| (key(t), playbook.clone())));
        }
    }
}

fn at(targets: &[&Target]) -> String {
    match targets {
        [] => String::new(),
        [one] => format!("at target {}", quote(&one.name)),
        [first, rest @ ..] => format!("at target {} and {} more", quote(&first.name), rest.len()),
    }
}

/// Variables and overrides that are for no playbook at all: probably a slip of the pen.
pub(super) fn unused(config: &Config, playbooks: &[Playbook], sources: &Sources) -> Vec<Fault> {
    let mut faults = Vec::new();
    let mut seen = BTreeSet::new();
    let known: BTreeSet<&str> = playbooks.iter().flat_map(|p| p.vars.keys().map(String::as_str)).collect();
    let names: Vec<&str> = playbooks.iter().map(|p| p.name.as_str()).collect();
    let mut report = |written: &config::Written, span: Span, severity, code, message: String, help: String| {
        // What stands under `target_defaults` is the same for all targets.
        if seen.insert((written.file.clone(), span)) {
            let text = sources.text(&written.file).unwrap_or_default();
            faults.push(Fault::at(&written.file, &text, span, severity, code, message).with_help(help));
        }
    };
    for target in &config.targets {
        for (name, value) in target.vars.iter().filter(|(name, _)| !known.contains(name.as_str())) {
            let message = format!("no playbook has a variable {}", quote(name));
            let help = suggest(name, known.iter().copied());
            report(value, value.node.span, Severity::Warning, "unused-variable", message, help);
        }
        for over in target.overrides.iter().filter(|o| !names.iter().any(|name| o.names.matching(name).is_some())) {
            // A misspelt name would leave in force what somebody meant to lower.
            let exact = crate::syntax::values::is_playbook_name(&over.pattern);
            let severity = if exact { Severity::Error } else { Severity::Warning };
            let message = format!("there is no playbook {}", quote(&over.pattern));
            report(&over.keys, over.span, severity, "unknown-playbook", message, suggest(&over.pattern, names.clone()));
        }
    }
    faults
}
