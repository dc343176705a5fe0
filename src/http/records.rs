//! `GET /api/v1/records`: the audit log as stored.

use super::problem::Problem;
use crate::audit::query::{Filter, QueryError};
use crate::engine::api::{Control, Refusal};
use crate::model::{RecordKind, Timestamp, Verdict};
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};
use std::ops::ControlFlow;

/// Most bytes of one answer; what does not fit is for the next question (`until`).
const MOST_BYTES: usize = 16 << 20;
/// Most records of one answer, unless fewer are asked for.
const MOST_RECORDS: usize = 10_000;

/// Header of an answer that ends before everything that was asked for was said.
pub(super) const CUT: &str = "pgmedic-cut";

/// What is asked for; everything that is set must hold.
#[derive(Debug, Serialize, Deserialize)]
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

impl Wanted {
    /// The newest that a filter means. `None` when one answer cannot hold them.
    pub(super) fn newest(filter: &Filter) -> Option<Wanted> {
        let Filter { since, until, target, playbook, kind, verdict, run, limit, newest_first } = filter.clone();
        let holds = newest_first && limit.is_some_and(|limit| limit <= MOST_RECORDS);
        holds.then_some(Wanted { since, until, target, playbook, kind, verdict, run, limit })
    }
}

/// The newest records that are wanted, oldest first, each exactly as stored. Blocks: reads the log.
pub(super) fn answer(engine: &dyn Control, wanted: Wanted) -> Result<Response, Problem> {
    let Wanted { since, until, target, playbook, kind, verdict, run, limit } = wanted;
    let limit = Some(limit.unwrap_or(50).min(MOST_RECORDS));
    let filter = Filter { since, until, target, playbook, kind, verdict, run, limit, newest_first: true };
    let (mut lines, mut bytes, mut cut) = (Vec::new(), 0, false);
    let listing = engine.records(&filter, &mut |line, _| {
        bytes += line.len() + 1;
        if bytes > MOST_BYTES {
            cut = true;
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
    let mut response = ([(header::CONTENT_TYPE, "application/jsonl")], lines.concat()).into_response();
    if cut {
        response.headers_mut().insert(CUT, HeaderValue::from_static("true"));
    }
    Ok(response)
}
