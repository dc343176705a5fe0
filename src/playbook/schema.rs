//! The JSON Schema of a playbook, from the reader's own keys and the catalogue.

use super::catalogue::{Catalogue, Param, ParamType};
use super::{Include, guarding, ladder, read, triggers};
use crate::model::{Mode, Role};
use crate::syntax::schema::{Maker, closed, list, map_of, object};
use serde_json::{Value as Json, json};

/// Variables may stand for any single value of a playbook.
const M: Maker = Maker { vars: true };

/// The schema of a playbook file.
#[must_use]
pub fn schema(catalogue: &Catalogue) -> Json {
    let mut root = object(
        &read::KEYS,
        &[
            ("version", "Version of the format: 1.", M.only(1)),
            ("name", "Unique name: small letters, digits, `-` and `_`.", M.pattern("^[a-z0-9][a-z0-9_-]{0,62}$")),
            ("about", "What it is for, in a sentence.", M.text()),
            ("owner", "Who answers for it; carried into messages.", M.text()),
            ("severity", "Carried into messages.", M.text()),
            ("runbook_url", "Where people read on; carried into messages.", M.text()),
            ("labels", "Carried into messages and records.", M.labels()),
            ("enabled", "A disabled playbook has no triggers and refuses to run. Default true.", M.bool()),
            (
                "mode",
                "observe (default: decide and record) < approve (a person says yes) < enforce.",
                M.word(&Mode::ALL),
            ),
            ("vars", "Values that the playbook uses as \"${var:NAME}\".", vars()),
            ("triggers", "What asks for a run; none: only by hand.", list(&trigger(), true)),
            (
                "targets",
                "Where it runs: `all`, matchers over labels, or names. Must be written for approve and enforce.",
                targets(),
            ),
            ("find", "What it looks for: one finder.", find(catalogue)),
            ("guard", "What stops it, beside policy.", guard()),
            (
                "do",
                "What is done to each candidate, milder steps first. Without it people are only told.",
                steps(catalogue),
            ),
            ("verify", "How it is checked that it helped.", verify()),
            ("notify", "Channels; without it those of the configuration.", M.names(true)),
            (
                "on_overlap",
                "What a tick does while the last run still goes on: skip (default) or queue one.",
                M.word(&read::ON_OVERLAP),
            ),
            (
                "on_missed",
                "What a tick does that should have come while pgmedic was away: skip (default) or once.",
                M.word(&read::ON_MISSED),
            ),
        ],
    );
    root["if"] = json!({"required": ["mode"], "properties": {"mode": {"enum": ["approve", "enforce"]}}});
    root["then"] = json!({"required": ["targets"]});
    M.root("pgmedic playbook", "What pgmedic looks for on a schedule, and what it does about it.", root)
}

fn vars() -> Json {
    let plain = Maker { vars: false };
    map_of("^[A-Za-z0-9_]+$", &plain.text())
}

fn trigger() -> Json {
    let mut trigger = object(
        &triggers::TRIGGER,
        &[
            ("every", "At fixed distances of at least 1s.", M.duration()),
            ("cron", "On a calendar: 5 fields, or 6 with seconds first.", M.cron()),
            ("window", "When this window of the configuration opens.", M.name()),
            ("timezone", "Zone of `cron`; without it that of the configuration.", M.zone()),
            ("jitter", "Spread, stable for each playbook and target.", M.duration()),
        ],
    );
    trigger["oneOf"] = json!([{"required": ["every"]}, {"required": ["cron"]}, {"required": ["window"]}]);
    trigger["dependentRequired"] = json!({"timezone": ["cron"]});
    trigger
}

fn targets() -> Json {
    let names = ("names", "Targets' names.", M.names(false));
    json!({"anyOf": [M.only("all"), M.matchers(), closed([names], read::TARGETS.required)]})
}

fn find(catalogue: &Catalogue) -> Json {
    let each = catalogue.finders.iter().map(|f| (f.name, f.about, arguments(f.params, Vec::new())));
    let bare: Vec<&str> =
        catalogue.finders.iter().filter(|f| f.params.iter().all(|p| !p.required)).map(|f| f.name).collect();
    let bare = json!({"anyOf": [{"enum": bare}, {"$ref": "#/$defs/variable"}]});
    json!({"anyOf": [bare, one_of(closed(each, &[]))]})
}

fn steps(catalogue: &Catalogue) -> Json {
    let bare = catalogue.actions.iter().filter(|a| a.params.iter().all(|p| !p.required)).map(|a| a.name);
    let bare = json!({"anyOf": [{"enum": bare.collect::<Vec<_>>()}, {"$ref": "#/$defs/variable"}]});
    let mode = || ("mode", "Lowers what this one step may do.", M.word(&Mode::ALL));
    let each = catalogue.actions.iter().map(|a| (a.name, a.about, arguments(a.params, vec![mode()])));
    let wait = ("wait", "Lets the step before it work; stands between two actions.", M.duration());
    let mut steps = list(&json!({"anyOf": [bare, one_of(closed(each.chain([wait]), &[]))]}), true);
    steps["maxItems"] = json!(ladder::STEPS_MAX);
    steps
}

/// A map with exactly one of its keys.
fn one_of(mut map: Json) -> Json {
    map["minProperties"] = json!(1);
    map["maxProperties"] = json!(1);
    map
}

/// What stands below a finder or an action: its parameters, or nothing.
fn arguments(params: &'static [Param], also: Vec<(&'static str, &'static str, Json)>) -> Json {
    let required: Vec<&str> = params.iter().filter(|p| p.required).map(|p| p.name).collect();
    let mut map = closed(params.iter().map(|p| (p.name, p.about, parameter(params, p))).chain(also), &required);
    if required.is_empty() {
        map["type"] = json!(["object", "null"]);
    }
    map
}

fn parameter(params: &'static [Param], param: &Param) -> Json {
    let mut schema = match param.ty {
        ParamType::Duration => M.duration(),
        ParamType::Count { min, max } => M.count(min, max),
        ParamType::Share => M.share(),
        ParamType::Word(words) => M.word(&words.iter().map(|word| (*word, ())).collect::<Vec<_>>()),
        ParamType::Selector(respects) => M.selector(respects),
        ParamType::Overrides { respects, params: named } => list(&an_override(params, respects, named), true),
    };
    if let Some(default) = param.default {
        let number = matches!(param.ty, ParamType::Count { .. } | ParamType::Share);
        let number = if number { serde_json::from_str::<Json>(default).ok() } else { None };
        schema["default"] = number.unwrap_or_else(|| json!(default));
    }
    schema
}

/// `{match: …}` with at least one of the parameters that can be overridden.
fn an_override(params: &'static [Param], respects: &[&str], named: &[&str]) -> Json {
    let matched = ("match", "For whom; the first override that matches wins.", M.selector(respects));
    let changed = params.iter().filter(|p| named.contains(&p.name)).map(|p| (p.name, p.about, parameter(params, p)));
    let mut schema = closed(changed.chain([matched]), &["match"]);
    schema["minProperties"] = json!(2);
    schema
}

fn guard() -> Json {
    let per_run = ("per_run", "Most candidates acted on in one run; policy's if smaller.", M.count(1, 10_000));
    object(
        &guarding::GUARD,
        &[
            ("role", "The replication role that the target must have. Default primary.", M.word(&Role::ALL)),
            ("limits", "Lowers policy's limits for this playbook.", object(&guarding::LIMITS, &[per_run])),
            ("cooldown", "Rest of a candidate after its ladder, at most 7d. Default 5m.", M.duration()),
            ("allow_in", "Windows of which one must be open.", M.names(false)),
            ("not_in", "Windows none of which may be open.", M.names(false)),
            ("time_budget", "The run starts nothing new after so long.", M.duration()),
            ("protect", "Never touched; adds to policy.", M.protect()),
            ("include", "Lets DDL or batch commands be candidates.", list(&M.word(&Include::ALL), true)),
        ],
    )
}

fn verify() -> Json {
    let within = "How long after the ladder the acted candidates may still be there. Default 2m.";
    object(&read::VERIFY, &[("within", within, M.duration())])
}
