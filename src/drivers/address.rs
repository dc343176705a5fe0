//! Where a connection string leads and as whom, without connecting: for what is told to people.

use super::dsn::Params;

/// Where a connection string leads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Address {
    /// Role.
    pub user: String,
    /// Name, address, or folder of a Unix socket.
    pub host: String,
    /// Port, as written.
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
    let params = Params::parse(dsn)?.or_environment(|name| std::env::var(name).ok());
    let own = || std::env::var("USER").ok().filter(|n| !n.is_empty());
    let user = params.get("user").map(str::to_owned).or_else(own);
    let user = user.ok_or_else(|| "no user is named: write it in the connection string".to_owned())?;
    let written = |key: &str, default: &str| params.get(key).unwrap_or(default).to_owned();
    Ok(Address {
        host: params.get("host").or(params.get("hostaddr")).unwrap_or("/var/run/postgresql").to_owned(),
        port: written("port", "5432"),
        database: written("dbname", &user),
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
