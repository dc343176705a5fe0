//! A real Prometheus with series of ours in it.

use super::series::Series;
use crate::support::places;
use crate::support::process::Process;
use serde_json::Value as Json;
use std::fmt::Write as _;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

/// The least version with the semantics that are held against: 2.x has closed ranges.
const LEAST: (u32, u32) = (3, 5);

/// A program of Prometheus's, from the tests' cache or the path. When there is none of the version needed, it says so
/// loudly, and fails where `tests/run.sh` has promised that it is there.
pub fn program(name: &str) -> Option<PathBuf> {
    let fetched = places::cache().join("prometheus-3/unpacked/usr/bin").join(name);
    let found = [fetched, PathBuf::from(name)].into_iter().find(|program| {
        let said = Command::new(program).arg("--version").output().map(|output| output.stdout).unwrap_or_default();
        version(&String::from_utf8_lossy(&said)).is_some_and(|version| version >= LEAST)
    });
    if found.is_none() {
        let why = format!("there is no {name} of Prometheus {}.{} or later here", LEAST.0, LEAST.1);
        let promised = std::env::var_os("PGMEDIC_TEST_PROMETHEUS").is_some_and(|folder| !folder.is_empty());
        assert!(!promised, "tests/run.sh promises what is missing: {why}");
        eprintln!("SKIPPED: {why}");
    }
    found
}

/// `prometheus, version 3.5.3+ds1 (…)`
fn version(said: &str) -> Option<(u32, u32)> {
    let mut numbers = said.split("version ").nth(1)?.split('.');
    Some((numbers.next()?.parse().ok()?, numbers.next()?.parse().ok()?))
}

/// A running server.
pub struct Prometheus {
    process: Process,
    port: u16,
}

impl Prometheus {
    /// Starts one that scrapes nothing; rules are evaluated every 30 s, which is also a subquery's step.
    pub fn start() -> Option<Prometheus> {
        let program = program("prometheus")?;
        loop {
            let dir = places::fresh("prometheus-");
            std::fs::write(dir.join("prometheus.yml"), "global: {evaluation_interval: 30s}\n").unwrap();
            places::hand_over(&dir.join("prometheus.yml"));
            let port = places::free_port();
            let listen = format!("--web.listen-address=127.0.0.1:{port}");
            let args = [
                "--config.file=prometheus.yml",
                "--storage.tsdb.path=data",
                "--storage.tsdb.retention.time=100y",
                "--web.enable-remote-write-receiver",
                &listen,
            ];
            let process = Process::start(&dir, "KILL", &program, &args);
            let mut server = Prometheus { process, port };
            if server.process.wait(|| answers(port)) {
                return Some(server);
            }
        }
    }

    /// Sends series by the remote-write protocol, each as names and values of labels and samples.
    pub fn write(&self, series: &[Series]) {
        let body: Vec<u8> =
            series.iter().flat_map(|(labels, samples)| field(1, &time_series(labels, samples))).collect();
        let headers = "Content-Type: application/x-protobuf\r\nContent-Encoding: snappy\r\n\
            X-Prometheus-Remote-Write-Version: 0.1.0\r\n";
        let (status, said) = request(self.port, "POST /api/v1/write", headers, &snappy(&body));
        assert_eq!(status / 100, 2, "{said}");
    }

    /// What a page says.
    pub fn page(&self, path: &str) -> String {
        request(self.port, &format!("GET {path}"), "", &[]).1
    }

    /// The answer of the API to a query; an error too is an answer.
    pub fn get(&self, path: &str, params: &[(&str, &str)]) -> Json {
        let query = params.iter().map(|(name, value)| format!("{name}={}", percent(value))).collect::<Vec<_>>();
        let said = self.page(&format!("{path}?{}", query.join("&")));
        serde_json::from_str(&said).unwrap_or_else(|error| panic!("{error}: {said}"))
    }
}

fn answers(port: u16) -> bool {
    TcpStream::connect(("127.0.0.1", port)).is_ok() && request(port, "GET /-/ready", "", &[]).0 == 200
}

fn request(port: u16, line: &str, headers: &str, body: &[u8]) -> (u16, String) {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).expect("Prometheus listens");
    stream.set_read_timeout(Some(Duration::from_mins(2))).unwrap();
    // HTTP/1.0, so that the answer ends with the connection and has no chunks.
    let head = format!("{line} HTTP/1.0\r\n{headers}Content-Length: {}\r\n\r\n", body.len());
    stream.write_all(head.as_bytes()).unwrap();
    stream.write_all(body).unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).unwrap();
    let answer = String::from_utf8_lossy(&answer).into_owned();
    let status = answer.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or(0);
    (status, answer.split_once("\r\n\r\n").map(|(_, body)| body.to_owned()).unwrap_or_default())
}

fn percent(text: &str) -> String {
    let mut out = String::new();
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() {
            out.push(char::from(byte));
        } else {
            write!(out, "%{byte:02X}").unwrap();
        }
    }
    out
}

/// A message of protobuf: `Label {name = 1, value = 2}`, `Sample {value = 1, timestamp = 2}`.
fn time_series(labels: &[(String, String)], samples: &[(i64, f64)]) -> Vec<u8> {
    let mut out = Vec::new();
    for (name, value) in labels {
        out.extend(field(1, &[field(1, name.as_bytes()), field(2, value.as_bytes())].concat()));
    }
    for (at, value) in samples {
        let number = [vec![1 << 3 | 1], value.to_le_bytes().to_vec()].concat();
        out.extend(field(2, &[number, vec![2 << 3], varint(at.cast_unsigned())].concat()));
    }
    out
}

fn field(number: u8, bytes: &[u8]) -> Vec<u8> {
    [vec![number << 3 | 2], varint(bytes.len() as u64), bytes.to_vec()].concat()
}

fn varint(mut number: u64) -> Vec<u8> {
    let mut out = Vec::new();
    while number >= 0x80 {
        out.push((number & 0x7f) as u8 | 0x80);
        number >>= 7;
    }
    out.push(number as u8);
    out
}

/// Snappy's format without compressing: literals only.
fn snappy(bytes: &[u8]) -> Vec<u8> {
    let mut out = varint(bytes.len() as u64);
    for part in bytes.chunks(65_536) {
        out.push(61 << 2);
        out.extend(u16::try_from(part.len() - 1).unwrap().to_le_bytes());
        out.extend(part);
    }
    out
}
