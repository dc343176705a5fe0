//! Who and what is meant: matchers, patterns, selectors, protections.

use super::fault::{quote, suggest};
use super::{Entry, Kind, Map, Node, Reader};
use crate::model::{Matcher, Names, Protect, Selector};

/// What `only`, `except`, `match` and `protect` may speak of.
pub const RESPECTS: [&str; 6] = ["databases", "users", "applications", "client_addrs", "schemas", "tables"];

impl Reader<'_> {
    /// A list of matchers over labels; an empty one is a fault.
    pub fn matchers(&mut self, node: &Node) -> Option<Vec<Matcher>> {
        let items = self.list(node, "matchers such as env=\"prod\"")?;
        self.refuse_empty(node, items.len(), "matches nothing");
        let mut matchers = Vec::new();
        for item in items {
            let Some(text) = self.text_of(item, "a matcher such as env=\"prod\"") else { continue };
            if text.contains('~') && !self.takes_regex(item.span) {
                break;
            }
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
                if !self.takes_regex(item.span) {
                    break;
                }
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
        super::protected::check(self, &map);
        let all_empty = |e: &Entry| matches!(&e.value.kind, Kind::Seq(items) if items.is_empty());
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
}
