//! A playbook's `guard`.

use super::{Guard, Include};
use crate::model::{Duration, Role};
use crate::syntax::values::keys;
use crate::syntax::{Keys, Map, Node, Reader};

/// Rest of a candidate after its ladder, when `cooldown` is not written.
pub(super) const COOLDOWN: Duration = Duration::from_mins(5);
/// The longest rest: history is kept that long.
const COOLDOWN_MAX: Duration = Duration::from_hours(7 * 24);

pub(super) const GUARD: Keys = Keys {
    what: "`guard`",
    known: &["role", "limits", "cooldown", "allow_in", "not_in", "time_budget", "protect", "include"],
    required: &[],
    later: &["unless", "while"],
};

pub(super) const LIMITS: Keys = keys("a playbook's `limits` (the others are policy)", &["per_run"]);

pub(super) fn guard(reader: &mut Reader, node: &Node) -> Guard {
    let Some(map) = reader.map(node, &GUARD) else { return Guard::default() };
    Guard {
        role: map.get("role").and_then(|node| reader.word(node, &Role::ALL)).unwrap_or_default(),
        per_run: map.get("limits").and_then(|node| per_run(reader, node)),
        cooldown: map.get("cooldown").and_then(|node| reader.duration_within(node, COOLDOWN_MAX)).unwrap_or(COOLDOWN),
        allow_in: windows(reader, &map, "allow_in", "allows no time at all"),
        not_in: windows(reader, &map, "not_in", "forbids no time at all"),
        time_budget: map.get("time_budget").and_then(|node| reader.duration(node)),
        protect: map.get("protect").and_then(|node| reader.protect(node)).unwrap_or_default(),
        include: map.get("include").map(|node| include(reader, node)).unwrap_or_default(),
    }
}

fn per_run(reader: &mut Reader, node: &Node) -> Option<u32> {
    let map = reader.map(node, &LIMITS)?;
    map.get("per_run").and_then(|node| reader.count32(node, 1, 10_000))
}

fn windows(reader: &mut Reader, map: &Map, key: &str, when_empty: &str) -> Vec<String> {
    let Some(node) = map.get(key) else { return Vec::new() };
    let names = reader.name_list(node, "windows");
    if let Some(names) = &names {
        reader.refuse_empty(node, names.len(), when_empty);
    }
    names.unwrap_or_default()
}

fn include(reader: &mut Reader, node: &Node) -> Vec<Include> {
    let items = reader.list(node, "`ddl`, `batch`").unwrap_or_default();
    items.iter().filter_map(|item| reader.word(item, &Include::ALL)).collect()
}
