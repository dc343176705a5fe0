//! Sending one statement and seeing it through to its effect.

use super::clock::Clock;
use super::look::tag;
use crate::actions::{self, Judgement, Order};
use crate::decide::run::{Brief, Errand, Prepared, Recall};
use crate::drivers::{Fault, TargetDriver};
use crate::model::query::Confirm;
use crate::model::{Outcome, OutcomeStatus, Row, Whereabouts, Whom};
use std::sync::Arc;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

/// Carries out an errand. It ends when the outcome is known, or known to be unknowable.
pub async fn act(
    driver: &dyn TargetDriver,
    clock: &dyn Clock,
    brief: &Brief,
    errand: &Errand,
    stop: &CancellationToken,
) -> Outcome {
    let Some(action) = actions::by_name(errand.action) else {
        return Outcome::new(OutcomeStatus::Refused, format!("this build has no action {}", errand.action));
    };
    let prepared = &errand.prepared;
    let order = Order {
        candidate: &prepared.candidate,
        args: &errand.step.args,
        server: &prepared.server,
        run: &brief.id,
        playbook: &brief.playbook.name,
        time_left: prepared.time_left,
    };
    let mut act = prepared.deed.act.clone();
    let questions = act.precondition.iter_mut().chain(act.confirm.as_mut().map(|c| &mut c.question));
    questions.for_each(|question| tag(question, &brief.id, &brief.playbook.name));
    let answer = match driver.act(&act, stop).await {
        Ok(answer) => answer,
        Err(fault) => {
            let outcome = advised(of_fault(&fault), &fault, action);
            let sent = matches!(fault, Fault::Refused { .. } | Fault::GaveWay(_) | Fault::TimedOut(_) | Fault::Stopped);
            let look = act.confirm.as_ref().filter(|_| sent && action.in_parts(&order));
            let Some(confirm) = look else { return outcome };
            let seen = settled(driver, clock, confirm, stop).await;
            return action.cut_off(&order, outcome, seen.as_deref());
        }
    };
    let judge = |seen: Option<&[Row]>| match &errand.undo {
        Some(before) => action.judge_undo(&order, before, &answer, seen),
        None => action.judge(&order, &answer, seen),
    };
    match judge(None) {
        Judgement::Ended(outcome) => outcome,
        Judgement::NotYet(otherwise) => match &act.confirm {
            Some(confirm) => watch(driver, clock, confirm, &judge, otherwise, stop).await,
            None => otherwise,
        },
    }
}

/// Looks what became of a statement that was announced before a crash. Nothing is sent. A reload may lead the target
/// elsewhere meanwhile: each look goes where it is then.
pub async fn recall<D: TargetDriver>(
    driver: &watch::Receiver<Arc<D>>,
    clock: &dyn Clock,
    brief: &Brief,
    recall: &Recall,
    stop: &CancellationToken,
) -> Outcome {
    let prepared = &recall.prepared;
    let shown = actions::by_name(recall.action).zip(prepared.deed.act.confirm.clone());
    let Some((action, mut confirm)) = shown else {
        return Outcome::new(OutcomeStatus::Unknown, "nothing shows what became of it");
    };
    let order = Order {
        candidate: &prepared.candidate,
        args: &recall.step.args,
        server: &prepared.server,
        run: &brief.id,
        playbook: &brief.playbook.name,
        time_left: prepared.time_left,
    };
    tag(&mut confirm.question, &brief.id, &brief.playbook.name);
    let mut otherwise = Outcome::new(OutcomeStatus::Unknown, "pgmedic ended before it saw what came of it");
    // While the server is still at it, or cannot be asked, nothing is known; then its effect may take so long.
    let mut until = clock.elapsed() + recall.patience;
    let mut known: Option<Arc<D>> = None;
    loop {
        let now = driver.borrow().clone();
        if !known.as_ref().is_some_and(|known| Arc::ptr_eq(known, &now)) {
            match leads(&*now, prepared).await {
                Ok(Whereabouts::Here) => known = Some(now.clone()),
                Ok(Whereabouts::Elsewhere(why)) => {
                    return Outcome::new(OutcomeStatus::Unknown, format!("not looked up: {why}"));
                }
                // It is not known where it leads: then nothing is asked there. The next look may know it.
                Ok(Whereabouts::Unsure(_)) | Err(_) => known = None,
            }
        }
        let answers = if known.is_some() { now.ask(&confirm.question).await } else { Vec::new() };
        if let Some(rows) = answers.into_iter().find_map(|a| a.rows.ok()) {
            match action.recall(&order, prepared.intent.after.as_ref(), &rows) {
                Judgement::Ended(outcome) => return outcome,
                Judgement::NotYet(outcome) => otherwise = outcome,
            }
            if otherwise.status != OutcomeStatus::Unknown {
                until = until.min(clock.elapsed() + confirm.within);
            }
        }
        if clock.elapsed() >= until || stop.is_cancelled() {
            return otherwise;
        }
        tokio::select! { () = clock.sleep(confirm.every) => {}, () = stop.cancelled() => {} }
    }
}

/// Whether this driver leads to the server and the pooler of what was announced: a reload may have led it elsewhere
/// since.
async fn leads(driver: &impl TargetDriver, prepared: &Prepared) -> Result<Whereabouts, Fault> {
    let announced = Whom::of(&prepared.server, &prepared.candidate);
    let here = Whom::of(&driver.server().await?, &prepared.candidate);
    Ok(announced.compare(&here, false))
}

/// Looks for the effect until it is there or its time is over.
async fn watch(
    driver: &dyn TargetDriver,
    clock: &dyn Clock,
    confirm: &Confirm,
    judge: &(dyn Fn(Option<&[Row]>) -> Judgement + Sync),
    mut otherwise: Outcome,
    stop: &CancellationToken,
) -> Outcome {
    let until = clock.elapsed() + confirm.within;
    loop {
        let answers = driver.ask(&confirm.question).await;
        // A look that fails proves nothing: the next one may.
        if let Some(rows) = answers.into_iter().find_map(|a| a.rows.ok()) {
            match judge(Some(&rows)) {
                Judgement::Ended(outcome) => return outcome,
                Judgement::NotYet(outcome) => otherwise = outcome,
            }
        }
        // Told to stop: that was the last look, and what it did not show is said as it stands.
        if clock.elapsed() >= until || stop.is_cancelled() {
            return otherwise;
        }
        tokio::select! { () = clock.sleep(confirm.every) => {}, () = stop.cancelled() => {} }
    }
}

fn advised(mut outcome: Outcome, fault: &Fault, action: &dyn actions::Action) -> Outcome {
    if let Fault::Refused { sqlstate, .. } = fault
        && let Some(advice) = action.advice(sqlstate)
    {
        outcome.detail = format!("{}: {advice}", outcome.detail);
    }
    outcome
}

/// The rows of a look once two in a row are the same: what the server counts may come late. The last one
/// otherwise; none where no look succeeded.
async fn settled(
    driver: &dyn TargetDriver,
    clock: &dyn Clock,
    confirm: &Confirm,
    stop: &CancellationToken,
) -> Option<Vec<Row>> {
    let until = clock.elapsed() + confirm.within;
    let mut last: Option<Vec<Row>> = None;
    loop {
        let answers = driver.ask(&confirm.question).await;
        let seen = answers.into_iter().find_map(|a| a.rows.ok());
        let same = seen.is_some() && seen == last;
        last = seen.or(last);
        if same || clock.elapsed() >= until || stop.is_cancelled() {
            return last;
        }
        tokio::select! { () = clock.sleep(confirm.every) => {}, () = stop.cancelled() => {} }
    }
}

fn of_fault(fault: &Fault) -> Outcome {
    let status = match fault {
        Fault::Unreachable(_) | Fault::GaveWay(_) => OutcomeStatus::Refused,
        Fault::Refused { sqlstate, .. } if sqlstate == "42501" => OutcomeStatus::Refused,
        // The server's own statement_timeout comes first by design; its words are the only sign of it.
        Fault::Refused { sqlstate, message } if sqlstate == "57014" && message.contains("statement timeout") => {
            OutcomeStatus::TimedOut
        }
        Fault::Refused { .. } => OutcomeStatus::Failed,
        Fault::TimedOut(_) | Fault::Stopped => OutcomeStatus::TimedOut,
        Fault::Lost(_) => OutcomeStatus::Unknown,
    };
    let detail = match fault {
        Fault::Unreachable(why) => format!("nothing was sent: {why}"),
        other => other.to_string(),
    };
    Outcome::new(status, detail)
}

#[cfg(test)]
pub(super) mod tests;
