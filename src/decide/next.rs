//! `next`: the one total function that moves a run. The engine carries out what it asks for and brings
//! back what happened; every path through a run is a path through this file and its two neighbours.

use super::draft;
use super::ladder;
use super::plan::{Plan, plan};
use super::resume;
use super::run::{Effect, End, Entry, Event, Look, Memory, Phase, Run, Unwritten, Verify, What};
use super::verify;
use crate::model::record::Draft;
use crate::model::{Duration, Timestamp, Verdict};
use std::collections::BTreeMap;

/// Between two tries to append what must not be lost (an outcome, a verification).
pub(super) const APPEND_AGAIN_AFTER: Duration = Duration::from_secs(1);

/// Moves a run by one event. An event that its phase does not wait for changes nothing.
#[must_use]
pub fn next(run: &Run, event: &Event) -> (Run, Vec<Effect>) {
    let mut run = run.clone();
    let effects = step(&mut run, event);
    (run, effects)
}

fn step(run: &mut Run, event: &Event) -> Vec<Effect> {
    let at = event.at;
    run.elapsed = run.elapsed.max(event.elapsed);
    if let What::Stop(why) = &event.what {
        return stop(run, why, at);
    }
    if let What::Appended(seqs) = &event.what
        && !is_new(run, seqs)
    {
        return Vec::new();
    }
    match (run.phase.clone(), &event.what) {
        (Phase::New, What::Begin) => {
            run.phase = Phase::Finding;
            vec![Effect::Find]
        }
        (Phase::Finding, What::Looked(look)) => found(run, look, at),
        (Phase::Finding, What::Blind { reason, seen }) => blind(run, reason, seen),
        (Phase::RecordingPlan(memory), What::Appended(_)) => {
            let mut effects = vec![remember(*memory)];
            effects.extend(ladder::advance(run, None, at));
            effects
        }
        (Phase::Looking(spot), What::Looked(look)) => ladder::looked(run, spot, look, at),
        (Phase::Looking(spot), What::Blind { reason, .. }) => ladder::lost_sight(run, spot, reason),
        (Phase::RecordingIntent(spot, prepared), What::Appended(_)) => ladder::announced(run, spot, *prepared, at),
        (Phase::RecordingIntent(spot, prepared), What::Forbidden(report)) => {
            ladder::forbidden(run, spot, &prepared, report)
        }
        (Phase::RecordingPlan(_), What::Unwritable(why)) => unwritable(run, why),
        (Phase::RecordingIntent(..), What::Unwritable(why)) => ladder::unannounced(run, why, at),
        (Phase::Acting(spot, prepared), What::Acted(outcome)) => ladder::acted(run, spot, *prepared, outcome),
        (Phase::Recording(spot, _), What::Appended(_)) => ladder::advance(run, Some(spot), at),
        (Phase::Recording(spot, records), What::Rested) if records.resting => {
            write(run, records.drafts, |records| Phase::Recording(spot, records))
        }
        (Phase::Closing(records), What::Rested) if records.resting => write(run, records.drafts, Phase::Closing),
        (Phase::Recording(_, records) | Phase::Closing(records), What::Unwritable(why)) if !records.resting => {
            insist(run, why)
        }
        (Phase::Resting(step), What::Rested) => ladder::rested(run, step, at),
        (Phase::Verifying(v), What::Rested) if v.resting => verify::round(run, v.until, v.rest, at),
        (Phase::Verifying(v), What::Looked(look)) if !v.resting => verify::looked(run, v, Some(look), at),
        (Phase::Verifying(v), What::Blind { .. }) if !v.resting => verify::looked(run, v, None, at),
        (Phase::Reverting(revert), what) => verify::reverting(run, *revert, what, at),
        (Phase::Resuming(resuming), what) => resume::resuming(run, *resuming, what, at),
        (Phase::Closing(_), What::Appended(_)) => end(run),
        _ => Vec::new(),
    }
}

/// Numbers of records only grow: an answer that was heard before is not taken for that to a later append,
/// which would send a statement before its intent is durable.
fn is_new(run: &mut Run, seqs: &[u64]) -> bool {
    let newest = seqs.iter().max().copied().unwrap_or_default();
    let new = newest > run.appended;
    run.appended = run.appended.max(newest);
    new
}

/// No new action begins; one under way is seen through by the phases that wait for it.
fn stop(run: &mut Run, why: &str, at: Timestamp) -> Vec<Effect> {
    run.stopping.get_or_insert_with(|| why.to_owned());
    match run.phase {
        Phase::New | Phase::Finding | Phase::Looking(_) | Phase::Resting(_) | Phase::Verifying(_) => {
            verify::close(run, at)
        }
        Phase::Resuming(_) => resume::stop(run),
        _ => Vec::new(),
    }
}

fn found(run: &mut Run, look: &Look, at: Timestamp) -> Vec<Effect> {
    let brief = run.brief.clone();
    let plan = plan(&brief.playbook, &brief.policy, &look.history, &look.facts, brief.lowered, at);
    run.verdict = plan.decision.verdict;
    run.reason.clone_from(&plan.decision.reason);
    run.ends = super::ends::of(&brief, at);
    let news = News::of(&plan, &look.seen, brief.trigger.kind == "manual");
    let memory = Memory { quiet: news.quiet, seen: news.seen.clone() };
    if !news.whole && news.candidates.is_empty() {
        let mut effects = vec![remember(memory)];
        effects.extend(end(run));
        return effects;
    }
    run.told = look.history.told_of(&super::notice::incidents(&brief));
    ladder::mount(run, &plan);
    let drafts = draft::plan_records(run, look, &plan, &news.candidates, at);
    // Remembered when it is durable: a decision that could not be recorded is news again.
    run.phase = Phase::RecordingPlan(Box::new(memory));
    run.recorded = true;
    vec![append(&drafts)]
}

fn remember(Memory { seen, quiet }: Memory) -> Effect {
    Effect::Remember { seen, quiet }
}

fn blind(run: &mut Run, reason: &str, seen: &BTreeMap<String, String>) -> Vec<Effect> {
    run.verdict = Verdict::Skip;
    run.reason = format!("unreachable: {reason}");
    let digest = "skip unreachable".to_owned();
    let known = seen.get("") == Some(&digest) && run.brief.trigger.kind != "manual";
    // What was remembered of the candidates stays: it is news again only if it differs after the gap.
    let mut seen = seen.clone();
    seen.insert(String::new(), digest);
    let mut effects = vec![remember(Memory { seen, quiet: u32::from(known) })];
    if known {
        effects.extend(end(run));
        return effects;
    }
    run.recorded = true;
    let drafts = vec![draft::blind(run)];
    effects.extend(write(run, drafts, Phase::Closing));
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
        let mut now = BTreeMap::from([(String::new(), plan.digest())]);
        let telling = plan.decision.verdict == Verdict::Skip || plan.unreadable > 0;
        let whole = all || (telling && seen.get("") != now.get(""));
        let mut news = News { whole, candidates: Vec::new(), quiet: 0, seen: BTreeMap::new() };
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

/// Appends what must not be lost, in the phase that insists on it.
pub(super) fn write(run: &mut Run, drafts: Vec<Draft>, phase: impl FnOnce(Unwritten) -> Phase) -> Vec<Effect> {
    let effects = vec![append(&drafts)];
    run.phase = phase(Unwritten { drafts, resting: false });
    effects
}

/// Nothing was done that the log does not hold; so the run can just end.
pub(super) fn unwritable(run: &mut Run, why: &str) -> Vec<Effect> {
    run.verdict = Verdict::Skip;
    run.reason = format!("audit: the log cannot be written, so nothing is done: {why}");
    end(run)
}

/// What was done must be recorded: again and again, until pgmedic is told to stop. Recovery then finds
/// the open intent.
fn insist(run: &mut Run, why: &str) -> Vec<Effect> {
    if run.stopping.is_some() {
        return unwritable(run, why);
    }
    if let Phase::Recording(_, records) | Phase::Closing(records) = &mut run.phase {
        records.resting = true;
    }
    vec![Effect::Rest(APPEND_AGAIN_AFTER)]
}

/// The run is over.
pub(super) fn end(run: &mut Run) -> Vec<Effect> {
    run.phase = Phase::Ended;
    let count = |wanted: &dyn Fn(&super::run::Climber) -> bool| {
        u32::try_from(run.acted().filter(|c| wanted(c)).count()).unwrap_or(u32::MAX)
    };
    let helped = |c: &super::run::Climber| c.last_touch().is_some_and(|s| s.helped == Some(true));
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
pub(super) fn verifying(climber: usize, until: Duration, rest: Duration) -> Phase {
    Phase::Verifying(Verify { climber, until, rest, resting: false })
}
