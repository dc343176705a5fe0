//! `GET /api/v1/records`: the audit log as stored.

use super::problem::Problem;
use crate::audit::query::{Filter, QueryError};
use crate::engine::api::{Control, Refusal};
use crate::model::{RecordKind, Timestamp, Verdict};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use std::ops::ControlFlow;

/// Most bytes of one answer; what does not fit is for the next question (`until`).
const MOST_BYTES: usize = 16 << 20;
/// Most records of one answer, unless fewer are asked for.
const MOST_RECORDS: usize = 10_000;

/// What is asked for; everything that is set must hold.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Wanted {
    since: Option<Timestamp>,
    until: Option<Timestamp>,
    target: Option<String>,
    playbook: Option<String>,
    kind: Option<RecordKind>,
    verdict: Option<Verdict>,
    run: Option<String>,
    limit: Option<usize>,
}

/// The newest records that are wanted, oldest first, each exactly as stored. Blocks: reads the log.
pub(super) fn answer(engine: &dyn Control, wanted: Wanted) -> Result<Response, Problem> {
    let Wanted { since, until, target, playbook, kind, verdict, run, limit } = wanted;
    let limit = Some(limit.unwrap_or(50).min(MOST_RECORDS));
    let filter = Filter { since, until, target, playbook, kind, verdict, run, limit, newest_first: true };
    let (mut lines, mut bytes) = (Vec::new(), 0);
    let listing = engine.records(&filter, &mut |line, _| {
        bytes += line.len() + 1;
        if bytes > MOST_BYTES {
            return ControlFlow::Break(());
        }
        lines.push([line, b"\n"].concat());
        ControlFlow::Continue(())
    });
    let listing = listing.map_err(|e: QueryError| Problem::from(Refusal::Unavailable(e.to_string())))?;
    if let Some(place) = listing.damaged.first() {
        return Err(Refusal::Unavailable(format!("the log is damaged: {place}; see `pgmedic audit verify`")).into());
    }
    lines.reverse();
    Ok((StatusCode::OK, [(header::CONTENT_TYPE, "application/jsonl")], lines.concat()).into_response())
}
