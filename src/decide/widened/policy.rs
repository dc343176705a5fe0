//! Policy: protections, limits, ceilings, freezes.

use super::{Said, raised};
use crate::config::{Freeze, Limits, Policy, Target};
use crate::model::time::in_words;
use crate::model::{Names, Protect, Timestamp};

pub(super) fn compare(said: &mut Said, was: &Policy, is: &Policy) {
    protect(said, "policy", &was.protect, &is.protect);
    limits(said, &was.limits, &is.limits);
    raised(said, "the ceiling of disruptive actions", was.ceilings.disruptive, is.ceilings.disruptive);
    raised(said, "the ceiling of maintenance", was.ceilings.maintenance, is.ceilings.maintenance);
    raised(said, "the ceiling of irreversible actions", was.ceilings.irreversible, is.ceilings.irreversible);
}

/// What is no longer protected. `whose`: policy, or a playbook.
pub(super) fn protect(said: &mut Said, whose: &str, was: &Protect, is: &Protect) {
    let (a, b) = (&was.names, &is.names);
    let respects: [(&str, &Names, &Names); 6] = [
        ("databases", &a.databases, &b.databases),
        ("users", &a.users, &b.users),
        ("applications", &a.applications, &b.applications),
        ("client_addrs", &a.client_addrs, &b.client_addrs),
        ("schemas", &a.schemas, &b.schemas),
        ("tables", &a.tables, &b.tables),
    ];
    for (respect, was, is) in respects {
        for gone in was.patterns().iter().filter(|p| !is.patterns().contains(p)) {
            said.say(format!("{whose} no longer protects {respect} {gone}"));
        }
    }
    for gone in was.queries.iter().filter(|q| !is.queries.iter().any(|r| r.as_str() == q.as_str())) {
        said.say(format!("{whose} no longer protects queries {}", gone.as_str()));
    }
}

fn limits(said: &mut Said, was: &Limits, is: &Limits) {
    let counts = [
        ("disruptive.per_run", was.disruptive_per_run, is.disruptive_per_run),
        ("disruptive.per_playbook_hour", was.disruptive_per_playbook_hour, is.disruptive_per_playbook_hour),
        ("disruptive.per_target_hour", was.disruptive_per_target_hour, is.disruptive_per_target_hour),
        ("disruptive.fleet_hour", was.disruptive_fleet_hour, is.disruptive_fleet_hour),
        ("disruptive.same_query.max", was.same_query.max, is.same_query.max),
        ("maintenance.per_run", was.maintenance_per_run, is.maintenance_per_run),
        ("maintenance.at_once_per_target", was.maintenance_at_once_per_target, is.maintenance_at_once_per_target),
        ("maintenance.at_once_fleet", was.maintenance_at_once_fleet, is.maintenance_at_once_fleet),
    ];
    for (name, was, is) in counts.into_iter().filter(|(_, was, is)| is > was) {
        said.say(format!("limit {name}: {is} instead of {was}"));
    }
    let (was, is) = (was.same_query.per, is.same_query.per);
    if is < was {
        said.say(format!("limit disruptive.same_query counts within {} instead of {}", in_words(is), in_words(was)));
    }
}

pub(super) fn freezes(said: &mut Said, old: (&Policy, &Target), new: (&Policy, &Target), now: Timestamp) {
    let holds = |freeze: &&Freeze, target: &Target| freeze.targets.iter().all(|m| m.matches(&target.labels));
    let ((was, before), (is, target)) = (old, new);
    for freeze in was.freezes.iter().filter(|f| f.until > now && holds(f, before)) {
        let name = &freeze.name;
        let Some(kept) = is.freezes.iter().filter(|f| holds(f, target)).find(|f| f.name == *name) else {
            said.say(format!("freeze {name} no longer holds"));
            continue;
        };
        if kept.from > freeze.from.max(now) || kept.until < freeze.until {
            said.say(format!("freeze {name} is shorter: from {} until {}", kept.from, kept.until));
        }
        raised(said, &format!("the ceiling of freeze {name}"), freeze.ceiling, kept.ceiling);
        for playbook in kept.except.patterns().iter().filter(|p| !freeze.except.patterns().contains(p)) {
            said.say(format!("freeze {name} lets {playbook} go on"));
        }
    }
}
