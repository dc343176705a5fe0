//! Connection strings: file names in them stand relative to the file they are written in.

mod keys;
mod pairs;
mod params;
mod url;

pub use params::Params;

use super::Text;
use super::read::Folder;
use crate::syntax::{Node, Reader};
use secrecy::ExposeSecret;
use std::path::Path;

/// libpq's parameters that name a file.
const FILES: [&str; 5] = ["sslrootcert", "sslcert", "sslkey", "passfile", "servicefile"];

impl Folder<'_> {
    /// A connection string. Messages never quote it: it may hold a password.
    pub(super) fn dsn(&self, reader: &mut Reader, node: &Node) -> Option<Text> {
        let text = self.text(reader, node, "a connection string")?;
        let Text::Plain(dsn) = &text else { return Some(text) };
        let dsn = dsn.expose_secret();
        let uri = dsn.starts_with("postgresql://") || dsn.starts_with("postgres://");
        if !uri && !dsn.contains('=') {
            let help = "write for example postgresql://pgmedic@db1/postgres or \"host=db1 user=pgmedic\"";
            reader.error_help(node.span, "bad-dsn", "this is no connection string", help);
            return None;
        }
        if let Err(why) = Params::parse(dsn) {
            let help = "the options are libpq's; docs/operating.md names those that are not taken";
            reader.error_help(node.span, "bad-dsn", why, help);
            return None;
        }
        if has_password(dsn, uri) {
            let help = "move it to `password: \"${env:NAME}\"`, or to ~/.pgpass";
            reader.warning(node.span, "plain-password", "the connection string holds a password", help);
        }
        let placed = if uri { place_uri(dsn, self.path()) } else { place_pairs(dsn, self.path()) };
        Some(Text::Plain(placed.into()))
    }
}

fn has_password(dsn: &str, uri: bool) -> bool {
    let user = dsn.split_once("://").and_then(|(_, rest)| rest.split(['/', '?']).next());
    let in_user = user.and_then(|u| u.rsplit_once('@')).is_some_and(|(u, _)| u.contains(':'));
    (uri && in_user) || dsn.split([' ', '?', '&']).any(|pair| pair.trim_start().starts_with("password="))
}

/// Whether a value names a file relative to the configuration; `system` and the like are words.
fn is_relative(name: &str, value: &str) -> bool {
    let word = name == "sslrootcert" && value == "system";
    FILES.contains(&name) && !word && !value.is_empty() && !value.starts_with(['/', '~'])
}

fn place_uri(dsn: &str, folder: &Path) -> String {
    let Some((before, query)) = dsn.split_once('?') else { return dsn.to_owned() };
    let pairs = query.split('&').map(|pair| match pair.split_once('=') {
        // The folder is encoded as far as it would end the value or begin an escape.
        Some((name, value)) if is_relative(name, value) => {
            let folder = folder.join("").display().to_string();
            let folder = folder.replace('%', "%25").replace('&', "%26").replace('#', "%23").replace(' ', "%20");
            format!("{name}={folder}{value}")
        }
        _ => pair.to_owned(),
    });
    format!("{before}?{}", pairs.collect::<Vec<_>>().join("&"))
}

fn place_pairs(dsn: &str, folder: &Path) -> String {
    // A quoted value may hold blanks: only the word that begins with a file's name is changed.
    let words = dsn.split(' ').map(|word| match word.split_once('=') {
        Some((name, value)) if is_relative(name, value) && !value.starts_with('\'') => {
            let placed = folder.join(value).display().to_string();
            format!("{name}='{}'", placed.replace('\\', "\\\\").replace('\'', "\\'"))
        }
        Some((name, quoted)) if FILES.contains(&name) && is_relative(name, quoted.trim_start_matches('\'')) => {
            let folder = folder.join("").display().to_string().replace('\\', "\\\\").replace('\'', "\\'");
            format!("{name}='{folder}{}", quoted.trim_start_matches('\''))
        }
        _ => word.to_owned(),
    });
    words.collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_stand_where_the_configuration_stands() {
        let folder = Path::new("/etc/a b");
        let uri = "postgresql://u@h/db?sslmode=verify-full&sslrootcert=ca.pem&sslkey=/k";
        let want = "postgresql://u@h/db?sslmode=verify-full&sslrootcert=/etc/a%20b/ca.pem&sslkey=/k";
        assert_eq!(place_uri(uri, folder), want);
        assert_eq!(
            place_uri("postgresql://u@h/db?sslrootcert=system", folder),
            "postgresql://u@h/db?sslrootcert=system"
        );
        assert_eq!(place_pairs("host=h sslrootcert=ca.pem", folder), "host=h sslrootcert='/etc/a b/ca.pem'");
        assert_eq!(place_pairs("sslcert='my cert' host=h", folder), "sslcert='/etc/a b/my cert' host=h");
    }

    #[test]
    fn passwords_are_seen_wherever_they_stand() {
        assert!(has_password("postgresql://u:p@h/db", true));
        assert!(has_password("postgresql://u@h/db?password=p", true));
        assert!(has_password("host=h password=p", false));
        assert!(!has_password("postgresql://u@h:5432/db?sslmode=require", true));
    }
}
