//! Climbing: each rung for each candidate that is still there, with a second look before it and its
//! intent on disk first.

use super::conclude::Decision;
use super::draft;
use super::next::{unwritable, write};
use super::plan::{Plan, Standing, admit};
use super::run::{Climber, ClimberState, Effect, Entry, Errand, Look, Phase, Prepared, Run, Sent, Spot};
use super::verify;
use crate::actions::{self, Order};
use crate::model::time::since;
use crate::model::{Candidate, Duration, GuardReport, Kind, Outcome, OutcomeStatus, Timestamp, Verdict, Whom};
use crate::playbook::{ActStep, Step};

/// An admission is at most so old when its statement is sent (safety facts: AWS, October 2025).
const ADMISSION_HOLDS: Duration = Duration::from_mins(1);
/// The same for calls that the acting session cannot fence (design, 3.7).
const UNFENCED_ADMISSION_HOLDS: Duration = Duration::from_secs(2);
/// Deadline of one statement, however long the run may go on.
const LONGEST_STATEMENT: Duration = Duration::from_hours(4);

/// Puts the candidates that may be acted on at the foot of the ladder.
pub(super) fn mount(run: &mut Run, plan: &Plan) {
    let stand = |verdict| plan.candidates.iter().filter(move |(_, d)| d.verdict == verdict);
    run.held = u32::try_from(stand(Verdict::Hold).count()).unwrap_or(u32::MAX);
    run.climbers = stand(Verdict::Act).map(|(candidate, _)| Climber::new(candidate.clone())).collect();
}

/// Goes on to the next climber of this rung, else to the next step, else to verification.
pub(super) fn advance(run: &mut Run, from: Option<Spot>, at: Timestamp) -> Vec<Effect> {
    let (step, climber) = from.map_or((0, 0), |spot| (spot.step, spot.climber + 1));
    advance_from(run, step, climber, at)
}

fn advance_from(run: &mut Run, mut step: usize, mut climber: usize, at: Timestamp) -> Vec<Effect> {
    if run.stopping.is_some() {
        return verify::close(run, at);
    }
    let brief = run.brief.clone();
    loop {
        match brief.playbook.steps.get(step) {
            None => return verify::begin(run, at),
            Some(Step::Wait(rest)) => {
                if run.climbers.iter().any(|c| c.state == ClimberState::Climbing) {
                    run.phase = Phase::Resting(step);
                    return vec![Effect::Rest(*rest)];
                }
            }
            Some(Step::Act(_)) => {
                let climbing = |c: &Climber| c.state == ClimberState::Climbing;
                if let Some(i) = (climber..run.climbers.len()).find(|i| climbing(&run.climbers[*i])) {
                    return approach(run, Spot { step, climber: i }, at);
                }
            }
        }
        (step, climber) = (step + 1, 0);
    }
}

fn approach(run: &mut Run, spot: Spot, at: Timestamp) -> Vec<Effect> {
    if at < run.ends.at {
        run.phase = Phase::Looking(spot);
        run.asked = run.elapsed;
        return vec![Effect::Look(Box::new(run.climbers[spot.climber].candidate.clone()))];
    }
    let why = run.ends.why.clone();
    leave(run, why);
    verify::begin(run, at)
}

fn leave(run: &mut Run, why: String) {
    run.left = Some(why);
    for climber in run.climbers.iter_mut().filter(|c| c.state == ClimberState::Climbing) {
        climber.state = ClimberState::LeftOver;
    }
}

/// An intent could not be written: nothing more is sent, but what was sent before is looked after.
pub(super) fn unannounced(run: &mut Run, why: &str, at: Timestamp) -> Vec<Effect> {
    if run.climbers.iter().all(|c| c.sent.is_empty()) {
        return unwritable(run, why);
    }
    leave(run, format!("audit: the log cannot be written: {why}"));
    if run.stopping.is_some() { verify::close(run, at) } else { verify::begin(run, at) }
}

/// A rest between two rungs is over.
pub(super) fn rested(run: &mut Run, step: usize, at: Timestamp) -> Vec<Effect> {
    advance_from(run, step + 1, 0, at)
}

/// A candidate was looked at again: is it still there, and does every guard still let it through?
pub(super) fn looked(run: &mut Run, spot: Spot, look: &Look, at: Timestamp) -> Vec<Effect> {
    let key = run.climbers[spot.climber].candidate.key();
    let Some(candidate) = look.facts.candidates.iter().find(|c| c.key() == key) else {
        return match look.facts.unreadable.first() {
            None => vanished(run, spot, at),
            // Not listed, but not everything could be read: that does not make it gone.
            Some(what) => unseen(run, spot, format!("unreadable: {what}")),
        };
    };
    run.told = look.history.told_of(&super::notice::incidents(&run.brief));
    let Some(rung) = run.rung(spot.step).cloned() else { return advance(run, Some(spot), at) };
    let found = std::mem::replace(&mut run.climbers[spot.climber].candidate, candidate.clone());
    if let Some(decision) = changed(&rung, &found, candidate) {
        return turned_away(run, spot, &decision, at);
    }
    let brief = run.brief.clone();
    let before = run.climbers.iter().enumerate().filter(|(i, c)| *i != spot.climber && !c.sent.is_empty()).count();
    let standing = Standing {
        run: &brief.id,
        rung: &rung,
        let_through: u32::try_from(before).unwrap_or(u32::MAX),
        lowered: brief.lowered,
    };
    let decision = admit(&brief.playbook, &brief.policy, &look.history, candidate, &look.facts, &standing, at);
    if decision.verdict != Verdict::Act {
        return turned_away(run, spot, &decision, at);
    }
    let time_left = since(run.ends.at, at).min(LONGEST_STATEMENT);
    let order = Order {
        candidate,
        args: &rung.args,
        server: &look.facts.server,
        run: &brief.id,
        playbook: &brief.playbook.name,
        time_left,
    };
    let deed = actions::of(rung.action)
        .ok_or_else(|| format!("this build has no action {}", rung.action.name))
        .and_then(|action| action.deed(&order));
    match deed {
        Err(why) => {
            let reason = format!("cannot_help: {why}");
            let decision = Decision { verdict: Verdict::Skip, reason, ..decision };
            record(run, spot, vec![draft::candidate_decision(&run.brief, candidate, &decision, Some(&rung))])
        }
        Ok(deed) => {
            let whom = Whom::of(&look.facts.server, candidate);
            let intent = draft::intent(&brief, candidate, &whom, &decision, &rung, &deed);
            let prepared = Prepared {
                deed,
                server: look.facts.server.clone(),
                candidate: candidate.clone(),
                looked_at: look.facts.looked_at,
                intent: intent.clone(),
                time_left,
            };
            run.phase = Phase::RecordingIntent(spot, Box::new(prepared));
            vec![Effect::Append(vec![Entry::Intent(Box::new(intent), brief.bounds())])]
        }
    }
}

fn vanished(run: &mut Run, spot: Spot, at: Timestamp) -> Vec<Effect> {
    let climber = &mut run.climbers[spot.climber];
    climber.state = ClimberState::Settled;
    if !climber.sent.is_empty() {
        return advance(run, Some(spot), at);
    }
    let candidate = climber.candidate.clone();
    let decision = Decision {
        verdict: Verdict::Skip,
        mode: crate::model::Mode::Enforce,
        reason: "gone: it was over before its turn came; nothing was sent".to_owned(),
        guards: Vec::new(),
    };
    let rung = run.rung(spot.step).cloned();
    record(run, spot, vec![draft::candidate_decision(&run.brief, &candidate, &decision, rung.as_ref())])
}

fn turned_away(run: &mut Run, spot: Spot, decision: &Decision, at: Timestamp) -> Vec<Effect> {
    run.held += u32::from(decision.verdict == Verdict::Hold);
    let rung = run.rung(spot.step).cloned();
    let climber = &mut run.climbers[spot.climber];
    climber.state = ClimberState::Stopped(decision.reason.clone());
    let candidate = climber.candidate.clone();
    let mut draft = draft::candidate_decision(&run.brief, &candidate, decision, rung.as_ref());
    if decision.verdict == Verdict::Hold {
        super::notice::held(run, &candidate, rung.as_ref(), &mut draft, at);
    } else if super::notice::is_repeated(decision) {
        super::notice::repeated(run, &candidate, decision, &mut draft, at);
    }
    record(run, spot, vec![draft])
}

/// The target could not be looked at before a rung.
pub(super) fn lost_sight(run: &mut Run, spot: Spot, reason: &str) -> Vec<Effect> {
    unseen(run, spot, format!("unreachable: {reason}"))
}

fn unseen(run: &mut Run, spot: Spot, reason: String) -> Vec<Effect> {
    let decision = Decision { verdict: Verdict::Skip, mode: crate::model::Mode::Enforce, reason, guards: Vec::new() };
    // Only what is held needs the moment.
    turned_away(run, spot, &decision, Timestamp::MIN)
}

/// The value that a rung would change is another than when the candidate was found: another hand is at
/// it, or another candidate of this run stands for the same setting (the pools of one pooler).
fn changed(rung: &ActStep, found: &Candidate, now: &Candidate) -> Option<Decision> {
    let action = actions::of(rung.action)?;
    let (was, is) = (action.current(found)?, action.current(now)?);
    (was != is).then(|| Decision {
        verdict: Verdict::Skip,
        mode: crate::model::Mode::Enforce,
        reason: format!("changed: it was {was} when it was found and is {is} now; the next run judges it anew"),
        guards: Vec::new(),
    })
}

/// The intent is on disk: send, unless pgmedic was told to stop or the look is too old by now.
pub(super) fn announced(run: &mut Run, spot: Spot, mut prepared: Prepared, at: Timestamp) -> Vec<Effect> {
    let holds = if prepared.candidate.kind() == Kind::Pool { UNFENCED_ADMISSION_HOLDS } else { ADMISSION_HOLDS };
    let age = run.age(prepared.looked_at, at);
    let refused = if let Some(why) = &run.stopping {
        Some(format!("{why} before the statement was sent"))
    } else if age > holds {
        let (age, holds) = (crate::model::time::in_words(age), crate::model::time::in_words(holds));
        Some(format!("the look it rests on was {age} old (at most {holds}); nothing was sent"))
    } else if at >= run.ends.at {
        Some(format!("{}; nothing was sent", run.ends.why))
    } else {
        None
    };
    if let Some(why) = refused {
        return acted(run, spot, prepared, &Outcome::new(OutcomeStatus::Refused, why));
    }
    let Some(rung) = run.rung(spot.step).cloned() else { return advance(run, Some(spot), at) };
    let act = &mut prepared.deed.act;
    act.deadline = act.deadline.min(since(run.ends.at, at));
    let errand = Errand { action: rung.action.name, step: rung, prepared: prepared.clone(), undo: None };
    run.phase = Phase::Acting(spot, Box::new(prepared));
    vec![Effect::Act(Box::new(errand))]
}

/// The log's writer forbade the intent: a limit was reached, or a pause began, since it was admitted.
pub(super) fn forbidden(run: &mut Run, spot: Spot, prepared: &Prepared, report: &GuardReport) -> Vec<Effect> {
    let mut guards = prepared.intent.guards.clone();
    guards.push(report.clone());
    let decision = Decision {
        verdict: Verdict::Skip,
        mode: prepared.intent.mode.unwrap_or_default(),
        reason: format!("{}: {}", report.name, report.detail),
        guards,
    };
    turned_away(run, spot, &decision, Timestamp::MIN)
}

/// A statement ended. A failed rung leaves its candidate to the next one.
pub(super) fn acted(run: &mut Run, spot: Spot, prepared: Prepared, outcome: &Outcome) -> Vec<Effect> {
    let climber = &mut run.climbers[spot.climber];
    climber.state = match outcome.status {
        OutcomeStatus::Done | OutcomeStatus::Gone => ClimberState::Settled,
        OutcomeStatus::Failed | OutcomeStatus::TimedOut => ClimberState::Climbing,
        OutcomeStatus::Refused | OutcomeStatus::Unknown => ClimberState::Stopped(outcome.detail.clone()),
    };
    climber.since = None;
    climber.whom = Some(Whom::of(&prepared.server, &prepared.candidate));
    let draft = draft::outcome(&prepared.intent, outcome);
    if let Some(action) = prepared.intent.action.as_ref().and_then(|a| actions::by_name(&a.name)) {
        climber.sent.push(Sent {
            step: spot.step,
            action: action.spec().name,
            outcome: outcome.clone(),
            before: prepared.deed.before,
            after: prepared.deed.after,
            helped: None,
            reverted: None,
        });
    }
    record(run, spot, vec![draft])
}

fn record(run: &mut Run, spot: Spot, drafts: Vec<crate::model::Draft>) -> Vec<Effect> {
    write(run, drafts, |records| Phase::Recording(spot, records))
}
