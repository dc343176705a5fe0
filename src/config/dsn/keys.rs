//! libpq's connection options: which are taken, from which variable, with which values; and why the
//! others are not.

/// What an option's value may be.
#[derive(Clone, Copy, Debug)]
pub enum Takes {
    /// Anything.
    Text,
    /// A whole number.
    Whole,
    /// One of these.
    Words(&'static [&'static str]),
    /// It is refused, for this reason.
    Nothing(&'static str),
}

/// One option.
#[derive(Debug)]
pub struct Key {
    /// As written.
    pub name: &'static str,
    /// libpq's variable that stands in for it.
    pub variable: Option<&'static str>,
    /// Its values.
    pub takes: Takes,
}

const fn taken(name: &'static str, variable: &'static str, takes: Takes) -> Key {
    Key { name, variable: Some(variable), takes }
}

const fn written(name: &'static str, takes: Takes) -> Key {
    Key { name, variable: None, takes }
}

const fn refused(name: &'static str, why: &'static str) -> Key {
    Key { name, variable: None, takes: Takes::Nothing(why) }
}

/// Refused from the variable, too: whoever set it relies on it.
const fn required(name: &'static str, variable: &'static str, why: &'static str) -> Key {
    Key { name, variable: Some(variable), takes: Takes::Nothing(why) }
}

use Takes::{Text, Whole, Words};

const ON_OFF: Takes = Words(&["0", "1"]);
const OWN_NAME: &str = "pgmedic's sessions are named by pgmedic (pgmedic/reading, pgmedic/acting, pgmedic/work), so that \
                        everybody can tell them apart";
const OWN_SETTINGS: &str = "pgmedic sets its sessions up itself, so that what it sends runs the same everywhere";
const GSS: &str = "pgmedic does not speak GSSAPI: use a password or a client certificate";
const CRL: &str = "revocation lists are not read: have the certificate authority issue short-lived certificates";
const OAUTH: &str = "pgmedic does not speak OAuth: use a password or a client certificate";
const SCRAM_KEYS: &str = "pgmedic logs in with passwords and client certificates only";

/// Every option of libpq up to version 18, in order of name. Passwords from the environment have rules of
/// their own, and so have `service` and `servicefile`.
pub const KEYS: &[Key] = &[
    refused("application_name", OWN_NAME),
    taken("channel_binding", "PGCHANNELBINDING", Words(&["disable", "prefer", "require"])),
    written("client_encoding", Words(&["auto", "utf8", "UTF8", "utf-8", "UTF-8"])),
    taken("connect_timeout", "PGCONNECT_TIMEOUT", Whole),
    taken("dbname", "PGDATABASE", Text),
    refused("fallback_application_name", OWN_NAME),
    // Without GSSAPI, libpq takes these two words as well.
    taken("gssencmode", "PGGSSENCMODE", Words(&["disable", "prefer"])),
    refused("gssdelegation", GSS),
    refused("gsslib", GSS),
    taken("host", "PGHOST", Text),
    taken("hostaddr", "PGHOSTADDR", Text),
    written("keepalives", Whole),
    written("keepalives_count", Whole),
    written("keepalives_idle", Whole),
    written("keepalives_interval", Whole),
    refused("krbsrvname", GSS),
    taken("load_balance_hosts", "PGLOADBALANCEHOSTS", Words(&["disable", "random"])),
    // pgmedic speaks 3.0, which is at most any of these.
    taken("max_protocol_version", "PGMAXPROTOCOLVERSION", Words(&["3.0", "3.2", "latest"])),
    taken("min_protocol_version", "PGMINPROTOCOLVERSION", Words(&["3.0"])),
    refused("oauth_client_id", OAUTH),
    refused("oauth_client_secret", OAUTH),
    refused("oauth_issuer", OAUTH),
    refused("oauth_scope", OAUTH),
    refused("options", OWN_SETTINGS),
    taken("passfile", "PGPASSFILE", Text),
    written("password", Text),
    taken("port", "PGPORT", Text),
    refused("replication", "pgmedic asks with SQL in ordinary sessions"),
    required(
        "require_auth",
        "PGREQUIREAUTH",
        "pgmedic cannot choose how it logs in; channel_binding=require lets it in over SCRAM and TLS only",
    ),
    required(
        "requirepeer",
        "PGREQUIREPEER",
        "pgmedic does not look at who owns the server's socket: connect over TLS with sslmode=verify-full",
    ),
    refused("scram_client_key", SCRAM_KEYS),
    refused("scram_server_key", SCRAM_KEYS),
    taken("service", "PGSERVICE", Text),
    taken("servicefile", "PGSERVICEFILE", Text),
    taken("ssl_max_protocol_version", "PGSSLMAXPROTOCOLVERSION", Words(&["TLSv1.2", "TLSv1.3"])),
    // The two old ones are asked for no more: less than 1.2 is never spoken.
    taken("ssl_min_protocol_version", "PGSSLMINPROTOCOLVERSION", Words(&["TLSv1", "TLSv1.1", "TLSv1.2", "TLSv1.3"])),
    taken("sslcert", "PGSSLCERT", Text),
    taken("sslcertmode", "PGSSLCERTMODE", Words(&["disable", "allow"])),
    taken("sslcompression", "PGSSLCOMPRESSION", Words(&["0"])),
    required("sslcrl", "PGSSLCRL", CRL),
    required("sslcrldir", "PGSSLCRLDIR", CRL),
    taken("sslkey", "PGSSLKEY", Text),
    refused("sslkeylogfile", "it would write down what decrypts the sessions"),
    taken("sslmode", "PGSSLMODE", Words(&["disable", "allow", "prefer", "require", "verify-ca", "verify-full"])),
    taken("sslnegotiation", "PGSSLNEGOTIATION", Words(&["postgres", "direct"])),
    refused(
        "sslpassword",
        "keys with a passphrase are not read: take the passphrase off a copy that only pgmedic's user may read",
    ),
    taken("sslrootcert", "PGSSLROOTCERT", Text),
    taken("sslsni", "PGSSLSNI", ON_OFF),
    taken(
        "target_session_attrs",
        "PGTARGETSESSIONATTRS",
        Words(&["any", "read-write", "read-only", "primary", "standby", "prefer-standby"]),
    ),
    written("tcp_user_timeout", Whole),
    taken("user", "PGUSER", Text),
];

/// Names of the options that are taken.
pub fn names() -> impl Iterator<Item = &'static str> + Clone {
    KEYS.iter().filter(|k| !matches!(k.takes, Takes::Nothing(_))).map(|k| k.name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_option_is_there_twice() {
        let mut all: Vec<&str> = KEYS.iter().map(|k| k.name).collect();
        all.sort_unstable();
        all.dedup();
        assert_eq!(all.len(), KEYS.len());
    }
}
