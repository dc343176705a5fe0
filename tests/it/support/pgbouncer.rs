//! One PgBouncer.

use super::process::Process;
use super::{Cluster, places};
use std::fmt::Write as _;
use std::net::TcpStream;
use tokio_postgres::{Client, NoTls};

/// A PgBouncer in front of a test server; it ends with this value, or with the test's process.
pub struct PgBouncer {
    process: Process,
    port: u16,
}

impl PgBouncer {
    /// Starts one for all databases of the server, everybody let in, `pgmedic` and `postgres` as admins.
    /// `options` are lines of `[pgbouncer]`: `("default_pool_size", "2")`. None, said loudly, when it is not
    /// on this machine.
    pub fn start(cluster: &Cluster, options: &[(&str, &str)]) -> Option<PgBouncer> {
        PgBouncer::start_with(cluster, &[], options)
    }

    /// As [`PgBouncer::start`], with lines of `[databases]` before the one for all:
    /// `("app", "pool_size=2")`.
    pub fn start_with(cluster: &Cluster, databases: &[(&str, &str)], options: &[(&str, &str)]) -> Option<PgBouncer> {
        let program = ["/usr/sbin/pgbouncer", "/usr/bin/pgbouncer", "/usr/local/bin/pgbouncer"];
        let Some(program) = program.iter().find(|p| std::path::Path::new(p).exists()) else {
            places::skipped("no pgbouncer on this machine: tests/run.sh installs it");
            return None;
        };
        for _ in 0..5 {
            let dir = places::fresh("pgb-");
            let port = places::free_port();
            let ini = dir.join("pgbouncer.ini");
            std::fs::write(&ini, ini_text(cluster, port, databases, options)).expect("pgbouncer.ini");
            std::fs::write(dir.join("users"), "\"pgmedic\" \"\"\n\"postgres\" \"\"\n\"app\" \"\"\n").expect("users");
            places::hand_over(&ini);
            let mut process = Process::start(&dir, "KILL", program.as_ref(), &["-q", &ini.to_string_lossy()]);
            if process.wait(|| TcpStream::connect(("127.0.0.1", port)).is_ok()) {
                return Some(PgBouncer { process, port });
            }
            let log = process.log();
            assert!(log.contains("in use") || log.contains("cannot listen"), "PgBouncer did not start:\n{log}");
        }
        panic!("no port stayed free in five attempts");
    }

    /// Its port on 127.0.0.1.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// A connection string through the pooler, or to its console with the database `pgbouncer`.
    pub fn dsn(&self, user: &str, database: &str) -> String {
        format!("postgresql://{user}@127.0.0.1:{}/{database}", self.port)
    }

    /// A session through the pooler.
    pub async fn connect(&self, user: &str, database: &str) -> Client {
        let dsn = self.dsn(user, database);
        let (client, connection) = tokio_postgres::connect(&dsn, NoTls).await.unwrap_or_else(|e| panic!("{dsn}: {e}"));
        tokio::spawn(connection);
        client
    }

    /// What it wrote to its log.
    pub fn log(&self) -> String {
        self.process.log()
    }
}

fn ini_text(cluster: &Cluster, port: u16, databases: &[(&str, &str)], options: &[(&str, &str)]) -> String {
    let server = format!("host=127.0.0.1 port={}", cluster.port());
    let mut text = "[databases]\n".to_owned();
    for (name, rest) in databases {
        writeln!(text, "{name} = {server} {rest}").expect("a text grows");
    }
    write!(text, "* = {server}\n[pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = {port}\n").expect("a text grows");
    text += "unix_socket_dir =\nauth_type = trust\nauth_file = users\nadmin_users = pgmedic, postgres\n";
    text += "pool_mode = transaction\nignore_startup_parameters = extra_float_digits\n";
    for (name, value) in options {
        writeln!(text, "{name} = {value}").expect("a text grows");
    }
    text
}
