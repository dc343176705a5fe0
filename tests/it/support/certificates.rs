//! A certificate authority and a server's certificate for `localhost`, made by `openssl`.

use super::places;
use super::process::run;
use std::path::{Path, PathBuf};

/// Files in PEM, gone with this value.
pub struct Certificates {
    dir: PathBuf,
}

impl Certificates {
    /// Makes both. The server's key belongs to the user of servers.
    pub fn make() -> Certificates {
        let made = Certificates { dir: places::fresh("pgm-tls-") };
        let names = "subjectAltName=DNS:localhost";
        made.openssl(
            "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=test-ca",
            &["-keyout", "ca.key", "-out", "ca.pem"],
        );
        made.openssl(
            "req -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -subj /CN=localhost",
            &["-addext", names, "-keyout", "server.key", "-out", "server.csr"],
        );
        std::fs::write(made.dir.join("names"), names).expect("a file");
        made.openssl(
            "x509 -req -days 2 -CAcreateserial -CA ca.pem -CAkey ca.key",
            &["-in", "server.csr", "-out", "server.pem", "-extfile", "names"],
        );
        made
    }

    /// The authority's certificate.
    pub fn authority(&self) -> String {
        self.path("ca.pem")
    }

    /// `postgresql.conf` for a server that shows its certificate.
    pub fn settings(&self) -> [(&'static str, String); 3] {
        [
            ("ssl", "on".to_owned()),
            ("ssl_cert_file", self.path("server.pem")),
            ("ssl_key_file", self.path("server.key")),
        ]
    }

    /// A user's certificate and its key.
    pub fn client(&self, user: &str) -> (String, String) {
        let [key, request, certificate] = ["key", "csr", "pem"].map(|end| format!("{user}.{end}"));
        let subject = format!("/CN={user}");
        self.openssl(
            "req -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes",
            &["-subj", &subject, "-keyout", &key, "-out", &request],
        );
        self.openssl(
            "x509 -req -days 2 -CAcreateserial -CA ca.pem -CAkey ca.key",
            &["-in", &request, "-out", &certificate],
        );
        (self.path(&certificate), self.path(&key))
    }

    fn path(&self, name: &str) -> String {
        self.dir.join(name).to_string_lossy().into_owned()
    }

    fn openssl(&self, words: &str, more: &[&str]) {
        let dir: &Path = &self.dir;
        run(places::command("openssl").args(words.split(' ')).args(more).current_dir(dir));
    }
}

impl Drop for Certificates {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.dir);
    }
}
