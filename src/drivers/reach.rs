//! Reaching a server: hosts in order, their addresses in order, with TLS or without, as libpq does it.

use super::attributes::{Said, Wanted};
use super::fault;
use super::login::{Login, Place};
use crate::model::Duration;
use crate::model::time::in_words;
use std::future::poll_fn;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::time::{Instant, timeout_at};
use tokio_postgres::config::SslMode;
use tokio_postgres::error::{Severity, SqlState};
use tokio_postgres::tls::TlsStream;
use tokio_postgres::{AsyncMessage, Client, Config, Connection, Socket};
use tokio_util::sync::CancellationToken;

/// Most warnings kept of one statement.
const MOST_WARNINGS: usize = 50;

/// What the server is told when a session begins.
pub struct Opening<'a> {
    /// Database.
    pub database: &'a str,
    /// `application_name`.
    pub application: &'a str,
    /// Settings, as on a server's command line.
    pub options: Option<&'a str>,
}

/// A server that took us.
pub struct Reached {
    /// To send statements.
    pub client: Client,
    /// Cancelled when the connection is gone.
    pub gone: CancellationToken,
    /// Warnings as they come.
    pub warnings: Arc<Mutex<Vec<String>>>,
    /// As the server tells it.
    pub version: Option<String>,
    /// Where it is.
    pub seat: Seat,
    /// What else belongs to connecting must be done by then.
    pub until: Instant,
}

/// Which of the places it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seat {
    /// The place's title.
    pub title: String,
    /// The address that answered there.
    pub address: Option<IpAddr>,
}

/// Why an attempt failed, and what libpq does then.
enum Miss {
    /// Nobody answers: the host's next address, then the next host.
    Address(String),
    /// It is not what is wanted, or not yet there: the next host.
    Host(String),
    /// TLS, or its absence, may be the reason: the same address the other way, if there is one.
    Tls(String),
    /// Another host would only hide it: a wrong password, no such database.
    All(String),
}

impl Login {
    /// Only where another session is already: two that belong together stay together.
    pub fn stay_at(&mut self, seat: &Seat) {
        let Some(mut place) = self.places.iter().find(|p| p.title == seat.title).cloned() else { return };
        place.address = place.address.or(seat.address);
        self.places = vec![place];
        // What is wanted was found there, or it was the best there is.
        self.wanted = Wanted::Any;
    }
}

/// Tries the login's places until one takes us.
///
/// # Errors
/// Why none did, each in its words.
pub async fn reach(login: &Login, opening: &Opening<'_>) -> Result<Reached, String> {
    let mut places: Vec<&Place> = login.places.iter().collect();
    if login.shuffled {
        shuffle(&mut places);
    }
    let mut said = Vec::new();
    for wanted in login.wanted.passes() {
        said.clear();
        for place in &places {
            match at_place(login, place, opening, *wanted).await {
                Ok(reached) => return Ok(reached),
                Err((why, stop)) => {
                    said.push((place.title.as_str(), why));
                    if stop {
                        return Err(in_one(&said));
                    }
                }
            }
        }
    }
    Err(in_one(&said))
}

/// A single place is named by the caller.
fn in_one(said: &[(&str, String)]) -> String {
    match said {
        [(_, why)] => why.clone(),
        several => several.iter().map(|(title, why)| format!("{title}: {why}")).collect::<Vec<_>>().join("; "),
    }
}

/// The error says whether to stop.
async fn at_place(
    login: &Login,
    place: &Place,
    opening: &Opening<'_>,
    wanted: Wanted,
) -> Result<Reached, (String, bool)> {
    let mut last = "the name has no address".to_owned();
    for address in addresses(login, place).await.map_err(|why| (why, false))? {
        match at_address(login, place, address, opening, wanted).await {
            Ok(reached) => return Ok(reached),
            Err(Miss::Address(why)) => last = why,
            Err(Miss::Host(why)) => return Err((why, false)),
            Err(Miss::Tls(why) | Miss::All(why)) => return Err((why, true)),
        }
    }
    Err((last, false))
}

async fn addresses(login: &Login, place: &Place) -> Result<Vec<Option<IpAddr>>, String> {
    let (None, Some(name)) = (place.address, &place.name) else { return Ok(vec![place.address]) };
    let looked = tokio::time::timeout(login.connect_timeout, tokio::net::lookup_host((name.as_str(), place.port)));
    let found = match looked.await {
        Ok(found) => found.map_err(|e| format!("cannot find the host: {e}"))?,
        Err(_) => return Err(format!("cannot find the host: no answer within {}", in_words(login.connect_timeout))),
    };
    let mut all = Vec::new();
    for address in found {
        // A resolver may give one of them once for each kind of socket.
        if !all.contains(&Some(address.ip())) {
            all.push(Some(address.ip()));
        }
    }
    if login.shuffled {
        shuffle(&mut all);
    }
    Ok(all)
}

async fn at_address(
    login: &Login,
    place: &Place,
    address: Option<IpAddr>,
    opening: &Opening<'_>,
    wanted: Wanted,
) -> Result<Reached, Miss> {
    let mut first: Option<String> = None;
    for (n, mode) in place.modes.iter().enumerate() {
        let mut config = place.config.clone();
        config.ssl_mode(*mode).dbname(opening.database).application_name(opening.application);
        if let Some(options) = opening.options {
            config.options(options);
        }
        if let Some(address) = address {
            config.hostaddr(address);
        }
        let seat = Seat { title: place.title.clone(), address };
        match within(login, &config, wanted, seat).await {
            Err(Miss::Tls(why)) if n + 1 < place.modes.len() => first = Some(why),
            // The second attempt says only what the first one led to.
            Err(Miss::Tls(why) | Miss::All(why)) => {
                let both =
                    |first: String| if first == why { first } else { format!("{first}; {}: {why}", other(*mode)) };
                return Err(Miss::All(first.map_or_else(|| why.clone(), both)));
            }
            other => return other,
        }
    }
    Err(Miss::All(first.unwrap_or_default()))
}

fn other(mode: SslMode) -> &'static str {
    if mode == SslMode::Disable { "without TLS" } else { "with TLS" }
}

async fn within(login: &Login, config: &Config, wanted: Wanted, seat: Seat) -> Result<Reached, Miss> {
    let until = Instant::now() + login.connect_timeout;
    let opened = timeout_at(until, async {
        let (client, connection) = config.connect(login.tls.clone()).await.map_err(|e| miss(&e))?;
        let (said, version) = greeting(&connection);
        let (gone, warnings) = attend(connection);
        match wanted.misses(&client, said).await {
            Ok(None) => Ok(Reached { client, gone, warnings, version, seat, until }),
            Ok(Some(why)) => Err(Miss::Host(why.to_owned())),
            Err(e) => Err(Miss::Host(fault::words(&e))),
        }
    });
    match opened.await {
        Ok(opened) => opened,
        Err(_) => Err(Miss::Address(no_answer(login.connect_timeout))),
    }
}

fn greeting<T>(connection: &Connection<Socket, T>) -> (Said, Option<String>)
where
    T: TlsStream + Unpin,
{
    let told = |name: &str| connection.parameter(name).map(|v| v == "on");
    let said = Said { standby: told("in_hot_standby"), read_only: told("default_transaction_read_only") };
    (said, connection.parameter("server_version").map(str::to_owned))
}

/// What is said when a connect takes too long.
pub fn no_answer(timeout: Duration) -> String {
    format!("no answer within {}", in_words(timeout))
}

/// Carries the connection until it ends.
fn attend<T>(mut connection: Connection<Socket, T>) -> (CancellationToken, Arc<Mutex<Vec<String>>>)
where
    T: TlsStream + Unpin + Send + 'static,
{
    let gone = CancellationToken::new();
    let warnings = Arc::new(Mutex::new(Vec::new()));
    let (kept, ended) = (Arc::clone(&warnings), gone.clone().drop_guard());
    tokio::spawn(async move {
        let _ended = ended;
        while let Some(Ok(message)) = poll_fn(|cx| connection.poll_message(cx)).await {
            if let AsyncMessage::Notice(notice) = message {
                let mut kept = kept.lock().unwrap_or_else(PoisonError::into_inner);
                if notice.parsed_severity() == Some(Severity::Warning) && kept.len() < MOST_WARNINGS {
                    kept.push(notice.message().to_owned());
                }
            }
        }
    });
    (gone, warnings)
}

fn miss(error: &tokio_postgres::Error) -> Miss {
    let words = refused(error);
    if let Some(db) = error.as_db_error() {
        return match db.code() {
            // It starts up, or goes down.
            code if *code == SqlState::CANNOT_CONNECT_NOW => Miss::Host(words),
            // pg_hba.conf has no line for this user with (or without) TLS.
            code if *code == SqlState::INVALID_AUTHORIZATION_SPECIFICATION => Miss::Tls(words),
            _ => Miss::All(words),
        };
    }
    // The kind of an error shows in its words alone.
    let text = error.to_string();
    if text.starts_with("error performing TLS handshake") {
        return Miss::Tls(words);
    }
    let gone = ["error connecting to server", "error communicating with the server", "connection closed"];
    if gone.iter().any(|kind| text.starts_with(kind)) { Miss::Address(words) } else { Miss::All(words) }
}

/// What is said when a pooler answers in the place of a server.
pub const POOLER: &str = "this is a connection pooler; pgmedic needs PostgreSQL itself: put the pooler under \
                          `pgbouncer` and the server's own host and port into `dsn`";

/// PgBouncer says `unsupported startup parameter: options` or `… in options: …`.
fn refused(e: &tokio_postgres::Error) -> String {
    let pooler = e.as_db_error().is_some_and(|db| db.message().contains("unsupported startup parameter"));
    if pooler { POOLER.to_owned() } else { fault::words(e) }
}

/// Fisher and Yates. Without randomness from the system, which does not happen, the order stays.
fn shuffle<T>(list: &mut [T]) {
    for last in (1..list.len()).rev() {
        let Ok(random) = getrandom::u64() else { return };
        let choices = u64::try_from(last).map_or(u64::MAX, |n| n.saturating_add(1));
        if let Ok(chosen) = usize::try_from(random % choices) {
            list.swap(chosen, last);
        }
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn every_order_comes_up_and_nothing_is_lost() {
        let mut seen = std::collections::BTreeSet::new();
        for _ in 0..500 {
            let mut list = [1, 2, 3];
            super::shuffle(&mut list);
            seen.insert(list);
        }
        assert_eq!(seen.len(), 6);
    }
}
