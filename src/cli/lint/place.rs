//! Where a file is, as a code host names it.

use std::path::{Component, Path, PathBuf};

/// A file's path from the working directory, with `/`; `Err` with the absolute path for a file outside it.
///
/// A configuration names its playbooks from its own folder (`examples/../playbooks/a.yaml`), but a code host
/// knows files by their plain path only. Symbolic links are not followed: the host does not either.
pub(super) fn relative(file: &str, working: &Path) -> Result<String, String> {
    let mut plain = PathBuf::new();
    for part in working.join(file).components() {
        match part {
            Component::CurDir => {}
            Component::ParentDir => drop(plain.pop()),
            part => plain.push(part),
        }
    }
    match plain.strip_prefix(working) {
        Ok(below) => Ok(below.to_string_lossy().into_owned()),
        Err(_) => Err(plain.to_string_lossy().into_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_named_from_the_working_directory() {
        let named = |file| relative(file, Path::new("/repo"));
        assert_eq!(named("./pgmedic.yaml"), Ok("pgmedic.yaml".to_owned()));
        assert_eq!(named("examples/../playbooks/a.yaml"), Ok("playbooks/a.yaml".to_owned()));
        assert_eq!(named("/repo/a.yaml"), Ok("a.yaml".to_owned()));
        assert_eq!(named("../a.yaml"), Err("/a.yaml".to_owned()));
    }
}
