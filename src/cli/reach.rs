//! Finding the data directory and the daemon that may be running on it.

use super::global::{Failure, Global};
use crate::http::client::Client;
use serde::Deserialize;
use std::path::{Path, PathBuf};

/// The part of `pgmedic.yaml` that finds the rest.
#[derive(Deserialize)]
struct Where {
    data_dir: Option<String>,
}

/// The data directory that a configuration names. Deliberately reads nothing else: `pause` and the
/// audit log must be within reach while somebody's edit has broken the rest of the file.
///
/// # Errors
/// When the file cannot be opened, is no YAML, or its `data_dir` is a reference that leads nowhere.
pub fn data_dir(config: &Path) -> Result<PathBuf, Failure> {
    let text = std::fs::read_to_string(config)
        .map_err(|e| Failure::usage(format!("the configuration {} cannot be read: {e}", config.display())))?;
    let found: Where = serde_saphyr::from_str(&text).map_err(|e| {
        let hint = "To stop pgmedic all the same, make a file PAUSED in its data directory.";
        Failure::trouble(format!("{}: data_dir cannot be read: {e}\n{hint}", config.display()))
    })?;
    let written = found.data_dir.unwrap_or_else(|| "./data".to_owned());
    let value = match written.strip_prefix("${env:").and_then(|rest| rest.strip_suffix('}')) {
        Some(name) => std::env::var(name)
            .map_err(|_| Failure::trouble(format!("{}: data_dir: {written} is not set", config.display())))?,
        None => written,
    };
    let folder = config.parent().unwrap_or_else(|| Path::new(""));
    let joined = folder.join(value);
    Ok(joined.components().collect())
}

/// The daemon, if one is running.
///
/// # Errors
/// When the configuration leads nowhere, or the daemon is there but out of this user's reach.
pub fn daemon(global: &Global) -> Result<Option<Client>, Failure> {
    let data_dir = data_dir(&global.config)?;
    Client::connect(&data_dir).map_err(|e| {
        let hint = match e.kind() {
            std::io::ErrorKind::PermissionDenied => {
                "\nIts socket is open to its own user and group: use sudo, or join the group."
            }
            std::io::ErrorKind::InvalidInput => {
                "\nThe system allows about 100 characters: give `data_dir` a shorter path."
            }
            _ => "",
        };
        Failure::trouble(format!("the daemon cannot be reached: {e}{hint}"))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str) -> Result<PathBuf, Failure> {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("pgmedic.yaml");
        std::fs::write(&file, text).unwrap();
        data_dir(&file).map(|d| d.strip_prefix(folder.path()).map(Path::to_path_buf).unwrap_or(d))
    }

    #[test]
    fn the_data_directory_is_found_even_when_the_rest_is_broken() {
        assert_eq!(of("version: 1\ndata_dir: ./state\nmode: nonsense\n").unwrap(), Path::new("state"));
        assert_eq!(of("version: 1\n").unwrap(), Path::new("data"));
        assert_eq!(of("data_dir: /var/lib/pgmedic\n").unwrap(), Path::new("/var/lib/pgmedic"));
    }

    #[test]
    fn without_it_the_reader_is_told_of_the_last_switch() {
        let Err(Failure::Told(_, message)) = of("data_dir: [\n") else { panic!("no failure") };
        assert!(message.contains("PAUSED"), "{message}");
    }
}
