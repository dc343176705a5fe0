//! `targets`.

use super::defaults::Defaults;
use super::files::Placed;
use super::read::Folder;
use super::{Login, Override, PgBouncer, Target, Written, rules};
use crate::model::{Labels, Names};
use crate::syntax::{Keys, Kind, Map, Node, Reader, reference};
use std::collections::BTreeMap;

pub(super) const TARGET: Keys = Keys {
    what: "a target",
    known: &[
        "name",
        "dsn",
        "password",
        "act_as",
        "mode",
        "labels",
        "databases",
        "vars",
        "policy",
        "overrides",
        "pgbouncer",
    ],
    required: &["name", "dsn"],
    later: &["series_labels", "collect_every", "host", "patroni", "pgbackrest", "kubernetes"],
};

pub(super) const LOGIN: Keys = Keys { what: "`act_as`", known: &["user", "password"], required: &["user"], later: &[] };

pub(super) const PGBOUNCER: Keys = Keys {
    what: "a PgBouncer",
    known: &["name", "dsn", "password", "persist"],
    required: &["name", "dsn"],
    later: &["config_file"],
};

pub(super) fn targets(reader: &mut Reader, node: &Node, folder: &Folder, defaults: &Defaults) -> Vec<Placed> {
    let items = reader.list(node, "targets").unwrap_or_default();
    let placed = |item: &Node| Some(Placed { target: target(reader, item, folder, defaults)?, span: item.span });
    items.iter().filter_map(placed).collect()
}

fn target(reader: &mut Reader, node: &Node, folder: &Folder, defaults: &Defaults) -> Option<Target> {
    let map = reader.map(node, &TARGET)?;
    let name = map.get("name").and_then(|node| reader.name(node));
    let dsn = map.get("dsn").and_then(|node| folder.dsn(reader, node));
    let or_default = |own: Option<Vec<String>>| own.or_else(|| defaults.databases.clone());
    let target = Target {
        password: map
            .get("password")
            .and_then(|node| folder.secret(reader, node, "a password"))
            .or_else(|| defaults.password.clone()),
        act_as: map.get("act_as").and_then(|node| login(reader, node, folder)).or_else(|| defaults.act_as.clone()),
        mode: map.get("mode").and_then(|node| reader.mode(node)).unwrap_or(defaults.mode),
        labels: labels(reader, &map, defaults),
        databases: or_default(map.get("databases").map(|node| databases(reader, node)))
            .unwrap_or_else(|| vec!["*".to_owned()]),
        pgbouncer: map.get("pgbouncer").map(|node| pgbouncers(reader, node, folder)).unwrap_or_default(),
        vars: {
            let own = map.get("vars").map(|node| vars(reader, node, folder)).unwrap_or_default();
            defaults.vars.clone().into_iter().chain(own).collect()
        },
        policy: match map.get("policy") {
            Some(node) => rules::narrowed(reader, node).and(&defaults.policy),
            None => defaults.policy.clone(),
        },
        overrides: map.get("overrides").map(|node| overrides(reader, node, folder)).unwrap_or_default(),
        name: name?,
        dsn: dsn?,
    };
    Some(target)
}

fn labels(reader: &mut Reader, map: &Map, defaults: &Defaults) -> Labels {
    let own = map.get("labels").and_then(|node| reader.labels(node)).unwrap_or_default();
    defaults.labels.clone().into_iter().chain(own).collect()
}

pub(super) fn databases(reader: &mut Reader, node: &Node) -> Vec<String> {
    reader.patterns(node, false).map(|names| names.patterns().to_vec()).unwrap_or_default()
}

/// Variables for playbooks; what fits where is for the playbooks to say.
pub(super) fn vars(reader: &mut Reader, node: &Node, folder: &Folder) -> BTreeMap<String, Written> {
    let sound = reference::vars(reader, node);
    let Kind::Map(entries) = &node.kind else { return BTreeMap::new() };
    let written = |node: &Node| Written { file: folder.name.to_owned(), node: node.clone() };
    let kept = entries.iter().filter(|e| sound.contains_key(&e.key));
    kept.map(|e| (e.key.clone(), written(&e.value))).collect()
}

fn overrides(reader: &mut Reader, node: &Node, folder: &Folder) -> Vec<Override> {
    let entries = reader.open_map(node, "playbooks by name or pattern").map(|map| map.entries()).unwrap_or_default();
    let mut overrides = Vec::new();
    for entry in entries {
        if let Some(keys) = reader.open_map(&entry.value, "a playbook's keys")
            && keys.entries().is_empty()
        {
            let help = "write for example {mode: observe}, or remove it";
            reader.error_help(entry.value.span, "no-effect", "this override changes nothing", help);
        }
        match Names::parse(std::slice::from_ref(&entry.key)) {
            Ok(names) => overrides.push(Override {
                pattern: entry.key.clone(),
                names,
                span: entry.key_span,
                keys: Written { file: folder.name.to_owned(), node: entry.value.clone() },
            }),
            Err(why) => drop(reader.error(entry.key_span, "bad-pattern", why)),
        }
    }
    overrides
}

pub(super) fn login(reader: &mut Reader, node: &Node, folder: &Folder) -> Option<Login> {
    let map = reader.map(node, &LOGIN)?;
    let user = map.get("user").and_then(|node| reader.text_of(node, "a role's name")).map(str::to_owned);
    let password = map.get("password").and_then(|node| folder.secret(reader, node, "a password"));
    Some(Login { user: user?, password })
}

fn pgbouncers(reader: &mut Reader, node: &Node, folder: &Folder) -> Vec<PgBouncer> {
    let items = reader.list(node, "PgBouncers").unwrap_or_default();
    let read: Vec<(&Node, PgBouncer)> = items.iter().filter_map(|i| Some((i, pgbouncer(reader, i, folder)?))).collect();
    reader.unique("PgBouncers of this target", read.iter().map(|(node, p)| (*node, p.name.clone())));
    read.into_iter().map(|(_, pgbouncer)| pgbouncer).collect()
}

fn pgbouncer(reader: &mut Reader, node: &Node, folder: &Folder) -> Option<PgBouncer> {
    let map = reader.map(node, &PGBOUNCER)?;
    if let Some(node) = map.get("persist")
        && reader.word(node, &[("runtime", false), ("file", true)]) == Some(true)
    {
        reader.not_yet(node.span, "persist: file");
    }
    let name = map.get("name").and_then(|node| reader.name(node));
    let dsn = map.get("dsn").and_then(|node| folder.dsn(reader, node));
    let password = map.get("password").and_then(|node| folder.secret(reader, node, "a password"));
    Some(PgBouncer { name: name?, dsn: dsn?, password })
}
