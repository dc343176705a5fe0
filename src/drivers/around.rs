//! What a connect reads besides the configuration: variables and files, anew each time.

use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Looks up a variable of the environment.
pub type Variables = Arc<dyn Fn(&str) -> Option<String> + Send + Sync>;

/// The world as a connect sees it.
#[derive(Clone)]
pub struct Around {
    /// Relative paths are seen from here.
    pub base: PathBuf,
    /// The environment.
    pub variables: Variables,
}

impl Default for Around {
    fn default() -> Around {
        Around { base: PathBuf::new(), variables: Arc::new(|name| std::env::var(name).ok()) }
    }
}

impl Around {
    /// A variable; an empty one counts as not set.
    #[must_use]
    pub fn variable(&self, name: &str) -> Option<String> {
        (self.variables)(name).filter(|v| !v.is_empty())
    }

    /// A file below the user's home.
    pub fn in_home(&self, name: &str) -> PathBuf {
        let home = self.variable("HOME").map(PathBuf::from).or_else(std::env::home_dir);
        home.unwrap_or_default().join(name)
    }

    /// A path as written.
    #[must_use]
    pub fn place(&self, written: &str) -> PathBuf {
        self.base.join(Path::new(written))
    }
}
