//! `find`, and the arguments of finders and actions, read by what the catalogue says of them.

use super::{Arg, Args, Catalogue, Find, Param, ParamType, later};
use crate::model::{Selector, time};
use crate::syntax::fault::{quote, suggest};
use crate::syntax::{Entry, Kind, Node, Reader, Span};

pub(super) fn find(reader: &mut Reader, node: &Node, catalogue: &Catalogue) -> Option<Find> {
    let help = "write `find: long_queries`, or `find: {long_queries: {longer_than: 5m}}`";
    let (name, span, below) = match &node.kind {
        Kind::Map(entries) => {
            let [one] = entries.as_slice() else {
                reader.error_help(node.span, "bad-find", "`find` names exactly one finder", help);
                return None;
            };
            (one.key.as_str(), one.key_span, Some(&one.value))
        }
        _ => (reader.text_of(node, "a finder")?, node.span, None),
    };
    let Some(finder) = catalogue.finder(name) else {
        if later::FINDERS.contains(&name) {
            reader.not_yet(span, &format!("find.{name}"));
            return None;
        }
        let there = catalogue.finders.iter().map(|f| f.name);
        reader.error_help(span, "unknown-finder", format!("there is no finder {}", quote(name)), suggest(name, there));
        return None;
    };
    let owner = Owner { what: "finder", name: finder.name, params: finder.params, also: &[] };
    let args = owner.args(reader, span, below)?;
    Some(Find { finder, args })
}

/// A finder or an action while its arguments are read.
pub(super) struct Owner {
    /// `finder` or `action`.
    pub what: &'static str,
    pub name: &'static str,
    pub params: &'static [Param],
    /// Keys that are read elsewhere.
    pub also: &'static [&'static str],
}

impl Owner {
    /// The arguments with defaults filled in. What is faulty is left out, and was reported.
    pub fn args(&self, reader: &mut Reader, span: Span, below: Option<&Node>) -> Option<Args> {
        let entries: &[Entry] = match below.filter(|node| !node.is_nothing()) {
            None => &[],
            Some(node) => reader.open_map(node, "parameters")?.entries(),
        };
        let mut args = self.defaults();
        for entry in entries.iter().filter(|e| !self.also.contains(&e.key.as_str())) {
            let Some(param) = self.params.iter().find(|p| p.name == entry.key) else {
                self.unknown(reader, entry);
                continue;
            };
            if let Some(arg) = self.arg(reader, &entry.value, param) {
                args.0.insert(param.name, arg);
            }
        }
        for param in self.params.iter().filter(|p| p.required && !entries.iter().any(|e| e.key == p.name)) {
            let message = format!("the {} `{}` needs `{}`", self.what, self.name, param.name);
            reader.error_help(span, "missing-key", message, format!("add `{}`: {}", param.name, param.about));
        }
        Some(args)
    }

    fn unknown(&self, reader: &mut Reader, entry: &Entry) {
        let message = format!("the {} `{}` has no {}", self.what, self.name, quote(&entry.key));
        let there = self.params.iter().map(|p| p.name).chain(self.also.iter().copied());
        reader.error_help(entry.key_span, "unknown-key", message, suggest(&entry.key, there));
    }

    fn defaults(&self) -> Args {
        let read = |p: &Param| Some((p.name, default_arg(p.ty, p.default?)?));
        Args(self.params.iter().filter_map(read).collect())
    }

    fn arg(&self, reader: &mut Reader, node: &Node, param: &Param) -> Option<Arg> {
        match param.ty {
            ParamType::Duration => reader.duration(node).map(Arg::Duration),
            ParamType::Count { min, max } => reader.count(node, min, max).map(Arg::Count),
            ParamType::Share => reader.share(node).map(Arg::Share),
            ParamType::Word(words) => {
                let words: Vec<(&str, &'static str)> = words.iter().map(|w| (*w, *w)).collect();
                reader.word(node, &words).map(Arg::Word)
            }
            ParamType::Selector(respects) => reader.selector(node, respects).map(|s| Arg::Selector(Box::new(s))),
            ParamType::Overrides { respects, params } => self.overrides(reader, node, respects, params),
        }
    }

    fn overrides(
        &self,
        reader: &mut Reader,
        node: &Node,
        respects: &'static [&'static str],
        params: &'static [&'static str],
    ) -> Option<Arg> {
        let items = reader.list(node, "overrides such as {match: {users: [reporting]}, …}")?;
        let read = |item| self.one_override(reader, item, respects, params);
        Some(Arg::Overrides(items.iter().filter_map(read).collect()))
    }

    fn one_override(
        &self,
        reader: &mut Reader,
        node: &Node,
        respects: &'static [&'static str],
        params: &'static [&'static str],
    ) -> Option<(Selector, Args)> {
        let map = reader.open_map(node, "an override")?;
        let mut args = Args::default();
        for entry in map.entries().iter().filter(|e| e.key != "match") {
            let param = self.params.iter().find(|p| p.name == entry.key && params.contains(&p.name));
            let Some(param) = param else {
                let message = format!("an override cannot change {}", quote(&entry.key));
                let there = params.iter().copied().chain(["match"]);
                reader.error_help(entry.key_span, "unknown-key", message, suggest(&entry.key, there));
                continue;
            };
            if let Some(arg) = self.arg(reader, &entry.value, param) {
                args.0.insert(param.name, arg);
            }
        }
        if map.entries().iter().all(|e| e.key == "match") {
            let help = format!("add one of `{}`", params.join("`, `"));
            reader.error_help(node.span, "no-effect", "this override changes nothing", help);
        }
        let Some(matched) = map.get("match") else {
            let help = "add `match: {users: [reporting]}`";
            reader.error_help(node.span, "missing-key", "this override does not say for whom", help);
            return None;
        };
        Some((reader.selector(matched, respects)?, args))
    }
}

/// A default as the catalogue writes it. `None` only for a catalogue that its own test refuses.
fn default_arg(ty: ParamType, text: &str) -> Option<Arg> {
    match ty {
        ParamType::Duration => time::parse_duration(text).ok().map(Arg::Duration),
        ParamType::Count { .. } => text.parse().ok().map(Arg::Count),
        ParamType::Share => text.parse().ok().map(Arg::Share),
        ParamType::Word(words) => words.iter().find(|w| **w == text).map(|w| Arg::Word(w)),
        ParamType::Selector(_) | ParamType::Overrides { .. } => None,
    }
}
