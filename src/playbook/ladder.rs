//! A playbook's `do`.

use super::params::Owner;
use super::useless::{self, Placed};
use super::{ActStep, Catalogue, Find, Step, later};
use crate::model::{Duration, Mode};
use crate::syntax::fault::{quote, suggest};
use crate::syntax::{Kind, Node, Reader, Span};

/// Most steps of one ladder, rests included.
pub(super) const STEPS_MAX: usize = 20;

pub(super) fn steps(
    reader: &mut Reader,
    node: &Node,
    catalogue: &Catalogue,
    find: Option<&Find>,
    ceiling: Mode,
    time_budget: Option<Duration>,
) -> Vec<Step> {
    let items = reader.list(node, "steps such as `cancel_backend`").unwrap_or_default();
    if items.len() > STEPS_MAX {
        let message = format!("{} steps are too many", items.len());
        reader.error_help(node.span, "out-of-bounds", message, format!("write at most {STEPS_MAX}"));
    }
    check_waits(reader, items);
    let ladder = Ladder { catalogue, find, ceiling };
    let placed = items.iter().filter_map(|item| Some(Placed { span: item.span, step: ladder.step(reader, item)? }));
    let placed: Vec<Placed> = placed.collect();
    useless::check(reader, &placed, time_budget);
    placed.into_iter().map(|placed| placed.step).collect()
}

struct Ladder<'c> {
    catalogue: &'c Catalogue,
    find: Option<&'c Find>,
    ceiling: Mode,
}

impl Ladder<'_> {
    fn step(&self, reader: &mut Reader, node: &Node) -> Option<Step> {
        let Kind::Map(entries) = &node.kind else {
            let name = reader.text_of(node, "a step")?;
            return self.rung(reader, name, node.span, None);
        };
        let [one] = entries.as_slice() else {
            several_keys(reader, node);
            return None;
        };
        if one.key == "wait" {
            return reader.duration(&one.value).map(Step::Wait);
        }
        self.rung(reader, &one.key, one.key_span, Some(&one.value))
    }

    fn rung(&self, reader: &mut Reader, name: &str, span: Span, below: Option<&Node>) -> Option<Step> {
        if name == "wait" {
            reader.error_help(span, "bad-step", "`wait` does not say how long", "write `wait: 30s`");
            return None;
        }
        let Some(action) = self.catalogue.action(name) else {
            if later::ACTIONS.contains(&name) {
                reader.not_yet(span, name);
                return None;
            }
            let there = self.catalogue.actions.iter().map(|a| a.name).chain(["wait"]);
            let message = format!("there is no action {}", quote(name));
            reader.error_help(span, "unknown-action", message, suggest(name, there));
            return None;
        };
        if let Some(find) = self.find.filter(|f| f.finder.kind != action.kind) {
            let (takes, lists) = (action.kind.word(), find.finder.kind.word());
            let fitting = self.catalogue.actions.iter().filter(|a| a.kind == find.finder.kind).map(|a| a.name);
            let fitting: Vec<&str> = fitting.collect();
            let message = format!("`{name}` takes a {takes}, but `{}` lists each a {lists}", find.finder.name);
            let help = format!("for a {lists} there is `{}`", fitting.join("`, `"));
            reader.error_help(span, "wrong-kind", message, help);
        }
        let owner = Owner { what: "action", name: action.name, params: action.params, also: &["mode"] };
        let args = owner.args(reader, span, below)?;
        Some(Step::Act(ActStep { action, args, mode: self.mode(reader, below) }))
    }

    fn mode(&self, reader: &mut Reader, below: Option<&Node>) -> Option<Mode> {
        let Kind::Map(entries) = &below?.kind else { return None };
        let node = &entries.iter().find(|e| e.key == "mode")?.value;
        let mode = reader.mode(node)?;
        if mode > self.ceiling {
            let message =
                format!("`{}` has no effect: the playbook's own mode is `{}`", mode.word(), self.ceiling.word());
            reader.warning(node.span, "no-effect", message, "a step can only lower the playbook's mode");
        }
        Some(mode)
    }
}

/// `- terminate_backend:` with `mode: …` below it at the same depth is the usual slip.
fn several_keys(reader: &mut Reader, node: &Node) {
    let Kind::Map(entries) = &node.kind else { return };
    let Some((first, rest)) = entries.split_first() else {
        return reader.error_help(node.span, "bad-step", "this step is empty", "write for example `cancel_backend`");
    };
    let beside: Vec<String> = rest.iter().map(|e| quote(&e.key)).collect();
    let message = format!("a step is one thing, but {} stands beside {}", beside.join(", "), quote(&first.key));
    let help = if first.value.is_nothing() {
        format!("indent it below: `{}: {{{}: …}}`", first.key, rest.first().map_or("", |e| e.key.as_str()))
    } else {
        "begin each step with its own `- `".to_owned()
    };
    reader.error_help(node.span, "bad-step", message, help);
}

fn check_waits(reader: &mut Reader, items: &[Node]) {
    let is_wait =
        |node: &Node| matches!(&node.kind, Kind::Map(entries) if entries.first().is_some_and(|e| e.key == "wait"));
    for (at, item) in items.iter().enumerate().filter(|(_, item)| is_wait(item)) {
        let message = if at == 0 {
            "`wait` comes first, so there is nothing to wait for"
        } else if items.get(at - 1).is_some_and(is_wait) {
            "two waits follow each other"
        } else if at + 1 == items.len() {
            "`wait` comes last, so nothing follows it"
        } else {
            continue;
        };
        let help = "a wait stands between two actions; `verify.within` is the time after the last";
        reader.error_help(item.span, "bad-step", message, help);
    }
}
