//! Connection strings, service files and password files: the first line is a connection string, the rest is
//! both files.

use pgmedic::config::dsn::Params;
use pgmedic::drivers::around::Around;
use pgmedic::drivers::passwords::{Asker, look_up};
use pgmedic::drivers::service::fill;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::sync::{Arc, LazyLock};

struct Files {
    folder: tempfile::TempDir,
}

impl Files {
    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }
}

static FILES: LazyLock<Files> =
    LazyLock::new(|| Files { folder: tempfile::tempdir().expect("a folder in the temporary one") });

/// Reads all three.
pub fn run(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let (dsn, file) = text.split_once('\n').unwrap_or((text, ""));
    let Ok(params) = Params::parse(dsn) else { return };
    let _ = params.check();
    let Ok(params) = params.or_environment(|_| None) else { return };
    let (home, services, passwords) = (FILES.path("none"), FILES.path("services"), FILES.path("passwords"));
    std::fs::write(&services, file).expect("a small file");
    std::fs::write(&passwords, file).expect("a small file");
    std::fs::set_permissions(&passwords, PermissionsExt::from_mode(0o600)).expect("an own file");
    let variables = move |name: &str| match name {
        "HOME" | "PGSYSCONFDIR" => Some(home.display().to_string()),
        "PGSERVICE" => Some("s".to_owned()),
        "PGSERVICEFILE" => Some(services.display().to_string()),
        _ => None,
    };
    let around = Around { base: PathBuf::new(), variables: Arc::new(variables) };
    let named = if params.get("servicefile").is_some() { Params::default() } else { params };
    let Ok(params) = fill(named, &around) else { return };
    let _ = params.check();
    for host in ["h", "/tmp"] {
        let asker = Asker { host, port: 5432, database: "d", user: "u" };
        let _ = look_up(passwords.to_str(), &asker, &around);
    }
}
