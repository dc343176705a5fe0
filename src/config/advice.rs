//! What a configuration may say and probably does not mean. Nothing here stops a file from being used.

use crate::syntax::{self, Fault, Kind, Node, Reader, Reference};
use std::collections::BTreeMap;
use std::net::IpAddr;
use std::path::Path;

/// Warnings about a text that [`super::read`] has read, and about the files of targets that it names.
#[must_use]
pub fn advise<'a>(file: &Path, text: &str, target_files: impl IntoIterator<Item = (&'a Path, &'a str)>) -> Vec<Fault> {
    // What is no YAML was reported when the file was read.
    let parsed = |file: &Path, text| syntax::parse(&mut Reader::new(&file.display().to_string(), text));
    let Some(root) = parsed(file, text) else { return Vec::new() };
    let query_text = root.below("audit").and_then(|audit| audit.below("query_text"));
    let texts = query_text.and_then(Node::scalar) != Some("none");
    let mut faults = about(file, text, &root, texts);
    for (file, text) in target_files {
        faults.extend(parsed(file, text).map(|root| about(file, text, &root, texts)).unwrap_or_default());
    }
    faults
}

/// Warnings about one file; `texts`: whether records, and so patterns, see the texts of queries.
fn about(file: &Path, text: &str, root: &Node, texts: bool) -> Vec<Fault> {
    let name = file.display().to_string();
    let mut reader = Reader::new(&name, text);
    each(root, "dsn", &mut |dsn| transport(&mut reader, dsn));
    if !texts {
        each(root, "protect", &mut |protect| without_texts(&mut reader, protect));
    }
    reader.into_faults()
}

/// Without texts there is nothing that a pattern could match, so a protection would silently be none.
fn without_texts(reader: &mut Reader, protect: &Node) {
    let Some(queries) = protect.below("queries") else { return };
    if matches!(&queries.kind, Kind::Seq(items) if !items.is_empty()) {
        let message = "these patterns protect nothing: with `audit.query_text: none` no query's text is there to match";
        let help = "write `query_text: redacted`, or protect by `users` or `applications`";
        reader.warning(queries.span, "never-matches", message, help);
    }
}

/// Warns of a connection over the network that does not check whom it reaches.
fn transport(reader: &mut Reader, node: &Node) {
    let Some(dsn) = node.scalar().filter(|text| Reference::parse(text) == Ok(None)) else { return };
    let parameters = parameters(dsn);
    if !leaves_the_machine(&parameters) {
        return;
    }
    // Messages never quote a part of the connection string: a misplaced `@` or `,` makes a password look
    // like a host.
    let danger = match parameters.get("sslmode").map_or("", String::as_str) {
        "" => "sslmode is not written, so the connection may go over the network in the clear",
        "disable" | "allow" | "prefer" => "with this sslmode the connection may go over the network in the clear",
        "require" => "sslmode=require encrypts, but checks no certificate: anybody in between can answer",
        "verify-ca" => "sslmode=verify-ca checks the certificate, but not that it is this server's",
        _ => return,
    };
    let help = "add sslmode=verify-full, and sslrootcert=FILE for certificates of your own authority";
    reader.warning(node.span, "weak-sslmode", danger, help);
}

/// Whether any of the hosts is another machine. Without a host it is a Unix socket, and what a service or
/// the environment says is not known here.
fn leaves_the_machine(parameters: &BTreeMap<String, String>) -> bool {
    let written = parameters.get("hostaddr").or_else(|| parameters.get("host"));
    written.is_some_and(|hosts| hosts.split(',').any(|host| !host.trim().is_empty() && !is_local(host.trim())))
}

fn is_local(host: &str) -> bool {
    let address = host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
    host.starts_with(['/', '@'])
        || host.eq_ignore_ascii_case("localhost")
        || address.is_ok_and(|address| address.is_loopback())
}

/// The parameters that matter here, by name; of two the last, as in libpq.
fn parameters(dsn: &str) -> BTreeMap<String, String> {
    let uri = dsn.strip_prefix("postgresql://").or_else(|| dsn.strip_prefix("postgres://"));
    let Some(uri) = uri else { return pairs(dsn) };
    let (before, query) = uri.split_once('?').unwrap_or((uri, ""));
    let authority = before.split('/').next().unwrap_or_default();
    let hosts = authority.rsplit_once('@').map_or(authority, |(_, hosts)| hosts);
    let hosts: Vec<String> = hosts.split(',').map(|host| decoded(without_port(host))).collect();
    let mut all = BTreeMap::new();
    if hosts.iter().any(|host| !host.is_empty()) {
        all.insert("host".to_owned(), hosts.join(","));
    }
    let written = query.split('&').filter_map(|pair| pair.split_once('='));
    all.extend(written.map(|(key, value)| (key.to_owned(), decoded(value))));
    all
}

fn without_port(host: &str) -> &str {
    match host.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((address, _)) => address,
        None => host.split(':').next().unwrap_or_default(),
    }
}

/// The one escape that matters: a socket's folder is written `%2Fvar%2Frun`.
fn decoded(text: &str) -> String {
    text.replace("%2F", "/").replace("%2f", "/").replace("%3A", ":").replace("%3a", ":")
}

/// `key=value` with libpq's quotes.
fn pairs(dsn: &str) -> BTreeMap<String, String> {
    let mut all = BTreeMap::new();
    let mut rest = dsn.trim_start();
    while let Some((key, after)) = rest.split_once('=') {
        let (value, behind) = value(after.trim_start());
        all.insert(key.trim().to_owned(), value);
        rest = behind.trim_start();
    }
    all
}

fn value(text: &str) -> (String, &str) {
    let quoted = text.strip_prefix('\'');
    let mut value = String::new();
    let mut chars = quoted.unwrap_or(text).char_indices();
    let body = quoted.unwrap_or(text);
    while let Some((at, c)) = chars.next() {
        match c {
            '\\' => value.extend(chars.next().map(|(_, escaped)| escaped)),
            '\'' if quoted.is_some() => return (value, &body[at + 1..]),
            c if quoted.is_none() && c.is_whitespace() => return (value, &body[at..]),
            c => value.push(c),
        }
    }
    (value, "")
}

/// Calls `with` for what stands below this key, wherever it is.
fn each(node: &Node, key: &str, with: &mut dyn FnMut(&Node)) {
    match &node.kind {
        Kind::Scalar { .. } => {}
        Kind::Seq(items) => items.iter().for_each(|item| each(item, key, with)),
        Kind::Map(entries) => {
            for entry in entries {
                if entry.key == key {
                    with(&entry.value);
                }
                each(&entry.value, key, with);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{leaves_the_machine, parameters};

    #[test]
    fn only_connections_to_other_machines_are_looked_at() {
        let far = ["postgresql://u@db1/x", "postgres://u:p@127.0.0.1,db2:5433/x", "host=db1 user=u", "host='db 1'"];
        for dsn in far.into_iter().chain(["postgresql:///x?host=db1", "host=localhost hostaddr=10.0.0.1"]) {
            assert!(leaves_the_machine(&parameters(dsn)), "{dsn}");
        }
        let near = ["postgresql:///x", "postgresql://u@localhost:5432/x", "postgresql://u@[::1]:5432", "service=x"];
        for dsn in
            near.into_iter().chain(["postgresql://%2Fvar%2Frun/x", "host=/run", "user='a host=db1 b'", "host=@s"])
        {
            assert!(!leaves_the_machine(&parameters(dsn)), "{dsn}");
        }
    }
}
