//! The only place that sends: no redirects, no proxies, hard deadlines, and no address that a
//! channel's owner did not mean.

mod address;

use super::Request;
use crate::model::{Duration, Timestamp};
use reqwest::dns::{Addrs, Name, Resolving};
use reqwest::{StatusCode, Url, header};
use secrecy::ExposeSecret;
use std::net::SocketAddr;
use std::sync::Arc;

/// From the lookup of the name to the last byte of the answer.
const DEADLINE: Duration = Duration::from_secs(10);
const CONNECT_DEADLINE: Duration = Duration::from_secs(5);
/// Longest wait a receiver can ask for.
const LONGEST_WAIT: Duration = Duration::from_hours(1);
/// More of an answer is never read.
const MOST_ANSWER_BYTES: usize = 1_024;
/// More of an answer is never quoted.
const MOST_QUOTED_CHARS: usize = 200;

/// What came of one attempt. No `detail` ever holds the address or a secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Sent {
    /// The receiver took it.
    Delivered {
        /// Its answer.
        detail: String,
    },
    /// Nothing is said about this message: the receiver is not there or asks to wait, or the channel
    /// must be configured otherwise, which a person will do.
    Retry {
        /// What the receiver asked for.
        after: Option<Duration>,
        /// What was seen.
        detail: String,
    },
    /// The receiver will never take a message at this address again.
    Gone {
        /// Its answer.
        detail: String,
    },
    /// The receiver answered and did not take this message. A bare 500 is among them: it may well be
    /// this message that breaks the receiver, and those behind it must not wait for a day.
    Rejected {
        /// Its answer.
        detail: String,
    },
}

/// Sends one request. Takes at most 10 s.
///
/// `allow_private` lets it reach private and loopback addresses, and plain http there. Link-local and
/// metadata addresses are refused whatever it says.
pub async fn send(request: &Request, allow_private: bool) -> Sent {
    match tokio::time::timeout(DEADLINE, attempt(request, allow_private)).await {
        Ok(sent) => sent,
        Err(_) => Sent::Retry { after: None, detail: format!("no answer within {}s", DEADLINE.as_secs()) },
    }
}

async fn attempt(request: &Request, allow_private: bool) -> Sent {
    let Ok(url) = Url::parse(request.url.expose_secret().trim()) else {
        return Sent::Retry { after: None, detail: "the channel's address is not a URL; nothing was sent".to_owned() };
    };
    let pinned = match address::permitted(&url, allow_private).await {
        Ok(pinned) => pinned,
        Err(why) => return Sent::Retry { after: None, detail: format!("{why}; nothing was sent") },
    };
    let client = match client(pinned) {
        Ok(client) => client,
        Err(e) => return Sent::Retry { after: None, detail: format!("no TLS: {}", innermost(&e.without_url())) },
    };
    let mut outgoing = client.post(url.clone()).body(request.body.clone());
    for (name, value) in &request.headers {
        outgoing = outgoing.header(*name, value);
    }
    match outgoing.send().await {
        Ok(response) => judge(response, request, &url).await,
        Err(e) => Sent::Retry { after: None, detail: failure(e, &url) },
    }
}

/// A client that can reach the addresses that were checked, and nothing else: whatever the name
/// means a moment later.
fn client(pinned: Vec<SocketAddr>) -> reqwest::Result<reqwest::Client> {
    reqwest::Client::builder()
        .dns_resolver(Arc::new(Pinned(pinned)))
        .redirect(reqwest::redirect::Policy::none())
        .no_proxy()
        .connect_timeout(CONNECT_DEADLINE)
        .timeout(DEADLINE)
        .user_agent(concat!("pgmedic/", env!("CARGO_PKG_VERSION")))
        .build()
}

struct Pinned(Vec<SocketAddr>);

impl reqwest::dns::Resolve for Pinned {
    fn resolve(&self, _: Name) -> Resolving {
        let addresses: Addrs = Box::new(self.0.clone().into_iter());
        Box::pin(std::future::ready(Ok(addresses)))
    }
}

async fn judge(mut response: reqwest::Response, request: &Request, url: &Url) -> Sent {
    let status = response.status();
    let after = response.headers().get(header::RETRY_AFTER).and_then(|v| v.to_str().ok());
    let after = after.and_then(|v| retry_after(v, Timestamp::now()));
    let mut answer = Vec::new();
    while answer.len() < MOST_ANSWER_BYTES
        && let Ok(Some(chunk)) = response.chunk().await
    {
        answer.extend_from_slice(&chunk);
    }
    answer.truncate(MOST_ANSWER_BYTES);
    verdict(status, after, &String::from_utf8_lossy(&answer), request.dead_when, url)
}

fn verdict(status: StatusCode, after: Option<Duration>, answer: &str, dead_when: &[&str], url: &Url) -> Sent {
    let detail = match quotable(answer, url) {
        Some(words) => format!("answered {}: {words}", status.as_u16()),
        None => format!("answered {}", status.as_u16()),
    };
    match status {
        s if s.is_success() => Sent::Delivered { detail },
        StatusCode::GONE => Sent::Gone { detail },
        s if s.is_client_error() && dead_when.contains(&answer.trim()) => Sent::Gone { detail },
        StatusCode::TOO_MANY_REQUESTS
        | StatusCode::REQUEST_TIMEOUT
        | StatusCode::BAD_GATEWAY
        | StatusCode::SERVICE_UNAVAILABLE
        | StatusCode::GATEWAY_TIMEOUT => Sent::Retry { after, detail },
        s if s.is_redirection() => {
            Sent::Rejected { detail: format!("{detail}; redirects are not followed: configure the final address") }
        }
        _ => Sent::Rejected { detail },
    }
}

/// `Retry-After` as seconds or as an HTTP date.
fn retry_after(value: &str, now: Timestamp) -> Option<Duration> {
    let value = value.trim();
    let seconds = || value.parse().ok().map(Duration::from_secs);
    let date = || jiff::fmt::rfc2822::DateTimeParser::new().parse_timestamp(value).ok();
    let wait = seconds().or_else(|| date().map(|until| crate::model::time::since(until, now)))?;
    Some(wait.min(LONGEST_WAIT))
}

/// The first line of an answer, unless it repeats a part of the address: proxies do.
fn quotable(answer: &str, url: &Url) -> Option<String> {
    let line = answer.trim().lines().next()?.trim();
    let words: String = line.chars().filter(|c| !c.is_control()).take(MOST_QUOTED_CHARS).collect();
    (!words.is_empty() && !betrays(line, url)).then_some(words)
}

fn betrays(text: &str, url: &Url) -> bool {
    let text = text.to_lowercase();
    let parts = [url.path(), url.query().unwrap_or_default(), url.username(), url.password().unwrap_or_default()];
    parts
        .iter()
        .flat_map(|part| part.split(['/', '&', '=', '\\']))
        .filter(|part| part.chars().count() >= 4)
        .any(|part| text.contains(&part.to_lowercase()))
}

fn failure(error: reqwest::Error, url: &Url) -> String {
    let error = error.without_url();
    let what = match () {
        () if error.is_timeout() && error.is_connect() => {
            return format!("no connection within {}s", CONNECT_DEADLINE.as_secs());
        }
        () if error.is_timeout() => return format!("no answer within {}s", DEADLINE.as_secs()),
        () if error.is_connect() => "cannot connect",
        () => "the connection failed",
    };
    let why = innermost(&error);
    if betrays(&why, url) { what.to_owned() } else { format!("{what}: {why}") }
}

fn innermost(error: &dyn std::error::Error) -> String {
    let mut error = error;
    while let Some(source) = error.source() {
        error = source;
    }
    error.to_string()
}

#[cfg(test)]
mod tests;
