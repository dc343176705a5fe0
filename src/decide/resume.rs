//! Taking up again what a crash cut off: statements of which only the announcement is left are looked up
//! on the target, and whoever was acted on is looked after. Nothing is sent a second time.

use super::draft;
use super::next::{APPEND_AGAIN_AFTER, append, end};
use super::run::{
    Brief, Climber, ClimberState, Effect, Look, Orphan, Phase, Prepared, Recall, ResumeStage, Resuming, Run, Sent,
    Unwritten, What,
};
use super::verify;
use crate::actions::{self, Action, Deed, Order};
use crate::model::record::ActionRef;
use crate::model::time::{after, in_words, since};
use crate::model::{
    Draft, Duration, History, Outcome, OutcomeStatus, RecordKind, Timestamp, Verdict, Whereabouts, Whom,
};
use crate::playbook::{ActStep, Playbook, Step};
use std::collections::{BTreeMap, VecDeque};

/// A change that is older at the start, its `verify.within` not counted, is not taken back any more.
const TAKEN_BACK_WITHIN: Duration = Duration::from_hours(1);
/// Between two tries to look at a target that cannot be reached.
const LOOK_AGAIN_AFTER: Duration = Duration::from_secs(2);
/// Whatever the run had left is over; the statement is only written again to know its effect.
const TIME_LEFT: Duration = Duration::from_hours(4);

/// What a run left: an `intent` without its end or an `outcome` without its verification.
#[derive(Clone, Debug)]
pub struct Left {
    /// The record.
    pub draft: Draft,
    /// When it was written; logs of before do not say it of outcomes.
    pub at: Option<Timestamp>,
}

impl Left {
    /// An announcement of which no end is known.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.draft.kind == RecordKind::Intent
    }
}

/// What is without an end, by target and run.
#[must_use]
pub fn left(history: &History) -> BTreeMap<(String, String), Vec<Left>> {
    let open = history.open.values().map(|open| Left { draft: open.draft.clone(), at: Some(open.at) });
    let unverified = history.unverified.values().map(|done| Left { draft: done.draft.clone(), at: done.at });
    let mut left: BTreeMap<(String, String), Vec<Left>> = BTreeMap::new();
    for one in unverified.chain(open) {
        let of = (one.draft.target.clone().unwrap_or_default(), one.draft.run.clone().unwrap_or_default());
        left.entry(of).or_default().push(one);
    }
    left
}

/// A run that goes on where its records end; `None` when its playbook no longer has the step, or the
/// record is of another build: then nobody can look after it.
#[must_use]
pub fn resume(brief: Brief, history: &History, left: &[Left], give_up: Duration) -> Option<Run> {
    let mut run = Run::new(brief);
    run.told = history.told_of(&super::notice::incidents(&run.brief));
    run.verdict = Verdict::Act;
    "taken up again after a crash".clone_into(&mut run.reason);
    (run.recorded, run.resumed) = (true, true);
    let mut orphans = VecDeque::new();
    // Outcomes first: a rung above, or taking back, belongs to a candidate that was acted on before.
    for Left { draft, at } in left.iter().filter(|l| !l.is_open()) {
        let (step, action) = placed(&run.brief.playbook, draft.action.as_ref()?)?;
        let climber = climber(&mut run, draft)?;
        let sent = sent(step, action, draft.outcome.clone()?, draft);
        run.climbers[climber].sent.push(sent);
        remember(&mut run, climber, draft, *at);
    }
    for Left { draft, at } in left.iter().filter(|l| l.is_open()) {
        let (step, _) = placed(&run.brief.playbook, draft.action.as_ref()?)?;
        let climber = climber(&mut run, draft)?;
        remember(&mut run, climber, draft, *at);
        let announced = at.unwrap_or(run.brief.started);
        orphans.push_back(Orphan { climber, step, intent: draft.clone(), announced });
    }
    run.phase = Phase::Resuming(Box::new(Resuming { orphans, stage: ResumeStage::New, give_up }));
    Some(run)
}

/// The step whose statement a record is about.
fn placed(playbook: &Playbook, recorded: &ActionRef) -> Option<(usize, &'static dyn Action)> {
    let action = actions::by_name(&recorded.name)?;
    let same = |rung: &ActStep| {
        rung.action.name == recorded.name
            && (draft::is_revert(recorded) || draft::action_ref(rung, String::new()).arguments == recorded.arguments)
    };
    let step = playbook.steps.iter().position(|step| matches!(step, Step::Act(rung) if same(rung)))?;
    Some((step, action))
}

/// The place of a record's candidate in the run. It climbs no further.
fn climber(run: &mut Run, draft: &Draft) -> Option<usize> {
    let named = draft.candidate.as_ref()?;
    if let Some(known) = run.climbers.iter().position(|c| c.candidate.key() == named.key) {
        return Some(known);
    }
    let state = ClimberState::Stopped("a crash cut its ladder off".to_owned());
    run.climbers.push(Climber { state, ..Climber::new(named.candidate.clone()) });
    Some(run.climbers.len() - 1)
}

/// Where it was done, and whether that was so long ago that it stays as it is.
fn remember(run: &mut Run, climber: usize, draft: &Draft, at: Option<Timestamp>) {
    let too_old = too_old(&run.brief, draft, at);
    let climber = &mut run.climbers[climber];
    let whom = Whom::read(draft.evidence.as_ref());
    let nowhere = whom.is_none().then(|| "its record does not say on which server it was done".to_owned());
    climber.whom = whom;
    climber.hands_off = climber.hands_off.take().or(nowhere).or(too_old);
}

/// Why a change is not taken back any more. What its clients made of it since, nobody can know.
fn too_old(brief: &Brief, draft: &Draft, at: Option<Timestamp>) -> Option<String> {
    draft.before.as_ref()?;
    let bound = brief.playbook.verify_within + TAKEN_BACK_WITHIN;
    let Some(at) = at else { return Some("when it was changed is not known".to_owned()) };
    // A clock that was set back meanwhile does not make it young.
    let age = since(brief.started, at).max(since(at, brief.started));
    (age > bound).then(|| {
        let (age, bound) = (in_words(age), in_words(bound));
        format!("it was changed {age} before pgmedic was started again, and only what is at most {bound} old is looked after")
    })
}

/// One rung that was sent, from its intent or its outcome.
fn sent(step: usize, action: &'static dyn Action, outcome: Outcome, of: &Draft) -> Sent {
    let (before, after) = (of.before.clone(), of.after.clone());
    let reverted = of.evidence.as_ref().and_then(|e| serde_json::from_value(e.get("reverted")?.clone()).ok());
    // What was taken back had not helped: that is known already.
    let helped = reverted.as_ref().map(|_: &Outcome| false);
    Sent { step, action: action.spec().name, outcome, before, after, helped, reverted }
}

/// Moves a resumed run by one event.
pub(super) fn resuming(run: &mut Run, mut resuming: Resuming, what: &What, at: Timestamp) -> Vec<Effect> {
    let Some(orphan) = resuming.orphans.front().cloned() else {
        // Only whether it helped is to be seen.
        return if matches!(what, What::Begin) { verify::begin(run, at) } else { Vec::new() };
    };
    let stage = std::mem::replace(&mut resuming.stage, ResumeStage::Looking);
    match (stage, what) {
        (ResumeStage::New, What::Begin) | (ResumeStage::Resting, What::Rested) => look(run, resuming, &orphan),
        (ResumeStage::Looking, What::Looked(look)) => recall(run, resuming, &orphan, look, at),
        (ResumeStage::Looking, What::Blind { reason, .. }) => unseen(run, resuming, &orphan, reason),
        // Told to stop before it could be seen: it stays open for the next start.
        (ResumeStage::Recalling, What::Acted(outcome))
            if run.stopping.is_some() && outcome.status == OutcomeStatus::Unknown =>
        {
            end(run)
        }
        (ResumeStage::Recalling, What::Acted(outcome)) => found(run, resuming, &orphan, outcome),
        (ResumeStage::Recording(_), What::Appended(_)) => {
            resuming.orphans.pop_front();
            next_orphan(run, resuming, at)
        }
        (ResumeStage::Recording(records), What::Rested) if records.resting => {
            let effect = append(&records.drafts);
            resuming.stage = ResumeStage::Recording(Unwritten { resting: false, ..records });
            run.phase = Phase::Resuming(Box::new(resuming));
            vec![effect]
        }
        (ResumeStage::Recording(r), What::Unwritable(_)) if run.stopping.is_some() && !r.resting => end(run),
        (ResumeStage::Recording(records), What::Unwritable(_)) if !records.resting => {
            resuming.stage = ResumeStage::Recording(Unwritten { resting: true, ..records });
            run.phase = Phase::Resuming(Box::new(resuming));
            vec![Effect::Rest(APPEND_AGAIN_AFTER)]
        }
        (stage, _) => {
            resuming.stage = stage;
            run.phase = Phase::Resuming(Box::new(resuming));
            Vec::new()
        }
    }
}

/// What is not looked up yet stays open in the log, for the next start.
pub(super) fn stop(run: &mut Run) -> Vec<Effect> {
    match &run.phase {
        Phase::Resuming(r) if matches!(r.stage, ResumeStage::New | ResumeStage::Looking | ResumeStage::Resting) => {
            end(run)
        }
        _ => Vec::new(),
    }
}

fn next_orphan(run: &mut Run, resuming: Resuming, at: Timestamp) -> Vec<Effect> {
    match resuming.orphans.front().cloned() {
        _ if run.stopping.is_some() => verify::close(run, at),
        Some(orphan) => look(run, resuming, &orphan),
        None => verify::begin(run, at),
    }
}

fn look(run: &mut Run, mut resuming: Resuming, orphan: &Orphan) -> Vec<Effect> {
    resuming.stage = ResumeStage::Looking;
    run.phase = Phase::Resuming(Box::new(resuming));
    vec![Effect::Look(Box::new(run.climbers[orphan.climber].candidate.clone()))]
}

/// A look that says nothing of it is followed by others until it is given up.
fn unseen(run: &mut Run, mut resuming: Resuming, orphan: &Orphan, reason: &str) -> Vec<Effect> {
    if run.elapsed >= resuming.give_up {
        let detail = format!("pgmedic ended before its end was recorded, and since then: {reason}");
        return found(run, resuming, orphan, &Outcome::new(OutcomeStatus::Unknown, detail));
    }
    resuming.stage = ResumeStage::Resting;
    run.phase = Phase::Resuming(Box::new(resuming));
    vec![Effect::Rest(LOOK_AGAIN_AFTER)]
}

/// The target answers: its statement is written again, to look for its effect alone.
fn recall(run: &mut Run, mut resuming: Resuming, orphan: &Orphan, look: &Look, at: Timestamp) -> Vec<Effect> {
    let server = &look.facts.server;
    match place(&run.climbers[orphan.climber], look) {
        Whereabouts::Here => {}
        Whereabouts::Unsure(why) => return unseen(run, resuming, orphan, &why),
        Whereabouts::Elsewhere(why) => {
            let outcome = Outcome::new(OutcomeStatus::Unknown, format!("not looked up: {why}"));
            run.climbers[orphan.climber].hands_off = Some(why);
            return found(run, resuming, orphan, &outcome);
        }
    }
    let brief = run.brief.clone();
    let parts = run.rung(orphan.step).cloned().zip(orphan.intent.candidate.as_ref().map(|c| c.candidate.clone()));
    let Some((rung, candidate)) = parts else { return not_seen(run, resuming, orphan) };
    let order = Order {
        candidate: &candidate,
        args: &rung.args,
        server,
        run: &brief.id,
        playbook: &brief.playbook.name,
        time_left: TIME_LEFT,
    };
    let Some((action, deed)) = deed_of(&order, &rung, &orphan.intent) else { return not_seen(run, resuming, orphan) };
    let Some(confirm) = &deed.act.confirm else { return not_seen(run, resuming, orphan) };
    // The server itself ends the statement by its deadline; until then it may still be at it. How long ago it
    // was announced only the wall clock knows, which may have been set back since: never longer than at most.
    let at_most = deed.act.deadline + confirm.within;
    let left = since(after(orphan.announced, at_most), at);
    let patience = left.clamp(confirm.within, at_most).min(resuming.give_up.saturating_sub(run.elapsed));
    let prepared = Prepared {
        deed,
        server: server.clone(),
        candidate,
        looked_at: at,
        intent: orphan.intent.clone(),
        time_left: TIME_LEFT,
    };
    resuming.stage = ResumeStage::Recalling;
    run.phase = Phase::Resuming(Box::new(resuming));
    vec![Effect::Recall(Box::new(Recall { action, step: rung, prepared, patience }))]
}

/// Whether a look is one at the server and the pooler of what was announced.
fn place(climber: &Climber, look: &Look) -> Whereabouts {
    let Some(whom) = &climber.whom else {
        return climber.hands_off.clone().map_or(Whereabouts::Here, Whereabouts::Elsewhere);
    };
    let key = climber.candidate.key();
    let seen = look.facts.candidates.iter().find(|c| c.key() == key);
    whom.compare(&Whom::of(&look.facts.server, seen.unwrap_or(&climber.candidate)), seen.is_some())
}

fn deed_of(order: &Order, rung: &ActStep, intent: &Draft) -> Option<(&'static str, Deed)> {
    let action = actions::of(rung.action)?;
    let deed = if draft::is_revert(intent.action.as_ref()?) {
        action.undo(order, intent.after.as_ref()?)?
    } else {
        action.deed(order).ok()?
    };
    Some((action.spec().name, deed))
}

fn not_seen(run: &mut Run, resuming: Resuming, orphan: &Orphan) -> Vec<Effect> {
    let detail = "pgmedic ended between announcing this action and recording what came of it";
    found(run, resuming, orphan, &Outcome::new(OutcomeStatus::Unknown, detail))
}

/// It is known what became of it, or known that it cannot be.
fn found(run: &mut Run, mut resuming: Resuming, orphan: &Orphan, outcome: &Outcome) -> Vec<Effect> {
    let intent = &orphan.intent;
    let reverts = intent.action.as_ref().is_some_and(draft::is_revert);
    let draft = if reverts { draft::revert(intent, outcome) } else { draft::outcome(intent, outcome) };
    let action = run.rung(orphan.step).and_then(|rung| actions::of(rung.action));
    let climber = &mut run.climbers[orphan.climber];
    if reverts {
        // What was provably not taken back may be taken back after all, with a new announcement.
        let open = outcome.status == OutcomeStatus::Refused;
        if let Some(sent) = climber.last_touch_mut().filter(|_| !open) {
            (sent.helped, sent.reverted) = (Some(false), Some(outcome.clone()));
        }
    } else if let Some(action) = action {
        let sent = sent(orphan.step, action, outcome.clone(), intent);
        climber.sent.push(sent);
    }
    let drafts = vec![draft];
    let effects = vec![append(&drafts)];
    resuming.stage = ResumeStage::Recording(Unwritten { drafts, resting: false });
    run.phase = Phase::Resuming(Box::new(resuming));
    effects
}

/// Why a change that a crash left is not taken back: what was allowed when it was made is not any more.
pub(super) fn ceiling(run: &Run, rung: &ActStep) -> Option<String> {
    use crate::model::Mode;
    let policy = &run.brief.policy;
    let now = policy.daemon_mode.min(policy.target_mode).min(policy.ceilings.of(rung.action.class));
    let now = run.brief.lowered.map_or(now, |lowered| now.min(lowered));
    (run.resumed && now < Mode::Enforce)
        .then(|| format!("not taken back: since the crash the configuration allows at most {}", now.word()))
}
