//! What a connection string says, read by libpq's rules.

use super::keys::{KEYS, Key, Takes, names};
use super::{pairs, url};
use crate::syntax::fault::meant;
use secrecy::SecretString;
use std::collections::BTreeMap;

/// What is said, option by option. Never printed: it may hold a password.
#[derive(Clone, Default)]
pub struct Params(BTreeMap<&'static str, String>);

impl Params {
    /// Reads a URL (`postgresql://…`) or `key=value` pairs.
    ///
    /// # Errors
    /// Says what is wrong and never repeats a value.
    pub fn parse(text: &str) -> Result<Params, String> {
        let rest = text.strip_prefix("postgresql://").or_else(|| text.strip_prefix("postgres://"));
        let params = match rest {
            Some(rest) => url::read(rest)?,
            None => pairs::read(text)?,
        };
        params.check()?;
        Ok(params)
    }

    /// Fills in what the environment says for options that are not written.
    ///
    /// # Errors
    /// Names the variable whose value cannot be taken.
    pub fn or_environment(mut self, variable: impl Fn(&str) -> Option<String>) -> Result<Params, String> {
        for key in KEYS {
            let Some(name) = key.variable else { continue };
            let Some(value) = variable(name).filter(|v| !v.is_empty() && !self.0.contains_key(key.name)) else {
                continue;
            };
            self.put(key.name, value).map_err(|why| format!("the variable {name}: {why}"))?;
        }
        // As old as libpq itself, and still read.
        if variable("PGREQUIRESSL").is_some_and(|v| v.starts_with('1')) {
            self.0.entry("sslmode").or_insert_with(|| "require".to_owned());
        }
        Ok(self)
    }

    /// Fills in what another source says for options that are not written.
    #[must_use]
    pub fn or(mut self, other: Params) -> Params {
        for (key, value) in other.0 {
            self.0.entry(key).or_insert(value);
        }
        self
    }

    /// The value of an option; an empty one counts as not written, as in libpq.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&str> {
        self.0.get(key).map(String::as_str).filter(|v| !v.is_empty())
    }

    /// The value of an option that is a list; elements may be empty. None: not written.
    #[must_use]
    pub fn list(&self, key: &str) -> Option<Vec<&str>> {
        Some(self.get(key)?.split(',').map(str::trim).collect())
    }

    /// The value of an option that is a whole number.
    #[must_use]
    pub fn whole(&self, key: &str) -> Option<i64> {
        // It was found to be one when it was put in.
        self.get(key).and_then(|v| v.trim().parse().ok())
    }

    /// All options and their values but passwords, by name.
    pub fn but_passwords(&self) -> impl Iterator<Item = (&str, &str)> {
        let secret = |key: &&str| key.ends_with("password");
        self.0.iter().filter(move |(key, _)| !secret(key)).map(|(key, value)| (*key, value.as_str()))
    }

    /// The password that is written, if one is.
    #[must_use]
    pub fn password(&self) -> Option<SecretString> {
        self.get("password").map(SecretString::from)
    }

    /// What can be said against the options together, without a look at the world.
    ///
    /// # Errors
    /// Hosts, addresses and ports that do not fit each other; options that contradict each other.
    pub fn check(&self) -> Result<(), String> {
        let count = |key| self.list(key).map(|all| all.len());
        if let (Some(hosts), Some(addresses)) = (count("host"), count("hostaddr"))
            && hosts != addresses
        {
            return Err(format!("`host` names {hosts} and `hostaddr` {addresses}: they go in pairs"));
        }
        for address in self.list("hostaddr").unwrap_or_default().into_iter().filter(|a| !a.is_empty()) {
            let address: Result<std::net::IpAddr, _> = address.parse();
            address.map_err(|_| "`hostaddr` is not an IP address: names go into `host`".to_owned())?;
        }
        let ports = self.list("port").unwrap_or_default();
        if ports.iter().any(|p| !p.is_empty() && !p.parse().is_ok_and(|n: u16| n > 0)) {
            return Err("`port` is a number from 1 to 65535, or several with commas between them".to_owned());
        }
        let hosts = count("hostaddr").or(count("host"));
        if let Some(hosts) = hosts.filter(|hosts| ports.len() > 1 && ports.len() != *hosts) {
            return Err(format!("`port` names {} and `host` {hosts}: write one for all, or one for each", ports.len()));
        }
        let weak = |mode: &str| matches!(mode, "disable" | "allow" | "prefer");
        let mode = self.get("sslmode");
        if self.get("sslrootcert") == Some("system") && mode.is_some_and(|m| m != "verify-full") {
            return Err("sslrootcert=system trusts every public authority, so that it needs sslmode=verify-full".into());
        }
        if self.get("sslnegotiation") == Some("direct") && mode.is_some_and(weak) {
            return Err("sslnegotiation=direct needs sslmode=require, verify-ca or verify-full".to_owned());
        }
        if (self.get("ssl_min_protocol_version"), self.get("ssl_max_protocol_version"))
            == (Some("TLSv1.3"), Some("TLSv1.2"))
        {
            return Err("`ssl_min_protocol_version` is above `ssl_max_protocol_version`".to_owned());
        }
        Ok(())
    }

    /// Puts one option in; a later one takes an earlier one's place.
    pub(super) fn put(&mut self, name: &str, value: String) -> Result<(), String> {
        let key = KEYS.iter().find(|k| k.name == name).ok_or_else(|| unknown(name))?;
        if value.contains('\0') {
            return Err(format!("`{}` holds a zero byte", key.name));
        }
        takes(key, &value)?;
        self.0.insert(key.name, value);
        Ok(())
    }

    /// As [`Params::put`], but what is there stays.
    pub(crate) fn put_if_absent(&mut self, name: &str, value: String) -> Result<(), String> {
        if self.0.contains_key(name) { Ok(()) } else { self.put(name, value) }
    }
}

fn takes(key: &Key, value: &str) -> Result<(), String> {
    let name = key.name;
    match key.takes {
        Takes::Nothing(why) => Err(format!("`{name}` is not taken: {why}")),
        _ if value.is_empty() => Ok(()),
        Takes::Text => Ok(()),
        Takes::Whole => {
            let whole: Result<i32, _> = value.trim().parse();
            whole.map(drop).map_err(|_| format!("`{name}` is not a whole number"))
        }
        Takes::Words(words) if words.contains(&value) => Ok(()),
        Takes::Words([one]) => Err(format!("`{name}` can only be {one}")),
        Takes::Words(words) => Err(format!("`{name}` is one of {}", words.join(", "))),
    }
}

/// What has no known name may be a piece of a password that was not escaped: it is repeated only when it is
/// nearly a known one.
fn unknown(name: &str) -> String {
    let all = || names().collect::<Vec<_>>().join(", ");
    match meant(name, KEYS.iter().map(|k| k.name)) {
        Some(near) => format!("there is no connection option `{name}`: did you mean `{near}`?"),
        None => format!("a connection option has an unknown name; {}; options are {}", url::ESCAPE, all()),
    }
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;
