//! Keeping secrets out of the record of a configuration: users do write them in the file.

use crate::config::{Config, Service, Text};
use regex::Regex;
use secrecy::ExposeSecret;
use std::sync::LazyLock;

/// What stands in a secret's place.
const STARS: &str = "***";

// The patterns are constants that a test compiles, so they cannot fail here.
#[allow(clippy::expect_used)]
static BY_KEY: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r#"(?i)\b(password|secret|webhook_url|bearer|token)(\s*:\s*)("(?:[^"\\\n]|\\.)*"|'[^'\n]*'|[^\s,}\]#'"|>][^\s,}\]#]*)"#)
        .expect("a constant pattern")
});
#[allow(clippy::expect_used)]
static IN_URL: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"(://[^/\s:@]*):([^@\s/]+)@").expect("a constant pattern"));
#[allow(clippy::expect_used)]
static IN_DSN: LazyLock<Regex> = LazyLock::new(|| {
    Regex::new(r#"(?i)\b(password\s*=\s*)('(?:[^'\\]|\\.)*'|[^\s"'&]+)"#).expect("a constant pattern")
});

#[allow(clippy::expect_used)]
static STARRED: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r#"(?m)(:[ \t]+)(?:\*{3}|"\*{3}"|'\*{3}')([\s,}]|$)"#).expect("a constant pattern"));

/// A recorded text so that it can be read: in YAML stars would begin an alias, and in place of a secret
/// only a reference is always well-formed.
#[must_use]
pub fn readable(text: &str) -> String {
    STARRED.replace_all(text, "${1}\"$${env:STARRED}\"${2}").replace(STARS, "starred")
}

/// The text of one of the configuration's files without any secret that is written in the configuration.
#[must_use]
pub fn text_without_secrets(config: &Config, text: &str) -> String {
    let mut text = without_secrets(text);
    for secret in plain(config) {
        let secret = secret.expose_secret();
        // Shorter ones are found by their key; replacing them everywhere would eat the text.
        if secret.len() >= 4 {
            text = text.replace(secret, STARS);
        }
    }
    text
}

/// By key, in URLs and in connection strings.
fn without_secrets(text: &str) -> String {
    let keep_references = |found: &regex::Captures| {
        let value = found[3].trim_matches(['"', '\'']);
        if value.starts_with("${") { found[0].to_owned() } else { format!("{}{}{STARS}", &found[1], &found[2]) }
    };
    let text = BY_KEY.replace_all(text, keep_references);
    let text = IN_URL.replace_all(&text, format!("$1:{STARS}@"));
    IN_DSN.replace_all(&text, format!("${{1}}{STARS}")).into_owned()
}

/// Secrets that are written in the file itself.
fn plain(config: &Config) -> impl Iterator<Item = &secrecy::SecretString> {
    let passwords = config.targets.iter().flat_map(|t| {
        let poolers = t.pgbouncer.iter().filter_map(|p| p.password.as_ref());
        let logins = t.act_as.iter().filter_map(|l| l.password.as_ref());
        t.password.iter().chain(logins).chain(poolers)
    });
    let channels = config.channels.iter().flat_map(|c| match &c.service {
        Service::Slack { webhook_url } => vec![webhook_url],
        Service::Webhook { url, secret } => vec![url, secret],
    });
    passwords.chain(channels).filter_map(|text| match text {
        Text::Plain(secret) => Some(secret),
        Text::Env(_) | Text::File(_) => None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stars_can_be_read_again() {
        let text = "a: {password: ***, secret: \"***\"}\nb: ***\ndsn: postgresql://u:***@h/db\n";
        let read = "a: {password: \"${env:STARRED}\", secret: \"${env:STARRED}\"}\nb: \"${env:STARRED}\"\n\
                    dsn: postgresql://u:starred@h/db\n";
        assert_eq!(readable(text), read);
    }

    #[test]
    fn no_form_of_a_secret_survives_and_references_do() {
        let text = r#"
password: hunter2
act_as: {user: a, password: "hun\"ter2"}
other: {password: 'hunter2', secret: whsec_hunter2}
dsn: postgresql://u:hunter2@db/postgres
dsn: "host=db password=hunter2 user=u"
slack: {webhook_url: https://hooks.slack.com/services/hunter2}
password: ${env:HUNTER}
"#;
        let clean = without_secrets(text);
        assert!(!clean.contains("hunter2") && !clean.contains("ter2"), "{clean}");
        assert!(clean.contains("password: ${env:HUNTER}") && clean.contains("user=u"), "{clean}");
    }
}
