//! Requests over the daemon's socket, byte by byte as they come, with a stand-in for the engine.

use pgmedic::audit::query::{Filter, Listing, QueryError, Visit};
use pgmedic::config::AccessRole;
use pgmedic::engine::api::{AuditStatus, Control, PauseRequest, PlanReport, PlanRequest, Refusal};
use pgmedic::engine::api::{RunReport, RunRequest, Status, WhyReport};
use pgmedic::http::{Socket, socket_path};
use pgmedic::model::history::Scope;
use pgmedic::model::{Mode, Timestamp};
use std::io::{Read, Write};
use std::net::Shutdown;
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::sync::{Arc, LazyLock};
use std::time::Duration;
use tokio_util::sync::CancellationToken;

/// Takes every order and does nothing.
struct Idle;

#[async_trait::async_trait]
impl Control for Idle {
    async fn status(&self) -> Status {
        Status {
            version: String::new(),
            started: Timestamp::UNIX_EPOCH,
            mode: Mode::Observe,
            pauses: Vec::new(),
            paused_by_file: None,
            audit: AuditStatus { size: 0, root: String::new(), trouble: None },
            messages_waiting: 0,
            targets: Vec::new(),
            playbooks: Vec::new(),
        }
    }

    async fn plan(&self, request: PlanRequest) -> Result<Vec<PlanReport>, Refusal> {
        Err(Refusal::Unknown(request.playbooks.join(",")))
    }

    async fn run(&self, request: RunRequest, _: &str) -> Result<RunReport, Refusal> {
        Err(Refusal::Unknown(request.playbook))
    }

    async fn why(&self, playbook: &str, _: &str) -> Result<WhyReport, Refusal> {
        Err(Refusal::Invalid(playbook.to_owned()))
    }

    async fn pause(&self, _: PauseRequest, _: &str) -> Result<(), Refusal> {
        Ok(())
    }

    async fn resume(&self, scope: Scope, _: &str) -> Result<(), Refusal> {
        Err(Refusal::Unavailable(format!("{scope:?}")))
    }

    fn records(&self, _: &Filter, _: Visit) -> Result<Listing, QueryError> {
        Ok(Listing::default())
    }

    async fn reload(&self, _: &str) -> Result<String, Refusal> {
        Ok(String::new())
    }
}

struct Served {
    folder: tempfile::TempDir,
    _runtime: tokio::runtime::Runtime,
}

static SERVED: LazyLock<Served> = LazyLock::new(|| {
    let folder = tempfile::tempdir().expect("a folder in the temporary one");
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().expect("a runtime");
    let path = folder.path().to_owned();
    runtime.spawn(serve(path));
    while !socket_path(folder.path()).exists() {
        std::thread::sleep(Duration::from_millis(1));
    }
    Served { folder, _runtime: runtime }
});

async fn serve(folder: PathBuf) {
    let (_sender, roles) = tokio::sync::watch::channel([("root".to_owned(), AccessRole::Admin)].into());
    let socket = Socket::bind(&folder).expect("a socket in an own folder");
    socket.serve(Arc::new(Idle), roles, CancellationToken::new()).await;
}

/// Sends the bytes and waits for the answer's end; then the server must still answer others.
pub fn run(data: &[u8]) {
    talk(data, true);
    let answer = talk(b"GET /api/v1/status HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n", false);
    assert!(answer.starts_with(b"HTTP/1.1 200"), "{}", String::from_utf8_lossy(&answer));
}

/// The answer; none when it says at once that nothing more comes, since then the server hangs up.
fn talk(request: &[u8], ends: bool) -> Vec<u8> {
    let mut stream = UnixStream::connect(socket_path(SERVED.folder.path())).expect("the server listens");
    stream.set_read_timeout(Some(Duration::from_secs(4))).expect("a time limit");
    let mut answer = Vec::new();
    // A server that has heard enough hangs up.
    if stream.write_all(request).is_ok() {
        if ends {
            let _ = stream.shutdown(Shutdown::Write);
        }
        let _ = stream.read_to_end(&mut answer);
    }
    answer
}
