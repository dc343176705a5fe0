//! `next`: the one total function that moves a run. The engine carries out what it asks for and brings
//! back what happened; every path through a run is a path through this file and its two neighbours.

use super::draft;
use super::ladder;
use super::plan::{Plan, plan};
use super::run::{Effect, End, Entry, Event, Look, Phase, Run, Verify, What};
use super::verify;
use crate::model::record::Draft;
use crate::model::time::after;
use crate::model::{Duration, Timestamp, Verdict};
use std::collections::BTreeMap;

/// Between two tries to append what must not be lost (an outcome, a verification).
const APPEND_AGAIN_AFTER: Duration = Duration::from_secs(1);

/// Moves a run by one event. An event that its phase does not wait for changes nothing.
#[must_use]
pub fn next(run: &Run, event: &Event) -> (Run, Vec<Effect>) {
    let mut run = run.clone();
    let effects = step(&mut run, event);
    (run, effects)
}

fn step(run: &mut Run, event: &Event) -> Vec<Effect> {
    let at = event.at;
    if let What::Stop(why) = &event.what {
        return stop(run, why);
    }
    match (run.phase.clone(), &event.what) {
        (Phase::New, What::Begin) => {
            run.phase = Phase::Finding;
            vec![Effect::Find]
        }
        (Phase::Finding, What::Looked(look)) => found(run, look, at),
        (Phase::Finding, What::Blind { reason, seen }) => blind(run, reason, seen),
        (Phase::RecordingPlan, What::Appended(_)) => ladder::advance(run, None, at),
        (Phase::Looking(spot), What::Looked(look)) => ladder::looked(run, spot, look, at),
        (Phase::Looking(spot), What::Blind { reason, .. }) => ladder::lost_sight(run, spot, reason),
        (Phase::RecordingIntent(spot, prepared), What::Appended(_)) => ladder::announced(run, spot, *prepared, at),
        (Phase::RecordingIntent(spot, prepared), What::Forbidden(report)) => {
            ladder::forbidden(run, spot, &prepared, report)
        }
        (Phase::RecordingPlan | Phase::RecordingIntent(..), What::Unwritable(why)) => unwritable(run, why),
        (Phase::Acting(spot, prepared), What::Acted(outcome)) => ladder::acted(run, spot, *prepared, outcome),
        (Phase::Recording(spot, _), What::Appended(_)) => ladder::advance(run, Some(spot), at),
        (Phase::Recording(_, drafts) | Phase::Closing(drafts), What::Rested) => vec![append(&drafts)],
        (Phase::Recording(..) | Phase::Closing(_), What::Unwritable(why)) => insist(run, why),
        (Phase::Resting(step), What::Rested) => ladder::rested(run, step, at),
        (Phase::Verifying(v), What::Rested) if v.resting => verify::round(run, v.until, v.rest),
        (Phase::Verifying(v), What::Looked(look)) if !v.resting => verify::looked(run, v, Some(look), at),
        (Phase::Verifying(v), What::Blind { .. }) if !v.resting => verify::looked(run, v, None, at),
        (Phase::Reverting(revert), what) => verify::reverting(run, *revert, what, at),
        (Phase::Closing(_), What::Appended(_)) => end(run),
        _ => Vec::new(),
    }
}

/// No new action begins; one under way is seen through by the phases that wait for it.
fn stop(run: &mut Run, why: &str) -> Vec<Effect> {
    run.stopping.get_or_insert_with(|| why.to_owned());
    match run.phase {
        Phase::New | Phase::Finding | Phase::Looking(_) | Phase::Resting(_) | Phase::Verifying(_) => verify::close(run),
        _ => Vec::new(),
    }
}

fn found(run: &mut Run, look: &Look, at: Timestamp) -> Vec<Effect> {
    let brief = run.brief.clone();
    let plan = plan(&brief.playbook, &brief.policy, &look.history, &look.facts, brief.lowered, at);
    run.verdict = plan.decision.verdict;
    run.reason.clone_from(&plan.decision.reason);
    run.ends = ends(run, at);
    let news = News::of(&plan, &look.seen, brief.trigger.kind == "manual");
    let quiet = news.quiet;
    let seen = news.seen.clone();
    let remember = Effect::Remember { seen, quiet };
    if !news.whole && news.candidates.is_empty() {
        let mut effects = vec![remember];
        effects.extend(end(run));
        return effects;
    }
    ladder::mount(run, &plan);
    let drafts = draft::plan_records(run, look, &plan, &news.candidates, at);
    run.phase = Phase::RecordingPlan;
    run.recorded = true;
    vec![remember, append(&drafts)]
}

/// When nothing new may begin any more: the time budget, and the close of the window that allows it.
fn ends(run: &Run, at: Timestamp) -> Timestamp {
    let guard = &run.brief.playbook.guard;
    let policy = &run.brief.policy;
    let budget = guard.time_budget.map(|budget| after(run.brief.started, budget));
    let closes = guard
        .allow_in
        .iter()
        .filter_map(|name| policy.windows.get(name))
        .filter_map(|spans| crate::schedule::open(spans, &policy.timezone, at).map(|open| open.closes));
    budget.into_iter().chain(closes.max()).min().unwrap_or(Timestamp::MAX)
}

fn blind(run: &mut Run, reason: &str, seen: &BTreeMap<String, String>) -> Vec<Effect> {
    run.verdict = Verdict::Skip;
    run.reason = format!("unreachable: {reason}");
    let digest = "skip unreachable".to_owned();
    let known = seen.get("") == Some(&digest) && run.brief.trigger.kind != "manual";
    let remember = Effect::Remember { seen: [(String::new(), digest)].into(), quiet: u32::from(known) };
    if known {
        let mut effects = vec![remember];
        effects.extend(end(run));
        return effects;
    }
    let drafts = vec![draft::blind(run)];
    let effects = vec![remember, append(&drafts)];
    run.phase = Phase::Closing(drafts);
    run.recorded = true;
    effects
}

/// Which decisions of a plan say something new.
struct News {
    /// The run's own decision.
    whole: bool,
    /// Indices of candidates.
    candidates: Vec<usize>,
    /// How many decisions were equal to the last one.
    quiet: u32,
    /// All digests, for the next run to compare with.
    seen: BTreeMap<String, String>,
}

impl News {
    fn of(plan: &Plan, seen: &BTreeMap<String, String>, all: bool) -> News {
        let mut now = BTreeMap::from([(String::new(), plan.decision.digest())]);
        let stopped = plan.decision.verdict == Verdict::Skip;
        let whole = all || (stopped && seen.get("") != now.get(""));
        let mut news = News { whole, candidates: Vec::new(), quiet: u32::from(!whole), seen: BTreeMap::new() };
        for (i, (candidate, decision)) in plan.candidates.iter().enumerate() {
            let (key, digest) = (candidate.key(), decision.digest());
            if all || decision.verdict == Verdict::Act || seen.get(&key) != Some(&digest) {
                news.candidates.push(i);
            } else {
                news.quiet += 1;
            }
            now.insert(key, digest);
        }
        news.seen = now;
        news
    }
}

/// The effect that makes plain records durable.
pub(super) fn append(drafts: &[Draft]) -> Effect {
    Effect::Append(drafts.iter().cloned().map(|d| Entry::Plain(Box::new(d))).collect())
}

/// Nothing was done that the log does not hold; so the run can just end.
fn unwritable(run: &mut Run, why: &str) -> Vec<Effect> {
    run.verdict = Verdict::Skip;
    run.reason = format!("audit: the log cannot be written, so nothing is done: {why}");
    end(run)
}

/// What was done must be recorded: again and again, until pgmedic is told to stop. Recovery then finds
/// the open intent.
fn insist(run: &mut Run, why: &str) -> Vec<Effect> {
    if run.stopping.is_some() { unwritable(run, why) } else { vec![Effect::Rest(APPEND_AGAIN_AFTER)] }
}

/// The run is over.
pub(super) fn end(run: &mut Run) -> Vec<Effect> {
    run.phase = Phase::Ended;
    let count = |wanted: &dyn Fn(&super::run::Climber) -> bool| {
        u32::try_from(run.acted().filter(|c| wanted(c)).count()).unwrap_or(u32::MAX)
    };
    let helped = |c: &super::run::Climber| c.sent.last().is_some_and(|s| s.helped == Some(true));
    let (acted, helped) = (count(&|_| true), count(&helped));
    vec![Effect::End(End {
        verdict: run.verdict,
        summary: super::notice::summary(run),
        acted,
        helped,
        failed: acted - helped,
        held: run.held,
    })]
}

/// Used by the neighbours to begin a verification round.
pub(super) fn verifying(climber: usize, until: Timestamp, rest: Duration) -> Phase {
    Phase::Verifying(Verify { climber, until, rest, resting: false })
}
