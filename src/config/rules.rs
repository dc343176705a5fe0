//! `policy`, `windows` and `freezes`.

use super::{Ceilings, Freeze, Limits, Narrowed, Policy, SameQuery, Window, read};
use crate::model::{Duration, Mode, Protect};
use crate::syntax::fault::quote;
use crate::syntax::values::{is_name, keys};
use crate::syntax::{Keys, Map, Node, Reader};
use std::collections::BTreeMap;

/// History of one query is kept that long.
const SAME_QUERY_MAX: Duration = Duration::from_hours(24);
/// The largest limit of any sort.
pub(super) const LIMIT_MAX: u32 = 100_000;

pub(super) const POLICY: Keys = Keys {
    what: "`policy`",
    known: &["protect", "limits", "ceilings", "allow_custom_sql"],
    required: &[],
    later: &["breaker", "coincidence"],
};

pub(super) const NARROWED: Keys = Keys {
    what: "a target's `policy`",
    known: &["protect", "limits", "ceilings"],
    required: &[],
    later: &["breaker", "coincidence", "allow_custom_sql"],
};

pub(super) const WINDOW: Keys =
    Keys { what: "a window", known: &["cron", "lasts", "timezone"], required: &["cron", "lasts"], later: &[] };

pub(super) const FREEZE: Keys = Keys {
    what: "a freeze",
    known: &["name", "from", "until", "targets", "except", "ceiling"],
    required: &["name", "from", "until"],
    later: &[],
};

pub(super) const LIMITS: Keys = keys("`limits`", &["disruptive", "maintenance"]);

pub(super) const DISRUPTIVE: Keys =
    keys("`disruptive`", &["per_run", "per_playbook_hour", "per_target_hour", "fleet_hour", "same_query"]);

pub(super) const SAME_QUERY: Keys = keys("`same_query`", &["max", "per"]);

pub(super) const MAINTENANCE: Keys = keys("`maintenance`", &["per_run", "at_once_per_target", "at_once_fleet"]);

pub(super) const CEILINGS: Keys = keys("`ceilings`", &["disruptive", "maintenance", "irreversible"]);

/// The keys of a configuration that make up what [`policy_over`] reads.
pub const POLICY_KEYS: [&str; 6] = ["mode", "timezone", "policy", "windows", "freezes", "audit"];

/// What a map with [`POLICY_KEYS`] says, over a policy: what is written replaces what was there, limit by limit,
/// ceiling by ceiling and window by window, all else as a whole.
pub fn policy_over(reader: &mut Reader, map: &Map, base: Policy) -> Policy {
    let rules = Rules { protect: base.protect, limits: base.limits, ceilings: base.ceilings };
    let rules = match map.get("policy") {
        Some(node) => policy(reader, node, rules),
        None => rules,
    };
    let mut all = base.windows;
    all.extend(map.get("windows").map(|node| windows(reader, node)).unwrap_or_default());
    Policy {
        daemon_mode: map.get("mode").and_then(|node| reader.mode(node)).unwrap_or(base.daemon_mode),
        target_mode: base.target_mode,
        protect: rules.protect,
        limits: rules.limits,
        ceilings: rules.ceilings,
        windows: all,
        freezes: map.get("freezes").map_or(base.freezes, |node| freezes(reader, node)),
        timezone: map.get("timezone").and_then(|node| reader.zone(node)).unwrap_or(base.timezone),
        query_text: map.get("audit").and_then(|node| read::query_text(reader, node)).unwrap_or(base.query_text),
    }
}

/// What `policy` says for all targets.
#[derive(Default)]
pub(super) struct Rules {
    pub protect: Protect,
    pub limits: Limits,
    pub ceilings: Ceilings,
}

/// What `policy` says, over these.
pub(super) fn policy(reader: &mut Reader, node: &Node, base: Rules) -> Rules {
    let Some(map) = reader.map(node, &POLICY) else { return base };
    if let Some(node) = map.get("allow_custom_sql")
        && reader.bool(node) == Some(true)
    {
        reader.not_yet(node.span, "allow_custom_sql: true");
    }
    Rules {
        protect: map.get("protect").and_then(|node| reader.protect(node)).unwrap_or(base.protect),
        limits: match map.get("limits") {
            Some(node) => limits(reader, node, base.limits),
            None => base.limits,
        },
        ceilings: map.get("ceilings").map_or(base.ceilings, |node| ceilings(reader, node, base.ceilings)),
    }
}

/// What `policy` says for one target: what is not written there leaves the policy of all as it is.
pub fn narrowed(reader: &mut Reader, node: &Node) -> Narrowed {
    let mut all = Narrowed::default();
    let Some(map) = reader.map(node, &NARROWED) else { return all };
    if let Some(protect) = map.get("protect").and_then(|node| reader.protect(node)) {
        all.protect = protect;
    }
    if let Some(written) = map.get("limits") {
        all.limits = limits(reader, written, all.limits);
    }
    if let Some(written) = map.get("ceilings") {
        all.ceilings = ceilings(reader, written, all.ceilings);
    }
    all
}

/// The limits that are written, over these.
fn limits(reader: &mut Reader, node: &Node, mut limits: Limits) -> Limits {
    let Some(map) = reader.map(node, &LIMITS) else { return limits };
    if let Some(map) = map.get("disruptive").and_then(|n| reader.map(n, &DISRUPTIVE)) {
        limit(reader, &map, "per_run", &mut limits.disruptive_per_run);
        limit(reader, &map, "per_playbook_hour", &mut limits.disruptive_per_playbook_hour);
        limit(reader, &map, "per_target_hour", &mut limits.disruptive_per_target_hour);
        limit(reader, &map, "fleet_hour", &mut limits.disruptive_fleet_hour);
        if let Some(node) = map.get("same_query") {
            same_query(reader, node, &mut limits.same_query);
        }
    }
    if let Some(map) = map.get("maintenance").and_then(|n| reader.map(n, &MAINTENANCE)) {
        limit(reader, &map, "per_run", &mut limits.maintenance_per_run);
        limit(reader, &map, "at_once_per_target", &mut limits.maintenance_at_once_per_target);
        limit(reader, &map, "at_once_fleet", &mut limits.maintenance_at_once_fleet);
    }
    limits
}

/// A limit, if it is written. Zero is allowed: it forbids.
fn limit(reader: &mut Reader, map: &Map, key: &str, into: &mut u32) {
    if let Some(n) = map.get(key).and_then(|node| reader.count32(node, 0, LIMIT_MAX)) {
        *into = n;
    }
}

fn same_query(reader: &mut Reader, node: &Node, into: &mut SameQuery) {
    let Some(map) = reader.map(node, &SAME_QUERY) else { return };
    limit(reader, &map, "max", &mut into.max);
    if let Some(per) = map.get("per").and_then(|node| reader.duration_within(node, SAME_QUERY_MAX)) {
        into.per = per;
    }
}

/// The ceilings that are written, over these.
fn ceilings(reader: &mut Reader, node: &Node, mut ceilings: Ceilings) -> Ceilings {
    let Some(map) = reader.map(node, &CEILINGS) else { return ceilings };
    let mut read = |key: &str, into: &mut Mode| {
        if let Some(mode) = map.get(key).and_then(|node| reader.mode(node)) {
            *into = mode;
        }
    };
    read("disruptive", &mut ceilings.disruptive);
    read("maintenance", &mut ceilings.maintenance);
    read("irreversible", &mut ceilings.irreversible);
    ceilings
}

pub(super) fn windows(reader: &mut Reader, node: &Node) -> BTreeMap<String, Vec<Window>> {
    let mut windows = BTreeMap::new();
    let Some(map) = reader.open_map(node, "windows by name") else { return windows };
    for entry in map.entries() {
        if !is_name(&entry.key) {
            let help = "use letters, digits, `-`, `_` and `.`";
            let message = format!("{} cannot be the name of a window", quote(&entry.key));
            reader.error_help(entry.key_span, "bad-name", message, help);
        }
        let items = reader.list(&entry.value, "spans such as {cron: \"0 1 * * *\", lasts: 4h}").unwrap_or_default();
        if let crate::syntax::Kind::Seq(items) = &entry.value.kind {
            reader.refuse_empty(&entry.value, items.len(), "is a window that never opens");
        }
        let spans = items.iter().filter_map(|item| window(reader, item)).collect();
        windows.insert(entry.key.clone(), spans);
    }
    windows
}

fn window(reader: &mut Reader, node: &Node) -> Option<Window> {
    let map = reader.map(node, &WINDOW)?;
    let cron = map.get("cron").and_then(|node| reader.cron(node));
    let lasts = map.get("lasts").and_then(|node| reader.duration(node));
    let timezone = map.get("timezone").and_then(|node| reader.zone(node));
    Some(Window { cron: cron?, lasts: lasts?, timezone })
}

pub(super) fn freezes(reader: &mut Reader, node: &Node) -> Vec<Freeze> {
    let items = reader.list(node, "freezes").unwrap_or_default();
    let read: Vec<(&Node, Freeze)> = items.iter().filter_map(|i| Some((i, freeze(reader, i)?))).collect();
    reader.unique("freezes", read.iter().map(|(node, f)| (*node, f.name.clone())));
    read.into_iter().map(|(_, freeze)| freeze).collect()
}

fn freeze(reader: &mut Reader, node: &Node) -> Option<Freeze> {
    let map = reader.map(node, &FREEZE)?;
    let name = map.get("name").and_then(|node| reader.name(node));
    let from = map.get("from").and_then(|node| reader.moment(node));
    let until = map.get("until").and_then(|node| reader.moment(node));
    if let (Some(from), Some(until), Some(node)) = (from, until, map.get("until"))
        && until <= from
    {
        reader.error_help(node.span, "bad-moment", "the freeze ends before it begins", "write `from` before `until`");
    }
    let targets = map.get("targets").and_then(|node| reader.matchers(node)).unwrap_or_default();
    let except = map.get("except").and_then(|node| reader.patterns(node, true)).unwrap_or_default();
    let ceiling = map.get("ceiling").and_then(|node| reader.mode(node)).unwrap_or_default();
    Some(Freeze { name: name?, from: from?, until: until?, targets, except, ceiling })
}
