//! On which server, and by which pooler, something was done: compared before it is looked after or taken back,
//! since a name of the configuration may lead elsewhere by then.

use super::{Candidate, Server};
use serde::{Deserialize, Serialize};

/// Where in the evidence of an intent, and of what came of it, it stands.
const KEY: &str = "on";

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

    /// How another look differs, in words; none when it is the same. Only `now` that was looked at itself tells
    /// of its file: without it the server and the place are compared.
    #[must_use]
    pub fn differs(&self, now: &Whom, looked_at: bool) -> Option<String> {
        if self.system_identifier != now.system_identifier {
            return Some(format!(
                "it was done on the server with the system identifier {}, and this is another one ({})",
                self.system_identifier, now.system_identifier
            ));
        }
        let place = |whom: &Whom| whom.pooler.clone().unwrap_or_else(|| "an unknown place".to_owned());
        if self.pooler != now.pooler {
            return Some(format!("it was done by the PgBouncer at {}, and this is {}", place(self), place(now)));
        }
        let file = |whom: &Whom| whom.config_file.clone().unwrap_or_else(|| "no file".to_owned());
        (looked_at && self.config_file != now.config_file).then(|| {
            let (then, now) = (file(self), file(now));
            format!("it was done by the PgBouncer of {then}, and now that of {now} is at {}", place(self))
        })
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
        let said = |now: Whom| main().differs(&now, true).unwrap_or_default();
        assert_eq!(said(main()), "");
        insta::assert_snapshot!(
            [
                said(Whom { system_identifier: "8".to_owned(), ..main() }),
                said(Whom { pooler: Some("db2:6432".to_owned()), ..main() }),
                said(Whom { pooler: None, ..main() }),
                said(Whom { config_file: Some("/etc/other.ini".to_owned()), ..main() }),
            ]
            .join("\n"),
            @"
        it was done on the server with the system identifier 7, and this is another one (8)
        it was done by the PgBouncer at db1:6432, and this is db2:6432
        it was done by the PgBouncer at db1:6432, and this is an unknown place
        it was done by the PgBouncer of /etc/pgbouncer/pgbouncer.ini, and now that of /etc/other.ini is at db1:6432
        "
        );
        assert_eq!(main().differs(&Whom { config_file: None, ..main() }, false), None, "nobody looked at its file");
    }

    #[test]
    fn it_is_read_back_from_the_evidence() {
        assert_eq!(Whom::read(Some(&main().evidence())), Some(main()));
        assert_eq!(Whom::read(Some(&serde_json::json!({}))), None);
    }
}
