//! The routes, thin over the engine.

use super::access::{Caller, word};
use super::problem::Problem;
use super::records;
use crate::config::AccessRole;
use crate::engine::api::{Control, PauseRequest, PlanReport, PlanRequest, Refusal, RunReport, RunRequest};
use crate::engine::api::{Status, WhyReport};
use crate::model::history::Scope;
use axum::extract::rejection::QueryRejection;
use axum::extract::{DefaultBodyLimit, Extension, FromRequest, Query, Request, State};
use axum::http::{StatusCode, header};
use axum::response::Response;
use axum::routing::{get, post};
use axum::{Json, Router};
use bytes::Bytes;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use std::time::Duration;

/// Largest request body, in bytes: many times what any order needs, and bearable from every peer at once.
const BODY_LIMIT: usize = 64 << 10;
/// Longest reason of a pause, in characters; more is cut off, since a pause must not fail by its words.
const LONGEST_REASON: usize = 1_000;
/// A body that is not there by then is not waited for.
const BODY_DEADLINE: Duration = Duration::from_secs(10);
/// An answer that only needs looking is not waited for longer.
const ANSWER_DEADLINE: Duration = Duration::from_mins(1);

type Engine = State<Arc<dyn Control>>;
type Answer<T> = Result<Json<T>, Problem>;

/// All routes. Whoever serves them inserts the [`Caller`] of each connection.
pub(super) fn router(engine: Arc<dyn Control>) -> Router {
    Router::new()
        .route("/api/v1/status", get(status))
        .route("/api/v1/plan", post(plan))
        .route("/api/v1/run", post(run))
        .route("/api/v1/why", get(why))
        .route("/api/v1/pause", post(pause))
        .route("/api/v1/resume", post(resume))
        .route("/api/v1/reload", post(reload))
        .route("/api/v1/records", get(records))
        .fallback(nothing_here)
        .method_not_allowed_fallback(wrong_method)
        .layer(DefaultBodyLimit::max(BODY_LIMIT))
        .with_state(engine)
}

/// What `/why` is asked with.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct WhyQuery {
    /// Playbook.
    pub(super) playbook: String,
    /// Target.
    pub(super) target: String,
}

/// What `/reload` answers.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Reloaded {
    /// What changed, in words.
    pub(super) changes: String,
}

/// An answer that says nothing but that it was done.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Done {}

async fn status(State(engine): Engine) -> Answer<Status> {
    within(async { Ok(engine.status().await) }).await
}

async fn plan(State(engine): Engine, Body(request): Body<PlanRequest>) -> Answer<Vec<PlanReport>> {
    within(engine.plan(request)).await
}

async fn why(State(engine): Engine, query: Result<Query<WhyQuery>, QueryRejection>) -> Answer<WhyReport> {
    let q = asked(query)?;
    within(engine.why(&q.playbook, &q.target)).await
}

async fn run(
    State(engine): Engine,
    Extension(caller): Extension<Caller>,
    Body(request): Body<RunRequest>,
) -> Answer<RunReport> {
    need(&caller, AccessRole::Operator, "run a playbook")?;
    to_its_end(async move { engine.run(request, &caller.actor).await }).await
}

async fn pause(
    State(engine): Engine,
    Extension(caller): Extension<Caller>,
    Body(request): Body<PauseRequest>,
) -> Answer<Done> {
    need(&caller, AccessRole::Operator, "pause")?;
    let request = PauseRequest { reason: cut(&request.reason), ..request };
    to_its_end(async move { engine.pause(request, &caller.actor).await.map(|()| Done {}) }).await
}

fn cut(reason: &str) -> String {
    match reason.char_indices().nth(LONGEST_REASON) {
        Some((at, _)) => format!("{}…", &reason[..at]),
        None => reason.to_owned(),
    }
}

async fn resume(State(engine): Engine, Extension(caller): Extension<Caller>, Body(scope): Body<Scope>) -> Answer<Done> {
    need(&caller, AccessRole::Operator, "resume")?;
    to_its_end(async move { engine.resume(scope, &caller.actor).await.map(|()| Done {}) }).await
}

async fn reload(State(engine): Engine, Extension(caller): Extension<Caller>) -> Answer<Reloaded> {
    need(&caller, AccessRole::Operator, "reload")?;
    to_its_end(async move { engine.reload(&caller.actor).await.map(|changes| Reloaded { changes }) }).await
}

async fn records(
    State(engine): Engine,
    query: Result<Query<records::Wanted>, QueryRejection>,
) -> Result<Response, Problem> {
    let wanted = asked(query)?;
    let read = tokio::task::spawn_blocking(move || records::answer(&*engine, wanted));
    read.await.map_err(|e| Refusal::Unavailable(format!("reading the log broke off: {e}")))?
}

fn asked<T>(query: Result<Query<T>, QueryRejection>) -> Result<T, Problem> {
    let faulty = |e: QueryRejection| Problem::malformed(StatusCode::BAD_REQUEST, e.body_text());
    query.map(|Query(wanted)| wanted).map_err(faulty)
}

async fn nothing_here(request: Request) -> Problem {
    Refusal::Unknown(format!("there is no {}", request.uri().path())).into()
}

async fn wrong_method(request: Request) -> Problem {
    let detail = format!("{} does not take {}", request.uri().path(), request.method());
    Problem::malformed(StatusCode::METHOD_NOT_ALLOWED, detail)
}

fn need(caller: &Caller, role: AccessRole, what: &str) -> Result<(), Problem> {
    if caller.role >= role {
        return Ok(());
    }
    tracing::warn!(actor = caller.actor, role = word(caller.role), what, "refused");
    let (has, needs) = (word(caller.role), word(role));
    let detail = format!("{} is {has} and may not {what}: that needs {needs} (http.socket.roles)", caller.actor);
    Err(Refusal::Forbidden(detail).into())
}

async fn within<T>(answer: impl Future<Output = Result<T, Refusal>>) -> Answer<T> {
    let late = |_| Refusal::Unavailable(format!("no answer within {} s", ANSWER_DEADLINE.as_secs()));
    Ok(Json(tokio::time::timeout(ANSWER_DEADLINE, answer).await.map_err(late)??))
}

/// Orders are carried out to their end, also when the caller hangs up meanwhile.
async fn to_its_end<T: Send + 'static>(order: impl Future<Output = Result<T, Refusal>> + Send + 'static) -> Answer<T> {
    let broken = |e| Refusal::Unavailable(format!("the order broke off: {e}; look into the audit log"));
    Ok(Json(tokio::spawn(order).await.map_err(broken)??))
}

/// A JSON body that comes in time and in bounds.
struct Body<T>(T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for Body<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        // What announces itself as too large is refused before a byte of it is read.
        let announced = request.headers().get(header::CONTENT_LENGTH).and_then(|v| v.to_str().ok()?.parse().ok());
        if announced.is_some_and(|length: usize| length > BODY_LIMIT) {
            return Err(Problem::malformed(StatusCode::PAYLOAD_TOO_LARGE, "the body is larger than 64 KiB"));
        }
        let late = |_| Problem::malformed(StatusCode::REQUEST_TIMEOUT, "the body did not come within 10 s");
        let bytes = tokio::time::timeout(BODY_DEADLINE, Bytes::from_request(request, state))
            .await
            .map_err(late)?
            .map_err(|e| Problem::malformed(e.status(), e.body_text()))?;
        let faulty = |e| Problem::malformed(StatusCode::BAD_REQUEST, format!("the body is not what is expected: {e}"));
        serde_json::from_slice(&bytes).map(Body).map_err(faulty)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reason_is_kept_in_bounds() {
        assert_eq!(cut("because"), "because");
        let long = cut(&"ä".repeat(5_000));
        assert_eq!((long.chars().count(), long.ends_with('…')), (LONGEST_REASON + 1, true));
    }

    #[test]
    fn a_viewer_may_look_and_no_more() {
        let caller = |role| Caller { actor: "user:eve".to_owned(), role };
        assert!(need(&caller(AccessRole::Operator), AccessRole::Operator, "pause").is_ok());
        let refused = need(&caller(AccessRole::Viewer), AccessRole::Operator, "pause").unwrap_err();
        assert_eq!(refused.status, 403);
        assert_eq!(refused.detail, "user:eve is viewer and may not pause: that needs operator (http.socket.roles)");
    }
}
