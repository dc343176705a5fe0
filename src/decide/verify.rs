//! Did it help? The acted candidates are looked at until they are gone; a change that did not help is
//! taken back; and the run is closed with what people should know.

use super::next::{append, end, verifying};
use super::run::{Climber, Effect, Entry, Errand, Look, Phase, Prepared, Revert, RevertStage, Run, Verify, What};
use super::{draft, notice};
use crate::actions::{self, Order};
use crate::model::time::{after, since};
use crate::model::{Duration, Outcome, OutcomeStatus, Timestamp};

/// The first rest between two rounds of looks; it doubles up to [`LONGEST_REST`].
const FIRST_REST: Duration = Duration::from_millis(500);
const LONGEST_REST: Duration = Duration::from_secs(5);
/// A statement that takes a change back gets so long.
const REVERT_TIME: Duration = Duration::from_mins(1);

/// The ladder is climbed: look whether the acted candidates are gone.
pub(super) fn begin(run: &mut Run, at: Timestamp) -> Vec<Effect> {
    let until = after(at, run.brief.playbook.verify_within);
    round(run, until, FIRST_REST)
}

/// Looks at every acted candidate of which it is not known yet whether its harm is gone.
pub(super) fn round(run: &mut Run, until: Timestamp, rest: Duration) -> Vec<Effect> {
    match unverified(run, 0) {
        Some(climber) => {
            run.phase = verifying(climber, until, rest);
            vec![Effect::Look(Box::new(run.climbers[climber].candidate.clone()))]
        }
        None => close(run),
    }
}

fn unverified(run: &Run, from: usize) -> Option<usize> {
    let unknown = |c: &Climber| c.sent.last().is_some_and(|s| s.helped.is_none());
    (from..run.climbers.len()).find(|i| unknown(&run.climbers[*i]))
}

/// One candidate was looked at; `None` when the target could not be seen, which proves nothing.
pub(super) fn looked(run: &mut Run, v: Verify, look: Option<&Look>, at: Timestamp) -> Vec<Effect> {
    let climber = &mut run.climbers[v.climber];
    let key = climber.candidate.key();
    if let Some(look) = look.filter(|l| l.facts.unreadable.is_empty()) {
        let gone = !look.facts.candidates.iter().any(|c| c.key() == key);
        if let Some(sent) = climber.sent.last_mut().filter(|_| gone) {
            sent.helped = Some(true);
        }
    }
    if let Some(climber) = unverified(run, v.climber + 1) {
        run.phase = verifying(climber, v.until, v.rest);
        return vec![Effect::Look(Box::new(run.climbers[climber].candidate.clone()))];
    }
    if unverified(run, 0).is_none() {
        return close(run);
    }
    if at < v.until {
        let rest = v.rest.min(since(v.until, at)).max(Duration::from_millis(50));
        let longer = (v.rest * 2).min(LONGEST_REST);
        run.phase = Phase::Verifying(Verify { rest: longer, resting: true, ..v });
        return vec![Effect::Rest(rest)];
    }
    for climber in &mut run.climbers {
        if let Some(sent) = climber.sent.last_mut().filter(|s| s.helped.is_none()) {
            sent.helped = Some(false);
        }
    }
    take_back(run, v, at)
}

/// Takes back the first change that did not help and was not taken back yet.
fn take_back(run: &mut Run, v: Verify, at: Timestamp) -> Vec<Effect> {
    let brief = run.brief.clone();
    let wanting = run.climbers.iter().enumerate().find_map(|(i, climber)| {
        let sent = climber.sent.last()?;
        let undone =
            sent.helped == Some(false) && sent.reverted.is_none() && sent.outcome.status == OutcomeStatus::Done;
        let before = sent.before.as_ref().filter(|_| undone)?;
        let rung = run.rung(sent.step)?;
        let order = Order {
            candidate: &climber.candidate,
            args: &rung.args,
            server: &sent.server,
            run: &brief.id,
            playbook: &brief.playbook.name,
            time_left: REVERT_TIME,
        };
        let deed = actions::of(rung.action)?.undo(&order, before)?;
        let intent = draft::revert_intent(&brief, &climber.candidate, rung, &deed);
        let prepared = Prepared {
            deed,
            server: sent.server.clone(),
            candidate: climber.candidate.clone(),
            looked_at: at,
            intent,
            time_left: REVERT_TIME,
        };
        Some((i, prepared))
    });
    let Some((climber, prepared)) = wanting else { return close(run) };
    let intent = prepared.intent.clone();
    let stage = RevertStage::Intent(Box::new(prepared));
    run.phase = Phase::Reverting(Box::new(Revert { climber, stage, verify: v }));
    vec![Effect::Append(vec![Entry::Intent(Box::new(intent), brief.bounds())])]
}

/// Moves a revert by one event.
pub(super) fn reverting(run: &mut Run, revert: Revert, what: &What, at: Timestamp) -> Vec<Effect> {
    let Revert { climber, stage, verify } = revert;
    let go = |run: &mut Run, stage, effect| {
        run.phase = Phase::Reverting(Box::new(Revert { climber, stage, verify: verify.clone() }));
        vec![effect]
    };
    match (stage, what) {
        (RevertStage::Intent(prepared), What::Appended(_)) => {
            let sent = run.climbers[climber].sent.last();
            let both = sent.and_then(|s| Some((run.rung(s.step)?.clone(), s.before.clone())));
            let Some((rung, undo)) = both else { return close(run) };
            let errand = Errand { action: rung.action.name, step: rung, prepared: (*prepared).clone(), undo };
            go(run, RevertStage::Acting(prepared), Effect::Act(Box::new(errand)))
        }
        (RevertStage::Intent(_), What::Forbidden(report)) => {
            let why = format!("{}: {}", report.name, report.detail);
            settle(run, climber, Outcome::new(OutcomeStatus::Refused, why));
            take_back(run, verify, at)
        }
        (RevertStage::Intent(_), What::Unwritable(why)) => {
            settle(run, climber, Outcome::new(OutcomeStatus::Refused, format!("the log cannot be written: {why}")));
            take_back(run, verify, at)
        }
        (RevertStage::Acting(prepared), What::Acted(outcome)) => {
            let draft = draft::revert(&prepared.intent, outcome);
            settle(run, climber, outcome.clone());
            let effect = append(std::slice::from_ref(&draft));
            go(run, RevertStage::Recording(draft), effect)
        }
        (RevertStage::Recording(_), What::Appended(_)) => take_back(run, verify, at),
        (RevertStage::Recording(draft), What::Rested) => {
            let effect = append(std::slice::from_ref(&draft));
            go(run, RevertStage::Recording(draft), effect)
        }
        (RevertStage::Recording(_), What::Unwritable(_)) if run.stopping.is_some() => end(run),
        (RevertStage::Recording(draft), What::Unwritable(_)) => {
            go(run, RevertStage::Recording(draft), Effect::Rest(Duration::from_secs(1)))
        }
        (stage, _) => {
            run.phase = Phase::Reverting(Box::new(Revert { climber, stage, verify }));
            Vec::new()
        }
    }
}

fn settle(run: &mut Run, climber: usize, outcome: Outcome) {
    if let Some(sent) = run.climbers[climber].sent.last_mut() {
        sent.reverted = Some(outcome);
    }
}

/// Records what came of the run, with the message for people, and ends it.
pub(super) fn close(run: &mut Run) -> Vec<Effect> {
    let mut drafts: Vec<_> = draft::left_over(run).into_iter().collect();
    drafts.extend(draft::verifications(run));
    if let Some(last) = drafts.last_mut() {
        notice::closing(run, last);
    }
    if drafts.is_empty() {
        return end(run);
    }
    let effects = vec![append(&drafts)];
    run.phase = Phase::Closing(drafts);
    effects
}
