//! A test's `target`, in the words of `pgmedic.yaml`, and the playbook as it is there.

use super::read::Given;
use crate::config::{Narrowed, Target, narrowed};
use crate::model::{Labels, Mode, Names};
use crate::playbook::{Changes, Playbook, Written, read_changed};
use crate::syntax::fault::{quote, suggest};
use crate::syntax::values::keys;
use crate::syntax::{Fault, Keys, Map, Node, Reader, reference};
use std::sync::Arc;

pub(super) const TARGET: Keys = Keys {
    required: &["name"],
    ..keys("a test's `target`", &["name", "mode", "labels", "vars", "policy", "overrides"])
};

/// A target of a test.
pub(super) struct Here<'n> {
    pub name: String,
    pub labels: Labels,
    pub mode: Mode,
    pub own: Narrowed,
    map: Map<'n>,
}

/// Reads it, over the configuration's target of that name where there is a configuration.
pub(super) fn read<'n>(reader: &mut Reader, node: &'n Node, given: &Given) -> Option<Here<'n>> {
    let map = reader.map(node, &TARGET)?;
    let written = map.get("name")?;
    let name = reader.name(written)?;
    let known = match given.config {
        None => None,
        Some(config) => {
            let known = config.target(&name);
            if known.is_none() {
                let message = format!("there is no target {} in {}", quote(&name), config.file.display());
                let help = suggest(&name, config.targets.iter().map(|target| target.name.as_str()));
                reader.error_help(written.span, "unknown-target", message, help);
                return None;
            }
            known
        }
    };
    let own = map.get("labels").and_then(|node| reader.labels(node)).unwrap_or_default();
    let mut labels = known.map(|target| target.labels.clone()).unwrap_or_default();
    labels.extend(own);
    let mode = map.get("mode").and_then(|node| reader.mode(node));
    let policy = known.map(|target| target.policy.clone()).unwrap_or_default();
    let own = map.get("policy").map(|node| narrowed(reader, node)).unwrap_or_default();
    Some(Here {
        name,
        labels,
        mode: mode.or(known.map(|target| target.mode)).unwrap_or_default(),
        own: policy.and(&own),
        map,
    })
}

impl Here<'_> {
    /// The playbook with the target's variables and overrides: those of the configuration, then the test's.
    pub fn playbook<'t>(
        &self,
        reader: &mut Reader<'t>,
        base: &Playbook,
        (file, text): (&'t str, &'t str),
        given: &Given<'t>,
        faults: &mut Vec<Fault>,
    ) -> Option<Arc<Playbook>> {
        let own = |node| Written { file, text, node };
        let mut changes = Changes::default();
        if let Some(target) = given.config.and_then(|config| config.target(&self.name)) {
            configured(&mut changes, target, base, given);
        }
        if let Some(node) = self.map.get("vars") {
            let sound = reference::vars(reader, node);
            for entry in reader.open_map(node, "variables by name").map(|map| map.entries()).unwrap_or_default() {
                if !base.vars.contains_key(&entry.key) {
                    let message = format!("the playbook `{}` has no variable {}", base.name, quote(&entry.key));
                    let help = suggest(&entry.key, base.vars.keys().map(String::as_str));
                    reader.error_help(entry.key_span, "unknown-variable", message, help);
                } else if sound.contains_key(&entry.key) {
                    changes.vars.insert(entry.key.as_str(), own(&entry.value));
                }
            }
        }
        if let Some(node) = self.map.get("overrides") {
            for entry in reader.open_map(node, "playbooks by name").map(|map| map.entries()).unwrap_or_default() {
                let meant = Names::parse(std::slice::from_ref(&entry.key));
                if meant.is_ok_and(|names| names.matching(&base.name).is_some()) {
                    changes.overrides.push(own(&entry.value));
                } else {
                    let message = format!("{} is not the playbook of this test", quote(&entry.key));
                    reader.error_help(entry.key_span, "unknown-playbook", message, format!("write `{}: …`", base.name));
                }
            }
        }
        if changes.is_empty() {
            return Some(Arc::new(base.clone()));
        }
        let read = read_changed(base, &super::catalogue(), &changes);
        let place = format!("at target {}", quote(&self.name));
        for (var, fault) in read.faults.into_iter().filter(|(_, fault)| fault.is_error()) {
            let value = var.as_deref().and_then(|name| Some((name, changes.vars.get(name)?)));
            faults.push(match value {
                Some((name, value)) => value.misfit(&place, name, fault),
                None => fault,
            });
        }
        read.playbook.map(Arc::new)
    }
}

/// What `pgmedic.yaml` changes in the playbook at this target.
fn configured<'a>(changes: &mut Changes<'a>, target: &'a Target, base: &Playbook, given: &Given<'a>) {
    let written = |w: &'a crate::config::Written| Written {
        file: &w.file,
        text: given.texts.get(&w.file).map_or("", String::as_str),
        node: &w.node,
    };
    let vars = target.vars.iter().filter(|(name, _)| base.vars.contains_key(*name));
    changes.vars.extend(vars.map(|(name, value)| (name.as_str(), written(value))));
    let overrides = target.overrides.iter().filter(|over| over.names.matching(&base.name).is_some());
    changes.overrides.extend(overrides.map(|over| written(&over.keys)));
}

/// Why the playbook does not run on the target at all.
pub(super) fn idle(playbook: &Playbook, here: &Here) -> Option<String> {
    if !playbook.enabled {
        return Some(format!("playbook {} is disabled: it has no triggers and refuses to run", playbook.name));
    }
    let selected = playbook.targets.selects(&here.name, &here.labels);
    let labels: Vec<String> = here.labels.iter().map(|(name, value)| format!("{name}={value:?}")).collect();
    let labels = if labels.is_empty() { "no labels".to_owned() } else { labels.join(", ") };
    (!selected).then(|| {
        format!("the `targets` of playbook {} do not select the target {} ({labels})", playbook.name, here.name)
    })
}

/// The playbook of a name.
pub(super) fn base<'g>(reader: &mut Reader, node: &Node, given: &Given<'g>) -> Option<&'g Playbook> {
    let name = reader.text_of(node, "a playbook's name")?;
    let found = given.playbooks.iter().find(|playbook| playbook.name == name);
    if found.is_none() {
        let message = format!("there is no playbook {}", quote(name));
        let help = suggest(name, given.playbooks.iter().map(|playbook| playbook.name.as_str()));
        reader.error_help(node.span, "unknown-playbook", message, help);
    }
    found
}
