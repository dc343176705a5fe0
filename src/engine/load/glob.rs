//! The files that a pattern names.

use globset::GlobBuilder;
use std::path::{Component, Path, PathBuf};

/// Most files that one pattern may name.
const FILES_MAX: usize = 1_000;

/// The files that a pattern names, in order of path; a pattern's folders may be patterns too. A path
/// without a pattern is itself, and must be there.
///
/// # Errors
/// A pattern that is none, a folder that cannot be listed, a file that is not there, too many files.
pub(super) fn expand(pattern: &Path) -> Result<Vec<PathBuf>, String> {
    let mut paths = vec![PathBuf::new()];
    for component in pattern.components() {
        let text = component.as_os_str().to_string_lossy();
        let plain = !matches!(component, Component::Normal(_)) || !text.contains(['*', '?', '[', '{']);
        if plain {
            for path in &mut paths {
                path.push(component);
            }
        } else {
            let mut found = Vec::new();
            for folder in &paths {
                found.extend(matching(folder, &text, pattern)?);
            }
            paths = found;
        }
        if paths.len() > FILES_MAX {
            return Err(format!("`{}` names more than {FILES_MAX} files", pattern.display()));
        }
    }
    let is_pattern = pattern.to_string_lossy().contains(['*', '?', '[', '{']);
    if !is_pattern && !pattern.is_file() {
        return Err(format!("there is no file `{}`", pattern.display()));
    }
    paths.retain(|path| path.is_file());
    paths.sort();
    Ok(paths)
}

fn matching(folder: &Path, name: &str, pattern: &Path) -> Result<Vec<PathBuf>, String> {
    let glob = GlobBuilder::new(name).literal_separator(true).build();
    let glob = glob.map_err(|e| format!("`{}` is no pattern: {}", pattern.display(), e.kind()))?.compile_matcher();
    let listed = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
    let entries = match std::fs::read_dir(listed) {
        Ok(entries) => entries,
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(e) if e.kind() == std::io::ErrorKind::NotADirectory => return Ok(Vec::new()),
        Err(e) => return Err(format!("cannot list {}: {e}", listed.display())),
    };
    let mut found = Vec::new();
    for entry in entries {
        let name = entry.map_err(|e| format!("cannot list {}: {e}", listed.display()))?.file_name();
        // As in a shell, a hidden file is not meant (editors keep their copies there).
        let hidden = name.to_string_lossy().starts_with('.');
        if !hidden && glob.is_match(&name) {
            found.push(folder.join(&name));
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_name_files_in_order_and_nothing_hidden() {
        let dir = tempfile::tempdir().unwrap();
        for file in ["b.yaml", "a.yaml", ".a.yaml", "a.yml"] {
            std::fs::write(dir.path().join(file), "").unwrap();
        }
        std::fs::create_dir(dir.path().join("c.yaml")).unwrap();
        let found = expand(&dir.path().join("*.yaml")).unwrap();
        assert_eq!(found, [dir.path().join("a.yaml"), dir.path().join("b.yaml")]);
        assert_eq!(expand(&dir.path().join("none/*.yaml")), Ok(vec![]));
        assert!(expand(&dir.path().join("c.yml")).unwrap_err().contains("there is no file"));
    }
}
