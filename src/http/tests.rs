//! The socket with a stand-in for the engine.

use super::client::Client;
use super::{Socket, socket_path};
use crate::audit::query::{self, Filter, Listing, QueryError, Visit};
use crate::config::AccessRole;
use crate::engine::api::{AuditStatus, Control, PauseRequest, PlanReport, PlanRequest, Refusal};
use crate::engine::api::{RunReport, RunRequest, Status, WhyReport};
use crate::model::history::Scope;
use crate::model::{Mode, Timestamp, Verdict};
use async_trait::async_trait;
use std::io::{Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

/// Remembers what it was ordered.
#[derive(Default)]
struct Engine {
    heard: Mutex<Vec<String>>,
    data_dir: PathBuf,
}

impl Engine {
    fn hear(&self, what: String) {
        self.heard.lock().unwrap().push(what);
    }
}

#[async_trait]
impl Control for Engine {
    async fn status(&self) -> Status {
        Status {
            version: "test".to_owned(),
            started: Timestamp::UNIX_EPOCH,
            mode: Mode::Observe,
            pauses: Vec::new(),
            paused_by_file: None,
            audit: AuditStatus { size: 7, root: "ab".to_owned(), trouble: None },
            messages_waiting: 0,
            targets: Vec::new(),
            playbooks: Vec::new(),
        }
    }

    async fn plan(&self, request: PlanRequest) -> Result<Vec<PlanReport>, Refusal> {
        Err(Refusal::Unknown(format!("no {}", request.playbooks.join(","))))
    }

    async fn run(&self, request: RunRequest, actor: &str) -> Result<RunReport, Refusal> {
        self.hear(format!("begin {} {actor}", request.playbook));
        tokio::time::sleep(Duration::from_millis(300)).await;
        self.hear("end".to_owned());
        let (run, summary) = ("01K".to_owned(), String::new());
        Ok(RunReport { run, verdict: Verdict::Act, summary, acted: 1, helped: 1, failed: 0, held: 0 })
    }

    async fn why(&self, playbook: &str, target: &str) -> Result<WhyReport, Refusal> {
        Err(Refusal::Invalid(format!("{playbook} {target}")))
    }

    async fn pause(&self, request: PauseRequest, actor: &str) -> Result<(), Refusal> {
        self.hear(format!("pause {:?} {:?} {actor}", request.scope.target, request.for_seconds));
        Ok(())
    }

    async fn resume(&self, scope: Scope, _: &str) -> Result<(), Refusal> {
        Err(Refusal::Unavailable(format!("{:?}", scope.playbook)))
    }

    fn records(&self, filter: &Filter, visit: Visit) -> Result<Listing, QueryError> {
        query::list(&self.data_dir, filter, visit)
    }

    async fn reload(&self, _: &str) -> Result<String, Refusal> {
        Ok("nothing changed".to_owned())
    }
}

struct Served {
    folder: tempfile::TempDir,
    engine: Arc<Engine>,
    stop: CancellationToken,
    task: tokio::task::JoinHandle<()>,
}

fn serve() -> Served {
    let folder = tempfile::tempdir().unwrap();
    let engine = Arc::new(Engine { data_dir: folder.path().to_owned(), ..Engine::default() });
    let stop = CancellationToken::new();
    let (_, roles) = watch::channel([("dba".to_owned(), AccessRole::Approver)].into());
    let socket = Socket::bind(folder.path()).unwrap();
    let task = tokio::spawn(socket.serve(engine.clone(), roles, stop.clone()));
    Served { folder, engine, stop, task }
}

fn client(folder: &Path) -> Client {
    Client::connect(folder).unwrap().unwrap()
}

fn raw(folder: &Path, request: &str) -> String {
    let mut stream = UnixStream::connect(socket_path(folder)).unwrap();
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

async fn asked(served: &Served, request: String) -> String {
    let folder = served.folder.path().to_owned();
    tokio::task::spawn_blocking(move || raw(&folder, &request)).await.unwrap()
}

#[tokio::test]
async fn orders_and_answers_pass_and_the_actor_is_the_peer() {
    let served = serve();
    let client = client(served.folder.path());
    assert_eq!(client.status().await.unwrap().audit.size, 7);
    let scope = Scope { target: Some("orders".to_owned()), playbook: None };
    let pause = PauseRequest { scope, for_seconds: Some(60), reason: String::new(), abort: false };
    client.pause(&pause).await.unwrap();
    let own = super::access::Caller::own().actor;
    assert_eq!(*served.engine.heard.lock().unwrap(), [format!("pause Some(\"orders\") Some(60) {own}")]);
    assert_eq!(client.reload().await.unwrap(), "nothing changed");
}

#[tokio::test]
async fn refusals_keep_their_kind_and_words() {
    let served = serve();
    let client = client(served.folder.path());
    let plan = PlanRequest { playbooks: vec!["a b".to_owned()], target: None };
    assert_eq!(client.plan(&plan).await, Err(Refusal::Unknown("no a b".to_owned())));
    assert_eq!(client.why("p&q", "t=1").await, Err(Refusal::Invalid("p&q t=1".to_owned())));
    assert_eq!(client.resume(&Scope::default()).await, Err(Refusal::Unavailable("None".to_owned())));
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_hangs_up_does_not_stop_a_run() {
    let served = serve();
    let body = r#"{"playbook": "p", "target": "t"}"#;
    let request = format!("POST /api/v1/run HTTP/1.1\r\nHost: x\r\nContent-Length: {}\r\n\r\n{body}", body.len());
    let mut stream = UnixStream::connect(socket_path(served.folder.path())).unwrap();
    stream.write_all(request.as_bytes()).unwrap();
    tokio::time::sleep(Duration::from_millis(100)).await;
    drop(stream);
    tokio::time::sleep(Duration::from_millis(500)).await;
    assert_eq!(served.engine.heard.lock().unwrap().last().unwrap(), "end");
}

#[tokio::test(flavor = "multi_thread")]
async fn faulty_requests_are_told_what_is_wrong() {
    let served = serve();
    let close = "Host: x\r\nConnection: close\r\n";
    let nothing = asked(&served, format!("GET /api/v2/status HTTP/1.1\r\n{close}\r\n")).await;
    assert!(nothing.starts_with("HTTP/1.1 404") && nothing.contains("problem+json"), "{nothing}");
    let method = asked(&served, format!("GET /api/v1/pause HTTP/1.1\r\n{close}\r\n")).await;
    assert!(method.starts_with("HTTP/1.1 405") && method.contains("does not take GET"), "{method}");
    let body = asked(&served, format!("POST /api/v1/pause HTTP/1.1\r\n{close}Content-Length: 1\r\n\r\n[")).await;
    assert!(body.starts_with("HTTP/1.1 400") && body.contains("urn:pgmedic:problem:invalid"), "{body}");
    let large = asked(&served, format!("POST /api/v1/pause HTTP/1.1\r\n{close}Content-Length: 2000000\r\n\r\n")).await;
    assert!(large.starts_with("HTTP/1.1 413"), "{large}");
    assert!(served.engine.heard.lock().unwrap().is_empty());
}

#[tokio::test]
async fn a_stop_lets_a_run_under_way_be_answered() {
    let served = serve();
    let client = client(served.folder.path());
    let request = RunRequest { playbook: "p".to_owned(), target: "t".to_owned(), mode: None };
    let run = tokio::spawn(async move { client.run(&request).await });
    tokio::time::sleep(Duration::from_millis(100)).await;
    served.stop.cancel();
    assert_eq!(run.await.unwrap().unwrap().acted, 1);
    served.task.await.unwrap();
    assert!(!socket_path(served.folder.path()).exists());
    assert!(Client::connect(served.folder.path()).unwrap().is_none());
}

#[tokio::test]
async fn a_dead_socket_is_replaced_and_a_living_one_is_not() {
    let served = serve();
    let path = socket_path(served.folder.path());
    assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o660);
    let second = Socket::bind(served.folder.path()).unwrap_err();
    assert!(second.to_string().contains("another pgmedic answers"), "{second}");
    let other = tempfile::tempdir().unwrap();
    drop(std::os::unix::net::UnixListener::bind(socket_path(other.path())).unwrap());
    assert!(Client::connect(other.path()).unwrap().is_none());
    assert!(Socket::bind(other.path()).is_ok());
    std::fs::write(socket_path(other.path()), "").unwrap();
    assert!(Socket::bind(other.path()).unwrap_err().to_string().contains("not a socket"));
}

#[tokio::test(flavor = "multi_thread")]
async fn peers_that_say_nothing_keep_nobody_from_an_order_or_from_the_end() {
    let served = serve();
    let silent = || {
        let mut stream = UnixStream::connect(socket_path(served.folder.path())).unwrap();
        stream.write_all(b"GET /").unwrap();
        stream
    };
    let crowd: Vec<UnixStream> = (0..200).map(|_| silent()).collect();
    let began = std::time::Instant::now();
    assert_eq!(client(served.folder.path()).status().await.unwrap().audit.size, 7);
    assert!(began.elapsed() < Duration::from_secs(1), "{:?}", began.elapsed());
    served.stop.cancel();
    served.task.await.unwrap();
    assert!(began.elapsed() < Duration::from_secs(4), "{:?}", began.elapsed());
    drop(crowd);
}
