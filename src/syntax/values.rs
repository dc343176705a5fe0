//! Values that both playbooks and the configuration write: times, zones, names, patterns, matchers.

use super::fault::{quote, suggest};
use super::{Keys, Kind, Map, Node, Reader};
use crate::model::{Duration, Labels, Matcher, Mode, Names, Protect, Selector, Timestamp, time};
use std::str::FromStr;

/// What `only`, `except`, `match` and `protect` may speak of.
pub const RESPECTS: [&str; 6] = ["databases", "users", "applications", "client_addrs", "schemas", "tables"];

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

    /// A list of matchers over labels; an empty one is a fault.
    pub fn matchers(&mut self, node: &Node) -> Option<Vec<Matcher>> {
        let items = self.list(node, "matchers such as env=\"prod\"")?;
        self.refuse_empty(node, items.len(), "matches nothing");
        let mut matchers = Vec::new();
        for item in items {
            let Some(text) = self.text_of(item, "a matcher such as env=\"prod\"") else { continue };
            match Matcher::parse(text) {
                Ok(matcher) => matchers.push(matcher),
                Err(why) => drop(self.error(item.span, "bad-matcher", why)),
            }
        }
        Some(matchers)
    }

    /// An empty list where a choice is meant selects nothing, and is never taken for everything.
    pub fn refuse_empty(&mut self, node: &Node, len: usize, effect: &str) {
        if len == 0 {
            let help = "write what is meant, or leave the key out";
            self.error_help(node.span, "empty-selector", format!("an empty list {effect}"), help);
        }
    }

    /// A list of patterns.
    pub fn patterns(&mut self, node: &Node, may_be_empty: bool) -> Option<Names> {
        let items = self.list(node, "names or patterns")?;
        if !may_be_empty {
            self.refuse_empty(node, items.len(), "selects nothing");
        }
        let mut patterns = Vec::new();
        for item in items {
            let Some(text) = self.text_of(item, "a name or pattern") else { continue };
            match Names::parse(&[text.to_owned()]) {
                Ok(_) => patterns.push(text.to_owned()),
                Err(why) => {
                    let help = "write * for any text, ? for one character, [ab] or {a,b} for a choice";
                    self.error_help(item.span, "bad-pattern", why, help);
                }
            }
        }
        match Names::parse(&patterns) {
            Ok(names) => Some(names),
            Err(why) => {
                self.error(node.span, "bad-pattern", why);
                None
            }
        }
    }

    /// `only`, `except` or `match`: at least one respect, each with at least one pattern.
    pub fn selector(&mut self, node: &Node, respects: &'static [&'static str]) -> Option<Selector> {
        let map = self.respects(node, "a selector", respects, &[])?;
        if map.entries().is_empty() {
            let help = format!("write one of {}, or leave the key out", respects.join(", "));
            self.error_help(node.span, "empty-selector", "an empty selector selects nothing", help);
        }
        Some(self.selector_from(&map, false))
    }

    /// `protect`: respects, and `queries` as regular expressions. Empty lists may stand beside others.
    pub fn protect(&mut self, node: &Node) -> Option<Protect> {
        let map = self.respects(node, "protect", &RESPECTS, &["queries"])?;
        let names = self.selector_from(&map, true);
        let mut queries = Vec::new();
        if let Some(node) = map.get("queries") {
            for item in self.list(node, "regular expressions").unwrap_or_default() {
                let Some(text) = self.text_of(item, "a regular expression") else { continue };
                match regex::RegexBuilder::new(text).size_limit(1 << 20).build() {
                    Ok(regex) => queries.push(regex),
                    Err(e) => {
                        let why = e.to_string();
                        let why = why.lines().last().unwrap_or_default().trim_start_matches("error: ").to_owned();
                        self.error(item.span, "bad-regex", format!("{} is no regular expression: {why}", quote(text)));
                    }
                }
            }
        }
        let all_empty = |e: &super::Entry| matches!(&e.value.kind, Kind::Seq(items) if items.is_empty());
        if map.entries().iter().all(all_empty) {
            let help = "write who or what is protected, or leave `protect` out";
            self.error_help(node.span, "empty-selector", "this protects nothing", help);
        }
        Some(Protect { names, queries })
    }

    fn respects<'n>(
        &mut self,
        node: &'n Node,
        what: &'static str,
        respects: &[&'static str],
        more: &[&'static str],
    ) -> Option<Map<'n>> {
        let map = self.open_map(node, what)?;
        let known = respects.iter().chain(more).copied();
        for entry in map.entries().iter().filter(|e| !known.clone().any(|k| k == e.key)) {
            let message = format!("{} is no key of {what} here", quote(&entry.key));
            self.error_help(entry.key_span, "unknown-key", message, suggest(&entry.key, known.clone()));
        }
        Some(map)
    }

    fn selector_from(&mut self, map: &Map, may_be_empty: bool) -> Selector {
        let mut read = |key: &str| map.get(key).and_then(|node| self.patterns(node, may_be_empty)).unwrap_or_default();
        Selector {
            databases: read("databases"),
            users: read("users"),
            applications: read("applications"),
            client_addrs: read("client_addrs"),
            schemas: read("schemas"),
            tables: read("tables"),
        }
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
