//! `channels`.

use super::read::Folder;
use super::{Channel, Service, Text};
use crate::syntax::{Keys, Map, Node, Reader};
use base64::Engine;
use secrecy::ExposeSecret;

/// What people can be told of.
pub const EVENTS: [&str; 8] = ["acted", "held", "failed", "reverted", "unknown", "breaker", "daemon", "observed"];

pub(super) const CHANNEL: Keys = Keys {
    what: "a channel",
    known: &["name", "slack", "webhook", "events", "match", "allow_private"],
    required: &["name"],
    later: &["email", "pagerduty", "opsgenie", "teams", "discord", "mattermost", "telegram"],
};

pub(super) const SLACK: Keys = Keys {
    what: "`slack`",
    known: &["webhook_url"],
    required: &["webhook_url"],
    later: &["token", "channel", "signing_secret"],
};

pub(super) const WEBHOOK: Keys =
    Keys { what: "`webhook`", known: &["url", "secret"], required: &["url", "secret"], later: &[] };

pub(super) fn channels(reader: &mut Reader, node: &Node, folder: &Folder) -> Vec<Channel> {
    let items = reader.list(node, "channels").unwrap_or_default();
    let read: Vec<(&Node, Channel)> = items.iter().filter_map(|i| Some((i, channel(reader, i, folder)?))).collect();
    reader.unique("channels", read.iter().map(|(node, c)| (*node, c.name.clone())));
    read.into_iter().map(|(_, channel)| channel).collect()
}

fn channel(reader: &mut Reader, node: &Node, folder: &Folder) -> Option<Channel> {
    let map = reader.map(node, &CHANNEL)?;
    let name = map.get("name").and_then(|node| reader.name(node));
    let allow_private = map.get("allow_private").and_then(|node| reader.bool(node)).unwrap_or(false);
    let events = map.get("events").map(|node| events(reader, node)).unwrap_or_default();
    let matchers = map.get("match").and_then(|node| reader.matchers(node)).unwrap_or_default();
    let service = service(reader, node, &map, folder, allow_private);
    Some(Channel { name: name?, service: service?, events, matchers, allow_private })
}

fn events(reader: &mut Reader, node: &Node) -> Vec<String> {
    let words = EVENTS.map(|event| (event, event));
    let items = reader.list(node, "events such as `acted`").unwrap_or_default();
    if let crate::syntax::Kind::Seq(items) = &node.kind {
        reader.refuse_empty(node, items.len(), "of events tells nobody anything");
    }
    items.iter().filter_map(|item| reader.word(item, &words)).map(str::to_owned).collect()
}

fn service(reader: &mut Reader, node: &Node, map: &Map, folder: &Folder, allow_private: bool) -> Option<Service> {
    match (map.get("slack"), map.get("webhook")) {
        (Some(slack), None) => {
            let map = reader.map(slack, &SLACK)?;
            let webhook_url = address(reader, map.get("webhook_url")?, folder, allow_private, true)?;
            Some(Service::Slack { webhook_url })
        }
        (None, Some(webhook)) => {
            let map = reader.map(webhook, &WEBHOOK)?;
            let url = map.get("url").and_then(|node| address(reader, node, folder, allow_private, false));
            let secret = map.get("secret").and_then(|node| signing_secret(reader, node, folder));
            Some(Service::Webhook { url: url?, secret: secret? })
        }
        (Some(_), Some(_)) => {
            let help = "write two channels";
            reader.error_help(node.span, "bad-channel", "a channel is either `slack` or `webhook`", help);
            None
        }
        (None, None) => {
            // One of a later release was reported already.
            if !map.entries().iter().any(|e| CHANNEL.later.contains(&e.key.as_str())) {
                let help = "add `slack: {webhook_url: \"${env:SLACK_URL}\"}` or `webhook: {url: …, secret: …}`";
                reader.error_help(node.span, "bad-channel", "this channel does not say where to tell people", help);
            }
            None
        }
    }
}

/// A URL. Slack's is itself a secret.
fn address(reader: &mut Reader, node: &Node, folder: &Folder, allow_private: bool, is_secret: bool) -> Option<Text> {
    let what = "a URL";
    let text = if is_secret { folder.secret(reader, node, what) } else { folder.text(reader, node, what) }?;
    if let Text::Plain(url) = &text {
        let url = url.expose_secret();
        let fits = url.starts_with("https://") || (allow_private && url.starts_with("http://"));
        if !fits {
            let help = "plain http is only for private addresses, with `allow_private: true` beside `name`";
            reader.error_help(node.span, "bad-url", "a URL begins with https:// here", help);
        }
    }
    Some(text)
}

/// `whsec_` and 24 to 64 bytes in base64. Messages never quote it.
fn signing_secret(reader: &mut Reader, node: &Node, folder: &Folder) -> Option<Text> {
    let text = folder.secret(reader, node, "a secret")?;
    if let Text::Plain(secret) = &text {
        let encoded = secret.expose_secret().strip_prefix("whsec_");
        let bytes = encoded.and_then(|e| base64::engine::general_purpose::STANDARD.decode(e).ok());
        if !bytes.is_some_and(|b| (24..=64).contains(&b.len())) {
            let message = "the secret is not one of Standard Webhooks";
            let help = "write `whsec_` and 24 to 64 random bytes in base64: echo whsec_$(openssl rand -base64 32)";
            reader.error_help(node.span, "bad-secret", message, help);
        }
    }
    Some(text)
}
