//! Slack's incoming webhook: Block Kit, within Slack's documented limits by construction.
//!
//! All that comes from outside (headlines, query texts) stands in `plain_text` objects, where Slack
//! neither formats nor links; only sentences of this file are `mrkdwn`.

mod text;

use super::{ChannelService, Message, Request};
use crate::model::{Duration, Timestamp};
use secrecy::SecretString;
use serde_json::{Value as Json, json};
use text::{cost, fit, safe};

/// Limits of Slack: characters of a header, of a section, of a context element.
const HEADER: usize = 150;
const SECTION: usize = 2_900;
const CONTEXT: usize = 500;
/// A run's name is 26 characters; nothing longer may stand in a sentence.
const NAME: usize = 60;
/// One line takes at most this much, so that one endless query text cannot push out the advice below it.
const LINE: usize = 1_200;
/// All blocks together may have about 13,000 characters; the rest is for names and punctuation.
const ALL_LINES: usize = 9_000;
/// The sentence for phones and screen readers.
const FALLBACK: usize = 600;
/// Lines kept from the end when there are too many: what to do now stands there.
const LAST_LINES: usize = 3;
/// Longest link that a message carries.
const LINK: usize = 1_000;

/// A Slack channel whose secret is at hand.
#[derive(Debug)]
pub struct Slack {
    /// The address, which is the secret.
    pub webhook_url: SecretString,
}

impl ChannelService for Slack {
    fn pace(&self) -> Duration {
        Duration::from_secs(1)
    }

    fn request(&self, message: &Message, _: Timestamp) -> Result<Request, String> {
        Ok(Request {
            url: self.webhook_url.clone(),
            headers: vec![("content-type", "application/json".to_owned())],
            body: payload(message).to_string().into_bytes(),
            dead_when: &[
                "no_service",
                "no_service_id",
                "no_active_hooks",
                "no_team",
                "team_disabled",
                "invalid_token",
                "channel_is_archived",
                "channel_not_found",
            ],
        })
    }
}

fn payload(message: &Message) -> Json {
    let headline = headline(message);
    let cut = cut_note(message);
    let mut blocks = vec![json!({"type": "header", "text": plain(&fit(&headline, HEADER, "…"))})];
    let mut lines = Vec::new();
    if cost(&safe(&headline)) > HEADER {
        lines.push(fit(&headline, LINE, &cut));
    }
    lines.extend(told(message).map(|l| fit(l, LINE, &cut)));
    blocks.extend(sections(within_budget(lines, &cut)));
    blocks.extend(context(message));
    json!({
        "text": fit(&headline, FALLBACK, "…"),
        "blocks": blocks,
        "unfurl_links": false,
        "unfurl_media": false,
    })
}

/// The first words say whether somebody must get up.
fn headline(message: &Message) -> String {
    let word = match message.notice.event.as_str() {
        "acted" => "Acted",
        "held" => "Waits for a person",
        "failed" => "Failed",
        "reverted" => "Reverted",
        "unknown" => "Outcome unknown",
        "breaker" => "Breaker",
        "daemon" => "pgmedic",
        "observed" => "Would act",
        other => other,
    };
    match &message.target {
        Some(target) => format!("{word} on {target}: {}", message.notice.headline),
        None => format!("{word}: {}", message.notice.headline),
    }
}

fn cut_note(message: &Message) -> String {
    match &message.run {
        Some(run) => format!("… (cut; see audit show {})", fit(run, NAME, "…")),
        None => "… (cut; see audit list)".to_owned(),
    }
}

fn record(message: &Message) -> String {
    match &message.run {
        Some(run) => format!("Record: `pgmedic audit show {}`", fit(&run.replace('`', ""), NAME, "…")),
        None if message.seq == 0 => "Record: none, the audit log cannot be written".to_owned(),
        None => format!("Record: seq {} of `pgmedic audit list`", message.seq),
    }
}

/// The lines of the notice. The last names the record for those who read nothing else; the context block
/// names it, too.
fn told(message: &Message) -> impl Iterator<Item = &String> {
    let record = message.run.as_ref().map(|run| format!("Record: pgmedic audit show {run}"));
    let lines = &message.notice.lines;
    let kept = lines.len() - usize::from(record.is_some() && lines.last() == record.as_ref());
    lines.iter().take(kept).filter(|line| !line.trim().is_empty())
}

/// Drops lines from the middle until the rest fits, and says so.
fn within_budget(lines: Vec<String>, cut: &str) -> Vec<String> {
    let total = |lines: &[String]| lines.iter().map(|l| cost(l) + 2).sum::<usize>();
    if total(&lines) <= ALL_LINES {
        return lines;
    }
    let (first, last) = lines.split_at(lines.len().saturating_sub(LAST_LINES));
    let room = ALL_LINES.saturating_sub(total(last) + cost(cut) + 40);
    let mut kept = Vec::new();
    let mut used = 0;
    for line in first {
        used += cost(line) + 2;
        if used > room {
            break;
        }
        kept.push(line.clone());
    }
    kept.push(format!("{} lines left out {cut}", first.len() - kept.len()));
    kept.extend_from_slice(last);
    kept
}

fn sections(lines: Vec<String>) -> Vec<Json> {
    let mut texts: Vec<String> = Vec::new();
    for line in lines {
        match texts.last_mut() {
            Some(text) if cost(text) + cost(&line) + 2 <= SECTION => {
                text.push('\n');
                text.push_str(&line);
            }
            _ => texts.push(line),
        }
    }
    texts.iter().map(|text| json!({"type": "section", "text": plain(text)})).collect()
}

/// Whose playbook, and where the record is.
fn context(message: &Message) -> Vec<Json> {
    let notice = &message.notice;
    let facts = [
        ("playbook", &message.playbook),
        ("target", &message.target),
        ("severity", &notice.severity),
        ("owner", &notice.owner),
    ];
    let facts: Vec<String> = facts.iter().filter_map(|(k, v)| v.as_ref().map(|v| format!("{k} {v}"))).collect();
    let mut elements = Vec::new();
    if !facts.is_empty() {
        elements.push(plain(&fit(&facts.join(" · "), CONTEXT, "…")));
    }
    elements.push(marked(&record(message)));
    if let Some(link) = notice.runbook_url.as_deref().and_then(link) {
        elements.push(marked(&format!("<{link}|Runbook>")));
    }
    vec![json!({"type": "context", "elements": elements})]
}

/// The address as it stands in a link, if it can stand in one.
fn link(url: &str) -> Option<String> {
    let web = url.starts_with("https://") || url.starts_with("http://");
    let clean = !url.contains(['<', '>', '|', '"', '\\']) && !url.chars().any(|c| c.is_whitespace() || c.is_control());
    let link = safe(url);
    (web && clean && cost(&link) <= LINK).then_some(link)
}

fn plain(text: &str) -> Json {
    json!({"type": "plain_text", "text": text, "emoji": false})
}

fn marked(text: &str) -> Json {
    json!({"type": "mrkdwn", "text": text, "verbatim": true})
}

#[cfg(test)]
mod tests;
