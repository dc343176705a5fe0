//! libpq's connection strings, as far as they are understood here; the rest is refused by name.

use secrecy::SecretString;
use std::collections::BTreeMap;

/// Keys that are understood.
const KEYS: &[&str] = &[
    "channel_binding",
    "connect_timeout",
    "dbname",
    "host",
    "hostaddr",
    "keepalives",
    "keepalives_count",
    "keepalives_idle",
    "keepalives_interval",
    "passfile",
    "password",
    "port",
    "sslmode",
    "sslrootcert",
    "tcp_user_timeout",
    "user",
];

/// libpq's variables that stand in for a key that is not written. Passwords have rules of their own.
const VARIABLES: &[(&str, &str)] = &[
    ("PGCHANNELBINDING", "channel_binding"),
    ("PGCONNECT_TIMEOUT", "connect_timeout"),
    ("PGDATABASE", "dbname"),
    ("PGHOST", "host"),
    ("PGHOSTADDR", "hostaddr"),
    ("PGPASSFILE", "passfile"),
    ("PGPORT", "port"),
    ("PGSSLMODE", "sslmode"),
    ("PGSSLROOTCERT", "sslrootcert"),
    ("PGUSER", "user"),
];

/// What a connection string says, key by key. Never printed: it may hold a password.
#[derive(Clone, Default)]
pub struct Params(BTreeMap<&'static str, String>);

impl Params {
    /// Reads a URL (`postgresql://…`) or `key=value` pairs.
    ///
    /// # Errors
    /// Says what is wrong and never repeats a value.
    pub fn parse(text: &str) -> Result<Params, String> {
        let url = text.strip_prefix("postgresql://").or_else(|| text.strip_prefix("postgres://"));
        let params = match url {
            Some(rest) => from_url(rest)?,
            None => from_pairs(text)?,
        };
        let lists = [("host", "several hosts"), ("hostaddr", "several hosts"), ("port", "several ports")];
        for (key, what) in lists {
            if params.get(key).is_some_and(|v| v.contains(',')) {
                return Err(format!("{what} in one connection string are not supported yet: write one target each"));
            }
        }
        Ok(params)
    }

    /// Fills in what the environment says for keys that are not written.
    #[must_use]
    pub fn or_environment(mut self, variable: impl Fn(&str) -> Option<String>) -> Params {
        for (name, key) in VARIABLES {
            if let Some(value) = variable(name).filter(|v| !v.is_empty()) {
                self.0.entry(key).or_insert(value);
            }
        }
        self
    }

    /// The value of a key; an empty one counts as not written, as in libpq.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&str> {
        self.0.get(key).map(String::as_str).filter(|v| !v.is_empty())
    }

    /// The password that is written, if one is.
    #[must_use]
    pub fn password(&self) -> Option<SecretString> {
        self.get("password").map(SecretString::from)
    }

    fn put(&mut self, key: &str, value: String) -> Result<(), String> {
        let known = KEYS.iter().find(|k| **k == key).ok_or_else(|| refusal(key))?;
        self.0.insert(known, value);
        Ok(())
    }
}

fn refusal(key: &str) -> String {
    match key {
        "application_name" => "`application_name` is pgmedic's own to set: leave it out".to_owned(),
        "options" => "`options` cannot be given: pgmedic sets its sessions up itself".to_owned(),
        _ if key.chars().all(|c| c.is_ascii_lowercase() || c == '_') => {
            format!("the connection option `{key}` is not supported; these are: {}", KEYS.join(", "))
        }
        // Not a word: likely a piece of a password that was not escaped. It is not repeated.
        _ => format!("an option has a strange name; {ESCAPE}; options are: {}", KEYS.join(", ")),
    }
}

const ESCAPE: &str = "in a URL's password write %3F for ?, %2F for /, %40 for @, %25 for %";

fn from_url(rest: &str) -> Result<Params, String> {
    let mut params = Params::default();
    let (rest, query) = rest.split_once('?').unwrap_or((rest, ""));
    let (authority, database) = rest.split_once('/').unwrap_or((rest, ""));
    if database.contains('@') {
        return Err(format!("the URL has an `@` behind its `/`; {ESCAPE}"));
    }
    let (login, place) = authority.rsplit_once('@').unwrap_or(("", authority));
    let (user, password) = login.split_once(':').unwrap_or((login, ""));
    let (host, port) = host_and_port(place)?;
    let parts = [("user", user), ("password", password), ("host", host), ("port", port), ("dbname", database)];
    for (key, value) in parts {
        if !value.is_empty() {
            params.put(key, decode(value)?)?;
        }
    }
    for pair in query.split('&').filter(|p| !p.is_empty()) {
        let (key, value) =
            pair.split_once('=').ok_or_else(|| format!("behind `?` an option lacks its `=`; {ESCAPE}"))?;
        params.put(&decode(key)?, decode(value)?)?;
    }
    Ok(params)
}

fn host_and_port(place: &str) -> Result<(&str, &str), String> {
    if let Some(v6) = place.strip_prefix('[') {
        let (host, after) = v6.split_once(']').ok_or("the `[` before an IPv6 address is not closed")?;
        return match after.strip_prefix(':') {
            Some(port) => Ok((host, port)),
            None if after.is_empty() => Ok((host, "")),
            None => Err("after an IPv6 address in brackets comes `:PORT` or nothing".to_owned()),
        };
    }
    Ok(place.rsplit_once(':').unwrap_or((place, "")))
}

fn decode(text: &str) -> Result<String, String> {
    let wrong = || "a `%` in the URL is not followed by two hexadecimal digits: write %25 for it".to_owned();
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        if byte != b'%' {
            bytes.push(byte);
            continue;
        }
        let digit = |b: Option<u8>| b.and_then(|b| char::from(b).to_digit(16));
        let (Some(high), Some(low)) = (digit(rest.next()), digit(rest.next())) else { return Err(wrong()) };
        bytes.push(u8::try_from(high * 16 + low).map_err(|_| wrong())?);
    }
    String::from_utf8(bytes).map_err(|_| "the URL holds bytes that are not UTF-8".to_owned())
}

/// `key=value` pairs: values with blanks stand in `'`, and `\` escapes inside and outside of them.
fn from_pairs(text: &str) -> Result<Params, String> {
    let mut params = Params::default();
    let mut rest = text.trim_start();
    while !rest.is_empty() {
        // What stands before a missing `=` may be a stray half of a password: it is not repeated.
        let (key, after) = rest
            .split_once('=')
            .filter(|(key, _)| !key.trim_end().contains(char::is_whitespace))
            .ok_or("a connection string is a postgresql:// URL or key=value pairs; an `=` is missing")?;
        let (value, after) = value(after.trim_start())?;
        params.put(key.trim_end(), value)?;
        rest = after.trim_start();
    }
    Ok(params)
}

fn value(text: &str) -> Result<(String, &str), String> {
    let quoted = text.starts_with('\'');
    let mut out = String::new();
    let mut chars = text.char_indices().skip(usize::from(quoted));
    while let Some((at, c)) = chars.next() {
        match c {
            '\\' => out.extend(chars.next().map(|(_, c)| c)),
            '\'' if quoted => return Ok((out, &text[at + 1..])),
            c if !quoted && c.is_whitespace() => return Ok((out, &text[at..])),
            c => out.push(c),
        }
    }
    if quoted { Err("a quoted value in the connection string is not closed".to_owned()) } else { Ok((out, "")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str, keys: &[&str]) -> Vec<String> {
        let params = Params::parse(text).unwrap();
        keys.iter().map(|k| params.get(k).unwrap_or("-").to_owned()).collect()
    }

    #[test]
    fn both_forms_say_the_same() {
        let keys = ["user", "password", "host", "port", "dbname", "sslmode"];
        let url = "postgresql://me:it%27s%20me@db1:5433/shop?sslmode=verify-full";
        let pairs = r"user=me password='it\'s me' host = db1 port=5433 dbname=shop sslmode=verify-full";
        assert_eq!(read(url, &keys), ["me", "it's me", "db1", "5433", "shop", "verify-full"]);
        assert_eq!(read(url, &keys), read(pairs, &keys));
    }

    #[test]
    fn places_of_every_kind_are_read() {
        let keys = ["user", "host", "port", "dbname"];
        assert_eq!(read("postgres://[::1]:5433", &keys), ["-", "::1", "5433", "-"]);
        assert_eq!(read("postgresql:///x?host=/run/pg", &keys), ["-", "/run/pg", "-", "x"]);
        assert_eq!(read("postgresql://me@%2Frun%2Fpg/x", &keys), ["me", "/run/pg", "-", "x"]);
        assert_eq!(read("", &keys), ["-", "-", "-", "-"]);
    }

    #[test]
    fn what_is_not_understood_is_named() {
        let cases = [
            ("postgresql://h/d?service=x", "`service`"),
            ("host=a sslkey=k", "`sslkey`"),
            ("host=a,b", "several hosts"),
            ("postgresql://a,b/d", "several hosts"),
            ("host=a application_name=x", "pgmedic's own"),
            ("host", "`=` is missing"),
            ("password='x", "not closed"),
            ("postgresql://h/%zz", "%25"),
            ("postgresql://u:SE?CRET@h/d", "%3F"),
            ("postgresql://u:SE?CRET=x@h/d", "%3F"),
            ("postgresql://u:SE/CRET@h/d", "%2F"),
        ];
        for (text, named) in cases {
            let why = Params::parse(text).err().unwrap();
            assert!(why.contains(named) && !why.contains("CRET"), "{text}: {why}");
        }
    }

    #[test]
    fn a_written_key_beats_the_environment() {
        let params = Params::parse("port=5433").unwrap().or_environment(|name| match name {
            "PGPORT" => Some("1".to_owned()),
            "PGHOST" => Some("db2".to_owned()),
            _ => None,
        });
        assert_eq!((params.get("port"), params.get("host")), (Some("5433"), Some("db2")));
    }
}
