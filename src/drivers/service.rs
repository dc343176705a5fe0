//! libpq's service files: named sets of connection options.

use super::around::Around;
use crate::config::dsn::Params;
use std::path::{Path, PathBuf};

/// Where the builds of the big distributions look without `PGSYSCONFDIR`.
const SYSTEM: [&str; 3] = ["/etc/postgresql-common", "/etc/sysconfig/pgsql", "/usr/local/pgsql/etc"];

/// Fills in what the service says, if the connection string or `PGSERVICE` names one.
///
/// # Errors
/// A service that is not found, a file that cannot be read, an option that is not taken.
pub fn fill(params: Params, around: &Around) -> Result<Params, String> {
    let Some(name) = params.get("service").map(str::to_owned).or_else(|| around.variable("PGSERVICE")) else {
        return Ok(params);
    };
    for file in files(&params, around) {
        let text = std::fs::read_to_string(&file);
        let text = text.map_err(|e| format!("cannot read the service file {}: {e}", file.display()))?;
        if let Some(found) = section(&text, &name, &file)? {
            return Ok(params.or(found));
        }
    }
    let files: Vec<String> = places(&params, around).iter().map(|f| f.display().to_string()).collect();
    Err(format!("there is no service `{name}`; service files are {}", files.join(", ")))
}

/// As libpq: a file that is named must be there, the others may be.
fn files(params: &Params, around: &Around) -> Vec<PathBuf> {
    let named = named(params, around);
    places(params, around).into_iter().filter(|f| named.as_ref() == Some(f) || f.exists()).collect()
}

fn places(params: &Params, around: &Around) -> Vec<PathBuf> {
    let own = named(params, around).unwrap_or_else(|| around.in_home(".pg_service.conf"));
    let system = around.variable("PGSYSCONFDIR").map_or_else(|| SYSTEM.map(PathBuf::from).to_vec(), |d| vec![d.into()]);
    std::iter::once(own).chain(system.into_iter().map(|dir| dir.join("pg_service.conf"))).collect()
}

fn named(params: &Params, around: &Around) -> Option<PathBuf> {
    let written = params.get("servicefile").map(|f| around.place(f));
    written.or_else(|| around.variable("PGSERVICEFILE").map(PathBuf::from))
}

/// The options below `[name]`, the first of each; None when there is no such line.
fn section(text: &str, name: &str, file: &Path) -> Result<Option<Params>, String> {
    let mut found: Option<Params> = None;
    for (number, line) in text.lines().enumerate() {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        if let Some(heading) = line.strip_prefix('[') {
            if found.is_some() {
                break;
            }
            found = heading.split(']').next().filter(|h| *h == name).map(|_| Params::default());
            continue;
        }
        let Some(params) = &mut found else { continue };
        let wrong = |why: String| format!("service `{name}` in {}, line {}: {why}", file.display(), number + 1);
        let (key, value) = match line.split_once('=') {
            _ if line.starts_with("ldap") => return Err(wrong("LDAP is not asked for options".to_owned())),
            None => return Err(wrong("an option lacks its `=`".to_owned())),
            Some(("service" | "servicefile", _)) => {
                return Err(wrong("a service cannot lead to another one".to_owned()));
            }
            Some(pair) => pair,
        };
        params.put_if_absent(key, value.to_owned()).map_err(wrong)?;
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;

    const FILE: &str = "# ours\n[other]\nhost=no\n[orders]\nhost=db1\n  port=5433  \nhost=db2\n[orders]\nuser=no\n";

    fn around(dir: &Path, set: &'static [(&'static str, &'static str)]) -> Around {
        let (dir, base) = (dir.to_owned(), PathBuf::new());
        let variables = Arc::new(move |name: &str| match name {
            "HOME" => Some(dir.join("home").display().to_string()),
            "PGSYSCONFDIR" => Some(dir.join("etc").display().to_string()),
            _ => set.iter().find(|(n, _)| *n == name).map(|(_, v)| v.replace("DIR", &dir.display().to_string())),
        });
        Around { base, variables }
    }

    fn filled(dsn: &str, around: &Around) -> Result<Vec<String>, String> {
        let params = fill(Params::parse(dsn)?, around)?;
        Ok(["host", "port", "user"].map(|k| params.get(k).unwrap_or("-").to_owned()).to_vec())
    }

    #[test]
    fn the_first_section_of_the_first_file_counts_and_what_is_written_beats_it() {
        let dir = tempfile::tempdir().unwrap();
        for folder in ["home", "etc"] {
            std::fs::create_dir(dir.path().join(folder)).unwrap();
        }
        std::fs::write(dir.path().join("etc/pg_service.conf"), FILE).unwrap();
        let plain = around(dir.path(), &[]);
        assert_eq!(filled("service=orders", &plain).unwrap(), ["db1", "5433", "-"]);
        assert_eq!(filled("service=orders port=1", &plain).unwrap(), ["db1", "1", "-"]);
        assert_eq!(filled("port=1", &plain).unwrap(), ["-", "1", "-"]);
        let set = around(dir.path(), &[("PGSERVICE", "orders")]);
        assert_eq!(filled("user=me", &set).unwrap(), ["db1", "5433", "me"]);
        std::fs::write(dir.path().join("home/.pg_service.conf"), "[orders]\nhost=mine\n").unwrap();
        assert_eq!(filled("service=orders", &plain).unwrap(), ["mine", "-", "-"]);
        assert_eq!(filled("service=other", &plain).unwrap(), ["no", "-", "-"]);
    }

    #[test]
    fn faults_name_file_and_line_and_no_value() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("s"), "[a]\nsslmode=CRET\n[b]\nCRET\n[c]\nservice=a\n").unwrap();
        let set = around(dir.path(), &[("PGSERVICEFILE", "DIR/s")]);
        for (dsn, named) in [
            ("service=a", "line 2: `sslmode` is one of"),
            ("service=b", "line 4: an option lacks its `=`"),
            ("service=c", "line 6: a service cannot lead"),
            ("service=d", "there is no service `d`; service files are "),
        ] {
            let why = filled(dsn, &set).unwrap_err();
            assert!(why.contains(named) && !why.contains("CRET"), "{why}");
        }
        let gone = around(dir.path(), &[("PGSERVICEFILE", "DIR/gone")]);
        assert!(filled("service=a", &gone).unwrap_err().contains("cannot read the service file"));
    }
}
