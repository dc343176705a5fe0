//! Acts: the right to act, the precondition, the settings, the statement, in this order.

use super::Fault;
use super::ask::pooler;
use super::live::LiveTarget;
use super::pooler::Console;
use super::session::Session;
use super::settings::Purpose;
use super::statement::{Limits, run};
use crate::model::query::{Act, ActAnswer};
use crate::model::{Duration, Ownership, Place, Question, Row};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// For a precondition.
const LOOK: Duration = Duration::from_secs(5);

/// Sends one act, if this process holds the right to act.
///
/// # Errors
/// [`Fault`] tells whether anything was sent.
pub async fn act(target: &LiveTarget, act: &Act, stop: &CancellationToken) -> Result<ActAnswer, Fault> {
    if !target.acts {
        let why = format!("target {} is only observed: nothing is sent there", target.target.name);
        return Err(Fault::Unreachable(why));
    }
    if stop.is_cancelled() {
        return Err(Fault::Unreachable("pgmedic was told to stop: nothing was sent".to_owned()));
    }
    match &act.place {
        Place::Acting => on_acting(target, act, stop).await,
        Place::WorkIn(database) => in_work_session(target, act, database, stop).await,
        Place::Pooler(name) => on_console(target, act, name).await,
        place => Err(Fault::Unreachable(format!("{place:?} is a place to ask, not to act"))),
    }
}

async fn on_acting(target: &LiveTarget, act: &Act, stop: &CancellationToken) -> Result<ActAnswer, Fault> {
    let mut acting = target.acting.lock().await;
    held(acting.own(target).await?)?;
    let session = acting.ready(target, Purpose::Acting).await?;
    let limits = Limits { deadline: act.deadline, stop: Some(stop), owner_gone: None };
    let answer = in_session(session, act, &limits).await;
    acting.check(answer)
}

async fn in_work_session(
    target: &LiveTarget,
    act: &Act,
    database: &str,
    stop: &CancellationToken,
) -> Result<ActAnswer, Fault> {
    let until = Instant::now() + act.deadline;
    let _turn = tokio::select! {
        turn = target.work.lock() => turn,
        () = stop.cancelled() => return Err(Fault::Unreachable("pgmedic was told to stop: nothing was sent".to_owned())),
        () = tokio::time::sleep_until(until) => {
            return Err(Fault::Unreachable("another act did not end in time: nothing was sent".to_owned()));
        }
    };
    let owner_gone = {
        let mut acting = target.acting.lock().await;
        held(acting.own(target).await?)?;
        acting.ready(target, Purpose::Acting).await?.gone.clone()
    };
    let session = target.open(Some(database), Purpose::Work).await?;
    let deadline = until.saturating_duration_since(Instant::now());
    in_session(&session, act, &Limits { deadline, stop: Some(stop), owner_gone: Some(&owner_gone) }).await
}

/// Settings by SET, which the standing connection takes back before its next use; not by SET LOCAL: inside
/// a transaction `pg_stat_activity` stands still, so that the statement would judge by what the
/// precondition saw, and some commands refuse to run there.
async fn in_session(session: &Session, act: &Act, limits: &Limits<'_>) -> Result<ActAnswer, Fault> {
    session.set(&act.settings).await?;
    if let Some(question) = &act.precondition
        && look(session, question, limits).await?.is_empty()
    {
        return Ok(ActAnswer::default());
    }
    session.take_warnings();
    let rows = run(session, &act.statement, &act.params, limits).await?;
    Ok(ActAnswer { sent: true, rows, warnings: session.take_warnings() })
}

async fn look(session: &Session, question: &Question, limits: &Limits<'_>) -> Result<Vec<Row>, Fault> {
    let limits = Limits { deadline: LOOK.min(limits.deadline), ..*limits };
    run(session, &question.sql, &question.params, &limits).await.map_err(not_sent)
}

/// The console cannot be fenced: the lock is looked at right before.
async fn on_console(target: &LiveTarget, act: &Act, name: &str) -> Result<ActAnswer, Fault> {
    let console = Console::open(&target.console(pooler(target, name)?)?).await?;
    let mut acting = target.acting.lock().await;
    if let Some(question) = &act.precondition
        && console.run(&question.sql, LOOK).await.map_err(not_sent)?.is_empty()
    {
        return Ok(ActAnswer::default());
    }
    held(acting.own(target).await?)?;
    let rows = console.run(&act.statement, act.deadline).await?;
    Ok(ActAnswer { sent: true, rows, warnings: Vec::new() })
}

fn held(ownership: Ownership) -> Result<(), Fault> {
    match ownership {
        Ownership::Held => Ok(()),
        Ownership::Elsewhere(who) => Err(Fault::Unreachable(format!("the right to act is held by {who}"))),
        Ownership::NotNeeded => Err(Fault::Unreachable("nobody asked for the right to act".to_owned())),
    }
}

/// A precondition that was lost says nothing about the statement: that was never sent.
fn not_sent(fault: Fault) -> Fault {
    match fault {
        Fault::Lost(why) => Fault::Unreachable(why),
        Fault::TimedOut(after) => Fault::Unreachable(format!("the precondition was cancelled after {after}")),
        other => other,
    }
}
