//! Hosts and ports: libpq's lists, paired and filled in.

use super::login::Place;
use crate::config::dsn::Params;
use std::net::IpAddr;
use tokio_postgres::config::SslMode;

const PORT: u16 = 5432;
/// Where Debian's and Red Hat's servers put their socket.
const SOCKETS: &str = "/var/run/postgresql";

/// One of the list.
pub struct Written {
    /// Name, address or socket folder, as the password file knows it.
    pub host: String,
    /// Folder of the Unix socket, if it is one.
    pub socket: Option<String>,
    address: Option<IpAddr>,
    /// Port.
    pub port: u16,
}

/// All places, in order; numbers of hosts, addresses and ports were checked when they were read.
///
/// # Errors
/// An address that is none; a kind of socket that is not spoken.
pub fn of(params: &Params) -> Result<Vec<Written>, String> {
    let hosts = params.list("host").unwrap_or_default();
    let addresses = params.list("hostaddr").unwrap_or_default();
    let ports = params.list("port").unwrap_or_default();
    let count = hosts.len().max(addresses.len()).max(1);
    (0..count)
        .map(|n| {
            let written = |list: &[&str]| list.get(n).copied().filter(|v| !v.is_empty()).map(str::to_owned);
            let port = if ports.len() == 1 { ports.first() } else { ports.get(n) };
            let port = port.filter(|p| !p.is_empty()).map_or(Ok(PORT), |p| p.parse());
            let port = port.map_err(|_| "`port` is not a number".to_owned())?;
            let address = written(&addresses).map(|a| a.parse()).transpose();
            let address: Option<IpAddr> = address.map_err(|_| "`hostaddr` is not an IP address".to_owned())?;
            let host = written(&hosts).or_else(|| address.map(|a| a.to_string())).unwrap_or_else(|| SOCKETS.to_owned());
            if host.starts_with('@') && address.is_none() {
                return Err("sockets in the abstract namespace (`@…`) are not spoken: name a folder".to_owned());
            }
            let socket = (address.is_none() && host.starts_with('/')).then(|| host.clone());
            Ok(Written { host, socket, address, port })
        })
        .collect()
}

impl Written {
    /// With what the login adds.
    pub fn ready(self, mut config: tokio_postgres::Config, modes: Vec<SslMode>) -> Place {
        let Written { host, socket, address, port } = self;
        // A folder beside an address is no name to verify a certificate by.
        let name = if host.starts_with('/') { address.map(|a| a.to_string()) } else { Some(host.clone()) };
        config.host(name.as_deref().unwrap_or(&host)).port(port);
        let title = match &socket {
            Some(folder) => format!("{folder} (port {port})"),
            None if host.contains(':') => format!("[{host}]:{port}"),
            None => format!("{host}:{port}"),
        };
        Place { config, name: name.filter(|_| socket.is_none()), address, port, modes, title }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn titles(dsn: &str) -> Result<String, String> {
        let places = of(&Params::parse(dsn)?)?;
        let ready = |p: Written| {
            let place = p.ready(tokio_postgres::Config::new(), Vec::new());
            place.address.map_or(place.title.clone(), |a| format!("{} at {a}", place.title))
        };
        Ok(places.into_iter().map(ready).collect::<Vec<_>>().join(" "))
    }

    #[test]
    fn lists_are_paired_as_libpq_pairs_them() {
        for (dsn, want) in [
            ("", "/var/run/postgresql (port 5432)"),
            ("host=a,b", "a:5432 b:5432"),
            ("host=a,b port=1", "a:1 b:1"),
            ("host=a,b,/s port=1,,3", "a:1 b:5432 /s (port 3)"),
            ("host=a, port=1,2", "a:1 /var/run/postgresql (port 2)"),
            ("hostaddr=10.0.0.1,::1", "10.0.0.1:5432 at 10.0.0.1 [::1]:5432 at ::1"),
            ("host=a,b hostaddr=10.0.0.1,10.0.0.2", "a:5432 at 10.0.0.1 b:5432 at 10.0.0.2"),
            ("host=a,b hostaddr=10.0.0.1,", "a:5432 at 10.0.0.1 b:5432"),
            ("postgresql://a:1,b/x", "a:1 b:5432"),
        ] {
            assert_eq!(titles(dsn).as_deref(), Ok(want), "{dsn}");
        }
        assert!(titles("host=@x").unwrap_err().contains("abstract"));
    }
}
