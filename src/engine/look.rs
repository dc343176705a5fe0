//! Looking at a target: the server itself, and what a playbook's finder lists on it.

use super::clock::Clock;
use crate::drivers::{Fault, TargetDriver};
use crate::finders::{self, Ask};
use crate::model::{Candidate, Duration, Facts, Labels, Place, Question, Server};
use crate::playbook::Playbook;
use crate::{config::QueryText, model::Answer};

/// A look that takes longer than this is given up: the target is then as good as unreachable.
const LONGEST_LOOK: Duration = Duration::from_mins(1);

/// What a look is for.
#[derive(Clone, Copy)]
pub struct Errand<'a> {
    /// Target name.
    pub target: &'a str,
    /// Its labels.
    pub labels: &'a Labels,
    /// For which run (ULID).
    pub run: &'a str,
    /// Whose finder is asked.
    pub playbook: &'a Playbook,
    /// Only whether this one is still there.
    pub only: Option<&'a Candidate>,
    /// How query texts become part of candidates.
    pub query_text: QueryText,
}

/// Puts the run's comment before a question, so that the server's own log tells who asked. A PgBouncer
/// console takes no comments.
pub fn tag(question: &mut Question, run: &str, playbook: &str) {
    if !matches!(question.place, Place::EachPooler | Place::Pooler(_)) {
        question.sql.insert_str(0, &format!("/* pgmedic run={run} playbook={playbook} */ "));
    }
}

/// Looks once.
///
/// # Errors
/// Why the target cannot be judged at all. A place that fails among others is told in
/// [`Facts::unreadable`] instead.
pub async fn look(driver: &dyn TargetDriver, clock: &dyn Clock, errand: &Errand<'_>) -> Result<Facts, String> {
    tokio::select! {
        looked = look_unbounded(driver, clock, errand) => looked.map_err(|fault| fault.to_string()),
        () = clock.sleep(LONGEST_LOOK) => Err(too_long()),
    }
}

/// Looks at the server alone.
///
/// # Errors
/// Why it cannot be reached.
pub async fn server(driver: &dyn TargetDriver, clock: &dyn Clock) -> Result<Server, String> {
    tokio::select! {
        looked = driver.server() => looked.map_err(|fault| fault.to_string()),
        () = clock.sleep(LONGEST_LOOK) => Err(too_long()),
    }
}

fn too_long() -> String {
    format!("no answer within {}", crate::model::time::in_words(LONGEST_LOOK))
}

async fn look_unbounded(driver: &dyn TargetDriver, clock: &dyn Clock, errand: &Errand<'_>) -> Result<Facts, Fault> {
    let looked_at = clock.now();
    let server = driver.server().await?;
    let find = &errand.playbook.find;
    let Some(finder) = finders::of(find.finder) else {
        return Err(Fault::Unreachable(format!("this build has no finder {}", find.finder.name)));
    };
    let ask = Ask { args: &find.args, server: &server, only: errand.only, query_text: errand.query_text };
    let mut answers: Vec<Answer> = Vec::new();
    for mut question in finder.questions(&ask) {
        tag(&mut question, errand.run, &errand.playbook.name);
        answers.extend(driver.ask(&question).await);
    }
    let found = finder.read(&ask, &answers);
    Ok(Facts {
        target: errand.target.to_owned(),
        labels: errand.labels.clone(),
        looked_at,
        server,
        candidates: found.candidates,
        beyond_limit: found.beyond_limit,
        unreadable: found.unreadable,
    })
}
