//! Where a session goes and as whom: a connection string with everything filled in.

use super::dsn::Params;
use super::passwords::{self, Asker};
use super::tls::{self, Verify};
use crate::config::CONNECT_TIMEOUT;
use crate::model::Duration;
use secrecy::{ExposeSecret, SecretString};
use std::path::Path;
use tokio_postgres::config::{ChannelBinding, SslMode};
use tokio_postgres_rustls::MakeRustlsConnect;

/// Everything a connect needs. Not printable: the password is in it.
#[derive(Clone)]
pub struct Login {
    /// As tokio-postgres takes it; database and start-up settings are still to be set.
    pub config: tokio_postgres::Config,
    /// How TLS is spoken, where it is.
    pub tls: MakeRustlsConnect,
    /// For the whole of a connect: socket, TLS, password, first settings.
    pub connect_timeout: Duration,
    /// `user@host:port`, for messages.
    pub title: String,
    /// Database, if none other is asked for.
    pub database: String,
    /// User.
    pub user: String,
}

/// What the configuration adds to a connection string.
#[derive(Default)]
pub struct Extra {
    /// Logs in as this user; the connection string's password is another one's then.
    pub user: Option<String>,
    /// Beats the connection string's.
    pub password: Option<SecretString>,
}

/// Reads a connection string, the environment and the password file. Relative paths are seen from `base`.
///
/// # Errors
/// Names the option that is wrong or missing; never repeats a secret.
pub fn read(dsn: &str, extra: Extra, base: &Path) -> Result<Login, String> {
    let params = Params::parse(dsn)?.or_environment(|name| std::env::var(name).ok());
    let host = params.get("host").or(params.get("hostaddr")).unwrap_or("/var/run/postgresql").to_owned();
    let port = number(&params, "port")?.unwrap_or(5432);
    let port = u16::try_from(port).map_err(|_| "`port` is at most 65535".to_owned())?;
    let written = params.get("user").map(str::to_owned);
    let other = extra.user.is_some() && extra.user != written;
    let user = extra.user.or(written).map_or_else(own_name, Ok)?;
    let database = params.get("dbname").unwrap_or(&user).to_owned();

    let written = if other { None } else { params.password() };
    let mut password = extra.password.or(written).or_else(from_environment);
    if password.is_none() {
        let asker = Asker { host: &host, port, database: &database, user: &user };
        password = passwords::look_up(params.get("passfile"), &asker)?;
    }

    let mut config = tokio_postgres::Config::new();
    config.host(&host).port(port).user(&user);
    if let Some(password) = password {
        config.password(password.expose_secret());
    }
    if let Some(addr) = params.get("hostaddr") {
        config.hostaddr(addr.parse().map_err(|_| "`hostaddr` is not an IP address".to_owned())?);
    }
    let connect_timeout = set_times(&params, &mut config)?;
    // As libpq: TLS is not spoken over a Unix socket, whatever sslmode says.
    let local = host.starts_with('/');
    let (mode, verify) = if local { (SslMode::Disable, Verify::Nothing) } else { ssl_mode(&params)? };
    config.ssl_mode(mode).channel_binding(channel_binding(&params)?);
    let tls = tls::connector(verify, params.get("sslrootcert"), base)?;
    let title = if local { format!("{user}@{host} (port {port})") } else { format!("{user}@{host}:{port}") };
    Ok(Login { config, tls, connect_timeout, title, database, user })
}

fn from_environment() -> Option<SecretString> {
    std::env::var("PGPASSWORD").ok().filter(|p| !p.is_empty()).map(SecretString::from)
}

fn own_name() -> Result<String, String> {
    let name = ["USER", "LOGNAME"].iter().find_map(|v| std::env::var(v).ok().filter(|n| !n.is_empty()));
    name.ok_or_else(|| "no user is named: write it in the connection string or set PGUSER".to_owned())
}

fn number(params: &Params, key: &str) -> Result<Option<u64>, String> {
    let read = |v: &str| v.trim().parse().map_err(|_| format!("`{key}` is not a whole number"));
    params.get(key).map(read).transpose()
}

/// A dead peer is noticed after about 20 s, also in the middle of a statement, where libpq's own
/// defaults wait for hours.
fn set_times(params: &Params, config: &mut tokio_postgres::Config) -> Result<Duration, String> {
    let seconds = |key, default| Ok::<_, String>(Duration::from_secs(number(params, key)?.unwrap_or(default)));
    config.keepalives(number(params, "keepalives")?.unwrap_or(1) != 0);
    config.keepalives_idle(seconds("keepalives_idle", 10)?);
    config.keepalives_interval(seconds("keepalives_interval", 3)?);
    let count = number(params, "keepalives_count")?.unwrap_or(3);
    config.keepalives_retries(u32::try_from(count).map_err(|_| "`keepalives_count` is too large".to_owned())?);
    config.tcp_user_timeout(Duration::from_millis(number(params, "tcp_user_timeout")?.unwrap_or(19_000)));
    let timeout = seconds("connect_timeout", CONNECT_TIMEOUT.as_secs())?;
    // libpq reads 0 as "wait for ever"; nothing here does that.
    let timeout = if timeout.is_zero() { CONNECT_TIMEOUT } else { timeout };
    config.connect_timeout(timeout);
    Ok(timeout)
}

fn ssl_mode(params: &Params) -> Result<(SslMode, Verify), String> {
    Ok(match params.get("sslmode").unwrap_or("prefer") {
        "disable" => (SslMode::Disable, Verify::Nothing),
        "prefer" => (SslMode::Prefer, Verify::Nothing),
        // As libpq: `require` with a root certificate means that it is to be used.
        "require" if params.get("sslrootcert").is_some() => (SslMode::Require, Verify::Chain),
        "require" => (SslMode::Require, Verify::Nothing),
        "verify-ca" => (SslMode::Require, Verify::Chain),
        "verify-full" => (SslMode::Require, Verify::ChainAndName),
        _ => return Err("`sslmode` is one of disable, prefer, require, verify-ca, verify-full".to_owned()),
    })
}

fn channel_binding(params: &Params) -> Result<ChannelBinding, String> {
    Ok(match params.get("channel_binding").unwrap_or("prefer") {
        "disable" => ChannelBinding::Disable,
        "prefer" => ChannelBinding::Prefer,
        "require" => ChannelBinding::Require,
        _ => return Err("`channel_binding` is one of disable, prefer, require".to_owned()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fault(dsn: &str) -> String {
        read(dsn, Extra::default(), Path::new("/nowhere")).err().unwrap()
    }

    #[test]
    fn faults_name_the_option() {
        assert!(fault("host=a user=u port=x").contains("`port`"));
        assert!(fault("host=a user=u sslmode=allow").contains("verify-full"));
        assert!(fault("host=a user=u sslmode=verify-full sslrootcert=ca.pem").contains("/nowhere/ca.pem"));
    }

    #[test]
    fn another_user_does_not_inherit_the_password() {
        let dsn = "postgresql://me:secret@127.0.0.1:1/x";
        let extra = Extra { user: Some("act".to_owned()), password: None };
        let login = read(dsn, extra, Path::new("/")).unwrap();
        assert_eq!((login.user.as_str(), login.config.get_password()), ("act", None));
        let same = read(dsn, Extra::default(), Path::new("/")).unwrap();
        assert_eq!(same.config.get_password(), Some(b"secret".as_slice()));
        assert_eq!(same.title, "me@127.0.0.1:1");
    }
}
