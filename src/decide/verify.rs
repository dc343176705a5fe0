//! Did it help? The acted candidates are looked at until they are gone; a change that did not help is
//! taken back; and the run is closed with what people should know.

use super::next::{APPEND_AGAIN_AFTER, append, end, verifying, write};
use super::run::{
    Brief, Climber, Effect, Entry, Errand, Look, Phase, Prepared, Revert, RevertStage, Run, Sent, Unwritten, Verify,
    What,
};
use super::{draft, notice, resume};
use crate::actions::{self, Action, Order};
use crate::model::time::in_words;
use crate::model::{Duration, Outcome, OutcomeStatus, Timestamp, Whom};
use crate::playbook::ActStep;

/// The first rest between two rounds of looks; it doubles up to [`LONGEST_REST`].
const FIRST_REST: Duration = Duration::from_millis(500);
const LONGEST_REST: Duration = Duration::from_secs(5);
/// A round of looks of which one does not tell where it was made is followed by others for so long after the end.
const SURE_WITHIN: Duration = Duration::from_secs(10);
/// A statement that takes a change back gets so long.
const REVERT_TIME: Duration = Duration::from_mins(1);
/// The announcement of a revert is at most so old when its statement is sent.
const REVERT_HOLDS: Duration = Duration::from_mins(1);

/// The ladder is climbed: look whether the acted candidates are gone.
pub(super) fn begin(run: &mut Run, at: Timestamp) -> Vec<Effect> {
    // Where nothing took effect there is nothing to wait for: one look tells how it stands.
    let worked = |c: &Climber| c.last_touch().is_some_and(|s| s.outcome.status != OutcomeStatus::Failed);
    let wait = if run.acted().any(worked) { run.brief.playbook.verify_within } else { Duration::ZERO };
    let until = run.elapsed + wait;
    round(run, until, FIRST_REST, at)
}

/// Looks at every acted candidate of which it is not known yet whether its harm is gone.
pub(super) fn round(run: &mut Run, until: Duration, rest: Duration, at: Timestamp) -> Vec<Effect> {
    match unverified(run, 0) {
        Some(climber) => {
            run.phase = verifying(climber, until, rest);
            vec![Effect::Look(Box::new(run.climbers[climber].candidate.clone()))]
        }
        None => close(run, at),
    }
}

fn unverified(run: &Run, from: usize) -> Option<usize> {
    (from..run.climbers.len()).find(|i| run.climbers[*i].is_unverified())
}

/// One candidate was looked at; `None` when the target could not be seen, which proves nothing.
pub(super) fn looked(run: &mut Run, v: Verify, look: Option<&Look>, at: Timestamp) -> Vec<Effect> {
    let climber = &mut run.climbers[v.climber];
    let key = climber.candidate.key();
    if let Some(look) = look {
        let seen = look.facts.candidates.iter().find(|c| c.key() == key);
        match seen {
            // What is seen elsewhere says nothing, nor does what is seen nobody knows where.
            _ if !climber.compare(&look.facts.server, seen) => {}
            // Beside the one that was acted on, not in its place: what it is asked against stays.
            Some(candidate) => climber.since = Some((candidate.clone(), look.facts.server.clone())),
            None if !look.facts.unreadable.is_empty() => {}
            None => climber.last_touch_mut().into_iter().for_each(|sent| sent.helped = Some(true)),
        }
    }
    if let Some(climber) = unverified(run, v.climber + 1) {
        run.phase = verifying(climber, v.until, v.rest);
        return vec![Effect::Look(Box::new(run.climbers[climber].candidate.clone()))];
    }
    if unverified(run, 0).is_none() {
        return close(run, at);
    }
    let unsure = run.climbers.iter().any(|c| c.is_unverified() && c.unsure.is_some());
    let until = if unsure { v.until + SURE_WITHIN } else { v.until };
    if run.elapsed < until {
        let rest = v.rest.min(until.saturating_sub(run.elapsed)).max(Duration::from_millis(50));
        let longer = (v.rest * 2).min(LONGEST_REST);
        run.phase = Phase::Verifying(Verify { rest: longer, resting: true, ..v });
        return vec![Effect::Rest(rest)];
    }
    for climber in run.climbers.iter_mut().filter(|c| c.is_unverified()) {
        // Where nobody knows which one would be changed, nothing is taken back.
        climber.hands_off = climber.unsure.take();
        if climber.hands_off.is_none() {
            climber.last_touch_mut().into_iter().for_each(|sent| sent.helped = Some(false));
        }
    }
    take_back(run, v, at)
}

/// Takes back the first change that did not help and was not taken back yet.
fn take_back(run: &mut Run, v: Verify, at: Timestamp) -> Vec<Effect> {
    if run.stopping.is_some() {
        return close(run, at);
    }
    let undone = |c: &Climber| {
        if c.hands_off.is_some() {
            return None;
        }
        let last = c.last_touch()?;
        let wanting = last.helped == Some(false) && last.reverted.is_none();
        last.before.as_ref().filter(|_| wanting)?;
        Some(last.clone())
    };
    let brief = run.brief.clone();
    run.asked = run.elapsed;
    for i in 0..run.climbers.len() {
        let climber = &run.climbers[i];
        let Some((sent, rung)) = undone(climber).and_then(|s| Some((s.clone(), run.rung(s.step)?.clone()))) else {
            continue;
        };
        let Some(action) = actions::of(rung.action) else { continue };
        if let Some(why) = resume::ceiling(run, &rung) {
            settle(run, i, Outcome::new(OutcomeStatus::Refused, why));
            continue;
        }
        match revertible(climber, &sent, action) {
            Ok(true) => {}
            Ok(false) => continue,
            Err(why) => {
                settle(run, i, Outcome::new(OutcomeStatus::Refused, why));
                continue;
            }
        }
        let Some(prepared) = undo(&brief, climber, &sent, &rung, action, at) else { continue };
        let intent = prepared.intent.clone();
        let stage = RevertStage::Intent(Box::new(prepared));
        run.phase = Phase::Reverting(Box::new(Revert { climber: i, stage, verify: v }));
        return vec![Effect::Append(vec![Entry::Intent(Box::new(intent), brief.bounds())])];
    }
    close(run, at)
}

/// Whether there is something to take back; an error when it must be left as it is, and why.
fn revertible(climber: &Climber, sent: &Sent, action: &dyn Action) -> Result<bool, String> {
    let Some((candidate, _)) = &climber.since else {
        return Err("not taken back: it could not be looked at since, and somebody else may have changed it".to_owned());
    };
    let Some(now) = action.current(candidate) else { return Ok(sent.outcome.status == OutcomeStatus::Done) };
    if Some(&now) == sent.after.as_ref() {
        return Ok(true);
    }
    if Some(&now) == sent.before.as_ref() {
        // It never took effect, or somebody has taken it back.
        return Ok(false);
    }
    Err(format!("left as it is: somebody else changed it meanwhile, it is {now} now"))
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
    let (candidate, server) = climber.since.as_ref()?;
    let order = Order {
        candidate,
        args: &rung.args,
        server,
        run: &brief.id,
        playbook: &brief.playbook.name,
        time_left: REVERT_TIME,
    };
    let deed = action.undo(&order, sent.before.as_ref()?)?;
    let intent = draft::revert_intent(brief, candidate, &Whom::of(server, candidate), rung, &deed);
    Some(Prepared {
        deed,
        server: server.clone(),
        candidate: candidate.clone(),
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
        (RevertStage::Intent(prepared), What::Appended(_)) if refusal(run, &prepared, at).is_some() => {
            let why = refusal(run, &prepared, at).unwrap_or_default();
            ended(run, climber, verify, &prepared, &Outcome::new(OutcomeStatus::Refused, why))
        }
        (RevertStage::Intent(prepared), What::Appended(_)) => {
            let sent = run.climbers[climber].last_touch();
            let both = sent.and_then(|s| Some((run.rung(s.step)?.clone(), s.before.clone())));
            let Some((rung, undo)) = both else { return close(run, at) };
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
        (RevertStage::Acting(prepared), What::Acted(outcome)) => ended(run, climber, verify, &prepared, outcome),
        (RevertStage::Recording(_), What::Appended(_)) => take_back(run, verify, at),
        (RevertStage::Recording(records), What::Rested) if records.resting => {
            let effect = append(&records.drafts);
            go(run, RevertStage::Recording(Unwritten { resting: false, ..records }), effect)
        }
        (RevertStage::Recording(r), What::Unwritable(_)) if run.stopping.is_some() && !r.resting => end(run),
        (RevertStage::Recording(records), What::Unwritable(_)) if !records.resting => {
            let rest = Effect::Rest(APPEND_AGAIN_AFTER);
            go(run, RevertStage::Recording(Unwritten { resting: true, ..records }), rest)
        }
        (stage, _) => {
            run.phase = Phase::Reverting(Box::new(Revert { climber, stage, verify }));
            Vec::new()
        }
    }
}

/// Why a revert that was announced is not sent after all.
fn refusal(run: &Run, prepared: &Prepared, at: Timestamp) -> Option<String> {
    if let Some(why) = &run.stopping {
        return Some(format!("{why} before the statement was sent"));
    }
    let age = run.age(prepared.looked_at, at);
    (age > REVERT_HOLDS).then(|| format!("it took {} to announce it; nothing was sent", in_words(age)))
}

fn ended(run: &mut Run, climber: usize, verify: Verify, prepared: &Prepared, outcome: &Outcome) -> Vec<Effect> {
    let drafts = vec![draft::revert(&prepared.intent, outcome)];
    settle(run, climber, outcome.clone());
    write(run, drafts, |records| {
        Phase::Reverting(Box::new(Revert { climber, stage: RevertStage::Recording(records), verify }))
    })
}

fn settle(run: &mut Run, climber: usize, outcome: Outcome) {
    if let Some(sent) = run.climbers[climber].last_touch_mut() {
        sent.reverted = Some(outcome);
    }
}

/// Records what came of the run, with the message for people, and ends it.
pub(super) fn close(run: &mut Run, at: Timestamp) -> Vec<Effect> {
    let mut drafts: Vec<_> = draft::left_over(run).into_iter().collect();
    let mut verified = draft::verifications(run);
    match verified.last_mut() {
        Some(last) => notice::closing(run, last, at),
        None => verified.extend(notice::untouched(run, at)),
    }
    drafts.extend(verified);
    if drafts.is_empty() {
        return end(run);
    }
    write(run, drafts, Phase::Closing)
}
