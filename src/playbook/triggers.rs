//! A playbook's `triggers`.

use super::Trigger;
use crate::model::Duration;
use crate::syntax::{Keys, Node, Reader};

/// The shortest distance of an `every` trigger.
const EVERY_MIN: Duration = Duration::from_secs(1);

pub(super) const TRIGGER: Keys = Keys {
    what: "a trigger",
    known: &["every", "cron", "window", "timezone", "jitter"],
    required: &[],
    later: &["alert", "matchers", "recheck", "give_up_after"],
};

pub(super) fn triggers(reader: &mut Reader, node: &Node) -> Vec<Trigger> {
    let items = reader.list(node, "triggers such as `every: 30s`").unwrap_or_default();
    items.iter().filter_map(|item| trigger(reader, item)).collect()
}

fn trigger(reader: &mut Reader, node: &Node) -> Option<Trigger> {
    let map = reader.map(node, &TRIGGER)?;
    let kinds: Vec<&str> =
        ["every", "cron", "window", "alert"].into_iter().filter(|k| map.entry(k).is_some()).collect();
    if kinds.len() != 1 {
        let message = match kinds.as_slice() {
            [] => "this trigger does not say when".to_owned(),
            several => format!("a trigger is one of `{}`, not several", several.join("`, `")),
        };
        let help = "write one of `every: 30s`, `cron: \"0 2 * * *\"`, `window: NAME` for each trigger";
        reader.error_help(node.span, "bad-trigger", message, help);
    }
    let jitter = map.get("jitter").and_then(|node| reader.duration(node)).unwrap_or_default();
    if let Some(entry) = map.entry("timezone")
        && map.entry("cron").is_none()
    {
        reader.error_help(entry.key_span, "bad-trigger", "only `cron` has a time zone of its own", "remove it");
    }
    let timezone = map.get("timezone").and_then(|node| reader.zone(node));
    match *kinds.first()? {
        "every" => {
            let written = map.get("every")?;
            let every = reader.duration(written)?;
            if every < EVERY_MIN {
                reader.error_help(written.span, "out-of-bounds", "this is too often", "write at least 1s");
            }
            if let Some(node) = map.get("jitter").filter(|_| jitter >= every) {
                let help = "write a jitter below the distance between two ticks";
                reader.error_help(node.span, "out-of-bounds", "the jitter is as long as the distance", help);
            }
            Some(Trigger::Every { every, jitter })
        }
        "cron" => Some(Trigger::Cron { expression: reader.cron(map.get("cron")?)?, timezone, jitter }),
        "window" => Some(Trigger::Window { name: reader.name(map.get("window")?)?, jitter }),
        _ => None,
    }
}
