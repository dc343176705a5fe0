//! libpq's password file.

use super::around::Around;
use secrecy::SecretString;
use std::path::Path;

/// Who asks for a password.
#[derive(Clone, Copy, Debug)]
pub struct Asker<'a> {
    /// Host name, address or socket folder.
    pub host: &'a str,
    /// Port.
    pub port: u16,
    /// Database.
    pub database: &'a str,
    /// User.
    pub user: &'a str,
}

/// The password of the first line that fits, from `passfile` or `~/.pgpass`. None when there is no
/// such file or no such line.
///
/// # Errors
/// When others may read the file (libpq only warns and goes on without: a night's sleep is worth an
/// error that says so).
pub fn look_up(passfile: Option<&str>, asker: &Asker, around: &Around) -> Result<Option<SecretString>, String> {
    let file = passfile.map_or_else(|| around.in_home(".pgpass"), |f| around.place(f));
    if !file.is_file() {
        return Ok(None);
    }
    refuse_if_open(&file)?;
    let text = std::fs::read_to_string(&file).map_err(|e| format!("cannot read {}: {e}", file.display()))?;
    Ok(text.lines().find_map(|line| from_line(line, asker)))
}

fn refuse_if_open(file: &Path) -> Result<(), String> {
    use std::os::unix::fs::MetadataExt;
    let metadata = file.metadata().map_err(|e| format!("cannot read {}: {e}", file.display()))?;
    if metadata.mode() & 0o077 != 0 {
        return Err(format!("{0} can be read by others, so it is not used: chmod 600 {0}", file.display()));
    }
    Ok(())
}

/// `host:port:database:user:password`, `*` for any, `\` before `:` and `\`.
fn from_line(line: &str, asker: &Asker) -> Option<SecretString> {
    if line.starts_with('#') {
        return None;
    }
    // A socket folder of the default place is called localhost there.
    let local = matches!(asker.host, "/var/run/postgresql" | "/run/postgresql" | "/tmp");
    let port = asker.port.to_string();
    let mut rest = line;
    for wanted in [asker.host, &port, asker.database, asker.user] {
        let (field, after) = field(rest)?;
        let fits = field == "*" || field == wanted || (local && wanted == asker.host && field == "localhost");
        if !fits {
            return None;
        }
        rest = after;
    }
    let password = field(rest).map_or_else(|| unescape(rest), |(password, _)| password);
    Some(SecretString::from(password))
}

/// The text before the next `:` that is not escaped, and what comes after it.
fn field(text: &str) -> Option<(String, &str)> {
    let mut escaped = false;
    let end = text.char_indices().find_map(|(at, c)| {
        let ends = c == ':' && !escaped;
        escaped = c == '\\' && !escaped;
        ends.then_some(at)
    })?;
    Some((unescape(&text[..end]), &text[end + 1..]))
}

fn unescape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        out.extend(if c == '\\' { chars.next() } else { Some(c) });
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use secrecy::ExposeSecret;
    use std::os::unix::fs::PermissionsExt;

    const ASKER: Asker = Asker { host: "db1", port: 5432, database: "shop", user: "me" };

    fn look(text: &str, mode: u32, asker: &Asker) -> Result<Option<String>, String> {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(&file, text).unwrap();
        std::fs::set_permissions(&file, std::fs::Permissions::from_mode(mode)).unwrap();
        let found = look_up(file.path().to_str(), asker, &Around::default())?;
        Ok(found.map(|s| s.expose_secret().to_owned()))
    }

    #[test]
    fn the_first_line_that_fits_counts() {
        let text = "# db1:5432:shop:me:no\ndb1:5433:shop:me:no\n*:*:*:me:a\\:b\\\\c\n*:*:*:*:no\n";
        assert_eq!(look(text, 0o600, &ASKER).unwrap().as_deref(), Some("a:b\\c"));
        assert_eq!(look("db2:*:*:*:no\n", 0o600, &ASKER).unwrap(), None);
        let local = Asker { host: "/var/run/postgresql", ..ASKER };
        assert_eq!(look("localhost:*:*:*:yes\n", 0o600, &local).unwrap().as_deref(), Some("yes"));
    }

    #[test]
    fn a_file_open_to_others_is_refused() {
        let why = look("*:*:*:*:secret\n", 0o644, &ASKER).unwrap_err();
        assert!(why.contains("chmod 600") && !why.contains("secret"), "{why}");
    }
}
