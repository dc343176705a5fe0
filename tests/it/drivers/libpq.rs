//! Where libpq lands, pgmedic lands: `psql` and the driver get the same strings, variables and files.

use crate::support::{Certificates, Cluster, each_major, places, target};
use pgmedic::config::Text;
use pgmedic::drivers::live::Live;
use pgmedic::drivers::{Connect, TargetDriver};
use pgmedic::model::Place;
use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::process::Command;
use std::sync::Arc;

/// Which server, who, where, and whether encrypted.
const WHERE: &str = "SELECT concat_ws(' ', current_setting('port'), current_user, current_database(), \
                     (SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()))";

const HBA: &str = "
host replication postgres 127.0.0.1/32 trust
hostssl all certed 127.0.0.1/32 cert
hostssl all tlsonly 127.0.0.1/32 trust
hostnossl all plainly 127.0.0.1/32 trust
host all certed,tlsonly,plainly 127.0.0.1/32 reject
host all secretive 127.0.0.1/32 scram-sha-256
local all all trust
host all all 127.0.0.1/32 trust
";

/// A primary, its standby, and what strings may name: `{P}` and `{S}` their ports, `{D}` one where nobody
/// is, `{L}` one where nobody speaks, `{U}` one where a server starts up, `{dir}` the primary's socket folder, `{home}` the user's home.
struct Stage {
    primary: Cluster,
    standby: Cluster,
    home: tempfile::TempDir,
    words: Vec<(&'static str, String)>,
    _silent: std::net::TcpListener,
}

impl Stage {
    async fn set(mut primary: Cluster) -> Stage {
        for role in ["certed", "tlsonly", "plainly", "reader"] {
            primary.sql("postgres", &format!("CREATE ROLE {role} LOGIN; GRANT pg_monitor TO {role}")).await;
        }
        primary.sql("postgres", "ALTER ROLE reader SET default_transaction_read_only = on").await;
        primary.admit(HBA).await;
        let standby = primary.standby();
        let home = tempfile::tempdir().unwrap();
        let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let words = vec![
            ("{P}", primary.port().to_string()),
            ("{S}", standby.port().to_string()),
            ("{D}", places::free_port().to_string()),
            ("{L}", silent.local_addr().unwrap().port().to_string()),
            ("{U}", starting_up().to_string()),
            ("{dir}", primary.dir().display().to_string()),
            ("{home}", home.path().display().to_string()),
        ];
        Stage { primary, standby, home, words, _silent: silent }
    }

    fn fill(&self, text: &str) -> String {
        self.words.iter().fold(text.to_owned(), |text, (word, value)| text.replace(word, value))
    }

    fn write(&self, name: &str, text: &str, mode: u32) {
        let file = self.home.path().join(name);
        std::fs::create_dir_all(file.parent().unwrap()).unwrap();
        std::fs::write(&file, self.fill(text)).unwrap();
        std::fs::set_permissions(file, std::fs::Permissions::from_mode(mode)).unwrap();
    }

    fn copy(&self, from: &str, name: &str, mode: u32) {
        self.write(name, &std::fs::read_to_string(from).unwrap(), mode);
    }

    /// What both say to a string and an environment (`NAME=value NAME=value`); an error of libpq's is `refused`.
    async fn both(&self, dsn: &str, environment: &str) -> (String, String) {
        let (dsn, environment) = (self.fill(dsn), self.fill(environment));
        let pairs = environment.split_whitespace().filter_map(|pair| pair.split_once('='));
        let mut set: BTreeMap<String, String> = pairs.map(|(n, v)| (n.to_owned(), v.to_owned())).collect();
        set.entry("HOME".to_owned()).or_insert_with(|| self.home.path().display().to_string());
        // Not Debian's wrapper, which adds a host of its own.
        let mut psql = Command::new(places::bin(15).map_or("psql".into(), |bin| bin.join("psql")));
        psql.env_clear().env("PATH", std::env::var("PATH").unwrap()).envs(&set).args(["-XAtqw", "-c", WHERE]);
        let psql = if dsn.is_empty() { &mut psql } else { psql.arg("-d").arg(&dsn) };
        let output = psql.output().unwrap();
        let said = String::from_utf8_lossy(&output.stdout).trim().to_owned();
        let libpq = if output.status.success() { said } else { "refused".to_owned() };

        let driver = with_variables(&dsn, set);
        let question = super::question(Place::Reading, WHERE, Vec::new());
        let rows = driver.ask(&question).await.remove(0).rows;
        let ours = rows.map(|rows| rows[0].text("concat_ws").unwrap());
        if let Err(why) = &ours {
            assert!(!why.contains("it's me") && !why.contains("SECRET"), "{why}");
        }
        let ours = ours.unwrap_or_else(|why| format!("refused: {why}"));
        (libpq, ours)
    }

    async fn agree(&self, cases: &[(&str, &str)]) -> Vec<String> {
        let mut landed = Vec::new();
        let mut apart = Vec::new();
        for (dsn, environment) in cases {
            let (libpq, ours) = self.both(dsn, environment).await;
            let same = if libpq == "refused" { ours.starts_with("refused") } else { libpq == ours };
            if !same {
                apart.push(format!("`{dsn}` with `{environment}`: libpq {libpq}, pgmedic {ours}"));
            }
            landed.push(if libpq == "refused" { libpq } else { self.named(&libpq) });
        }
        assert!(apart.is_empty(), "{}", apart.join("\n"));
        landed
    }

    /// `primary pgmedic postgres t`.
    fn named(&self, landed: &str) -> String {
        let (port, rest) = landed.split_once(' ').unwrap();
        let name = if port == self.primary.port().to_string() { "primary" } else { "standby" };
        assert!(name == "primary" || port == self.standby.port().to_string(), "{landed}");
        format!("{name} {rest}")
    }
}

/// The port of a server that lets nobody in yet.
fn starting_up() -> u16 {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        while let Ok((mut client, _)) = listener.accept() {
            let fields = b"SFATAL\0VFATAL\0C57P03\0Mthe database system is starting up\0\0";
            let length = u32::try_from(fields.len() + 4).unwrap().to_be_bytes();
            // Whoever has gone by then needs no answer.
            let _ = client.read(&mut [0; 1024]).and_then(|_| client.write_all(&[b"E", &length[..], fields].concat()));
        }
    });
    port
}

fn with_variables(dsn: &str, set: BTreeMap<String, String>) -> Arc<dyn TargetDriver> {
    let resolve = |text: &Text| match text {
        Text::Plain(secret) => Ok(secret.clone()),
        other => Err(format!("{other:?} is not resolved in this test")),
    };
    let live = Live::new(Arc::new(resolve)).with_variables(Arc::new(move |name| set.get(name).cloned()));
    live.driver(&target(dsn), false)
}

each_major!(session_attributes_choose_the_same_server, async |c| {
    let stage = Stage::set(c).await;
    let mut cases = Vec::new();
    for attrs in ["any", "read-write", "read-only", "primary", "standby", "prefer-standby"] {
        for hosts in ["127.0.0.1:{S},127.0.0.1:{P}", "127.0.0.1:{P},127.0.0.1:{S}", "127.0.0.1:{P}", "127.0.0.1:{S}"] {
            cases.push(format!("postgresql://pgmedic@{hosts}/postgres?target_session_attrs={attrs}"));
        }
    }
    // What pgmedic sets in its sessions does not count, what the role has does.
    for attrs in ["read-write", "read-only", "primary"] {
        let hosts = "postgresql://reader@127.0.0.1:{P},127.0.0.1:{S}/postgres";
        cases.push(format!("{hosts}?target_session_attrs={attrs}"));
    }
    let cases: Vec<(&str, &str)> = cases.iter().map(|c| (c.as_str(), "")).collect();
    let landed = stage.agree(&cases).await;
    let servers: String = landed.iter().map(|l| l.chars().next().unwrap()).collect();
    assert_eq!(servers, "sppspppr".to_owned() + "ssrspppr" + "ssrsssps" + "rpp", "{landed:?}");
});

/// Strings and variables.
const CASES: &[(&str, &str)] = &[
    ("host=127.0.0.1 port={P} user=pgmedic dbname=postgres", ""),
    ("host=127.0.0.1,127.0.0.1,127.0.0.1 port={D},{S},{P} user=pgmedic dbname=postgres", ""),
    ("postgresql://pgmedic@127.0.0.1:{L},127.0.0.1:{P}/postgres?connect_timeout=2", ""),
    ("postgresql://pgmedic@127.0.0.1:{U},127.0.0.1:{P}/postgres?sslmode=disable", ""),
    ("postgresql://pgmedic@no-such-host.invalid:{P},127.0.0.1:{P}/postgres", ""),
    ("postgresql://pgmedic@127.0.0.1:{D}/postgres", ""),
    ("host=a,b port={P},{P},{P} user=pgmedic", ""),
    ("hostaddr=127.0.0.1 port={P} user=pgmedic dbname=postgres", ""),
    ("host=no-such-host.invalid hostaddr=127.0.0.1 port={P} user=pgmedic dbname=postgres", ""),
    ("host={dir} port={P} user=pgmedic dbname=postgres sslmode=require", ""),
    ("postgresql://pgmedic@{dir}/postgres", ""),
    ("postgresql:///postgres?host={dir}&port={P}&user=pgmedic", ""),
    ("host='{dir}' port = {P} user=app", ""),
    ("", "PGHOST=127.0.0.1 PGPORT={S} PGUSER=pgmedic PGDATABASE=postgres"),
    ("port={P}", "PGHOST=127.0.0.1,{dir} PGPORT={S} PGUSER=app"),
    ("user=app", "PGHOSTADDR=127.0.0.1 PGPORT={P}"),
    ("postgresql://pgmedic@127.0.0.1:{P},127.0.0.1:{S}/postgres", "PGTARGETSESSIONATTRS=standby"),
    (
        "postgresql://pgmedic@127.0.0.1:{P},127.0.0.1:{S}/postgres?target_session_attrs=any",
        "PGTARGETSESSIONATTRS=standby",
    ),
    ("postgresql://pgmedic@127.0.0.1:{P}/no_such", ""),
    // Passwords.
    ("host=127.0.0.1 port={P} user=secretive dbname=postgres password='it\\'s me'", ""),
    ("postgresql://secretive:it%27s%20me@127.0.0.1:{P}/postgres", "PGPASSWORD=wrong"),
    ("postgresql://secretive@127.0.0.1:{P}/postgres", "PGPASSWORD=wrong"),
    ("postgresql://secretive@127.0.0.1:{P}/postgres", ""),
    ("postgresql://secretive@127.0.0.1:{P}/postgres", "PGPASSFILE={home}/passwords"),
    ("postgresql://secretive@127.0.0.1:{S}/postgres", "PGPASSFILE={home}/passwords"),
    ("postgresql://secretive@127.0.0.1:{P}/postgres?passfile={home}/passwords", "PGPASSFILE=/nowhere"),
    ("postgresql://secretive@127.0.0.1:{P}/postgres?passfile={home}/open", ""),
    ("postgresql://secretive@127.0.0.1:{P}/postgres", "HOME={home}/two"),
    ("hostaddr=127.0.0.1 port={P} user=secretive dbname=postgres", "HOME={home}/two"),
    // A refused password ends it, though the next host would let anybody in.
    ("host=127.0.0.1,{dir} port={P} user=secretive password=SECRET dbname=postgres", ""),
    ("host={dir},127.0.0.1 port={P} user=secretive password=SECRET dbname=postgres", ""),
    // Services.
    ("service=orders", "PGSERVICEFILE={home}/services"),
    ("service=orders user=app dbname=app", "PGSERVICEFILE={home}/services PGUSER=postgres"),
    ("", "PGSERVICE=orders PGSERVICEFILE={home}/services PGPORT={D}"),
    ("postgresql://?service=secret", "PGSERVICEFILE={home}/services PGPASSWORD=wrong"),
    ("service=orders", "HOME={home}/two"),
    ("service=system", "HOME={home}/two PGSYSCONFDIR={home}/two/etc"),
    ("service=orders", "HOME={home}/two PGSYSCONFDIR={home}/two/etc"),
    ("service=none", "PGSERVICEFILE={home}/services"),
    ("service=wrong", "PGSERVICEFILE={home}/services"),
    ("service=orders", "PGSERVICEFILE=/nowhere/s"),
    // What neither understands.
    ("host=127.0.0.1 port={P} user=pgmedic sslmod=require", ""),
    ("host=127.0.0.1 port={P} user=pgmedic target_session_attrs=master", ""),
    ("host=127.0.0.1 port={P} user=pgmedic connect_timeout=soon", ""),
    ("host=127.0.0.1 port=99999 user=pgmedic", ""),
    ("host=127.0.0.1 port={P} user=pgmedic password='SECRET", ""),
    ("postgresql://pgmedic:SECRET%zz@127.0.0.1:{P}/postgres", ""),
];

#[tokio::test]
async fn strings_variables_and_files_lead_to_the_same_server() {
    let Some(c) = Cluster::start(15) else { return };
    let stage = Stage::set(c).await;
    stage.write("passwords", "127.0.0.1:{P}:postgres:secretive:it's me\n*:*:*:*:wrong\n", 0o600);
    stage.write("open", "*:*:*:*:it's me\n", 0o644);
    stage.write("two/.pgpass", "localhost:*:*:*:no\n127.0.0.1:*:*:secretive:it's me\n", 0o600);
    let services = "# ours\n[orders]\nhost=127.0.0.1\nport={P}\nuser=pgmedic\ndbname=postgres\n\n\
                    [secret]\nhost=127.0.0.1\nport={P}\nuser=secretive\npassword=it's me\ndbname=postgres\n\
                    [wrong]\nhost=127.0.0.1\nSECRET\n";
    stage.write("services", services, 0o644);
    stage.write("two/.pg_service.conf", "[orders]\nhost=127.0.0.1\nport={S}\nuser=pgmedic\ndbname=postgres\n", 0o644);
    let system = "[orders]\nport={D}\n[system]\nhost={dir}\nport={P}\nuser=app\n";
    stage.write("two/etc/pg_service.conf", system, 0o644);
    let landed = stage.agree(CASES).await;
    let there = landed.iter().filter(|l| *l != "refused").count();
    assert_eq!((there, landed.len() - there), (29, 18), "{landed:#?}");
}

#[tokio::test]
async fn tls_is_spoken_as_libpq_speaks_it() {
    let made = Certificates::make();
    let mut settings = made.settings().to_vec();
    settings.push(("ssl_ca_file", made.authority()));
    let settings: Vec<(&str, &str)> = settings.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let Some(c) = Cluster::start_with(15, &settings) else { return };
    let stage = Stage::set(c).await;
    let (certificate, key) = made.client("certed");
    stage.copy(&made.authority(), "ca.pem", 0o644);
    stage.copy(&Certificates::make().authority(), "other.pem", 0o644);
    for (folder, mode) in [("own/.postgresql", 0o600), ("open/.postgresql", 0o644)] {
        stage.copy(&certificate, &format!("{folder}/postgresql.crt"), 0o644);
        stage.copy(&key, &format!("{folder}/postgresql.key"), mode);
    }
    stage.copy(&made.authority(), "root/.postgresql/root.crt", 0o644);
    stage.copy(&stage.fill("{home}/other.pem"), "other/.postgresql/root.crt", 0o644);
    let mut cases = Vec::new();
    for user in ["pgmedic", "tlsonly", "plainly"] {
        for mode in ["disable", "allow", "prefer", "require"] {
            cases.push((format!("postgresql://{user}@127.0.0.1:{{P}}/postgres?sslmode={mode}"), String::new()));
        }
        cases.push((format!("postgresql://{user}@127.0.0.1:{{P}}/postgres"), String::new()));
    }
    for host in ["localhost", "127.0.0.1"] {
        for (root, mode) in [("ca", "verify-ca"), ("ca", "verify-full"), ("other", "verify-ca"), ("other", "require")] {
            let options = format!("sslmode={mode}&sslrootcert={{home}}/{root}.pem");
            cases.push((format!("postgresql://pgmedic@{host}:{{P}}/postgres?{options}"), String::new()));
        }
    }
    for (dsn, environment) in [
        ("postgresql://pgmedic@localhost:{P}/postgres?sslmode=verify-full", "HOME={home}/root"),
        ("postgresql://pgmedic@localhost:{P}/postgres?sslmode=verify-full", ""),
        ("postgresql://pgmedic@localhost:{P}/postgres?sslmode=require", "HOME={home}/root"),
        ("postgresql://pgmedic@localhost:{P}/postgres?sslmode=require", "HOME={home}/other"),
        ("postgresql://pgmedic@localhost:{P}/postgres", "PGSSLMODE=verify-full PGSSLROOTCERT={home}/ca.pem"),
        (
            "host=localhost hostaddr=127.0.0.1 port={P} user=pgmedic dbname=postgres sslmode=verify-full",
            "PGSSLROOTCERT={home}/ca.pem",
        ),
        ("postgresql://pgmedic@localhost:{P}/postgres?sslmode=disable", "PGSSLMODE=require"),
        ("postgresql://pgmedic@localhost:{P}/postgres?ssl=true", ""),
        ("postgresql://pgmedic@127.0.0.1:{P}/postgres?ssl_min_protocol_version=TLSv1.3", ""),
        ("postgresql://pgmedic@127.0.0.1:{P}/postgres?ssl_max_protocol_version=TLSv1.2", ""),
        ("postgresql://secretive:it%27s%20me@127.0.0.1:{P}/postgres?channel_binding=require", ""),
        ("postgresql://secretive:it%27s%20me@127.0.0.1:{P}/postgres?channel_binding=require&sslmode=disable", ""),
        ("postgresql://pgmedic@127.0.0.1:{P}/postgres?channel_binding=require", ""),
        // Client certificates.
        ("postgresql://certed@127.0.0.1:{P}/postgres", ""),
        ("postgresql://certed@127.0.0.1:{P}/postgres", "HOME={home}/own"),
        ("postgresql://certed@127.0.0.1:{P}/postgres", "HOME={home}/open"),
        (
            "postgresql://certed@127.0.0.1:{P}/postgres?sslcert={home}/own/.postgresql/postgresql.crt",
            "PGSSLKEY={home}/own/.postgresql/postgresql.key",
        ),
        ("postgresql://certed@127.0.0.1:{P}/postgres?sslcert=/nowhere/c.pem", "HOME={home}/own"),
    ] {
        cases.push((dsn.to_owned(), environment.to_owned()));
    }
    let cases: Vec<(&str, &str)> = cases.iter().map(|(d, e)| (d.as_str(), e.as_str())).collect();
    let landed = stage.agree(&cases).await;
    let encrypted = landed.iter().filter(|l| l.ends_with(" t")).count();
    let plain = landed.iter().filter(|l| l.ends_with(" f")).count();
    assert_eq!((encrypted, plain, landed.len() - encrypted - plain), (20, 7, 14), "{landed:#?}");
}

/// libpq 15 does not know it; version 17 was the first server to take it.
#[tokio::test]
async fn tls_can_be_spoken_from_the_first_byte() {
    let made = Certificates::make();
    let settings = made.settings();
    let settings: Vec<(&str, &str)> = settings.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let encrypted = "SELECT (SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid())";
    for (major, taken) in [(15, false), (18, true)] {
        let Some(c) = Cluster::start_with(major, &settings) else { continue };
        let options = format!("sslnegotiation=direct&sslmode=verify-full&sslrootcert={}", made.authority());
        let dsn = format!("postgresql://pgmedic@localhost:{}/postgres?{options}", c.port());
        let said = super::one(&with_variables(&dsn, BTreeMap::new()), Place::Reading, encrypted).await;
        assert_eq!(said.is_ok_and(|row| row.bool("ssl") == Ok(true)), taken, "{major}");
    }
}
