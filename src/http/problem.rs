//! Errors on the wire: `application/problem+json` (RFC 9457).

use crate::engine::api::Refusal;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::{Deserialize, Serialize};

const URN: &str = "urn:pgmedic:problem:";

/// What went wrong with a request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Problem {
    /// `urn:pgmedic:problem:` and `unknown`, `unavailable`, `invalid`, `forbidden`.
    #[serde(rename = "type")]
    pub kind: String,
    /// The same in words.
    pub title: String,
    /// The HTTP status.
    pub status: u16,
    /// What is wrong with this very request, and what to do.
    pub detail: String,
}

impl Problem {
    fn new(kind: &str, title: &str, status: StatusCode, detail: impl Into<String>) -> Problem {
        Problem {
            kind: format!("{URN}{kind}"),
            title: title.to_owned(),
            status: status.as_u16(),
            detail: detail.into(),
        }
    }

    /// The request cannot be read.
    pub fn malformed(status: StatusCode, detail: impl Into<String>) -> Problem {
        Problem::new("invalid", "the request is not right", status, detail)
    }

    /// The refusal that it stands for.
    #[must_use]
    pub fn refusal(self) -> Refusal {
        match self.kind.strip_prefix(URN) {
            Some("unknown") => Refusal::Unknown(self.detail),
            Some("invalid") => Refusal::Invalid(self.detail),
            Some("forbidden") => Refusal::Forbidden(self.detail),
            _ => Refusal::Unavailable(self.detail),
        }
    }
}

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Problem {
        match refusal {
            Refusal::Unknown(d) => Problem::new("unknown", "there is no such thing", StatusCode::NOT_FOUND, d),
            Refusal::Unavailable(d) => {
                Problem::new("unavailable", "it cannot be done now", StatusCode::SERVICE_UNAVAILABLE, d)
            }
            Refusal::Invalid(d) => Problem::malformed(StatusCode::UNPROCESSABLE_ENTITY, d),
            Refusal::Forbidden(d) => Problem::new("forbidden", "your role does not allow it", StatusCode::FORBIDDEN, d),
        }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        // Strings and a number always serialise.
        let body = serde_json::to_vec(&self).unwrap_or_default();
        (status, [(header::CONTENT_TYPE, "application/problem+json")], body).into_response()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_survives_the_wire() {
        let all = [Refusal::Unknown, Refusal::Unavailable, Refusal::Invalid, Refusal::Forbidden];
        for make in all {
            let refusal = make("why".to_owned());
            let sent = serde_json::to_string(&Problem::from(refusal.clone())).unwrap();
            let back: Problem = serde_json::from_str(&sent).unwrap();
            assert_eq!(back.refusal(), refusal);
        }
    }
}
