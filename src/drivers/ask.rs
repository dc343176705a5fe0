//! Questions, each to all places that it is meant for.

use super::Fault;
use super::facts;
use super::live::LiveTarget;
use super::pooler::Console;
use super::session::Session;
use super::settings::Purpose;
use super::statement::{Limits, run};
use crate::config::PgBouncer;
use crate::model::{Answer, Duration, Place, Question, Row};

/// For each place; statements there have a `statement_timeout` of 5 s besides.
const DEADLINE: Duration = Duration::from_secs(10);

/// Asks; a place that fails is an error inside its answer.
pub async fn ask(target: &LiveTarget, question: &Question) -> Vec<Answer> {
    let answer = |from: String, rows: Result<Vec<Row>, Fault>| Answer {
        name: question.name,
        from,
        rows: rows.map_err(|fault| fault.to_string()),
    };
    let mut answers = Vec::new();
    match &question.place {
        Place::Reading => answers.push(answer(String::new(), standing(target, Purpose::Reading, question).await)),
        Place::Acting => answers.push(answer(String::new(), standing(target, Purpose::Acting, question).await)),
        Place::EachDatabase => match databases(target).await {
            Err(fault) => answers.push(answer(String::new(), Err(fault))),
            Ok(names) => {
                for name in names {
                    let rows = within(target, &name, question).await;
                    answers.push(answer(name, rows));
                }
            }
        },
        Place::ReadIn(name) => answers.push(answer(name.clone(), within(target, name, question).await)),
        Place::WorkIn(name) => {
            let why = "the work session that changes is opened for one act only: ask with ReadIn".to_owned();
            answers.push(answer(name.clone(), Err(Fault::Unreachable(why))));
        }
        Place::EachPooler => {
            for pooler in &target.target.pgbouncer {
                answers.push(answer(pooler.name.clone(), console(target, pooler, question).await));
            }
        }
        Place::Pooler(name) => {
            let rows = match pooler(target, name) {
                Ok(pooler) => console(target, pooler, question).await,
                Err(fault) => Err(fault),
            };
            answers.push(answer(name.clone(), rows));
        }
    }
    answers
}

/// A pooler of the target by name.
///
/// # Errors
/// When there is none of that name: a playbook's candidate outlived a reload.
pub fn pooler<'a>(target: &'a LiveTarget, name: &str) -> Result<&'a PgBouncer, Fault> {
    let found = target.target.pgbouncer.iter().find(|p| p.name == name);
    found.ok_or_else(|| Fault::Unreachable(format!("target {} has no pooler `{name}`", target.target.name)))
}

async fn put(session: &Session, question: &Question) -> Result<Vec<Row>, Fault> {
    run(session, &question.sql, &question.params, &Limits::deadline(DEADLINE)).await
}

async fn standing(target: &LiveTarget, purpose: Purpose, question: &Question) -> Result<Vec<Row>, Fault> {
    let place = if purpose == Purpose::Acting { &target.acting } else { &target.reading };
    let mut standing = place.lock().await;
    let rows = put(standing.ready(target, purpose).await?, question).await;
    standing.check(rows)
}

async fn databases(target: &LiveTarget) -> Result<Vec<String>, Fault> {
    let mut reading = target.reading.lock().await;
    let names = facts::databases(reading.ready(target, Purpose::Reading).await?, target.databases.as_ref()).await;
    reading.check(names)
}

async fn within(target: &LiveTarget, database: &str, question: &Question) -> Result<Vec<Row>, Fault> {
    let _turn = target.work_reading.lock().await;
    let session = target.open(Some(database), Purpose::WorkReading).await?;
    put(&session, question).await
}

async fn console(target: &LiveTarget, pooler: &PgBouncer, question: &Question) -> Result<Vec<Row>, Fault> {
    let console = Console::open(&target.console(pooler)?).await?;
    console.run(&question.sql, DEADLINE).await
}
