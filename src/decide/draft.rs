//! The records that a run leaves, as drafts: what was judged by, what was decided, what was announced
//! and what came of it.

use super::conclude::Decision;
use super::notice;
use super::plan::Plan;
use super::run::{Brief, ClimberState, Look, Run};
use crate::actions::Deed;
use crate::model::record::{ActionRef, Draft, RecordKind};
use crate::model::{Candidate, Facts, Outcome, OutcomeStatus, Timestamp, Verdict, Whom};
use crate::playbook::ActStep;
use serde_json::{Value as Json, json};

/// A run record shows at most so many candidates…
const MOST_ROWS: usize = 200;
/// …and is at most so large; the rest is counted.
const MOST_EVIDENCE_BYTES: usize = 256 * 1024;

/// What every record of a run carries.
fn of_run(kind: RecordKind, brief: &Brief) -> Draft {
    Draft {
        run: Some(brief.id.clone()),
        target: Some(brief.target.clone()),
        playbook: Some(brief.playbook_ref()),
        ..Draft::new(kind)
    }
}

/// The run's own record with its evidence, and one for each candidate whose decision says something new.
pub(super) fn plan_records(run: &Run, look: &Look, plan: &Plan, news: &[usize], at: Timestamp) -> Vec<Draft> {
    let brief = &run.brief;
    let (facts, not_shown) = bounded(&look.facts);
    let keys: Vec<String> = look.facts.candidates.iter().map(Candidate::key).collect();
    let mut whole = Draft {
        trigger: Some(brief.trigger.clone()),
        actor: Some(brief.actor.clone()),
        mode: Some(plan.decision.mode),
        verdict: Some(plan.decision.verdict),
        reason: Some(plan.decision.reason.clone()),
        guards: plan.decision.guards.clone(),
        evidence: Some(json!({
            "facts": facts,
            "candidates_found": keys.len(),
            "candidates_not_shown": not_shown,
            "history": look.history.evidence(&brief.target, &brief.playbook.name, &keys),
            "about": about(&brief.playbook),
        })),
        ..of_run(RecordKind::Decision, brief)
    };
    notice::of_plan(run, plan, news, &mut whole, at);
    let rung = brief.playbook.rungs().next();
    let each = news.iter().filter_map(|i| plan.candidates.get(*i));
    std::iter::once(whole).chain(each.map(|(c, d)| candidate_decision(brief, c, d, rung))).collect()
}

/// What the playbook carries into records for people.
fn about(playbook: &crate::playbook::Playbook) -> Json {
    json!({
        "about": playbook.about,
        "owner": playbook.owner,
        "severity": playbook.severity,
        "runbook_url": playbook.runbook_url,
        "labels": playbook.labels,
    })
}

/// The facts with as many candidates as a record may hold, and how many were left out.
fn bounded(facts: &Facts) -> (Json, usize) {
    let mut shown = facts.clone();
    shown.candidates.truncate(MOST_ROWS);
    loop {
        let json = serde_json::to_value(&shown).unwrap_or_default();
        if shown.candidates.is_empty() || json.to_string().len() <= MOST_EVIDENCE_BYTES {
            return (json, facts.candidates.len() - shown.candidates.len());
        }
        shown.candidates.truncate(shown.candidates.len() / 2);
    }
}

/// The record of a run whose target could not be looked at.
pub(super) fn blind(run: &Run) -> Draft {
    Draft {
        trigger: Some(run.brief.trigger.clone()),
        actor: Some(run.brief.actor.clone()),
        verdict: Some(run.verdict),
        reason: Some(run.reason.clone()),
        ..of_run(RecordKind::Decision, &run.brief)
    }
}

/// The decision on one candidate, for one rung.
pub(super) fn candidate_decision(
    brief: &Brief,
    candidate: &Candidate,
    decision: &Decision,
    rung: Option<&ActStep>,
) -> Draft {
    Draft {
        mode: Some(decision.mode),
        verdict: Some(decision.verdict),
        reason: Some(decision.reason.clone()),
        candidate: Some(candidate.into()),
        guards: decision.guards.clone(),
        action: rung.map(|rung| action_ref(rung, String::new())),
        ..of_run(RecordKind::Decision, brief)
    }
}

pub(super) fn action_ref(rung: &ActStep, statement: String) -> ActionRef {
    let arguments = match rung.args.to_json() {
        Json::Object(map) if map.is_empty() => Json::Null,
        other => other,
    };
    ActionRef { name: rung.action.name.to_owned(), class: rung.action.class, arguments, statement }
}

/// What is about to be sent.
pub(super) fn intent(
    brief: &Brief,
    candidate: &Candidate,
    whom: &Whom,
    decision: &Decision,
    rung: &ActStep,
    deed: &Deed,
) -> Draft {
    Draft {
        mode: Some(decision.mode),
        verdict: Some(decision.verdict),
        reason: Some(decision.reason.clone()),
        candidate: Some(candidate.into()),
        guards: decision.guards.clone(),
        action: Some(action_ref(rung, deed.act.statement.clone())),
        before: deed.before.clone(),
        after: deed.after.clone(),
        actor: Some(brief.actor.clone()),
        evidence: Some(whom.evidence()),
        ..of_run(RecordKind::Intent, brief)
    }
}

/// What came of an intent.
pub(super) fn outcome(intent: &Draft, outcome: &Outcome) -> Draft {
    ending(RecordKind::Outcome, intent, outcome)
}

/// What came of taking a change back.
pub(super) fn revert(intent: &Draft, outcome: &Outcome) -> Draft {
    ending(RecordKind::Revert, intent, outcome)
}

fn ending(kind: RecordKind, intent: &Draft, outcome: &Outcome) -> Draft {
    let changed = outcome.status == OutcomeStatus::Done;
    Draft {
        run: intent.run.clone(),
        target: intent.target.clone(),
        playbook: intent.playbook.clone(),
        candidate: intent.candidate.clone(),
        action: intent.action.clone(),
        before: intent.before.clone(),
        after: intent.after.clone().filter(|_| changed),
        outcome: Some(outcome.clone()),
        evidence: Whom::read(intent.evidence.as_ref()).map(|whom| whom.evidence()),
        ..Draft::new(kind)
    }
}

/// The end of an intent of which nothing can be known any more: the process that announced it is gone.
#[must_use]
pub fn orphan(intent: &Draft, detail: &str, notify: &[String]) -> Draft {
    let outcome = Outcome::new(OutcomeStatus::Unknown, detail);
    let mut draft = ending(RecordKind::Outcome, intent, &outcome);
    notice::orphan(intent, detail, notify, &mut draft);
    draft
}

/// The last word on an action that a crash left without one: nobody looked whether it helped. Of one that was
/// refused there is nothing to look at; people have yet to hear of it.
#[must_use]
pub fn unverified(outcome: &Draft, detail: &str, notify: &[String]) -> Draft {
    let refused = outcome.outcome.as_ref().is_some_and(|o| o.status == OutcomeStatus::Refused);
    let mut draft = Draft {
        run: outcome.run.clone(),
        target: outcome.target.clone(),
        playbook: outcome.playbook.clone(),
        candidate: outcome.candidate.clone(),
        action: outcome.action.clone(),
        before: outcome.before.clone(),
        outcome: (!refused).then(|| Outcome::new(OutcomeStatus::Unknown, detail)),
        ..Draft::new(RecordKind::Verification)
    };
    notice::unverified(outcome, detail, notify, &mut draft);
    draft
}

/// Whether an announcement is that of taking a change back.
pub(super) fn is_revert(action: &ActionRef) -> bool {
    action.arguments.get("revert") == Some(&Json::Bool(true))
}

/// Announces that a change is taken back.
pub(super) fn revert_intent(brief: &Brief, candidate: &Candidate, whom: &Whom, rung: &ActStep, deed: &Deed) -> Draft {
    Draft {
        verdict: Some(Verdict::Act),
        reason: Some("it did not help, so it is taken back".to_owned()),
        candidate: Some(candidate.into()),
        action: Some(ActionRef { arguments: json!({"revert": true}), ..action_ref(rung, deed.act.statement.clone()) }),
        before: deed.before.clone(),
        after: deed.after.clone(),
        evidence: Some(whom.evidence()),
        ..of_run(RecordKind::Intent, brief)
    }
}

/// One record for all candidates whose turn never came.
pub(super) fn left_over(run: &Run) -> Option<Draft> {
    let late = run.climbers.iter().filter(|c| c.sent.is_empty() && c.state == ClimberState::LeftOver).count();
    let stopped = run.stopping.as_ref().map(|why| {
        let waiting = |c: &&super::run::Climber| c.sent.is_empty() && c.state == ClimberState::Climbing;
        (why, run.climbers.iter().filter(waiting).count())
    });
    let reason = match stopped {
        Some((why, n)) if n > 0 => format!("stopping: {why}; {n} candidates were left untouched"),
        _ if late > 0 => {
            format!("{}; {late} candidates were left for the next run", run.left.as_deref().unwrap_or_default())
        }
        _ => return None,
    };
    Some(Draft { verdict: Some(Verdict::Skip), reason: Some(reason), ..of_run(RecordKind::Decision, &run.brief) })
}

/// All that a run sent was refused: nothing was touched.
pub(super) fn untouched(brief: &Brief, reason: &str) -> Draft {
    Draft { reason: Some(reason.to_owned()), ..of_run(RecordKind::Verification, brief) }
}

/// Whether it helped, for each candidate that was acted on.
pub(super) fn verifications(run: &Run) -> Vec<Draft> {
    let each = run.acted().filter_map(|climber| {
        let sent = climber.last_touch()?;
        let (status, detail) = match (sent.helped, &sent.reverted) {
            _ if climber.hands_off.is_some() => (OutcomeStatus::Unknown, climber.left_alone().unwrap_or_default()),
            (Some(true), _) => (OutcomeStatus::Done, "looked at again: the harm is gone".to_owned()),
            (Some(false), r) if climber.since.is_none() && !(run.resumed && r.is_some()) => {
                let back = r.as_ref().map_or(String::new(), |r| format!("; {}", r.detail));
                let why = "it could not be looked at again, so whether it helped is not known, which counts as no";
                (OutcomeStatus::Failed, format!("{why}{back}"))
            }
            (Some(false), Some(r)) => (OutcomeStatus::Failed, format!("it did not help; taking it back: {}", r.detail)),
            (Some(false), None) => (OutcomeStatus::Failed, "looked at again: the harm is still there".to_owned()),
            (None, _) => (OutcomeStatus::Unknown, "pgmedic stopped before it could look again".to_owned()),
        };
        Some(Draft {
            candidate: Some((&climber.candidate).into()),
            action: run.rung(sent.step).map(|rung| action_ref(rung, String::new())),
            before: sent.before.clone(),
            after: sent.after.clone(),
            outcome: Some(Outcome::new(status, detail)),
            ..of_run(RecordKind::Verification, &run.brief)
        })
    });
    each.collect()
}
