//! What a new configuration allows that the old one did not, in words: people are always told of it.
//!
//! What is in force is compared, target by target, so it does not matter in which file it was written.
//! Where two settings cannot be compared the difference counts as wider.

mod find;
mod playbook;
mod policy;
#[cfg(test)]
mod tests;

use crate::config::{AccessRole, Config, Target};
use crate::model::{Mode, Timestamp};
use crate::playbook::Playbook;
use std::collections::BTreeMap;

/// Most targets that one line names.
const NAMED: usize = 4;

/// What is in force: the configuration, and by target the playbooks that run there.
#[derive(Debug)]
pub struct Authority<'a> {
    /// The configuration.
    pub config: &'a Config,
    /// By target, as its variables and overrides make them.
    pub playbooks: BTreeMap<&'a str, Vec<&'a Playbook>>,
}

impl Authority<'_> {
    fn playbook(&self, target: &str, name: &str) -> Option<&Playbook> {
        self.playbooks.get(target)?.iter().copied().find(|p| p.name == name && p.enabled)
    }
}

/// All that the new one allows and the old one did not, one line each; empty: nothing.
#[must_use]
pub fn widened(old: &Authority, new: &Authority, now: Timestamp) -> Vec<String> {
    let mut said = Said::default();
    raised(&mut said, "the daemon's mode", old.config.mode, new.config.mode);
    roles(&mut said, old.config, new.config);
    for target in &new.config.targets {
        said.at = Some(target.name.clone());
        if let Some(before) = old.config.target(&target.name) {
            one_target(&mut said, (old, before), (new, target), now);
            continue;
        }
        let mode = new.config.mode.min(target.mode);
        if mode > Mode::Observe {
            said.say(format!("a new target that may act, in mode {}", mode.word()));
        }
    }
    said.lines(new.config.targets.len())
}

fn roles(said: &mut Said, old: &Config, new: &Config) {
    let of = |config: &Config, group: &str| config.socket_roles.get(group).copied().unwrap_or(AccessRole::Operator);
    for (group, role) in &new.socket_roles {
        if *role > of(old, group) {
            said.say(format!("members of the group {group} may do more: now {}", word(*role)));
        }
    }
    for group in old.socket_roles.keys().filter(|group| of(new, group) > of(old, group)) {
        if !new.socket_roles.contains_key(group) {
            said.say(format!("members of the group {group} may do more: now {}", word(AccessRole::Operator)));
        }
    }
}

fn word(role: AccessRole) -> &'static str {
    AccessRole::ALL.iter().find(|(_, r)| *r == role).map_or("", |(word, _)| word)
}

fn one_target(said: &mut Said, old: (&Authority, &Target), new: (&Authority, &Target), now: Timestamp) {
    let ((old_all, before), (new_all, target)) = (old, new);
    raised(said, "the target's mode", before.mode, target.mode);
    login(said, before, target);
    if !before.dsn.is_like(&target.dsn) {
        said.say("it connects to another dsn".to_owned());
    }
    for pooler in &target.pgbouncer {
        if !before.pgbouncer.iter().any(|p| p.name == pooler.name && p.dsn.is_like(&pooler.dsn)) {
            said.say(format!("its PgBouncer {} is new or another", pooler.name));
        }
    }
    for database in target.databases.iter().filter(|d| !before.databases.contains(d) && !all(&before.databases)) {
        said.say(format!("table and index work also in databases {database}"));
    }
    let (was, is) = (old_all.config.policy(before), new_all.config.policy(target));
    policy::compare(said, &was, &is);
    policy::freezes(said, (&was, before), (&is, target), now);
    for playbook in new_all.playbooks.get(target.name.as_str()).into_iter().flatten().filter(|p| p.enabled) {
        let ceiling = |all: &Authority, target: &Target| all.config.mode.min(target.mode);
        match old_all.playbook(&target.name, &playbook.name) {
            Some(old) => {
                let (had, has) = (ceiling(old_all, before).min(old.mode), ceiling(new_all, target).min(playbook.mode));
                raised(said, &format!("playbook {} in effect", playbook.name), had, has);
                playbook::compare(said, (old, &was), (playbook, &is));
            }
            None if playbook.mode > Mode::Observe && playbook.rungs().next().is_some() => {
                let anywhere = old_all.playbooks.values().flatten().any(|p| p.name == playbook.name && p.enabled);
                let how = if anywhere { "runs on more targets" } else { "is new" };
                said.say(format!("playbook {} {how}, in mode {}", playbook.name, playbook.mode.word()));
            }
            None => {}
        }
    }
}

fn login(said: &mut Said, before: &Target, target: &Target) {
    let user = |t: &Target| t.act_as.as_ref().map_or("the reading login".to_owned(), |l| l.user.clone());
    let (was, is) = (user(before), user(target));
    if was != is {
        said.say(format!("it acts as {is}, not as {was}"));
    }
}

fn all(databases: &[String]) -> bool {
    databases.iter().any(|d| d == "*")
}

fn raised(said: &mut Said, what: &str, was: Mode, is: Mode) {
    if is > was {
        said.say(format!("{what}: {} instead of {}", is.word(), was.word()));
    }
}

/// Lines, each with the targets it is about.
#[derive(Default)]
struct Said {
    at: Option<String>,
    lines: Vec<(String, Option<Vec<String>>)>,
}

impl Said {
    fn say(&mut self, line: String) {
        match (self.lines.iter_mut().find(|(there, _)| *there == line), &self.at) {
            (Some((_, Some(targets))), Some(at)) => {
                if !targets.contains(at) {
                    targets.push(at.clone());
                }
            }
            (Some(_), _) => {}
            (None, at) => self.lines.push((line, at.clone().map(|at| vec![at]))),
        }
    }

    fn lines(self, targets: usize) -> Vec<String> {
        let line = |(line, at): (String, Option<Vec<String>>)| match at {
            None => line,
            Some(at) if at.len() > NAMED && at.len() == targets => format!("{line} (at all {targets} targets)"),
            Some(at) if at.len() > NAMED => {
                format!("{line} (at {} and {} more)", at[..NAMED].join(", "), at.len() - NAMED)
            }
            Some(at) => format!("{line} (at {})", at.join(", ")),
        };
        self.lines.into_iter().map(line).collect()
    }
}
