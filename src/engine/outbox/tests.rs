use super::lane::{MOST_ATTEMPTS, MOST_REJECTIONS};
use super::*;
use crate::config::{Service, Text};
use crate::model::Record;
use crate::model::record::Notice;
use std::sync::Mutex;
use tokio::sync::Notify;

mod week;

/// A log in memory.
#[derive(Clone, Default)]
struct Log {
    records: Arc<Mutex<Vec<Record>>>,
    folded: Arc<Mutex<Outbox>>,
    full: Arc<Mutex<bool>>,
    grew: Arc<Notify>,
}

impl Log {
    fn append(&self, body: Draft) {
        let mut records = self.records.lock().unwrap();
        let seq = records.len() as u64 + 1;
        let record = Record { seq, time: Timestamp::UNIX_EPOCH, body };
        self.folded.lock().unwrap().apply(&record);
        records.push(record);
        self.grew.notify_one();
    }

    fn tell(&self, channels: &[&str], headline: &str) {
        let mut draft = Draft::new(RecordKind::Outcome);
        draft.run = Some("01JDRUN".to_owned());
        draft.notify = channels.iter().map(|&c| c.to_owned()).collect();
        draft.set_notice(&Notice {
            event: "acted".to_owned(),
            incident: "i".to_owned(),
            headline: headline.to_owned(),
            lines: Vec::new(),
            severity: None,
            owner: None,
            runbook_url: None,
            labels: crate::model::Labels::new(),
        });
        self.append(draft);
    }

    fn ends(&self) -> Vec<Delivery> {
        let records = self.records.lock().unwrap();
        let ends = records.iter().filter(|r| r.body.kind == RecordKind::Notification);
        ends.map(|r| serde_json::from_value(r.body.evidence.clone().unwrap()).unwrap()).collect()
    }

    fn outbox(&self) -> Outbox {
        self.folded.lock().unwrap().clone()
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
        if *self.full.lock().unwrap() {
            return Err("no space left".to_owned());
        }
        self.append(draft);
        Ok(())
    }

    fn log_id(&self) -> String {
        "01JDLOG".to_owned()
    }
}

type Answer = dyn Fn(&str, Duration) -> Sent + Send + Sync;

/// A network in memory: answers by what is said, and when.
struct Wire {
    answer: Box<Answer>,
    takes: Duration,
    began: Instant,
    seen: Mutex<Vec<(Duration, String)>>,
}

#[async_trait]
impl Carrier for Wire {
    async fn carry(&self, request: &Request, _: bool) -> Sent {
        let body: serde_json::Value = serde_json::from_slice(&request.body).unwrap();
        let said = body.get("headline").or(body.get("text")).and_then(|t| t.as_str()).unwrap();
        let said = said.trim_start_matches("Acted: ").to_owned();
        let at = self.began.elapsed();
        self.seen.lock().unwrap().push((at, said.clone()));
        tokio::time::sleep(self.takes).await;
        (self.answer)(&said, at)
    }
}

struct Stage {
    log: Log,
    wire: Arc<Wire>,
    channels: watch::Sender<Arc<Vec<Channel>>>,
    stop: CancellationToken,
    task: tokio::task::JoinHandle<()>,
}

fn channel(name: &str) -> Channel {
    let service = if name == "slack" {
        Service::Slack { webhook_url: Text::Env("SLACK_URL".to_owned()) }
    } else {
        Service::Webhook { url: Text::Env("OPS_URL".to_owned()), secret: Text::Env("OPS_SECRET".to_owned()) }
    };
    Channel { name: name.to_owned(), service, events: Vec::new(), matchers: Vec::new(), allow_private: false }
}

fn resolve(text: &Text) -> Result<secrecy::SecretString, String> {
    match text {
        Text::Env(name) if name == "OPS_SECRET" => Ok("whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oDMfKgkfxx".into()),
        Text::Env(name) if name == "UNSET" => Err("environment variable UNSET is not set".to_owned()),
        _ => Ok("https://receiver.example/services/T/B/hushhush".into()),
    }
}

impl Stage {
    fn start(log: Log, answer: impl Fn(&str, Duration) -> Sent + Send + Sync + 'static) -> Stage {
        let wire = Arc::new(Wire {
            answer: Box::new(answer),
            takes: Duration::from_millis(100),
            began: Instant::now(),
            seen: Mutex::default(),
        });
        let (channels, receiver) = watch::channel(Arc::new(vec![channel("slack"), channel("ops")]));
        let carrier: Arc<dyn Carrier> = Arc::clone(&wire) as Arc<dyn Carrier>;
        let deps = Deps { channels: receiver, resolve: Arc::new(resolve), carrier, now: Timestamp::now };
        let stop = CancellationToken::new();
        let task = tokio::spawn(run(log.clone(), deps, stop.clone()));
        Stage { log, wire, channels, stop, task }
    }

    async fn until_empty(&self, within: Duration) {
        let empty = async {
            while !self.log.folded.lock().unwrap().is_empty() {
                tokio::time::sleep(Duration::from_secs(1)).await;
            }
        };
        tokio::time::timeout(within, empty).await.expect("all messages end in time");
    }

    fn seen(&self) -> Vec<(Duration, String)> {
        self.wire.seen.lock().unwrap().clone()
    }

    fn said(&self) -> Vec<String> {
        self.seen().into_iter().map(|(_, said)| said).collect()
    }
}

fn ok() -> Sent {
    Sent::Delivered { detail: "answered 200: ok".to_owned() }
}

fn retry(after: Option<u64>) -> Sent {
    Sent::Retry { after: after.map(Duration::from_secs), detail: "answered 503".to_owned() }
}

const MINUTE: Duration = Duration::from_mins(1);

#[tokio::test(start_paused = true)]
async fn slack_gets_one_message_a_second_in_order_and_each_end_is_recorded() {
    let log = Log::default();
    for said in ["a", "b", "c"] {
        log.tell(&["slack"], said);
    }
    let stage = Stage::start(log, |_, _| ok());
    stage.until_empty(MINUTE).await;
    stage.log.tell(&["slack"], "d");
    stage.until_empty(MINUTE).await;
    assert_eq!(stage.said(), ["a", "b", "c", "d"]);
    for pair in stage.seen().windows(2) {
        assert!(pair[1].0 >= pair[0].0 + Duration::from_secs(1), "{:?}", stage.seen());
    }
    let ends = stage.log.ends();
    assert_eq!(ends.iter().map(|e| e.of).collect::<Vec<_>>(), [1, 2, 3, 7]);
    assert!(ends.iter().all(|e| e.status == "delivered" && e.attempts == 1 && e.channel == "slack"), "{ends:?}");
}

#[tokio::test(start_paused = true)]
async fn retry_after_is_honoured_and_nothing_overtakes() {
    let log = Log::default();
    for said in ["a", "b"] {
        log.tell(&["slack"], said);
    }
    let stage = Stage::start(log, |_, at| if at < Duration::from_secs(10) { retry(Some(30)) } else { ok() });
    stage.until_empty(MINUTE).await;
    assert_eq!(stage.said(), ["a", "a", "b"]);
    assert!(stage.seen()[1].0 >= Duration::from_secs(30), "{:?}", stage.seen());
    assert_eq!(stage.log.ends()[0].attempts, 2);
}

#[tokio::test(start_paused = true)]
async fn not_even_a_receiver_that_says_at_once_is_hurried() {
    let log = Log::default();
    log.tell(&["slack"], "a");
    let stage = Stage::start(log, |_, at| if at < Duration::from_secs(5) { retry(Some(0)) } else { ok() });
    stage.until_empty(MINUTE).await;
    assert!(stage.seen().len() <= 7, "{:?}", stage.seen());
}

#[tokio::test(start_paused = true)]
async fn a_receiver_that_is_down_for_hours_loses_nothing() {
    let log = Log::default();
    for i in 0..50 {
        log.tell(&["ops"], &format!("m{i}"));
    }
    let stage = Stage::start(log, |_, at| if at < MINUTE * 300 { retry(None) } else { ok() });
    stage.until_empty(MINUTE * 320).await;
    let attempts = stage.said().iter().filter(|said| *said == "m0").count();
    assert!((60..=110).contains(&attempts), "{attempts} attempts in five hours");
    let delivered = &stage.said()[attempts..];
    assert_eq!(delivered, (1..50).map(|i| format!("m{i}")).collect::<Vec<_>>());
    assert!(stage.log.ends().iter().all(|e| e.status == "delivered"));
}

#[tokio::test(start_paused = true)]
async fn attempts_are_capped() {
    let log = Log::default();
    for said in ["bad", "good"] {
        log.tell(&["ops"], said);
    }
    let rejected = || Sent::Rejected { detail: "answered 400: invalid".to_owned() };
    let stage = Stage::start(log, move |said, _| if said == "bad" { rejected() } else { ok() });
    stage.until_empty(MINUTE * 30).await;
    let ends = stage.log.ends();
    assert_eq!((ends[0].status.as_str(), ends[0].attempts), ("given_up", MOST_REJECTIONS));
    assert_eq!(ends[0].detail, "answered 400: invalid");
    assert_eq!((ends[1].status.as_str(), ends[1].attempts), ("delivered", 1));

    let log = Log::default();
    log.tell(&["ops"], "never");
    let stage = Stage::start(log, |_, _| retry(None));
    stage.until_empty(MINUTE * 60 * 36).await;
    assert_eq!((stage.log.ends()[0].status.as_str(), stage.log.ends()[0].attempts), ("given_up", MOST_ATTEMPTS));
}

#[tokio::test(start_paused = true)]
async fn a_dead_address_closes_the_channel_until_a_reload() {
    let log = Log::default();
    for said in ["a", "b"] {
        log.tell(&["slack"], said);
    }
    let stage = Stage::start(log, |_, at| match at {
        at if at < MINUTE => Sent::Gone { detail: "answered 404: no_service".to_owned() },
        _ => ok(),
    });
    stage.until_empty(MINUTE).await;
    stage.log.tell(&["slack"], "c");
    stage.until_empty(MINUTE).await;
    assert_eq!(stage.said(), ["a"]);
    let ends = stage.log.ends();
    assert_eq!(ends.iter().map(|e| e.attempts).collect::<Vec<_>>(), [1, 0, 0]);
    assert!(ends.iter().all(|e| e.status == "given_up" && e.detail.contains("until the next reload")), "{ends:?}");

    tokio::time::sleep(MINUTE).await;
    stage.channels.send_modify(|_| {});
    tokio::time::sleep(Duration::from_secs(1)).await;
    stage.log.tell(&["slack"], "d");
    stage.until_empty(MINUTE).await;
    assert_eq!(stage.log.ends()[3].status, "delivered");
}

#[tokio::test(start_paused = true)]
async fn an_answer_from_before_a_reload_closes_nothing() {
    let log = Log::default();
    log.tell(&["slack"], "a");
    let stage = Stage::start(log, |_, at| match at {
        at if at < Duration::from_secs(1) => Sent::Gone { detail: "answered 410".to_owned() },
        _ => ok(),
    });
    tokio::time::sleep(Duration::from_millis(50)).await;
    stage.channels.send_modify(|_| {});
    stage.until_empty(MINUTE).await;
    assert_eq!((stage.log.ends()[0].status.as_str(), stage.log.ends()[0].attempts), ("delivered", 2));
}

#[tokio::test(start_paused = true)]
async fn what_has_nowhere_to_go_is_given_up_and_recorded() {
    let log = Log::default();
    log.tell(&["old-slack"], "a");
    for i in 0..MOST_WAITING + 3 {
        log.tell(&["ops"], &format!("m{i}"));
    }
    let stage = Stage::start(log, |_, _| ok());
    stage.until_empty(MINUTE * 10).await;
    let given_up: Vec<_> = stage.log.ends().into_iter().filter(|e| e.status == "given_up").collect();
    let seqs: Vec<u64> = given_up.iter().map(|e| e.of).collect();
    assert_eq!(seqs, [1, 2, 3, 4], "the unknown channel's, and the oldest");
    assert_eq!(given_up[0].detail, "channel is no longer configured");
    assert!(given_up[1].detail.starts_with("more than 1000 messages wait"), "{}", given_up[1].detail);
    assert_eq!(stage.said().len(), MOST_WAITING);
}

#[tokio::test(start_paused = true)]
async fn while_the_log_is_full_nothing_is_sent_twice_and_ends_are_recorded_later() {
    let log = Log::default();
    *log.full.lock().unwrap() = true;
    for said in ["a", "b"] {
        log.tell(&["ops"], said);
    }
    let stage = Stage::start(log, |_, _| ok());
    tokio::time::sleep(MINUTE).await;
    assert_eq!((stage.said(), stage.log.ends()), (vec!["a".to_owned(), "b".to_owned()], Vec::new()));
    *stage.log.full.lock().unwrap() = false;
    stage.until_empty(MINUTE).await;
    assert_eq!((stage.said().len(), stage.log.ends().len()), (2, 2));
}

#[tokio::test(start_paused = true)]
async fn one_channel_does_not_wait_for_another_and_missing_secrets_are_waited_for() {
    let log = Log::default();
    log.tell(&["slack", "ops"], "a");
    let stage = Stage::start(log, |_, _| ok());
    let mut unset = channel("slack");
    unset.service = Service::Slack { webhook_url: Text::Env("UNSET".to_owned()) };
    stage.channels.send_replace(Arc::new(vec![unset, channel("ops")]));
    tokio::time::sleep(MINUTE * 60).await;
    assert_eq!(stage.log.ends().len(), 1, "only ops: {:?}", stage.log.ends());
    stage.channels.send_replace(Arc::new(vec![channel("slack"), channel("ops")]));
    stage.until_empty(MINUTE).await;
    assert!(stage.log.ends()[1].attempts > 10, "{:?}", stage.log.ends());
}

#[tokio::test(start_paused = true)]
async fn a_stop_waits_for_the_answer_that_is_under_way() {
    let log = Log::default();
    for said in ["a", "b"] {
        log.tell(&["ops"], said);
    }
    let stage = Stage::start(log, |_, _| ok());
    tokio::time::sleep(Duration::from_millis(50)).await;
    stage.stop.cancel();
    stage.task.await.unwrap();
    assert_eq!(stage.log.ends().len(), 1);
    assert_eq!(stage.log.outbox().len(), 1);
}
