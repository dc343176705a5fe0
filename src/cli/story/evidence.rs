//! What a run was judged by, in words: the server, what was found, what was done before.

use super::Setting;
use super::chapter::{hanging, plain};
use crate::cli::status_text::paused;
use crate::cli::text::{count, moment, table};
use crate::model::facts::{Facts, Server};
use crate::model::record::Record;
use crate::model::time::{in_words, since};
use crate::model::{Class, Duration, History, Kind, Timestamp};
use serde_json::{Map, Value as Json};

/// Lines of evidence that a story shows; the record holds the rest.
const MOST_LINES: usize = 40;
/// Things that were done before, named one by one.
const MOST_NAMED: usize = 5;
/// Limits look back so far.
const HOUR: Duration = Duration::from_hours(1);

/// The evidence of a run's conclusion. The candidates are told in their own chapters.
pub(super) fn of_run(record: &Record, setting: Setting) -> String {
    let Some(Json::Object(mut map)) = record.body.evidence.clone() else { return rest(record.body.evidence.as_ref()) };
    let mut rows = Vec::new();
    if let Some(Json::Object(about)) = map.remove("about") {
        rows.extend(playbook(&about));
    }
    let facts = take::<Facts>(&mut map, "facts");
    if let Some(facts) = &facts {
        rows.push(row("server", server(&facts.server)));
        rows.push(row("found", found(facts, &mut map)));
        rows.extend(facts.unreadable.iter().map(|trouble| row("not read", trouble.clone())));
    }
    if let Some(history) = take::<History>(&mut map, "history") {
        let target = record.body.target.as_deref().unwrap_or_default();
        let now = facts.map_or(record.time, |f| f.looked_at);
        rows.extend(past(&history, target, now));
    }
    table(&[], rows, setting.width) + &rest(Some(&Json::Object(map)))
}

/// Takes a part out if it has the shape that is known; else it stays to be told as it is.
fn take<T: serde::de::DeserializeOwned>(map: &mut Map<String, Json>, name: &str) -> Option<T> {
    let part = serde_json::from_value(map.get(name)?.clone()).ok()?;
    map.remove(name);
    Some(part)
}

/// What the playbook says of itself and whose it is.
fn playbook(about: &Map<String, Json>) -> Vec<Vec<String>> {
    let words = [("about", "purpose"), ("owner", "owner"), ("severity", "severity"), ("runbook_url", "runbook")];
    let said = |(key, what): (&str, &str)| {
        let text = about.get(key)?.as_str().filter(|text| !text.is_empty())?;
        Some(row(what, text.to_owned()))
    };
    let mut rows: Vec<Vec<String>> = words.into_iter().filter_map(said).collect();
    if let Some(Json::Object(labels)) = about.get("labels").filter(|l| l.as_object().is_some_and(|l| !l.is_empty())) {
        let label = |(name, value): (&String, &Json)| format!("{name}={}", value.as_str().unwrap_or_default());
        rows.push(row("labels", labels.iter().map(label).collect::<Vec<_>>().join(", ")));
    }
    rows
}

fn row(what: &str, says: String) -> Vec<String> {
    vec![what.to_owned(), says]
}

fn server(server: &Server) -> String {
    let role = if server.in_recovery { "a standby" } else { "a primary" };
    format!(
        "PostgreSQL {}.{}, {role}; clients use {} of {} usable connections",
        server.major(),
        server.version_num % 10_000,
        server.client_backends,
        server.usable_connections()
    )
}

fn found(facts: &Facts, map: &mut Map<String, Json>) -> String {
    let mut number = |name: &str| map.remove(name).and_then(|n| n.as_u64()).and_then(|n| usize::try_from(n).ok());
    let all = number("candidates_found").unwrap_or(facts.candidates.len());
    let left_out = number("candidates_not_shown").unwrap_or_default();
    let mut says = count(all, "candidate");
    if facts.candidates.first().is_some_and(|c| c.kind() == Kind::Table) {
        says += &format!("; looked in {}", facts.server.databases.join(", "));
    }
    if facts.beyond_limit > 0 {
        says += &format!("; {} more beyond the finder's limit", facts.beyond_limit);
    }
    if left_out > 0 {
        says += &format!("; {left_out} of them are only counted in the record");
    }
    says
}

/// What limits, cooldowns and pauses knew.
fn past(history: &History, target: &str, now: Timestamp) -> Vec<Vec<String>> {
    let told = |(scope, pause)| row("paused", paused(scope, pause).replacen("paused: ", "", 1));
    let mut rows: Vec<Vec<String>> = history.pauses.iter().map(told).collect();
    let classes = [Class::Disruptive, Class::Irreversible].map(|class| spent(history, class, target, now));
    let spent: Vec<String> = classes.into_iter().flatten().collect();
    let none = || vec!["no disruptive action in the last hour".to_owned()];
    rows.push(row("limits", if spent.is_empty() { none() } else { spent }.join("; ")));
    let open = history.open.iter().map(|((_, key), open)| {
        let action = open.draft.action.as_ref().map_or("an action", |a| a.name.as_str());
        row("under way", format!("{action} on {key}, announced {}, record {}", moment(open.at), open.seq))
    });
    rows.extend(first(open, history.open.len(), "under way"));
    let ended = history.ended.iter().map(|((_, _, key), ended)| {
        let ago = in_words(since(now, ended.at));
        let how = ended.status.word().replace('_', " ");
        row("earlier", format!("{} on {key}: {how}, {ago} ago (run {})", ended.action, ended.run))
    });
    rows.extend(first(ended, history.ended.len(), "earlier"));
    rows
}

/// `2 disruptive actions in the last hour, 1 of them on orders`.
fn spent(history: &History, class: Class, target: &str, now: Timestamp) -> Option<String> {
    let all = history.count(now, HOUR, |i| i.class == class);
    let here = history.count(now, HOUR, |i| i.class == class && i.target == target);
    let place = match here {
        0 => format!("none on {target}"),
        n if n == all => format!("on {target}"),
        n => format!("{n} of them on {target}"),
    };
    let actions = count(usize::try_from(all).unwrap_or(usize::MAX), &format!("{} action", class.word()));
    (all > 0).then(|| format!("{actions} in the last hour, {place}"))
}

fn first(rows: impl Iterator<Item = Vec<String>>, all: usize, what: &str) -> Vec<Vec<String>> {
    let mut rows: Vec<Vec<String>> = rows.take(MOST_NAMED).collect();
    if all > rows.len() {
        rows.push(row(what, format!("… and {} more: -o json shows the record", all - rows.len())));
    }
    rows
}

/// Evidence of any shape as lines of `name: value`; what is in the way of reading is counted.
pub(super) fn rest(json: Option<&Json>) -> String {
    let Some(json) = json else { return String::new() };
    let mut lines = Vec::new();
    let mut json = json.clone();
    if let Json::Object(map) = &mut json {
        map.remove("notice");
    }
    flatten("", &json, &mut lines);
    let left_out = lines.len().saturating_sub(MOST_LINES);
    lines.truncate(MOST_LINES);
    if left_out > 0 {
        lines.push(format!("… and {left_out} lines more: -o json shows the record"));
    }
    lines.into_iter().map(|line| line + "\n").collect()
}

fn flatten(path: &str, json: &Json, lines: &mut Vec<String>) {
    let below = |name: &str| if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") };
    match json {
        Json::Null => {}
        Json::Object(map) => map.iter().for_each(|(name, value)| flatten(&below(name), value, lines)),
        Json::Array(items) if items.is_empty() => {}
        Json::Array(items) if items.iter().all(|i| !i.is_object() && !i.is_array()) => {
            lines.push(format!("{path}: {}", items.iter().map(plain).collect::<Vec<_>>().join(", ")));
        }
        Json::Array(items) => {
            for (n, item) in items.iter().enumerate() {
                flatten(&below(&(n + 1).to_string()), item, lines);
            }
        }
        scalar => lines.push(format!("{path}: {}", hanging(&plain(scalar), path.len() + 2))),
    }
}
