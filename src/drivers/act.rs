//! Acts: the right to act, the precondition, the settings, the statement, in this order.

use super::Fault;
use super::ask::pooler;
use super::give_way::Way;
use super::live::LiveTarget;
use super::pooler::Console;
use super::session::Session;
use super::settings::Purpose;
use super::statement::{Limits, run};
use crate::model::query::{Act, ActAnswer};
use crate::model::{Duration, Ownership, Place, Question, Row};
use std::pin::pin;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// For a precondition.
const LOOK: Duration = Duration::from_secs(5);

/// A look at the lock is at most so old when what it cannot fence is sent.
const LOCK_HOLDS: Duration = Duration::from_secs(2);

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
        return Err(stopped());
    }
    match &act.place {
        Place::Acting => on_acting(target, act, stop).await,
        Place::WorkIn(database) => in_work_session(target, act, database, stop).await,
        Place::Pooler(name) => on_console(target, act, name, stop).await,
        place => Err(Fault::Unreachable(format!("{place:?} is a place to ask, not to act"))),
    }
}

async fn on_acting(target: &LiveTarget, act: &Act, stop: &CancellationToken) -> Result<ActAnswer, Fault> {
    let mut acting = target.acting.lock().await;
    held(acting.keep(target).await?)?;
    let limits = Limits { deadline: act.deadline, whole: act.deadline, stop: Some(stop), owner_gone: None, way: None };
    let answer = in_session(acting.owner()?, act, &limits).await;
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
        () = stop.cancelled() => return Err(stopped()),
        () = tokio::time::sleep_until(until) => {
            return Err(Fault::Unreachable("another act did not end in time: nothing was sent".to_owned()));
        }
    };
    let owner_gone = {
        let mut acting = target.acting.lock().await;
        held(acting.keep(target).await?)?;
        acting.owner()?.gone.clone()
    };
    let session = target.open(Some(database), Purpose::Work).await?;
    let deadline = until.saturating_duration_since(Instant::now());
    let (way, owner_gone) = (Way::default(), Some(&owner_gone));
    let limits = Limits { deadline, whole: act.deadline, stop: Some(stop), owner_gone, way: Some(&way) };
    let mut work = pin!(in_session(&session, act, &limits));
    tokio::select! {
        answer = &mut work => return answer,
        () = way.watch(target, session.pid) => {}
    }
    work.await
}

/// Settings by SET, which the standing connection takes back before its next use; not by SET LOCAL: inside
/// a transaction `pg_stat_activity` stands still, so that the statement would judge by what the
/// precondition saw, and some commands refuse to run there.
async fn in_session(session: &Session, act: &Act, limits: &Limits<'_>) -> Result<ActAnswer, Fault> {
    session.set(&act.settings).await?;
    if let Some(question) = &act.precondition
        && !meets(&look(session, question, limits).await?, &act.wanted)
    {
        return Ok(ActAnswer::default());
    }
    if limits.stop.is_some_and(CancellationToken::is_cancelled) {
        return Err(stopped());
    }
    session.take_warnings();
    let rows = run(session, &act.statement, &act.params, limits).await?;
    Ok(ActAnswer { sent: true, rows, warnings: session.take_warnings() })
}

async fn look(session: &Session, question: &Question, limits: &Limits<'_>) -> Result<Vec<Row>, Fault> {
    let deadline = LOOK.min(limits.deadline);
    let limits = Limits { deadline, whole: deadline, ..*limits };
    run(session, &question.sql, &question.params, &limits).await.map_err(not_sent)
}

/// The console cannot be fenced: the lock is looked at right before, and then the value that it changes.
async fn on_console(target: &LiveTarget, act: &Act, name: &str, stop: &CancellationToken) -> Result<ActAnswer, Fault> {
    let console = Console::open(&target.console(pooler(target, name)?)?).await?;
    let mut acting = target.acting.lock().await;
    held(acting.keep(target).await?)?;
    let looked = Instant::now();
    if let Some(question) = &act.precondition
        && !meets(&console.run(&question.sql, LOOK).await.map_err(not_sent)?, &act.wanted)
    {
        return Ok(ActAnswer::default());
    }
    if stop.is_cancelled() {
        return Err(stopped());
    }
    if looked.elapsed() > LOCK_HOLDS {
        let why = "the console answered so late that the right to act may be gone: nothing was sent".to_owned();
        return Err(Fault::Unreachable(why));
    }
    let rows = console.run(&act.statement, act.deadline).await?;
    Ok(ActAnswer { sent: true, rows, warnings: Vec::new() })
}

fn stopped() -> Fault {
    Fault::Unreachable("pgmedic was told to stop: nothing was sent".to_owned())
}

/// Whether a precondition's rows are what the act wants.
fn meets(rows: &[Row], wanted: &[(&'static str, String)]) -> bool {
    rows.iter().any(|row| wanted.iter().all(|(column, text)| row.text(column).is_ok_and(|t| t == *text)))
}

fn held(ownership: Ownership) -> Result<(), Fault> {
    match ownership {
        Ownership::Held => Ok(()),
        Ownership::Elsewhere(who) => Err(Fault::Unreachable(format!("the right to act is held by {who}"))),
        Ownership::Sibling(other) => {
            Err(Fault::Unreachable(format!("target {other} is the same server and acts there")))
        }
        Ownership::Unknown(why) => Err(Fault::Unreachable(format!("the right to act is not here: {why}"))),
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
