//! Channels against receivers on this machine: what is sent, what is refused, and what survives.

#![allow(clippy::unwrap_used, reason = "helpers of tests fail by panicking")]

use async_trait::async_trait;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use pgmedic::channels::{self, ChannelService, Message, send};
use pgmedic::config::{Channel, Service, Text};
use pgmedic::decide::outbox::{Delivery, Outbox};
use pgmedic::engine::outbox::{Deps, Ledger, Network, run};
use pgmedic::model::record::Notice;
use pgmedic::model::{Draft, Record, RecordKind, Timestamp};
use serde_json::Value as Json;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use tokio::net::TcpListener;
use tokio::sync::{Notify, watch};
use tokio_util::sync::CancellationToken;

const SECRET: &str = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oDMfKgkfxx";
const TOKEN: &str = "hushhushhushhush";

/// What one request looked like, and when it came.
struct Seen {
    at: Instant,
    headers: HeaderMap,
    body: Bytes,
}

type Answer = fn(&Seen, usize) -> Response;

struct Receiver {
    answer: Answer,
    seen: Mutex<Vec<Seen>>,
}

impl Receiver {
    /// Listens on a free port of 127.0.0.1, or on the given one.
    async fn listen(port: u16, answer: Answer) -> (Arc<Receiver>, u16) {
        let receiver = Arc::new(Receiver { answer, seen: Mutex::default() });
        let app = axum::Router::new().fallback(take).with_state(Arc::clone(&receiver));
        let listener = TcpListener::bind(("127.0.0.1", port)).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        tokio::spawn(async move { axum::serve(listener, app).await });
        (receiver, port)
    }

    fn bodies(&self) -> Vec<Json> {
        self.seen.lock().unwrap().iter().map(|s| serde_json::from_slice(&s.body).unwrap()).collect()
    }

    fn headlines(&self) -> Vec<String> {
        self.bodies().iter().map(|b| b["headline"].as_str().unwrap().to_owned()).collect()
    }
}

async fn take(State(receiver): State<Arc<Receiver>>, uri: Uri, headers: HeaderMap, body: Bytes) -> Response {
    let mut seen = receiver.seen.lock().unwrap();
    let now = Seen { at: Instant::now(), headers, body };
    let answer = if uri.path().contains(TOKEN) || uri.path() == "/hook" {
        (receiver.answer)(&now, seen.len())
    } else {
        (StatusCode::NOT_FOUND, "no_service").into_response()
    };
    seen.push(now);
    answer
}

/// A log in memory.
#[derive(Clone, Default)]
struct Log {
    records: Arc<Mutex<Vec<Record>>>,
    grew: Arc<Notify>,
}

impl Log {
    fn append(&self, body: Draft) {
        let mut records = self.records.lock().unwrap();
        let seq = records.len() as u64 + 1;
        records.push(Record { seq, time: Timestamp::now(), body });
        self.grew.notify_one();
    }

    fn tell(&self, channel: &str, headline: &str) {
        let mut draft = Draft::new(RecordKind::Outcome);
        draft.run = Some("01JDRUN".to_owned());
        draft.target = Some("orders".to_owned());
        draft.notify = vec![channel.to_owned()];
        draft.set_notice(&notice(headline));
        self.append(draft);
    }

    fn outbox(&self) -> Outbox {
        let mut outbox = Outbox::default();
        self.records.lock().unwrap().iter().for_each(|r| outbox.apply(r));
        outbox
    }

    fn ends(&self) -> Vec<Delivery> {
        let records = self.records.lock().unwrap();
        let ends = records.iter().filter(|r| r.body.kind == RecordKind::Notification);
        ends.map(|r| serde_json::from_value(r.body.evidence.clone().unwrap()).unwrap()).collect()
    }

    async fn until_empty(&self) {
        let empty = async {
            while !self.outbox().is_empty() {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        let ended = tokio::time::timeout(Duration::from_secs(30), empty).await;
        assert!(ended.is_ok(), "still waiting: {:?}", self.outbox());
    }
}

#[async_trait]
impl Ledger for Log {
    async fn waiting(&self) -> Option<Outbox> {
        Some(self.outbox())
    }

    async fn changed(&mut self) {
        self.grew.notified().await;
    }

    async fn record(&self, draft: Draft) -> Result<(), String> {
        self.append(draft);
        Ok(())
    }

    fn log_id(&self) -> String {
        "01JDLOG".to_owned()
    }
}

fn notice(headline: &str) -> Notice {
    Notice {
        event: "acted".to_owned(),
        incident: "cancel-long-queries/orders".to_owned(),
        headline: headline.to_owned(),
        lines: vec!["It helped: the query is gone after 2s.".to_owned()],
        severity: None,
        owner: Some("dba-team".to_owned()),
        runbook_url: None,
        labels: [("env".to_owned(), "prod".to_owned())].into(),
    }
}

fn message(seq: u64) -> Message {
    let time = "2026-11-24T02:00:00Z".parse().unwrap();
    let run = Some("01JDRUN".to_owned());
    Message { seq, log: "01JDLOG".to_owned(), time, notice: notice("h"), run, target: None, playbook: None }
}

/// Starts an outbox for one channel `ops` (a signed webhook) or `slack`, on a local port.
fn outbox(log: &Log, port: u16, name: &str, allow_private: bool) -> CancellationToken {
    let url = Text::Plain(address(port, name).into());
    let service = match name {
        "slack" => Service::Slack { webhook_url: url },
        _ => Service::Webhook { url, secret: Text::Plain(SECRET.into()) },
    };
    let channel = Channel { name: name.to_owned(), service, events: Vec::new(), matchers: Vec::new(), allow_private };
    let (sender, channels) = watch::channel(Arc::new(vec![channel]));
    let resolve = |text: &Text| match text {
        Text::Plain(secret) => Ok(secret.clone()),
        other => Err(format!("{other:?} is not there")),
    };
    let deps = Deps { channels, resolve: Arc::new(resolve), carrier: Arc::new(Network), now: Timestamp::now };
    let stop = CancellationToken::new();
    let (log, ended) = (log.clone(), stop.clone());
    tokio::spawn(async move {
        run(log, deps, ended).await;
        drop(sender);
    });
    stop
}

fn address(port: u16, name: &str) -> String {
    let path = if name == "slack" { format!("services/T000/B000/{TOKEN}") } else { "hook".to_owned() };
    format!("http://127.0.0.1:{port}/{path}")
}

fn ok(_: &Seen, _: usize) -> Response {
    "ok".into_response()
}

#[tokio::test]
async fn a_message_is_delivered_once_and_its_signature_holds() {
    let (receiver, port) = Receiver::listen(0, ok).await;
    let log = Log::default();
    log.tell("ops", "1 query ended");
    let _stop = outbox(&log, port, "ops", true);
    log.until_empty().await;
    tokio::time::sleep(Duration::from_millis(300)).await;

    let seen = receiver.seen.lock().unwrap();
    assert_eq!(seen.len(), 1, "delivered once");
    let verifier = standardwebhooks::Webhook::new(SECRET).unwrap();
    verifier.verify(&seen[0].body, &seen[0].headers).expect("the signature holds");
    let altered = [&seen[0].body[..], b" "].concat();
    verifier.verify(&altered, &seen[0].headers).expect_err("an altered body does not pass");
    assert_eq!(seen[0].headers["webhook-id"], "01JDLOG-1");
    assert_eq!(seen[0].headers["content-type"], "application/json");
    let body: Json = serde_json::from_slice(&seen[0].body).unwrap();
    assert_eq!(
        (&body["seq"], &body["run"], &body["headline"]),
        (&1.into(), &"01JDRUN".into(), &"1 query ended".into())
    );
    let end = log.ends().remove(0);
    assert_eq!((end.status.as_str(), end.attempts, end.detail.as_str()), ("delivered", 1, "answered 200: ok"));
}

#[tokio::test]
async fn slack_gets_what_it_documents_at_its_pace() {
    let (receiver, port) = Receiver::listen(0, ok).await;
    let log = Log::default();
    for h in ["first", "second"] {
        log.tell("slack", h);
    }
    let _stop = outbox(&log, port, "slack", true);
    log.until_empty().await;
    let bodies = receiver.bodies();
    for body in &bodies {
        crate::support::slack_limits::check(body).unwrap();
    }
    let text = crate::support::slack_limits::plain_text(&bodies[0]);
    assert!(text.starts_with("Acted on orders: first\nIt helped"), "{text}");
    assert!(text.contains("pgmedic audit show 01JDRUN"), "{text}");
    let seen = receiver.seen.lock().unwrap();
    assert!(seen[1].at >= seen[0].at + Duration::from_millis(950), "at most one message a second");
}

#[tokio::test]
async fn a_receiver_may_ask_to_wait() {
    let (receiver, port) = Receiver::listen(0, |_, n| match n {
        0 => (StatusCode::TOO_MANY_REQUESTS, [("retry-after", "3")], "slow down").into_response(),
        _ => "ok".into_response(),
    })
    .await;
    let log = Log::default();
    for h in ["first", "second"] {
        log.tell("ops", h);
    }
    let _stop = outbox(&log, port, "ops", true);
    log.until_empty().await;
    assert_eq!(receiver.headlines(), ["first", "first", "second"]);
    let seen = receiver.seen.lock().unwrap();
    assert!(seen[1].at >= seen[0].at + Duration::from_secs(3), "Retry-After is honoured");
    assert_eq!(log.ends().iter().map(|e| e.attempts).collect::<Vec<_>>(), [2, 1]);
}

#[tokio::test]
async fn down_then_up_loses_nothing_even_over_a_restart() {
    let free = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = free.local_addr().unwrap().port();
    drop(free);
    let log = Log::default();
    for h in ["a", "b", "c"] {
        log.tell("ops", h);
    }
    let stop = outbox(&log, port, "ops", true);
    tokio::time::sleep(Duration::from_millis(1_500)).await;
    assert_eq!(log.outbox().len(), 3, "nothing is given up: {:?}", log.ends());
    stop.cancel();

    let (receiver, _) = Receiver::listen(port, |_, n| match n {
        0 => (StatusCode::SERVICE_UNAVAILABLE, "starting").into_response(),
        _ => "ok".into_response(),
    })
    .await;
    let _stop = outbox(&log, port, "ops", true);
    log.until_empty().await;
    assert_eq!(receiver.headlines(), ["a", "a", "b", "c"], "in order");
    assert!(log.ends().iter().all(|e| e.status == "delivered"), "{:?}", log.ends());
}

#[tokio::test]
async fn no_secret_reaches_the_records() {
    let echo: Answer = |_, n| match n {
        0 => (StatusCode::BAD_GATEWAY, format!("no upstream for /services/T000/B000/{TOKEN}")).into_response(),
        _ => (StatusCode::GONE, format!("https://hooks.example/services/T000/B000/{TOKEN} is gone")).into_response(),
    };
    let (_, port) = Receiver::listen(0, echo).await;
    let log = Log::default();
    log.tell("slack", "first");
    let _stop = outbox(&log, port, "slack", true);
    log.until_empty().await;
    let end = log.ends().remove(0);
    assert_eq!((end.status.as_str(), end.attempts), ("given_up", 2));
    let records = serde_json::to_string(&*log.records.lock().unwrap()).unwrap();
    for secret in [TOKEN, "T000", "B000", "services", &port.to_string()] {
        assert!(!records.contains(secret), "{secret} in {records}");
    }
}

#[tokio::test]
async fn a_refused_connection_says_so_and_not_where() {
    let free = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = free.local_addr().unwrap().port();
    drop(free);
    let slack = channels::slack::Slack { webhook_url: address(port, "slack").into() };
    let sent = send::send(&slack.request(&message(1), Timestamp::now()).unwrap(), true).await;
    let detail = if let send::Sent::Retry { detail, .. } = sent { detail } else { format!("{sent:?}") };
    assert!(detail.starts_with("cannot connect: "), "{detail}");
    assert!(detail.contains("refused") && !detail.contains(TOKEN) && !detail.contains("127.0.0.1"), "{detail}");
}

#[tokio::test]
async fn a_redirect_is_not_followed_and_a_hanging_receiver_is_left() {
    let (receiver, port) =
        Receiver::listen(0, |_, _| (StatusCode::FOUND, [("location", "/hook")], "").into_response()).await;
    let webhook = channels::webhook::Webhook { url: address(port, "ops").into(), secret: SECRET.into() };
    let request = webhook.request(&message(1), Timestamp::now()).unwrap();
    let sent = send::send(&request, true).await;
    assert!(matches!(&sent, send::Sent::Rejected { detail } if detail.contains("302")), "{sent:?}");
    assert_eq!(receiver.seen.lock().unwrap().len(), 1);

    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = silent.local_addr().unwrap().port();
    let webhook = channels::webhook::Webhook { url: address(port, "ops").into(), secret: SECRET.into() };
    let began = Instant::now();
    let sent = send::send(&webhook.request(&message(1), Timestamp::now()).unwrap(), true).await;
    assert_eq!(sent, send::Sent::Retry { after: None, detail: "no answer within 10s".to_owned() });
    assert!(began.elapsed() < Duration::from_secs(12), "{:?}", began.elapsed());
}

#[tokio::test]
async fn without_allow_private_nothing_on_this_machine_is_reached() {
    let (receiver, port) = Receiver::listen(0, ok).await;
    for url in [format!("http://127.0.0.1:{port}/hook"), format!("https://localhost:{port}/hook")] {
        let webhook = channels::webhook::Webhook { url: url.into(), secret: SECRET.into() };
        let sent = send::send(&webhook.request(&message(1), Timestamp::now()).unwrap(), false).await;
        assert!(matches!(&sent, send::Sent::Retry { detail, .. } if detail.ends_with("nothing was sent")), "{sent:?}");
    }
    for url in ["http://169.254.169.254/latest/meta-data/", "http://[fd00:ec2::254]/latest", "http://93.184.215.14/x"] {
        let webhook = channels::webhook::Webhook { url: url.into(), secret: SECRET.into() };
        let sent = send::send(&webhook.request(&message(1), Timestamp::now()).unwrap(), true).await;
        assert!(matches!(&sent, send::Sent::Retry { detail, .. } if detail.ends_with("nothing was sent")), "{sent:?}");
    }
    assert!(receiver.seen.lock().unwrap().is_empty());
}
