//! `targets`.

use super::read::Folder;
use super::{Login, PgBouncer, Target};
use crate::syntax::{Keys, Map, Node, Reader};

pub(super) const TARGET: Keys = Keys {
    what: "a target",
    known: &["name", "dsn", "password", "act_as", "mode", "labels", "databases", "pgbouncer"],
    required: &["name", "dsn"],
    later: &[
        "series_labels",
        "collect_every",
        "host",
        "vars",
        "policy",
        "overrides",
        "patroni",
        "pgbackrest",
        "kubernetes",
    ],
};

pub(super) const LOGIN: Keys = Keys { what: "`act_as`", known: &["user", "password"], required: &["user"], later: &[] };

pub(super) const PGBOUNCER: Keys = Keys {
    what: "a PgBouncer",
    known: &["name", "dsn", "password", "persist"],
    required: &["name", "dsn"],
    later: &["config_file"],
};

pub(super) fn targets(reader: &mut Reader, node: &Node, folder: &Folder) -> Vec<Target> {
    let items = reader.list(node, "targets").unwrap_or_default();
    if let crate::syntax::Kind::Seq(items) = &node.kind {
        reader.refuse_empty(node, items.len(), "leaves nothing to look after");
    }
    let read: Vec<(&Node, Target)> = items.iter().filter_map(|i| Some((i, target(reader, i, folder)?))).collect();
    reader.unique("targets", read.iter().map(|(node, t)| (*node, t.name.clone())));
    read.into_iter().map(|(_, target)| target).collect()
}

fn target(reader: &mut Reader, node: &Node, folder: &Folder) -> Option<Target> {
    let map = reader.map(node, &TARGET)?;
    let name = map.get("name").and_then(|node| reader.name(node));
    let dsn = map.get("dsn").and_then(|node| folder.dsn(reader, node));
    let target = Target {
        password: map.get("password").and_then(|node| folder.secret(reader, node, "a password")),
        act_as: map.get("act_as").and_then(|node| login(reader, node, folder)),
        mode: map.get("mode").and_then(|node| reader.mode(node)).unwrap_or_default(),
        labels: map.get("labels").and_then(|node| reader.labels(node)).unwrap_or_default(),
        databases: databases(reader, &map),
        pgbouncer: map.get("pgbouncer").map(|node| pgbouncers(reader, node, folder)).unwrap_or_default(),
        name: name?,
        dsn: dsn?,
    };
    Some(target)
}

fn databases(reader: &mut Reader, map: &Map) -> Vec<String> {
    match map.get("databases") {
        Some(node) => reader.patterns(node, false).map(|names| names.patterns().to_vec()).unwrap_or_default(),
        None => vec!["*".to_owned()],
    }
}

fn login(reader: &mut Reader, node: &Node, folder: &Folder) -> Option<Login> {
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
