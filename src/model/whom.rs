//! On which server, and by which pooler, something was done: compared before it is looked after or taken back,
//! since a name of the configuration may lead elsewhere by then.

use super::{Candidate, Server};
use serde::{Deserialize, Serialize};

/// Where in the evidence of an intent, and of what came of it, it stands.
const KEY: &str = "on";

/// What a look says of the place where something was done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Whereabouts {
    /// It is one at the same place.
    Here,
    /// It is one at another place, and why.
    Elsewhere(String),
    /// It proves nothing: a place is not known, and why. The next look may know it, since a file that holds a login
    /// may just be being written.
    Unsure(String),
}

/// Who was acted on. No secrets: addresses come without user and password.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Whom {
    /// Of the server.
    pub system_identifier: String,
    /// Where the pooler's console was, for what is done there: `host:port`, or the path of its socket.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pooler: Option<String>,
    /// The file that this pooler was started with: another one may come to listen at the same place.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub config_file: Option<String>,
}

impl Whom {
    /// As one look shows it.
    #[must_use]
    pub fn of(server: &Server, candidate: &Candidate) -> Whom {
        let pool = match candidate {
            Candidate::Pool(pool) => Some(pool),
            _ => None,
        };
        Whom {
            system_identifier: server.system_identifier.clone(),
            pooler: pool.and_then(|pool| server.poolers.get(&pool.pooler).cloned()),
            config_file: pool.and_then(|pool| pool.config_file.clone()),
        }
    }

    /// For the evidence of a record.
    #[must_use]
    pub fn evidence(&self) -> serde_json::Value {
        serde_json::json!({ KEY: self })
    }

    /// From the evidence of a record.
    #[must_use]
    pub fn read(evidence: Option<&serde_json::Value>) -> Option<Whom> {
        serde_json::from_value(evidence?.get(KEY)?.clone()).ok()
    }

    /// Whether another look is at the same. Only `now` that was looked at itself tells of its file: without it the
    /// server and the place are compared.
    #[must_use]
    pub fn compare(&self, now: &Whom, looked_at: bool) -> Whereabouts {
        if self.system_identifier != now.system_identifier {
            return Whereabouts::Elsewhere(format!(
                "it was done on the server with the system identifier {}, and this is another one ({})",
                self.system_identifier, now.system_identifier
            ));
        }
        match (&self.pooler, &now.pooler) {
            (then, now) if then == now => {}
            (Some(then), Some(now)) => {
                return Whereabouts::Elsewhere(format!("it was done by the PgBouncer at {then}, and this is {now}"));
            }
            (Some(then), None) => {
                return Whereabouts::Unsure(format!(
                    "it was done by the PgBouncer at {then}, and where this one is cannot be told: its login cannot \
                     be read, or it is no longer configured"
                ));
            }
            (None, _) => {
                let why = "its record does not say where the PgBouncer was that it was done by";
                return Whereabouts::Unsure(why.to_owned());
            }
        }
        let place = self.pooler.as_deref().unwrap_or("an unknown place");
        match (&self.config_file, &now.config_file) {
            (then, now) if !looked_at || then == now => Whereabouts::Here,
            (Some(then), Some(now)) => Whereabouts::Elsewhere(format!(
                "it was done by the PgBouncer of {then}, and now that of {now} is at {place}"
            )),
            (Some(then), None) => Whereabouts::Unsure(format!(
                "it was done by the PgBouncer of {then}, and that at {place} does not say its file now"
            )),
            (None, Some(now)) => Whereabouts::Unsure(format!(
                "its record does not say the file of the PgBouncer that it was done by, and {now} is that at {place}"
            )),
            (None, None) => Whereabouts::Here,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn main() -> Whom {
        Whom {
            system_identifier: "7".to_owned(),
            pooler: Some("db1:6432".to_owned()),
            config_file: Some("/etc/pgbouncer/pgbouncer.ini".to_owned()),
        }
    }

    #[test]
    fn each_part_tells_another_one_and_says_which() {
        let said = |now: Whom| match main().compare(&now, true) {
            Whereabouts::Elsewhere(why) => why,
            other => format!("{other:?}"),
        };
        assert_eq!(said(main()), "Here");
        insta::assert_snapshot!(
            [
                said(Whom { system_identifier: "8".to_owned(), ..main() }),
                said(Whom { pooler: Some("db2:6432".to_owned()), ..main() }),
                said(Whom { config_file: Some("/etc/other.ini".to_owned()), ..main() }),
            ]
            .join("\n"),
            @"
        it was done on the server with the system identifier 7, and this is another one (8)
        it was done by the PgBouncer at db1:6432, and this is db2:6432
        it was done by the PgBouncer of /etc/pgbouncer/pgbouncer.ini, and now that of /etc/other.ini is at db1:6432
        "
        );
        let unseen = Whom { config_file: None, ..main() };
        assert_eq!(main().compare(&unseen, false), Whereabouts::Here, "nobody looked at its file");
    }

    #[test]
    fn what_is_not_known_is_no_other_one() {
        let unsure = |then: Whom, now: Whom| match then.compare(&now, true) {
            Whereabouts::Unsure(why) => why,
            other => format!("{other:?}"),
        };
        let (nowhere, fileless) = (Whom { pooler: None, ..main() }, Whom { config_file: None, ..main() });
        insta::assert_snapshot!(
            [
                unsure(main(), nowhere.clone()),
                unsure(nowhere, main()),
                unsure(main(), fileless.clone()),
                unsure(fileless, main()),
            ]
            .join("\n"),
            @"
        it was done by the PgBouncer at db1:6432, and where this one is cannot be told: its login cannot be read, or it is no longer configured
        its record does not say where the PgBouncer was that it was done by
        it was done by the PgBouncer of /etc/pgbouncer/pgbouncer.ini, and that at db1:6432 does not say its file now
        its record does not say the file of the PgBouncer that it was done by, and /etc/pgbouncer/pgbouncer.ini is that at db1:6432
        "
        );
    }

    #[test]
    fn it_is_read_back_from_the_evidence() {
        assert_eq!(Whom::read(Some(&main().evidence())), Some(main()));
        assert_eq!(Whom::read(Some(&serde_json::json!({}))), None);
    }
}
