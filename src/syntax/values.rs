//! Values that both playbooks and the configuration write: names, times, zones, labels.

use super::fault::quote;
use super::{Keys, Node, Reader};
use crate::model::{Duration, Labels, Mode, Timestamp, time};
use std::str::FromStr;

/// Whether a text can be the name of a target, channel, window or pooler: they go into messages,
/// commands and URLs.
#[must_use]
pub fn is_name(text: &str) -> bool {
    let inner = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.');
    let first = |b: u8| b.is_ascii_alphanumeric();
    text.len() <= 63 && text.bytes().next().is_some_and(first) && text.bytes().all(inner)
}

/// Whether a text can be the name of a playbook, which also goes into SQL comments: small letters,
/// no dot.
#[must_use]
pub fn is_playbook_name(text: &str) -> bool {
    is_name(text) && !text.bytes().any(|b| b.is_ascii_uppercase() || b == b'.')
}

impl Reader<'_> {
    /// A name as [`is_name`] allows.
    pub fn name(&mut self, node: &Node) -> Option<String> {
        let text = self.text_of(node, "a name")?;
        if is_name(text) {
            return Some(text.to_owned());
        }
        let help = "use 1 to 63 letters, digits, `-`, `_` and `.`, beginning with a letter or digit";
        self.error_help(node.span, "bad-name", format!("{} cannot be a name", quote(text)), help);
        None
    }

    /// A list of names that stand for something defined elsewhere.
    pub fn name_list(&mut self, node: &Node, of: &str) -> Option<Vec<String>> {
        let items = self.list(node, of)?;
        let names: Vec<String> = items.iter().filter_map(|item| self.name(item)).collect();
        (names.len() == items.len()).then_some(names)
    }

    /// A length of time above zero.
    pub fn duration(&mut self, node: &Node) -> Option<Duration> {
        let example = "a length of time such as 30s, 5m or 1h30m";
        let text = self.text_of(node, example)?;
        match time::parse_duration(text) {
            Ok(d) if d > Duration::ZERO => Some(d),
            Ok(_) => {
                self.error_help(node.span, "bad-duration", "a length of time above zero is needed", example);
                None
            }
            Err(_) => {
                let help = if text.bytes().all(|b| b.is_ascii_digit()) {
                    format!("add a unit: {text}s, {text}m or {text}h")
                } else {
                    "write for example 30s, 5m or 1h30m (units ms s m h d w y, the largest first)".to_owned()
                };
                self.error_help(node.span, "bad-duration", format!("{} is no length of time", quote(text)), help);
                None
            }
        }
    }

    /// A length of time above zero and at most `max`.
    pub fn duration_within(&mut self, node: &Node, max: Duration) -> Option<Duration> {
        let duration = self.duration(node)?;
        if duration <= max {
            return Some(duration);
        }
        let message = format!("{} is too long", time::in_words(duration));
        self.error_help(node.span, "out-of-bounds", message, format!("write at most {}", time::in_words(max)));
        None
    }

    /// A cron expression of 5 fields, or 6 with seconds first.
    pub fn cron(&mut self, node: &Node) -> Option<String> {
        let text = self.text_of(node, "a cron expression such as \"0 2 * * *\"")?;
        match super::cron::check(text) {
            Ok(()) => Some(text.to_owned()),
            Err(why) => {
                self.error(node.span, "bad-cron", format!("{}: {why}", quote(text)));
                None
            }
        }
    }

    /// An IANA zone.
    pub fn zone(&mut self, node: &Node) -> Option<String> {
        let text = self.text_of(node, "a time zone such as Europe/Berlin")?;
        if jiff::tz::TimeZone::get(text).is_ok() {
            return Some(text.to_owned());
        }
        let all: Vec<String> = jiff::tz::db().available().map(|name| name.to_string()).collect();
        let help = match super::fault::meant(text, all.iter().map(String::as_str)) {
            Some(zone) => format!("did you mean `{zone}`?"),
            None => "write a name of the IANA database, such as Europe/Berlin, Asia/Seoul or UTC".to_owned(),
        };
        self.error_help(node.span, "bad-zone", format!("there is no time zone {}", quote(text)), help);
        None
    }

    /// A moment with its zone.
    pub fn moment(&mut self, node: &Node) -> Option<Timestamp> {
        let example = "a moment such as 2026-11-27T00:00:00Z or 2026-11-27T09:00:00+09:00";
        let text = self.text_of(node, example)?;
        let moment = Timestamp::from_str(text).ok();
        if moment.is_none() {
            let message = format!("{} is no moment in RFC 3339", quote(text));
            self.error_help(node.span, "bad-moment", message, format!("write {example}"));
        }
        moment
    }

    /// `observe`, `approve` or `enforce`.
    pub fn mode(&mut self, node: &Node) -> Option<Mode> {
        self.word(node, &Mode::ALL)
    }

    /// Names and values.
    pub fn labels(&mut self, node: &Node) -> Option<Labels> {
        let map = self.open_map(node, "labels")?;
        let mut labels = Labels::new();
        for entry in map.entries() {
            let valid = |b: u8| b.is_ascii_alphanumeric() || b == b'_';
            if !entry.key.bytes().all(valid) || entry.key.bytes().next().is_none_or(|b| b.is_ascii_digit()) {
                let message = format!("{} is no name for a label", quote(&entry.key));
                self.error_help(entry.key_span, "bad-name", message, "use letters, digits and `_`, no digit first");
            }
            if let Some(value) = self.text_of(&entry.value, "a text") {
                labels.insert(entry.key.clone(), value.to_owned());
            }
        }
        Some(labels)
    }

    /// Two entries of a list must not have one name.
    pub fn unique<'n>(&mut self, what: &str, names: impl IntoIterator<Item = (&'n Node, String)>) {
        let mut seen: Vec<(String, super::Span)> = Vec::new();
        for (node, name) in names {
            if let Some((_, first)) = seen.iter().find(|(n, _)| *n == name) {
                let line = self.line(*first);
                let message = format!("there are two {what} called {}", quote(&name));
                self.error_help(
                    node.span,
                    "duplicate-name",
                    message,
                    format!("the first is in line {line}; rename one"),
                );
            } else {
                seen.push((name, node.span));
            }
        }
    }
}

/// Keys of a map of which none is required and none comes later.
#[must_use]
pub const fn keys(what: &'static str, known: &'static [&'static str]) -> Keys {
    Keys { what, known, required: &[], later: &[] }
}
