//! `plan`: what would be done now and why not. Touches nothing, records nothing.

use super::api::{CandidateReport, PlanReport, PlanRequest, Refusal};
use super::clock::{Clock, System};
use super::load::Loaded;
use super::look::{Errand, look};
use super::world::World;
use crate::actions::{self, Order};
use crate::audit::query::{self, QueryError};
use crate::decide::{self, Decision};
use crate::drivers::{Connect, TargetDriver};
use crate::model::{Candidate, Facts, History, Kind, Mode, Timestamp, Verdict};
use crate::playbook::{Playbook, Step};
use std::path::Path;
use std::sync::Arc;

/// What would be done now, on every target that is asked for. `history` is what was done before, as far
/// as it is known.
///
/// # Errors
/// [`Refusal::Unknown`] for a name that is not there.
pub async fn plan(
    loaded: &Loaded,
    connect: &dyn Connect,
    request: &PlanRequest,
    history: &History,
) -> Result<Vec<PlanReport>, Refusal> {
    let worlds = World::of(loaded).map_err(Refusal::Invalid)?;
    let mut reports = Vec::new();
    for (world, playbooks) in chosen(&worlds, request)? {
        let driver = connect.driver(&world.target, false);
        for playbook in playbooks {
            reports.push(peek(&*driver, &System, world, playbook, history).await);
        }
        driver.close().await;
    }
    Ok(reports)
}

/// What was done before, from a log that no daemon writes now, and the file `PAUSED`. Empty when there is
/// no log yet.
///
/// # Errors
/// A log that cannot be read.
pub fn past(data_dir: &Path) -> Result<Arc<History>, QueryError> {
    let history = match query::state(data_dir) {
        Ok(state) => state.history,
        Err(QueryError::NoLog(_)) => Arc::default(),
        Err(e) => return Err(e),
    };
    Ok(super::carry::with_paused_file(history, data_dir))
}

/// The targets and playbooks that a request means.
///
/// # Errors
/// [`Refusal::Unknown`] for a name that is not there; says which there are.
pub fn chosen<'a>(worlds: &'a [World], request: &PlanRequest) -> Result<Vec<(&'a World, Vec<&'a Playbook>)>, Refusal> {
    if let Some(name) = &request.target
        && !worlds.iter().any(|w| w.target.name == *name)
    {
        return Err(unknown("target", name, worlds.iter().map(|w| w.target.name.as_str())));
    }
    for name in &request.playbooks {
        if !worlds.iter().any(|w| w.playbook(name).is_some()) {
            let all = worlds.iter().flat_map(|w| w.playbooks.iter().map(|p| p.name.as_str()));
            return Err(unknown("playbook", name, all));
        }
    }
    let here = worlds.iter().filter(|w| request.target.as_ref().is_none_or(|t| w.target.name == *t));
    let wanted = |p: &&Playbook| request.playbooks.is_empty() || request.playbooks.contains(&p.name);
    Ok(here.map(|w| (w, w.playbooks.iter().map(AsRef::as_ref).filter(wanted).collect())).collect())
}

/// A name that is not there, and the names that are.
pub fn unknown<'a>(what: &str, name: &str, all: impl Iterator<Item = &'a str>) -> Refusal {
    let mut all: Vec<&str> = all.collect();
    all.sort_unstable();
    all.dedup();
    let near = all.iter().max_by(|a, b| strsim::jaro_winkler(a, name).total_cmp(&strsim::jaro_winkler(b, name)));
    let hint = near
        .filter(|n| strsim::jaro_winkler(n, name) > 0.8)
        .map_or(String::new(), |n| format!("; did you mean `{n}`?"));
    Refusal::Unknown(format!("there is no {what} `{name}`{hint} (there are: {})", all.join(", ")))
}

/// What one playbook would do on one target now.
pub async fn peek(
    driver: &dyn TargetDriver,
    clock: &dyn Clock,
    world: &World,
    playbook: &Playbook,
    history: &History,
) -> PlanReport {
    let errand = Errand {
        target: &world.target.name,
        run: "(plan)",
        labels: &world.target.labels,
        playbook,
        only: None,
        query_text: world.policy.query_text,
    };
    let now = clock.now();
    match look(driver, clock, &errand).await {
        Ok(facts) => judged(world, playbook, history, &facts, now),
        Err(why) => blind(world, playbook, &why),
    }
}

fn blind(world: &World, playbook: &Playbook, why: &str) -> PlanReport {
    PlanReport {
        target: world.target.name.clone(),
        playbook: playbook.name.clone(),
        about: playbook.about.clone(),
        mode: Mode::Observe,
        verdict: Verdict::Skip,
        reason: format!("unreachable: {why}"),
        guards: Vec::new(),
        candidates: Vec::new(),
        beyond_limit: 0,
        unreadable: Vec::new(),
    }
}

fn judged(world: &World, playbook: &Playbook, history: &History, facts: &Facts, now: Timestamp) -> PlanReport {
    let plan = decide::plan(playbook, &world.policy, history, facts, None, now);
    let ladder = ladder(playbook);
    let candidate = |(candidate, decision): &(Candidate, Decision)| CandidateReport {
        candidate: candidate.into(),
        verdict: decision.verdict,
        reason: decision.reason.clone(),
        guards: decision.guards.clone(),
        ladder: ladder.clone(),
        statement: (decision.verdict != Verdict::Skip).then(|| statement(playbook, facts, candidate)),
    };
    let blind = playbook.find.finder.kind == Kind::Pool && world.target.pgbouncer.is_empty();
    let hint = if blind { ": no PgBouncer is named for this target (`pgbouncer:`)" } else { "" };
    PlanReport {
        target: world.target.name.clone(),
        playbook: playbook.name.clone(),
        about: playbook.about.clone(),
        mode: plan.decision.mode,
        verdict: plan.decision.verdict,
        reason: format!("{}{hint}", plan.decision.reason),
        guards: plan.decision.guards.clone(),
        candidates: plan.candidates.iter().map(candidate).collect(),
        beyond_limit: facts.beyond_limit,
        unreadable: facts.unreadable.clone(),
    }
}

/// The ladder in a few words each.
fn ladder(playbook: &Playbook) -> Vec<String> {
    let word = |step: &Step| match step {
        Step::Wait(rest) => format!("wait {}", crate::model::time::in_words(*rest)),
        Step::Act(act) => match act.mode {
            Some(mode) => format!("{} ({})", act.action.name, mode.word()),
            None => act.action.name.to_owned(),
        },
    };
    playbook.steps.iter().map(word).collect()
}

/// The first rung's statement as it would be sent, or why that rung would be passed over.
fn statement(playbook: &Playbook, facts: &Facts, candidate: &Candidate) -> String {
    let Some(rung) = playbook.rungs().next() else { return "(only tells people)".to_owned() };
    let order = Order {
        candidate,
        args: &rung.args,
        server: &facts.server,
        run: "(plan)",
        playbook: &playbook.name,
        time_left: crate::model::Duration::from_hours(1),
    };
    let deed = actions::of(rung.action).map(|action| action.deed(&order));
    match deed {
        Some(Ok(deed)) => deed.act.statement,
        Some(Err(why)) => format!("-- {} would be passed over: {why}", rung.action.name),
        None => format!("-- this build has no action {}", rung.action.name),
    }
}
