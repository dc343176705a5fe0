//! Ways to tell people: one file per service turns a message into a request; `send` alone sends it.

pub mod send;
pub mod slack;
pub mod webhook;

use crate::config::{Channel, Service, Text};
use crate::model::record::Notice;
use crate::model::{Duration, Timestamp};
use secrecy::SecretString;

/// One message on its way to one channel.
#[derive(Clone, Debug, PartialEq)]
pub struct Message {
    /// The record that carries it; 0 for what no record can carry, since the log cannot be written.
    pub seq: u64,
    /// The log (ULID) in which that record stands.
    pub log: String,
    /// When the record was appended.
    pub time: Timestamp,
    /// What to say.
    pub notice: Notice,
    /// Run, for the reader who wants the story.
    pub run: Option<String>,
    /// Target.
    pub target: Option<String>,
    /// Playbook.
    pub playbook: Option<String>,
}

/// One request, ready to be sent.
#[derive(Clone, Debug)]
pub struct Request {
    /// Where to; for some services the address itself is the secret.
    pub url: SecretString,
    /// Headers besides those that the sender adds.
    pub headers: Vec<(&'static str, String)>,
    /// JSON.
    pub body: Vec<u8>,
    /// Answers of the receiver, word for word, after which no message will ever be accepted there.
    pub dead_when: &'static [&'static str],
}

/// A service whose secrets are at hand.
pub trait ChannelService: Send + Sync {
    /// The least time between two messages to one channel.
    fn pace(&self) -> Duration;

    /// The request that carries the message; `now` is when it is sent.
    ///
    /// # Errors
    /// When a setting of the channel is unusable; names no secret.
    fn request(&self, message: &Message, now: Timestamp) -> Result<Request, String>;
}

/// How a reference to a secret becomes the secret; the error names the reference only.
pub type Resolve = dyn Fn(&Text) -> Result<SecretString, String> + Send + Sync;

/// The registry: one line per service.
///
/// # Errors
/// When a secret that the service needs cannot be had now.
pub fn open(service: &Service, resolve: &Resolve) -> Result<Box<dyn ChannelService>, String> {
    Ok(match service {
        Service::Slack { webhook_url } => Box::new(slack::Slack { webhook_url: resolve(webhook_url)? }),
        Service::Webhook { url, secret } => Box::new(webhook::Webhook { url: resolve(url)?, secret: resolve(secret)? }),
    })
}

/// Whether a channel wants to hear of it: its `events` (none: all) and its matchers over the
/// target's labels. A message without labels is about no target in particular, and passes them.
#[must_use]
pub fn wants(channel: &Channel, notice: &Notice) -> bool {
    let subscribed = channel.events.is_empty() || channel.events.contains(&notice.event);
    subscribed && (notice.labels.is_empty() || channel.matchers.iter().all(|m| m.matches(&notice.labels)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Matcher;

    fn channel(events: &[&str], matchers: &[&str]) -> Channel {
        Channel {
            name: "dba-slack".to_owned(),
            service: Service::Slack { webhook_url: Text::Env("SLACK_URL".to_owned()) },
            events: events.iter().map(|&e| e.to_owned()).collect(),
            matchers: matchers.iter().map(|m| Matcher::parse(m).unwrap()).collect(),
            allow_private: false,
        }
    }

    fn notice(event: &str, labels: &[(&str, &str)]) -> Notice {
        Notice {
            event: event.to_owned(),
            incident: "i".to_owned(),
            headline: "h".to_owned(),
            lines: Vec::new(),
            severity: None,
            owner: None,
            runbook_url: None,
            labels: labels.iter().map(|&(k, v)| (k.to_owned(), v.to_owned())).collect(),
        }
    }

    #[test]
    fn a_channel_hears_what_it_asked_for() {
        let prod = [("env", "prod")];
        assert!(wants(&channel(&[], &[]), &notice("acted", &prod)));
        assert!(wants(&channel(&["acted"], &["env=\"prod\""]), &notice("acted", &prod)));
        assert!(!wants(&channel(&["failed"], &[]), &notice("acted", &prod)));
        assert!(!wants(&channel(&[], &["env=\"dev\""]), &notice("acted", &prod)));
        assert!(!wants(&channel(&[], &["env=\"prod\"", "team=\"x\""]), &notice("acted", &prod)));
    }

    #[test]
    fn what_concerns_no_target_passes_every_matcher() {
        assert!(wants(&channel(&["daemon"], &["env=\"prod\""]), &notice("daemon", &[])));
    }
}
