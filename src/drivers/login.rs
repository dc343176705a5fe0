//! Where a session goes and as whom: a connection string with everything filled in.

use super::around::Around;
use super::attributes::Wanted;
use super::passwords::{self, Asker};
use super::tls::{self, Mode};
use super::{places, service};
use crate::config::CONNECT_TIMEOUT;
use crate::config::dsn::Params;
use crate::model::Duration;
use nix::unistd::{User, geteuid};
use secrecy::{ExposeSecret, SecretString};
use std::net::IpAddr;
use tokio_postgres::config::{ChannelBinding, SslMode, SslNegotiation};
use tokio_postgres_rustls::MakeRustlsConnect;

/// Everything a connect needs. Not printable: passwords are in it.
#[derive(Clone)]
pub struct Login {
    /// Tried in this order.
    pub places: Vec<Place>,
    /// In any order instead.
    pub shuffled: bool,
    /// What the server must be.
    pub wanted: Wanted,
    /// How TLS is spoken, where it is.
    pub tls: MakeRustlsConnect,
    /// For the whole of one attempt: socket, TLS, password, first settings.
    pub connect_timeout: Duration,
    /// Database, if none other is asked for.
    pub database: String,
    /// User.
    pub user: String,
}

/// One host and port.
#[derive(Clone)]
pub struct Place {
    /// As tokio-postgres takes it; database, TLS and start-up settings are still to be set.
    pub config: tokio_postgres::Config,
    /// To be looked up, unless the address is known; None for a Unix socket.
    pub name: Option<String>,
    /// Known address; None for a Unix socket too.
    pub address: Option<IpAddr>,
    /// Port.
    pub port: u16,
    /// TLS or not, in order.
    pub modes: Vec<SslMode>,
    /// `host:port`, for messages.
    pub title: String,
}

/// What the configuration adds to a connection string.
#[derive(Default)]
pub struct Extra {
    /// Logs in as this user; the connection string's password is another one's then.
    pub user: Option<String>,
    /// Beats the connection string's.
    pub password: Option<SecretString>,
}

/// Reads a connection string, the service file, the environment and the password file.
///
/// # Errors
/// Names the option that is wrong or missing; never repeats a secret.
pub fn read(dsn: &str, extra: Extra, around: &Around) -> Result<Login, String> {
    let params = filled(dsn, around)?;
    let written = params.get("user").map(str::to_owned);
    let other = extra.user.is_some() && extra.user != written;
    // The database that is meant does not change with who looks at it.
    let database = params.get("dbname").map(str::to_owned).or_else(|| written.clone());
    let user = extra.user.or(written).map_or_else(own_name, Ok)?;
    let database = database.unwrap_or_else(|| user.clone());
    let written = if other { None } else { params.password() };
    let environment = || around.variable("PGPASSWORD").map(SecretString::from);
    let password = extra.password.or(written).or_else(environment);

    let mode = Mode::read(&params, around);
    let places = places::of(&params)?;
    // What only TLS needs is not read where no place speaks it.
    let encrypted = mode.attempts != [SslMode::Disable] && places.iter().any(|p| p.socket.is_none());
    let verify = if encrypted { mode.verify } else { tls::Verify::Nothing };
    let tls = if encrypted { tls::connector(verify, &params, around)? } else { tls::unused()? };
    let mut base = tokio_postgres::Config::new();
    base.user(&user).channel_binding(channel_binding(&params));
    if params.get("sslnegotiation") == Some("direct") {
        base.ssl_negotiation(SslNegotiation::Direct);
    }
    let connect_timeout = set_times(&params, &mut base)?;
    let places = places.into_iter().map(|place| {
        let mut config = base.clone();
        let asker = Asker { host: &place.host, port: place.port, database: &database, user: &user };
        let found = match &password {
            Some(password) => Some(password.clone()),
            None => passwords::look_up(params.get("passfile"), &asker, around)?,
        };
        if let Some(password) = found {
            config.password(password.expose_secret());
        }
        let mode = if place.socket.is_some() { Mode::none() } else { mode.clone() };
        Ok(place.ready(config, mode.attempts))
    });
    let places = places.collect::<Result<_, String>>()?;
    let shuffled = params.get("load_balance_hosts") == Some("random");
    let wanted = Wanted::read(params.get("target_session_attrs"));
    Ok(Login { places, shuffled, wanted, tls, connect_timeout, database, user })
}

/// A connection string with everything filled in that leads somewhere: all but the passwords.
///
/// # Errors
/// As those of [`read`].
pub fn leads(dsn: &str, around: &Around) -> Result<String, String> {
    let params = filled(dsn, around)?;
    Ok(format!("{:?}", params.but_passwords().collect::<Vec<_>>()))
}

fn filled(dsn: &str, around: &Around) -> Result<Params, String> {
    let params = service::fill(Params::parse(dsn)?, around)?.or_environment(|name| around.variable(name))?;
    params.check()?;
    Ok(params)
}

impl Login {
    /// `user@host:port`, for messages.
    pub fn title(&self) -> String {
        match &self.places[..] {
            [one] => format!("{}@{}", self.user, one.title),
            several => {
                let all: Vec<&str> = several.iter().map(|p| p.title.as_str()).collect();
                format!("{}@{}", self.user, all.join(","))
            }
        }
    }
}

/// The user of the process, as libpq takes it where none is named.
///
/// # Errors
/// When the system does not know it.
pub fn own_name() -> Result<String, String> {
    let user = User::from_uid(geteuid()).ok().flatten();
    user.map(|u| u.name).ok_or_else(|| "no user is named: write it in the connection string or set PGUSER".to_owned())
}

/// A dead peer is noticed after about 20 s, also in the middle of a statement, where libpq's own
/// defaults wait for hours.
fn set_times(params: &Params, config: &mut tokio_postgres::Config) -> Result<Duration, String> {
    let positive = |key, default| match params.whole(key) {
        // libpq reads 0 and less as the system's own value, which is hours; nothing here waits for those.
        Some(n) if n > 0 => u64::try_from(n).map_err(|_| format!("`{key}` is too large")),
        _ => Ok(default),
    };
    config.keepalives(params.whole("keepalives").unwrap_or(1) != 0);
    config.keepalives_idle(Duration::from_secs(positive("keepalives_idle", 10)?));
    config.keepalives_interval(Duration::from_secs(positive("keepalives_interval", 3)?));
    let count = positive("keepalives_count", 3)?;
    config.keepalives_retries(u32::try_from(count).map_err(|_| "`keepalives_count` is too large".to_owned())?);
    config.tcp_user_timeout(Duration::from_millis(positive("tcp_user_timeout", 19_000)?));
    let timeout = Duration::from_secs(positive("connect_timeout", CONNECT_TIMEOUT.as_secs())?);
    config.connect_timeout(timeout);
    Ok(timeout)
}

/// The word was checked when it was read.
fn channel_binding(params: &Params) -> ChannelBinding {
    match params.get("channel_binding") {
        Some("disable") => ChannelBinding::Disable,
        Some("require") => ChannelBinding::Require,
        _ => ChannelBinding::Prefer,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;

    fn around() -> Around {
        let variables = |name: &str| (name == "HOME").then(|| "/nowhere".to_owned());
        Around { base: "/nowhere".into(), variables: Arc::new(variables) }
    }

    fn login(dsn: &str) -> Result<Login, String> {
        read(dsn, Extra::default(), &around())
    }

    #[test]
    fn faults_name_the_option() {
        let fault = |dsn: &str| login(dsn).err().unwrap();
        assert!(fault("host=a user=u port=x").contains("`port`"));
        assert!(fault("host=a user=u sslmode=verify-full sslrootcert=ca.pem").contains("/nowhere/ca.pem"));
        assert!(fault("host=a user=u sslmode=verify-full").contains("/nowhere/.postgresql/root.crt"));
        assert!(fault("host=a user=u sslcert=c.pem").contains("the client certificate /nowhere/c.pem"));
        login("host=/tmp user=u sslmode=verify-full sslrootcert=ca.pem").unwrap();
    }

    #[test]
    fn an_edit_leads_elsewhere_and_another_password_does_not() {
        let folder = tempfile::tempdir().unwrap();
        let services = folder.path().join("services.conf");
        let dsn = format!("service=orders servicefile={}", services.display());
        let leads = |text: &str| {
            std::fs::write(&services, text).unwrap();
            super::leads(&dsn, &around()).unwrap()
        };
        let first = leads("[orders]\nhost=db1\nuser=u\npassword=old\n");
        assert!(first.contains("db1") && !first.contains("old"), "{first}");
        assert_eq!(leads("[orders]\nhost=db1\nuser=u\npassword=new\n"), first);
        assert_ne!(leads("[orders]\nhost=db2\nuser=u\npassword=old\n"), first);
        assert_ne!(leads("[orders]\nhost=db1\nuser=other\npassword=old\n"), first);
        std::fs::remove_file(&services).unwrap();
        super::leads(&dsn, &around()).unwrap_err();
    }

    #[test]
    fn another_user_does_not_inherit_the_password() {
        let dsn = "postgresql://me:secret@127.0.0.1:1";
        let extra = Extra { user: Some("act".to_owned()), password: None };
        let other = read(dsn, extra, &around()).unwrap();
        assert_eq!((other.user.as_str(), other.places[0].config.get_password()), ("act", None));
        assert_eq!(other.database, "me", "both look at the same database");
        let same = login(dsn).unwrap();
        assert_eq!(same.places[0].config.get_password(), Some(b"secret".as_slice()));
        assert_eq!(same.title(), "me@127.0.0.1:1");
    }
}
