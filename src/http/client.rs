//! The other side of the socket, for the commands.

use super::problem::Problem;
use super::records::{CUT, Wanted};
use super::routes::{Done, Reloaded, WhyQuery};
use super::socket::socket_path;
use crate::audit::query::{Filter, Stored};
use crate::engine::api::{PauseRequest, PlanReport, PlanRequest, Refusal, RunReport, RunRequest, Status, WhyReport};
use crate::model::history::Scope;
use reqwest::{Method, RequestBuilder};
use serde::de::DeserializeOwned;
use std::io;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

/// Longer than the daemon's own deadline, so that its words arrive.
const DEADLINE: Duration = Duration::from_secs(75);

/// How long records are waited for: who asks for them can also read the log.
const RECORDS_DEADLINE: Duration = Duration::from_secs(10);

/// A daemon that answers.
#[derive(Clone, Debug)]
pub struct Client {
    http: reqwest::Client,
}

impl Client {
    /// The daemon of a data directory; `None` when none is running.
    ///
    /// # Errors
    /// When a daemon may be there but this user cannot reach it: acting beside it would be wrong.
    pub fn connect(data_dir: &Path) -> io::Result<Option<Client>> {
        let path = socket_path(data_dir);
        if let Err(e) = UnixStream::connect(&path) {
            return match e.kind() {
                io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused => Ok(None),
                kind => Err(io::Error::new(kind, format!("the daemon's socket {}: {e}", path.display()))),
            };
        }
        let http = reqwest::Client::builder()
            .unix_socket(path)
            .no_proxy()
            .redirect(reqwest::redirect::Policy::none())
            .build()
            .map_err(io::Error::other)?;
        Ok(Some(Client { http }))
    }

    /// `GET /status`.
    ///
    /// # Errors
    /// [`Refusal::Unavailable`] when the daemon does not answer.
    pub async fn status(&self) -> Result<Status, Refusal> {
        send(self.request(Method::GET, "status")).await
    }

    /// `POST /plan`.
    ///
    /// # Errors
    /// The daemon's refusal.
    pub async fn plan(&self, request: &PlanRequest) -> Result<Vec<PlanReport>, Refusal> {
        send(self.request(Method::POST, "plan").json(request)).await
    }

    /// `POST /run`: waits as long as the run takes.
    ///
    /// # Errors
    /// The daemon's refusal.
    pub async fn run(&self, request: &RunRequest) -> Result<RunReport, Refusal> {
        send(self.http.post(url("run")).json(request)).await
    }

    /// `GET /why`.
    ///
    /// # Errors
    /// The daemon's refusal.
    pub async fn why(&self, playbook: &str, target: &str) -> Result<WhyReport, Refusal> {
        let query = WhyQuery { playbook: playbook.to_owned(), target: target.to_owned() };
        send(self.request(Method::GET, "why").query(&query)).await
    }

    /// `POST /pause`.
    ///
    /// # Errors
    /// The daemon's refusal.
    pub async fn pause(&self, request: &PauseRequest) -> Result<(), Refusal> {
        let Done {} = send(self.request(Method::POST, "pause").json(request)).await?;
        Ok(())
    }

    /// `POST /resume`.
    ///
    /// # Errors
    /// The daemon's refusal.
    pub async fn resume(&self, scope: &Scope) -> Result<(), Refusal> {
        let Done {} = send(self.request(Method::POST, "resume").json(scope)).await?;
        Ok(())
    }

    /// `POST /reload`: what changed, in words.
    ///
    /// # Errors
    /// The daemon's refusal, every fault in it.
    pub async fn reload(&self) -> Result<String, Refusal> {
        let reloaded: Reloaded = send(self.request(Method::POST, "reload")).await?;
        Ok(reloaded.changes)
    }

    /// `GET /records`: the newest that a filter means, the oldest of them first. `None` when they are too many for one
    /// answer.
    ///
    /// # Errors
    /// The daemon's refusal, also where it knows of damage.
    pub async fn records(&self, filter: &Filter) -> Result<Option<Vec<Stored>>, Refusal> {
        let Some(wanted) = Wanted::newest(filter) else { return Ok(None) };
        let request = self.request(Method::GET, "records").query(&wanted).timeout(RECORDS_DEADLINE);
        let response = request.send().await.map_err(|e| broken(&e))?;
        if response.headers().contains_key(CUT) {
            return Ok(None);
        }
        let body = answered(response).await?;
        let lines = body.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
        let stored = |line: &[u8]| Ok(Stored { line: line.to_vec(), record: understood(line)? });
        lines.map(stored).collect::<Result<Vec<_>, _>>().map(Some)
    }

    fn request(&self, method: Method, route: &str) -> RequestBuilder {
        self.http.request(method, url(route)).timeout(DEADLINE)
    }
}

fn url(route: &str) -> String {
    // The host is a formality: the socket decides who answers.
    format!("http://pgmedic/api/v1/{route}")
}

async fn send<T: DeserializeOwned>(request: RequestBuilder) -> Result<T, Refusal> {
    let response = request.send().await.map_err(|e| broken(&e))?;
    understood(&answered(response).await?)
}

/// What it says when it is no refusal.
async fn answered(response: reqwest::Response) -> Result<Vec<u8>, Refusal> {
    let status = response.status();
    let body = response.bytes().await.map_err(|e| broken(&e))?;
    if status.is_success() {
        return Ok(body.to_vec());
    }
    let problem = serde_json::from_slice::<Problem>(&body);
    Err(problem.map_or_else(|_| Refusal::Unavailable(format!("the daemon answered {status}")), Problem::refusal))
}

fn understood<T: DeserializeOwned>(body: &[u8]) -> Result<T, Refusal> {
    let odd = |e| Refusal::Unavailable(format!("the daemon's answer is not understood ({e}): is it another version?"));
    serde_json::from_slice(body).map_err(odd)
}

fn broken(error: &reqwest::Error) -> Refusal {
    Refusal::Unavailable(format!("the daemon did not answer: {}", in_full(error)))
}

/// The error with its causes: reqwest's own words stop at the first.
fn in_full(error: &reqwest::Error) -> String {
    let mut words = error.to_string();
    let mut cause = std::error::Error::source(error);
    while let Some(e) = cause {
        words = format!("{words}: {e}");
        cause = e.source();
    }
    words
}
