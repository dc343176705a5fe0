//! One PostgreSQL server.

use super::places;
use super::process::{Process, run};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;
use tokio_postgres::{Client, NoTls};

/// What every test server says; tests add to it.
const SETTINGS: &[(&str, &str)] = &[
    ("fsync", "off"),
    ("synchronous_commit", "off"),
    ("full_page_writes", "off"),
    ("listen_addresses", "127.0.0.1"),
    ("shared_buffers", "16MB"),
    ("max_connections", "40"),
    ("log_line_prefix", "%m [%p] %q%u@%d "),
];

/// What the roles of a template are: pgmedic's two, and an application's with its own database.
/// Everybody may come in without a password, save `secretive`.
const ROLES: &str = "
CREATE ROLE pgmedic LOGIN; GRANT pg_monitor TO pgmedic;
CREATE ROLE pgmedic_act LOGIN; GRANT pg_monitor, pg_signal_backend TO pgmedic_act;
CREATE ROLE app LOGIN;
SET password_encryption = 'scram-sha-256'; CREATE ROLE secretive LOGIN PASSWORD 'it''s me'; GRANT pg_monitor TO secretive;
CREATE DATABASE app OWNER app;
";

const HBA: &str = "
host all secretive 127.0.0.1/32 scram-sha-256
local all all trust
host all all 127.0.0.1/32 trust
";

/// A server of its own for one test; it ends with this value, or with the test's process.
pub struct Cluster {
    process: Process,
    dir: PathBuf,
    major: u32,
    port: u16,
}

impl Cluster {
    /// Starts one with roles `postgres` (superuser), `pgmedic`, `pgmedic_act`, `app` and the database `app`.
    /// None, said loudly, when the major is not on this machine; a failure when `tests/run.sh` put it there.
    pub fn start(major: u32) -> Option<Cluster> {
        Cluster::start_with(major, &[])
    }

    /// As [`Cluster::start`], with settings for `postgresql.conf`.
    pub fn start_with(major: u32, settings: &[(&str, &str)]) -> Option<Cluster> {
        let Some(bin) = places::bin(major) else {
            let promised = std::env::var("PGMEDIC_TEST_MAJORS").unwrap_or_default();
            let missing = promised.split_whitespace().any(|m| m == major.to_string());
            assert!(!missing, "PostgreSQL {major} is promised by PGMEDIC_TEST_MAJORS but not there");
            eprintln!("SKIPPED: no PostgreSQL {major} on this machine: tests/run.sh installs it");
            return None;
        };
        Some(Cluster::copy_of(&template(major, &bin), major, &bin, settings))
    }

    fn copy_of(template: &Path, major: u32, bin: &Path, settings: &[(&str, &str)]) -> Cluster {
        for _ in 0..5 {
            let dir = places::fresh("pgm-");
            let data = dir.join("data");
            run(places::command("cp").args(["-a", "--reflink=auto"]).arg(template).arg(&data));
            let port = places::free_port();
            configure(&data, &dir, port, settings);
            let mut process = launch(bin, &dir);
            if process.wait(|| is_ready(&data)) {
                return Cluster { process, dir, major, port };
            }
            let log = process.log();
            assert!(log.contains("could not bind"), "PostgreSQL {major} did not start:\n{log}");
        }
        panic!("no port stayed free in five attempts");
    }

    /// A streaming standby of this server, copied from it while it is stopped. Its `pg_hba.conf` must let
    /// `postgres` replicate.
    pub fn standby(&mut self) -> Cluster {
        self.stop();
        for _ in 0..5 {
            let dir = places::fresh("pgm-");
            let data = dir.join("data");
            run(places::command("cp").arg("-a").arg(self.dir.join("data")).arg(&data));
            run(places::command("touch").arg(data.join("standby.signal")));
            let port = places::free_port();
            let upstream = format!("host=127.0.0.1 port={} user=postgres", self.port);
            configure(&data, &dir, port, &[("primary_conninfo", upstream.as_str())]);
            let mut process = launch(&places::bin(self.major).expect("its programs"), &dir);
            if process.wait(|| is_ready(&data)) {
                self.restart();
                return Cluster { process, dir, major: self.major, port };
            }
            assert!(process.log().contains("could not bind"), "the standby did not start:\n{}", process.log());
        }
        panic!("no port stayed free in five attempts");
    }

    /// Replaces `pg_hba.conf` and waits until it holds.
    pub async fn admit(&self, hba: &str) {
        std::fs::write(self.dir.join("data/pg_hba.conf"), hba).expect("pg_hba.conf");
        let before = self.sql("postgres", "SELECT pg_conf_load_time()").await;
        self.signal("HUP");
        eventually(async || self.sql("postgres", "SELECT pg_conf_load_time()").await != before).await;
    }

    /// Its major.
    pub fn major(&self) -> u32 {
        self.major
    }

    /// Its port on 127.0.0.1, and of its Unix socket.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Its folder: `data`, `log` and the Unix socket.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// A connection string for TCP.
    pub fn dsn(&self, user: &str, database: &str) -> String {
        format!("postgresql://{user}@127.0.0.1:{}/{database}", self.port)
    }

    /// A session.
    pub async fn connect(&self, user: &str, database: &str) -> Client {
        let dsn = self.dsn(user, database);
        let (client, connection) = tokio_postgres::connect(&dsn, NoTls).await.unwrap_or_else(|e| panic!("{dsn}: {e}"));
        tokio::spawn(connection);
        client
    }

    /// Runs SQL as superuser (several statements are one transaction); all rows, each with its columns joined by `|`.
    pub async fn sql(&self, database: &str, sql: &str) -> Vec<String> {
        let client = self.connect("postgres", database).await;
        let messages = client.simple_query(sql).await.unwrap_or_else(|e| panic!("{sql}: {e:?}"));
        let rows = messages.iter().filter_map(|m| match m {
            tokio_postgres::SimpleQueryMessage::Row(row) => Some(row),
            _ => None,
        });
        rows.map(|r| (0..r.len()).map(|i| r.get(i).unwrap_or("")).collect::<Vec<_>>().join("|")).collect()
    }

    /// Runs SQL as superuser through `psql`, for tests that are not async; what it printed, unaligned.
    pub fn psql(&self, database: &str, sql: &str) -> String {
        let mut psql = Command::new("psql");
        psql.args(["-XAtq", "-v", "ON_ERROR_STOP=1", "-c", sql]).arg(self.dsn("postgres", database));
        run(&mut psql).trim_end().to_owned()
    }

    /// A session that runs one statement for long; it returns when the statement is seen to run.
    pub async fn sleeper(&self, user: &str, database: &str, sql: &str) -> Sleeper {
        let client = self.connect(user, database).await;
        let pid: i32 = client.query_one("SELECT pg_backend_pid()", &[]).await.expect("its pid").get(0);
        let statement = sql.to_owned();
        let task = tokio::spawn(async move { client.batch_execute(&statement).await });
        let running = format!("SELECT 1 FROM pg_stat_activity WHERE pid = {pid} AND state = 'active'");
        eventually(async || !self.sql("postgres", &running).await.is_empty()).await;
        Sleeper { pid, task }
    }

    /// Waits until a session's statement has run for so long, by the server's own clock.
    pub async fn ran_for(&self, session: &Sleeper, length: Duration) {
        let (pid, seconds) = (session.pid, length.as_secs_f64());
        let age = format!(
            "SELECT 1 FROM pg_stat_activity WHERE pid = {pid} AND clock_timestamp() - query_start > {seconds} * interval '1 s'"
        );
        eventually(async || !self.sql("postgres", &age).await.is_empty()).await;
    }

    /// Sends a signal to the postmaster: `HUP`, `INT`, `QUIT`, `STOP`…
    pub fn signal(&self, signal: &str) {
        self.process.signal(signal);
    }

    /// Sends a signal to the postmaster and to all its children: `STOP`, so that nothing answers, and `CONT`.
    pub fn signal_all(&self, signal: &str) {
        let pid_file = std::fs::read_to_string(self.dir.join("data/postmaster.pid")).expect("its pid");
        let postmaster = pid_file.lines().next().expect("a pid").to_owned();
        self.signal(signal);
        // One that has just ended is no failure.
        let _ = Command::new("pkill").args([&format!("-{signal}"), "-P", &postmaster]).status();
    }

    /// Stops the server as `pg_ctl stop -m fast` does and starts it again on the same port.
    pub fn restart(&mut self) {
        self.stop();
        let bin = places::bin(self.major).expect("its programs");
        let mut process = launch(&bin, &self.dir);
        assert!(process.wait(|| is_ready(&self.dir.join("data"))), "{}", process.log());
        let old = std::mem::replace(&mut self.process, process);
        old.forget();
    }

    /// Stops the server as `pg_ctl stop -m fast` does.
    pub fn stop(&mut self) {
        self.process.stop("INT");
    }

    /// What the server wrote to its log.
    pub fn log(&self) -> String {
        self.process.log()
    }
}

/// A session with a long statement.
pub struct Sleeper {
    /// Its backend.
    pub pid: i32,
    task: tokio::task::JoinHandle<Result<(), tokio_postgres::Error>>,
}

impl Sleeper {
    /// Whether the statement has not ended yet.
    pub fn still_runs(&self) -> bool {
        !self.task.is_finished()
    }

    /// Waits for the statement's end; its SQLSTATE when it failed with one.
    pub async fn ended(self) -> Result<(), Option<String>> {
        let ended = self.task.await.expect("the session's task");
        ended.map_err(|e| e.code().map(|c| c.code().to_owned()))
    }
}

/// Looks again until it holds; fails after 20 s.
pub async fn eventually(holds: impl AsyncFnMut() -> bool) {
    in_time(Duration::from_secs(20), holds).await;
}

/// As [`eventually`], for what takes its time by design: a cut that only deadlines reveal.
pub async fn at_last(holds: impl AsyncFnMut() -> bool) {
    in_time(Duration::from_secs(90), holds).await;
}

async fn in_time(limit: Duration, mut holds: impl AsyncFnMut() -> bool) {
    let until = tokio::time::Instant::now() + limit;
    while tokio::time::Instant::now() < until {
        if holds().await {
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("it did not come true within {limit:?}");
}

fn launch(bin: &Path, dir: &Path) -> Process {
    let data = dir.join("data");
    Process::start(dir, "QUIT", &bin.join("postgres"), &["-D", &data.to_string_lossy()])
}

/// As `pg_ctl` does it: the postmaster writes its state into its pid file.
fn is_ready(data: &Path) -> bool {
    let pid_file = std::fs::read_to_string(data.join("postmaster.pid")).unwrap_or_default();
    pid_file.lines().nth(7).is_some_and(|state| state.trim() == "ready")
}

fn configure(data: &Path, dir: &Path, port: u16, settings: &[(&str, &str)]) {
    let mut conf = std::fs::read_to_string(data.join("postgresql.conf")).expect("postgresql.conf");
    let socket = dir.to_string_lossy();
    let port = port.to_string();
    let own = [("port", port.as_str()), ("unix_socket_directories", &socket)];
    for (name, value) in SETTINGS.iter().chain(&own).chain(settings) {
        writeln!(conf, "{name} = '{value}'").expect("a text grows");
    }
    std::fs::write(data.join("postgresql.conf"), conf).expect("postgresql.conf");
}

/// The initdb'ed folder of a major, made once per machine and server version.
fn template(major: u32, bin: &Path) -> PathBuf {
    let version = run(Command::new(bin.join("postgres")).arg("--version"));
    let version = version.split_whitespace().nth(2).unwrap_or("unknown").to_owned();
    // Raise it when ROLES, HBA or initdb's options change.
    let template = places::cache().join(format!("template-1-{major}-{version}"));
    if template.exists() {
        return template;
    }
    std::fs::create_dir_all(places::cache()).expect("the cache");
    let work = places::fresh("pgm-template-");
    let data = work.join("data");
    let mut initdb = places::command(bin.join("initdb"));
    initdb.args(["-U", "postgres", "-E", "UTF8", "--locale=C", "--auth=trust", "--no-sync", "--wal-segsize=1", "-D"]);
    run(initdb.arg(&data).env("LC_ALL", "C"));
    std::fs::write(data.join("pg_hba.conf"), HBA).expect("pg_hba.conf");
    if has_statements(bin) {
        configure_preload(&data);
    }
    let cluster = Cluster::copy_of(&data, major, bin, &[]);
    for statement in ROLES.split_inclusive(';').filter(|s| !s.trim().is_empty()) {
        cluster.psql("postgres", statement);
    }
    if has_statements(bin) {
        cluster.psql("postgres", "CREATE EXTENSION pg_stat_statements");
    }
    keep(cluster, &template);
    let _ = std::fs::remove_dir_all(work);
    template
}

/// Moves a stopped server's data into the cache. Whoever is first wins: another test process may be
/// making the same one.
fn keep(mut cluster: Cluster, template: &Path) {
    cluster.stop();
    let own = places::cache().join(format!("making-{}-{}", std::process::id(), cluster.port));
    run(Command::new("cp").arg("-a").arg(cluster.dir.join("data")).arg(&own));
    if std::fs::rename(&own, template).is_err() {
        std::fs::remove_dir_all(own).expect("the second template");
    }
}

fn has_statements(bin: &Path) -> bool {
    let prefix = bin.parent().expect("a prefix");
    ["lib/pg_stat_statements.so", "lib/postgresql/pg_stat_statements.so"].iter().any(|so| prefix.join(so).exists())
}

fn configure_preload(data: &Path) {
    let mut conf = std::fs::read_to_string(data.join("postgresql.conf")).expect("postgresql.conf");
    conf.push_str("shared_preload_libraries = 'pg_stat_statements'\n");
    std::fs::write(data.join("postgresql.conf"), conf).expect("postgresql.conf");
}
