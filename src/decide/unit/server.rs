//! A test's `server`: what a look at it shows.

use crate::model::{Ownership, Privileges, Server};
use crate::syntax::values::keys;
use crate::syntax::{Keys, Node, Reader};

pub(super) const SERVER: Keys = keys(
    "a test's `server`",
    &[
        "version",
        "role",
        "client_backends",
        "max_connections",
        "reserved_connections",
        "deadlock_timeout",
        "paused",
        "privileges",
        "ownership",
        "databases",
    ],
);

pub(super) const PRIVILEGES: Keys = keys("`privileges`", &["monitor", "acting_monitor", "signal_backend"]);

/// The versions that pgmedic works with.
pub(super) const VERSIONS: (u32, u32) = (13, 18);

pub(super) const ROLES: [(&str, bool); 2] = [("primary", false), ("standby", true)];

/// Who holds the right to act.
#[derive(Clone, Copy)]
pub(super) enum Holder {
    Held,
    Elsewhere,
    Sibling,
    Unknown,
    NotNeeded,
}

pub(super) const HOLDERS: [(&str, Holder); 5] = [
    ("held", Holder::Held),
    ("elsewhere", Holder::Elsewhere),
    ("sibling", Holder::Sibling),
    ("unknown", Holder::Unknown),
    ("not_needed", Holder::NotNeeded),
];

/// A healthy primary with all that pgmedic needs, and what the test says else.
pub(super) fn read(reader: &mut Reader, node: Option<&Node>) -> Server {
    let mut server = healthy();
    let Some(map) = node.and_then(|node| reader.map(node, &SERVER)) else { return server };
    if let Some(major) = map.get("version").and_then(|node| reader.count32(node, VERSIONS.0, VERSIONS.1)) {
        server.version_num = i32::try_from(major).unwrap_or_default() * 10_000;
    }
    server.in_recovery = map.get("role").and_then(|node| reader.word(node, &ROLES)).unwrap_or(false);
    let mut count = |key: &str, into: &mut u32| {
        *into = map.get(key).and_then(|node| reader.count32(node, 0, 1_000_000)).unwrap_or(*into);
    };
    count("client_backends", &mut server.client_backends);
    count("max_connections", &mut server.max_connections);
    count("reserved_connections", &mut server.reserved_connections);
    if let Some(timeout) = map.get("deadlock_timeout").and_then(|node| reader.duration(node)) {
        server.deadlock_timeout_milliseconds = u32::try_from(timeout.as_millis()).unwrap_or(u32::MAX);
    }
    server.paused_by_role = map.get("paused").and_then(|node| reader.text_of(node, "why")).map(str::to_owned);
    if let Some(map) = map.get("privileges").and_then(|node| reader.map(node, &PRIVILEGES)) {
        let mut has = |key: &str| map.get(key).and_then(|node| reader.bool(node)).unwrap_or(true);
        server.privileges = Privileges {
            monitor: has("monitor"),
            acting_monitor: has("acting_monitor"),
            signal_backend: has("signal_backend"),
        };
    }
    server.ownership = match map.get("ownership").and_then(|node| reader.word(node, &HOLDERS)) {
        Some(Holder::Elsewhere) => Ownership::Elsewhere("another session, as the test says".to_owned()),
        Some(Holder::Sibling) => Ownership::Sibling("another target, as the test says".to_owned()),
        Some(Holder::Unknown) => Ownership::Unknown("as the test says".to_owned()),
        Some(Holder::NotNeeded) => Ownership::NotNeeded,
        Some(Holder::Held) | None => Ownership::Held,
    };
    if let Some(databases) = map.get("databases").and_then(|node| reader.texts(node, "databases")) {
        server.databases = databases;
    }
    server
}

fn healthy() -> Server {
    Server {
        version_num: 170_000,
        system_identifier: "1".to_owned(),
        timeline: 1,
        in_recovery: false,
        client_backends: 100,
        max_connections: 200,
        reserved_connections: 3,
        deadlock_timeout_milliseconds: 1_000,
        paused_by_role: None,
        privileges: Privileges { monitor: true, acting_monitor: true, signal_backend: true },
        ownership: Ownership::Held,
        databases: vec!["app".to_owned()],
        poolers: std::collections::BTreeMap::new(),
    }
}
