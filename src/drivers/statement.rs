//! One statement, to its end: the driver never leaves one running that it was to stop.

use super::Fault;
use super::give_way::Way;
use super::session::Session;
use super::{fault, rows, values};
use crate::model::time::in_words;
use crate::model::{Duration, Row, Value};
use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicBool, Ordering};
use tokio::time::{Instant, sleep, sleep_until, timeout_at};
use tokio_util::sync::CancellationToken;

/// How long the server may take to let go of a cancelled statement.
const LET_GO: Duration = Duration::from_secs(5);
/// A cancel that comes between two messages is lost without a trace: it is sent again.
const AGAIN: Duration = Duration::from_secs(1);

/// What ends a statement early.
#[derive(Clone, Copy)]
pub struct Limits<'a> {
    /// Cancelled after this long.
    pub deadline: Duration,
    /// What that was cut from, for people: opening the session counts.
    pub whole: Duration,
    /// Cancelled when told to stop.
    pub stop: Option<&'a CancellationToken>,
    /// Cancelled when the right to act is gone.
    pub owner_gone: Option<&'a CancellationToken>,
    /// Cancelled when somebody wants the way.
    pub way: Option<&'a Way>,
}

impl Limits<'_> {
    /// Only a deadline.
    pub fn deadline(deadline: Duration) -> Limits<'static> {
        Limits { deadline, whole: deadline, stop: None, owner_gone: None, way: None }
    }

    /// Waits for the first of them; what a statement that was cancelled for it ended with.
    async fn reached(&self) -> Fault {
        tokio::select! {
            () = sleep(self.deadline) => Fault::TimedOut(in_words(self.whole)),
            () = cancelled(self.stop) => Fault::Stopped,
            who = wanted(self.way) => Fault::GaveWay(who),
            () = cancelled(self.owner_gone) => Fault::Refused {
                sqlstate: "57014".to_owned(),
                message: "cancelled: the acting connection was lost, and with it the right to act".to_owned(),
            },
        }
    }
}

async fn cancelled(token: Option<&CancellationToken>) {
    match token {
        Some(token) => token.cancelled().await,
        None => std::future::pending().await,
    }
}

async fn wanted(way: Option<&Way>) -> String {
    match way {
        Some(way) => way.wanted().await.to_owned(),
        None => std::future::pending().await,
    }
}

/// Sends a statement by the extended protocol (so that it is one statement) in autocommit, and waits for
/// its end or its limits; then it is cancelled, and the server is given 5 s to let go.
///
/// # Errors
/// [`Fault::Lost`] also when the server did not let go: the session must not be used again then.
pub async fn run(session: &Session, sql: &str, params: &[Value], limits: &Limits<'_>) -> Result<Vec<Row>, Fault> {
    let sent = AtomicBool::new(false);
    let mut work = pin!(send(session, sql, params, &sent));
    let limit = tokio::select! {
        biased;
        done = &mut work => return done,
        limit = limits.reached() => limit,
    };
    match let_go(session, work.as_mut()).await {
        // It ended by the cancel; anything else that it says is its own end, success included.
        Some(Err(Fault::Refused { sqlstate, .. })) if sqlstate == "57014" => Err(limit),
        Some(done) => done,
        None if sent.load(Ordering::Relaxed) => {
            let why = format!("{limit}, but the server did not confirm it within {}", in_words(LET_GO));
            Err(Fault::Lost(why))
        }
        None => Err(Fault::Unreachable(format!("the server did not even parse the statement: {limit}"))),
    }
}

async fn send(session: &Session, sql: &str, params: &[Value], sent: &AtomicBool) -> Result<Vec<Row>, Fault> {
    let types = values::types(params);
    let prepared = session.client.prepare_typed(sql, &types).await.map_err(|e| fault::before(&e))?;
    rows::check(prepared.columns()).map_err(not_read)?;
    sent.store(true, Ordering::Relaxed);
    let answer = session.client.query(&prepared, &values::values(params)).await.map_err(|e| fault::after(&e))?;
    rows::read(&answer).map_err(|why| Fault::Lost(format!("its answer cannot be read: {why}")))
}

/// Said before anything is sent, and the session is sound: `feature_not_supported`.
fn not_read(message: String) -> Fault {
    Fault::Refused { sqlstate: "0A000".to_owned(), message }
}

async fn let_go<T>(session: &Session, mut work: Pin<&mut impl Future<Output = T>>) -> Option<T> {
    let until = Instant::now() + LET_GO;
    loop {
        let asked = async {
            session.cancel().await;
            sleep(AGAIN).await;
        };
        tokio::select! {
            biased;
            done = &mut work => {
                // The error comes before the transaction is rolled back and its locks are given up; the
                // next answer comes after.
                let _ = timeout_at(until, session.client.simple_query("")).await;
                return Some(done);
            }
            () = sleep_until(until) => return None,
            () = asked => {}
        }
    }
}
