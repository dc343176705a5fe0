//! One playbook at one target: mode, steps, guards.

use super::{Said, find, policy, raised};
use crate::config::{Policy, Window};
use crate::model::time::in_words;
use crate::model::{Class, Duration, Mode, Role};
use crate::playbook::{ActStep, Guard, Include, Playbook, Step};

pub(super) fn compare(said: &mut Said, old: (&Playbook, &Policy), new: (&Playbook, &Policy)) {
    let ((was, old_policy), (is, new_policy)) = (old, new);
    let name = format!("playbook {}", is.name);
    raised(said, &name, was.mode, is.mode);
    steps(said, &name, was, is);
    find::compare(said, &name, &was.find, &is.find);
    guards(said, &name, &was.guard, &is.guard);
    policy::protect(said, &name, &was.guard.protect, &is.guard.protect);
    windows(said, &name, (&was.guard, old_policy), (&is.guard, new_policy));
}

/// A rung with what comes before it.
struct Rung<'p> {
    step: &'p ActStep,
    /// All waits before it together.
    after: Duration,
    /// Milder things that are tried first.
    before: Vec<&'static str>,
}

fn rungs(playbook: &Playbook) -> Vec<Rung<'_>> {
    let (mut after, mut before, mut rungs) = (Duration::ZERO, Vec::new(), Vec::new());
    for step in &playbook.steps {
        match step {
            Step::Wait(wait) => after += *wait,
            Step::Act(step) => {
                rungs.push(Rung { step, after, before: before.clone() });
                before.push(step.action.name);
            }
        }
    }
    rungs
}

fn steps(said: &mut Said, name: &str, was: &Playbook, is: &Playbook) {
    let mut old = rungs(was);
    let harshest = old.iter().map(|r| r.step.action.class).max_by_key(|c| harm(*c)).map_or(0, harm);
    for rung in rungs(is) {
        let action = rung.step.action;
        let Some(at) = old.iter().position(|r| r.step.action.name == action.name) else {
            let harsher = if harm(action.class) > harshest { ", of a harsher class" } else { "" };
            said.say(format!("{name} has one more step: {} ({}{harsher})", action.name, action.class.word()));
            continue;
        };
        let before = old.remove(at);
        let own = |step: &ActStep| step.mode.unwrap_or(Mode::Enforce);
        raised(said, &format!("{name}, step {}", action.name), own(before.step), own(rung.step));
        if rung.after < before.after {
            let (is, was) = (in_words(rung.after), in_words(before.after));
            said.say(format!("{name}, step {} comes after {is} instead of {was}", action.name));
        }
        for gone in before.before.iter().filter(|milder| !rung.before.contains(milder)) {
            said.say(format!("{name} no longer tries {gone} before {}", action.name));
        }
        find::arguments(said, &format!("{name}, step {}", action.name), &before.step.args, &rung.step.args);
    }
}

fn harm(class: Class) -> u8 {
    match class {
        Class::Maintenance => 1,
        Class::Disruptive => 2,
        Class::Irreversible => 3,
    }
}

fn guards(said: &mut Said, name: &str, was: &Guard, is: &Guard) {
    if is.cooldown < was.cooldown {
        let (is, was) = (in_words(is.cooldown), in_words(was.cooldown));
        said.say(format!("{name}: cooldown {is} instead of {was}"));
    }
    if is.role != was.role && was.role != Role::Any {
        let word = |role| Role::ALL.iter().find(|(_, r)| *r == role).map_or("", |(word, _)| word);
        said.say(format!("{name}: role {} instead of {}", word(is.role), word(was.role)));
    }
    if is.per_run.unwrap_or(u32::MAX) > was.per_run.unwrap_or(u32::MAX) {
        let words = |n: Option<u32>| n.map_or("what policy allows".to_owned(), |n| n.to_string());
        said.say(format!("{name}: per_run {} instead of {}", words(is.per_run), words(was.per_run)));
    }
    if is.time_budget.unwrap_or(Duration::MAX) > was.time_budget.unwrap_or(Duration::MAX) {
        let words = |d: Option<Duration>| d.map_or("without end".to_owned(), in_words);
        said.say(format!("{name}: time_budget {} instead of {}", words(is.time_budget), words(was.time_budget)));
    }
    for included in is.include.iter().filter(|i| !was.include.contains(i)) {
        let word = Include::ALL.iter().find(|(_, i)| i == included).map_or("", |(word, _)| word);
        said.say(format!("{name} includes {word}"));
    }
}

fn windows(said: &mut Said, name: &str, old: (&Guard, &Policy), new: (&Guard, &Policy)) {
    let ((was, old_policy), (is, new_policy)) = (old, new);
    let allowed = |guard: &Guard, policy: &Policy| spans(&guard.allow_in, policy);
    if !was.allow_in.is_empty() && is.allow_in.is_empty() {
        said.say(format!("{name} may act at any time, not only in {}", was.allow_in.join(", ")));
    } else if !was.allow_in.is_empty() && !within(&allowed(is, new_policy), &allowed(was, old_policy)) {
        said.say(format!("{name}: the times in which it may act (allow_in {}) are longer", is.allow_in.join(", ")));
    }
    if !within(&spans(&was.not_in, old_policy), &spans(&is.not_in, new_policy)) {
        said.say(format!("{name}: the times in which it must not act (not_in {}) are shorter", was.not_in.join(", ")));
    }
}

/// Spans of windows, each with the zone it is in.
fn spans(names: &[String], policy: &Policy) -> Vec<Window> {
    let all = names.iter().filter_map(|name| policy.windows.get(name)).flatten().cloned();
    all.map(|w| Window { timezone: Some(w.timezone.unwrap_or_else(|| policy.timezone.clone())), ..w }).collect()
}

/// Whether each of the inner spans lies within one of the outer ones that opens at the same times.
fn within(inner: &[Window], outer: &[Window]) -> bool {
    let covers = |o: &Window, i: &Window| o.cron == i.cron && o.timezone == i.timezone && o.lasts >= i.lasts;
    inner.iter().all(|i| outer.iter().any(|o| covers(o, i)))
}
