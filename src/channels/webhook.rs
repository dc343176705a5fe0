//! A webhook signed as Standard Webhooks say: any receiver can check who sent it and when.

use super::{ChannelService, Message, Request};
use crate::model::{Duration, Timestamp, time};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use secrecy::{ExposeSecret, SecretString};
use serde_json::json;

/// Key lengths in bytes that the specification allows.
const KEY_BYTES: std::ops::RangeInclusive<usize> = 24..=64;

/// A webhook whose secrets are at hand.
#[derive(Debug)]
pub struct Webhook {
    /// Where.
    pub url: SecretString,
    /// `whsec_…`.
    pub secret: SecretString,
}

impl ChannelService for Webhook {
    fn pace(&self) -> Duration {
        Duration::ZERO
    }

    fn request(&self, message: &Message, now: Timestamp) -> Result<Request, String> {
        let key = key(self.secret.expose_secret())
            .ok_or("the channel's secret is not `whsec_` followed by the base64 of 24 to 64 bytes")?;
        let body = body(message).to_string().into_bytes();
        // The same for every attempt: the receiver knows a repeat by it.
        let id = format!("{}-{}", message.log, message.seq);
        let signature = standardwebhooks::Webhook::from_bytes(key)
            .and_then(|signer| signer.sign(&id, now.as_second(), &body))
            .map_err(|e| format!("the message cannot be signed: {e}"))?;
        let headers = vec![
            ("content-type", "application/json".to_owned()),
            (standardwebhooks::HEADER_WEBHOOK_ID, id),
            (standardwebhooks::HEADER_WEBHOOK_TIMESTAMP, now.as_second().to_string()),
            (standardwebhooks::HEADER_WEBHOOK_SIGNATURE, signature),
        ];
        Ok(Request { url: self.url.clone(), headers, body, dead_when: &[] })
    }
}

fn key(secret: &str) -> Option<Vec<u8>> {
    let key = STANDARD.decode(secret.trim().strip_prefix("whsec_")?).ok()?;
    KEY_BYTES.contains(&key.len()).then_some(key)
}

/// Every key is always there, so that receivers need not guess; what does not apply is null.
fn body(message: &Message) -> serde_json::Value {
    let notice = &message.notice;
    json!({
        "event": notice.event,
        "incident": notice.incident,
        "headline": notice.headline,
        "lines": notice.lines,
        "run": message.run,
        "target": message.target,
        "playbook": message.playbook,
        "severity": notice.severity,
        "owner": notice.owner,
        "runbook_url": notice.runbook_url,
        "labels": notice.labels,
        "time": time::rfc3339_micros(message.time),
        "seq": message.seq,
        "log": message.log,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::record::Notice;

    fn message() -> Message {
        Message {
            seq: 7,
            log: "01JDEXAMPLE".to_owned(),
            time: "2026-11-24T20:19:12Z".parse().unwrap(),
            notice: Notice {
                event: "acted".to_owned(),
                incident: "cancel-long-queries/orders".to_owned(),
                headline: "Ended 1 query that ran longer than 5m".to_owned(),
                lines: vec!["pid 4711 ran 12m 3s".to_owned()],
                severity: Some("critical".to_owned()),
                owner: None,
                runbook_url: None,
                labels: [("env".to_owned(), "prod".to_owned())].into(),
            },
            run: Some("01JDRUN".to_owned()),
            target: Some("orders".to_owned()),
            playbook: Some("cancel-long-queries".to_owned()),
        }
    }

    fn webhook(secret: &str) -> Webhook {
        Webhook { url: "https://ops.example/hook".into(), secret: secret.into() }
    }

    #[test]
    fn the_body_says_everything() {
        insta::assert_json_snapshot!(body(&message()), @r#"
        {
          "event": "acted",
          "headline": "Ended 1 query that ran longer than 5m",
          "incident": "cancel-long-queries/orders",
          "labels": {
            "env": "prod"
          },
          "lines": [
            "pid 4711 ran 12m 3s"
          ],
          "log": "01JDEXAMPLE",
          "owner": null,
          "playbook": "cancel-long-queries",
          "run": "01JDRUN",
          "runbook_url": null,
          "seq": 7,
          "severity": "critical",
          "target": "orders",
          "time": "2026-11-24T20:19:12.000000Z"
        }
        "#);
    }

    #[test]
    fn the_id_outlives_attempts_and_the_signature_does_not() {
        let webhook = webhook("whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oDMfKgkfxx");
        let first = webhook.request(&message(), "2026-11-24T20:19:12Z".parse().unwrap()).unwrap();
        let later = webhook.request(&message(), "2026-11-24T21:19:12Z".parse().unwrap()).unwrap();
        assert_eq!(first.headers[1], ("webhook-id", "01JDEXAMPLE-7".to_owned()));
        assert_eq!(first.headers[1], later.headers[1]);
        assert_eq!(first.headers[2], ("webhook-timestamp", "1795551552".to_owned()));
        assert_ne!(first.headers[3], later.headers[3]);
    }

    #[test]
    fn an_unusable_secret_is_refused_without_being_shown() {
        for secret in ["hunter2", "whsec_!!", "whsec_c2hvcnQ=", ""] {
            let why = webhook(secret).request(&message(), Timestamp::UNIX_EPOCH).unwrap_err();
            assert!(why.contains("24 to 64 bytes"), "{why}");
            assert!(secret.is_empty() || !why.contains(secret), "{why}");
        }
    }
}
