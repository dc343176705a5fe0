//! Where a connection string leads and as whom, without connecting: for what is told to people.

use super::around::Around;
use super::login::own_name;
use super::{places, service};
use crate::config::dsn::Params;

/// Where a connection string leads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Address {
    /// Role.
    pub user: String,
    /// Of several hosts the first: name, address, or folder of a Unix socket.
    pub host: String,
    /// Port.
    pub port: String,
    /// Database that a session opens when none other is asked for.
    pub database: String,
}

impl Address {
    /// Whether it is a Unix socket.
    #[must_use]
    pub fn is_local(&self) -> bool {
        self.host.starts_with('/')
    }
}

/// Reads a connection string and libpq's variables; no password is looked for.
///
/// # Errors
/// Names the option that is wrong; never repeats a secret.
pub fn address(dsn: &str) -> Result<Address, String> {
    let around = Around::default();
    let params = service::fill(Params::parse(dsn)?, &around)?.or_environment(|name| around.variable(name))?;
    params.check()?;
    let user = params.get("user").map(str::to_owned).map_or_else(own_name, Ok)?;
    let first = places::of(&params)?.into_iter().next().ok_or_else(|| "no host is named".to_owned())?;
    Ok(Address {
        host: first.host,
        port: first.port.to_string(),
        database: params.get("dbname").unwrap_or(&user).to_owned(),
        user,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_read_without_its_secrets() {
        let read = address("postgresql://me:secret@db1:5433/shop").unwrap();
        let want = Address {
            user: "me".to_owned(),
            host: "db1".to_owned(),
            port: "5433".to_owned(),
            database: "shop".to_owned(),
        };
        assert_eq!(read, want);
        assert!(address("host=/run/pg user=me").unwrap().is_local());
    }
}
