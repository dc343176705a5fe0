//! Did it help? The acted candidates are looked at until they are gone; a change that did not help is
//! taken back; and the run is closed with what people should know.

use super::next::{append, end, verifying};
use super::run::{
    Brief, Climber, Effect, Entry, Errand, Look, Phase, Prepared, Revert, RevertStage, Run, Sent, Verify, What,
};
use super::{draft, notice};
use crate::actions::{self, Action, Order};
use crate::model::time::{after, since};
use crate::model::{Duration, Outcome, OutcomeStatus, Timestamp};
use crate::playbook::ActStep;

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
        match look.facts.candidates.iter().find(|c| c.key() == key) {
            Some(candidate) => climber.candidate = candidate.clone(),
            None => climber.sent.iter_mut().last().into_iter().for_each(|sent| sent.helped = Some(true)),
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
    let undone = |c: &Climber| {
        let last = c.sent.last()?;
        let wanting =
            last.helped == Some(false) && last.reverted.is_none() && last.outcome.status == OutcomeStatus::Done;
        last.before.as_ref().filter(|_| wanting)?;
        Some(last.clone())
    };
    let brief = run.brief.clone();
    for i in 0..run.climbers.len() {
        let climber = &run.climbers[i];
        let Some((sent, rung)) = undone(climber).and_then(|s| Some((s.clone(), run.rung(s.step)?.clone()))) else {
            continue;
        };
        let Some(action) = actions::of(rung.action) else { continue };
        let now = action.current(&climber.candidate);
        if now.is_some() && now != sent.after {
            let now = now.unwrap_or_default();
            let why = format!("left as it is: somebody else changed it meanwhile, it is {now} now");
            settle(run, i, Outcome::new(OutcomeStatus::Refused, why));
            continue;
        }
        let Some(prepared) = undo(&brief, climber, &sent, &rung, action, at) else { continue };
        let intent = prepared.intent.clone();
        let stage = RevertStage::Intent(Box::new(prepared));
        run.phase = Phase::Reverting(Box::new(Revert { climber: i, stage, verify: v }));
        return vec![Effect::Append(vec![Entry::Intent(Box::new(intent), brief.bounds())])];
    }
    close(run)
}

/// The statement that takes a rung back, and its announcement.
fn undo(
    brief: &Brief,
    climber: &Climber,
    sent: &Sent,
    rung: &ActStep,
    action: &dyn Action,
    at: Timestamp,
) -> Option<Prepared> {
    let order = Order {
        candidate: &climber.candidate,
        args: &rung.args,
        server: &sent.server,
        run: &brief.id,
        playbook: &brief.playbook.name,
        time_left: REVERT_TIME,
    };
    let deed = action.undo(&order, sent.before.as_ref()?)?;
    let intent = draft::revert_intent(brief, &climber.candidate, rung, &deed);
    Some(Prepared {
        deed,
        server: sent.server.clone(),
        candidate: climber.candidate.clone(),
        looked_at: at,
        intent,
        time_left: REVERT_TIME,
    })
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
            go(run, RevertStage::Recording(Box::new(draft)), effect)
        }
        (RevertStage::Recording(_), What::Appended(_)) => take_back(run, verify, at),
        (RevertStage::Recording(draft), What::Rested) => {
            let effect = append(std::slice::from_ref(&*draft));
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
