//! A local stand-in for Slack's incoming webhooks, as strict as Slack's documentation: for the
//! quickstart, and for trying out channels without a workspace.
//!
//!     cargo run --example slack_stand_in -- --port-file port --out messages.jsonl
//!
//! It takes `POST /services/T/B/X` like Slack, and `POST /hook` signed as Standard Webhooks say.

#[path = "../tests/it/support/slack_limits.rs"]
mod slack_limits;

use axum::Router;
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use clap::Parser;
use serde_json::{Value as Json, json};
use std::fs::{File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Slack takes one message a second.
const PACE: Duration = Duration::from_millis(950);

/// A local stand-in for Slack's incoming webhooks and for a receiver of Standard Webhooks.
#[derive(Parser)]
struct Options {
    /// Where to write the port once it listens on 127.0.0.1.
    #[arg(long)]
    port_file: PathBuf,
    /// Where to append each message it took: one JSON object a line, with its plain text.
    #[arg(long)]
    out: PathBuf,
    /// Answer the first N requests with 503.
    #[arg(long, default_value_t = 0)]
    fail_first: u32,
    /// Secret (`whsec_…`) by which `POST /hook` is verified; without it /hook refuses everything.
    #[arg(long)]
    secret: Option<String>,
}

struct Receiver {
    out: File,
    fail: u32,
    last: Option<Instant>,
    secret: Option<String>,
}

type Shared = Arc<Mutex<Receiver>>;
type Refusal = (StatusCode, String);

#[tokio::main(flavor = "current_thread")]
async fn main() -> std::io::Result<()> {
    let options = Options::parse();
    let out = OpenOptions::new().create(true).append(true).open(&options.out)?;
    let receiver = Receiver { out, fail: options.fail_first, last: None, secret: options.secret };
    let app = Router::new()
        .route("/services/{team}/{service}/{token}", post(slack))
        .route("/hook", post(hook))
        .layer(DefaultBodyLimit::max(1 << 20))
        .with_state(Arc::new(Mutex::new(receiver)));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    announce(&options.port_file, listener.local_addr()?.port())?;
    axum::serve(listener, app).await
}

/// Whole or not at all: a reader must never see half a number.
fn announce(file: &Path, port: u16) -> std::io::Result<()> {
    let begun = file.with_extension("begun");
    std::fs::write(&begun, format!("{port}\n"))?;
    std::fs::rename(begun, file)
}

async fn slack(State(shared): State<Shared>, headers: HeaderMap, body: Bytes) -> Response {
    let mut receiver = shared.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(wait) = receiver.last.and_then(|last| PACE.checked_sub(last.elapsed())) {
        let seconds = wait.as_secs() + 1;
        return (StatusCode::TOO_MANY_REQUESTS, [(header::RETRY_AFTER, seconds.to_string())], "rate_limited")
            .into_response();
    }
    receiver.last = Some(Instant::now());
    let taken = receiver.up().and_then(|()| slack_message(&headers, &body)).and_then(|line| receiver.keep(&line));
    answer(taken)
}

async fn hook(State(shared): State<Shared>, headers: HeaderMap, body: Bytes) -> Response {
    let mut receiver = shared.lock().unwrap_or_else(PoisonError::into_inner);
    let taken = receiver
        .up()
        .and_then(|()| hook_message(receiver.secret.as_deref(), &headers, &body))
        .and_then(|line| receiver.keep(&line));
    answer(taken)
}

fn answer(taken: Result<(), Refusal>) -> Response {
    match taken {
        Ok(()) => "ok".into_response(),
        Err(refusal) => {
            eprintln!("refused: {} {}", refusal.0, refusal.1);
            refusal.into_response()
        }
    }
}

impl Receiver {
    fn up(&mut self) -> Result<(), Refusal> {
        if self.fail == 0 {
            return Ok(());
        }
        self.fail -= 1;
        Err((StatusCode::SERVICE_UNAVAILABLE, "down as asked by --fail-first".to_owned()))
    }

    fn keep(&mut self, line: &Json) -> Result<(), Refusal> {
        let written = writeln!(self.out, "{line}").and_then(|()| self.out.flush());
        written.map_err(|e| (StatusCode::INTERNAL_SERVER_ERROR, format!("cannot write: {e}")))
    }
}

fn slack_message(headers: &HeaderMap, body: &[u8]) -> Result<Json, Refusal> {
    let refuse = |why: String| (StatusCode::BAD_REQUEST, why);
    let kind = headers.get(header::CONTENT_TYPE).and_then(|v| v.to_str().ok()).unwrap_or_default();
    if !kind.starts_with("application/json") {
        return Err(refuse(format!("invalid_payload: content-type is {kind:?}")));
    }
    let payload: Json = serde_json::from_slice(body).map_err(|e| refuse(format!("invalid_payload: {e}")))?;
    slack_limits::check(&payload).map_err(refuse)?;
    Ok(json!({"channel": "slack", "text": slack_limits::plain_text(&payload), "payload": payload}))
}

fn hook_message(secret: Option<&str>, headers: &HeaderMap, body: &[u8]) -> Result<Json, Refusal> {
    let refuse = |why: String| (StatusCode::UNAUTHORIZED, why);
    let secret = secret.ok_or_else(|| refuse("started without --secret".to_owned()))?;
    let verifier = standardwebhooks::Webhook::new(secret).map_err(|e| refuse(e.to_string()))?;
    verifier.verify(body, headers).map_err(|e| refuse(e.to_string()))?;
    let payload: Json = serde_json::from_slice(body).map_err(|e| (StatusCode::BAD_REQUEST, e.to_string()))?;
    let text = payload.get("headline").cloned().unwrap_or_default();
    Ok(json!({"channel": "webhook", "text": text, "payload": payload}))
}
