//! Reads the configuration and its playbooks from disk: everything sound, or every fault.

use crate::config::{self, Config, Surroundings, Text};
use crate::playbook::{self, Catalogue, Playbook, Refers};
use crate::syntax::fault::{quote, suggest};
use crate::syntax::{self, Fault, Severity, Span};
use secrecy::{ExposeSecret, SecretString};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::io::Read;
use std::path::{Path, PathBuf};

mod advice;
mod glob;
mod sort;

/// The playbooks that this build ships, by file name.
const SHIPPED: [(&str, &str); 3] = [
    ("cancel-long-queries.yaml", include_str!("../../playbooks/cancel-long-queries.yaml")),
    ("grow-starved-pools.yaml", include_str!("../../playbooks/grow-starved-pools.yaml")),
    ("refresh-statistics.yaml", include_str!("../../playbooks/refresh-statistics.yaml")),
];

/// Texts of the files that were read, by the names that faults give them.
#[derive(Clone, Debug, Default)]
pub struct Sources(BTreeMap<String, String>);

impl Sources {
    /// A file's text.
    #[must_use]
    pub fn text(&self, file: &str) -> Option<String> {
        self.0.get(file).cloned()
    }

    /// Faults of these files as people read them.
    #[must_use]
    pub fn render(&self, faults: &[Fault], color: bool) -> String {
        syntax::render(faults, &|file| self.text(file), color)
    }
}

/// A sound configuration and its playbooks.
#[derive(Debug)]
pub struct Loaded {
    /// The configuration.
    pub config: Config,
    /// In order of name.
    pub playbooks: Vec<Playbook>,
    /// What somebody should look at.
    pub warnings: Vec<Fault>,
    /// To render the warnings with.
    pub sources: Sources,
}

/// Why nothing was loaded.
#[derive(Debug)]
pub enum LoadError {
    /// A file could not be opened: exit code 2.
    Unreadable {
        /// Which.
        file: PathBuf,
        /// The operating system's words.
        why: String,
    },
    /// At least one error; all faults, warnings included: exit code 1.
    Faulty {
        /// In order of file and place.
        faults: Vec<Fault>,
        /// To render them with.
        sources: Sources,
    },
}

impl fmt::Display for LoadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            LoadError::Unreadable { file, why } => write!(f, "cannot read {}: {why}", file.display()),
            LoadError::Faulty { faults, sources } => f.write_str(sources.render(faults, false).trim_end()),
        }
    }
}

impl std::error::Error for LoadError {}

/// What linting found.
#[derive(Debug)]
pub struct Report {
    /// In order of file and place.
    pub faults: Vec<Fault>,
    /// Files that were checked, playbooks of a configuration included.
    pub checked: BTreeSet<String>,
    /// To render the faults with.
    pub sources: Sources,
}

impl Report {
    /// Whether any fault is an error: exit code 1.
    #[must_use]
    pub fn has_errors(&self) -> bool {
        self.faults.iter().any(Fault::is_error)
    }
}

/// Reads the configuration, the playbooks that it names, and checks that all names meet.
///
/// # Errors
/// A file that cannot be opened, or every fault of every file.
pub fn load(config_file: &Path, catalogue: &Catalogue) -> Result<Loaded, LoadError> {
    let mut reading = Reading::default();
    let (config, playbooks) = match reading.text(config_file)? {
        Some(text) => reading.config(config_file, &text, catalogue)?,
        None => (None, Vec::new()),
    };
    let faults = reading.sorted_faults();
    match config {
        Some(config) if !faults.iter().any(Fault::is_error) => {
            Ok(Loaded { config, playbooks, warnings: faults, sources: reading.sources })
        }
        _ => Err(LoadError::Faulty { faults, sources: reading.sources }),
    }
}

/// Checks files: a configuration with its playbooks, or playbooks by themselves, told apart by their keys.
///
/// # Errors
/// [`LoadError::Unreadable`] for a file that cannot be opened.
pub fn lint(files: &[PathBuf], catalogue: &Catalogue) -> Result<Report, LoadError> {
    let mut reading = Reading::default();
    for file in files {
        let name = file.display().to_string();
        if reading.sources.0.contains_key(&name) {
            continue;
        }
        let Some(text) = reading.text(file)? else { continue };
        match sort::sort(&name, &text) {
            sort::Sort::Config => drop(reading.config(file, &text, catalogue)?),
            sort::Sort::Playbook => drop(reading.playbook(file, &text, catalogue)),
            sort::Sort::Neither(fault) => reading.faults.push(fault),
        }
    }
    let faults = reading.sorted_faults();
    Ok(Report { faults, checked: reading.sources.0.keys().cloned().collect(), sources: reading.sources })
}

/// The shipped playbooks, for `plan --dsn`.
#[must_use]
pub fn builtin(catalogue: &Catalogue) -> Vec<Playbook> {
    // A test reads each of them without a fault, so none is left out.
    SHIPPED.iter().filter_map(|(file, text)| playbook::read(file, text, catalogue).0).collect()
}

/// A secret's value; the environment or the file is read again at each call.
///
/// # Errors
/// Names the variable or the file that is not there or empty; never a value.
pub fn resolve(text: &Text) -> Result<SecretString, String> {
    let (value, place) = match text {
        Text::Plain(secret) => return Ok(secret.clone()),
        Text::Env(name) => {
            let value = std::env::var(name).map_err(|e| match e {
                std::env::VarError::NotPresent => format!("the environment variable {name} is not set"),
                std::env::VarError::NotUnicode(_) => format!("the environment variable {name} is not UTF-8"),
            });
            (value?, format!("the environment variable {name}"))
        }
        Text::File(path) => {
            let value = std::fs::read_to_string(path).map_err(|e| format!("cannot read {}: {e}", path.display()))?;
            (value.trim_end_matches(['\n', '\r']).to_owned(), format!("the file {}", path.display()))
        }
    };
    if value.is_empty() { Err(format!("{place} is empty")) } else { Ok(value.into()) }
}

/// The disk and the environment.
struct Disk;

impl Surroundings for Disk {
    fn files(&self, pattern: &Path) -> Result<Vec<PathBuf>, String> {
        glob::expand(pattern)
    }

    fn value(&self, text: &Text) -> Result<String, String> {
        resolve(text).map(|secret| secret.expose_secret().to_owned())
    }
}

#[derive(Default)]
struct Reading {
    faults: Vec<Fault>,
    sources: Sources,
}

impl Reading {
    /// A file's text, kept as a source; a fault and `None` for what is no text.
    fn text(&mut self, file: &Path) -> Result<Option<String>, LoadError> {
        let bytes = read_bytes(file)?;
        let name = file.display().to_string();
        let (text, bad) = match String::from_utf8(bytes) {
            Ok(text) => (text, None),
            Err(e) => (String::from_utf8_lossy(e.as_bytes()).into_owned(), Some(e.utf8_error().valid_up_to())),
        };
        if let Some(at) = bad {
            let span = Span { start: at, end: at + 1 };
            let message = "this is not UTF-8".to_owned();
            let fault = Fault::at(&name, &text, span, Severity::Error, "not-utf8", message);
            self.faults.push(fault.with_help("save the file in UTF-8"));
        }
        self.sources.0.insert(name, text.clone());
        Ok(bad.is_none().then_some(text))
    }

    fn config(
        &mut self,
        file: &Path,
        text: &str,
        catalogue: &Catalogue,
    ) -> Result<(Option<Config>, Vec<Playbook>), LoadError> {
        let (config, faults) = config::read(file, text, &Disk);
        self.faults.extend(faults);
        self.faults.extend(config::advise(file, text));
        let Some(config) = config else { return Ok((None, Vec::new())) };
        let mut playbooks = Vec::new();
        for file in &config.playbook_files {
            if let Some(text) = self.text(file)? {
                playbooks.extend(self.playbook(file, &text, catalogue));
            }
        }
        playbooks.sort_by(|a, b| (&a.name, &a.file).cmp(&(&b.name, &b.file)));
        for pair in playbooks.windows(2).filter(|pair| pair[0].name == pair[1].name) {
            self.twice(&pair[0], &pair[1]);
        }
        for playbook in &playbooks {
            self.check_names(&config, playbook);
            self.faults.extend(advice::advise(&config, playbook));
        }
        Ok((Some(config), playbooks))
    }

    fn playbook(&mut self, file: &Path, text: &str, catalogue: &Catalogue) -> Option<Playbook> {
        let (playbook, faults) = playbook::read(&file.display().to_string(), text, catalogue);
        self.faults.extend(faults);
        playbook
    }

    fn twice(&mut self, first: &Playbook, second: &Playbook) {
        let at = second.text.find("\nname:").map_or(0, |at| at + 1);
        let span = Span { start: at, end: second.text.len() };
        let message = format!("there are two playbooks called {}", quote(&first.name));
        let fault = Fault::at(&second.file, &second.text, span, Severity::Error, "duplicate-name", message);
        self.faults.push(fault.with_help(format!("the other is in {}; rename one", first.file)));
    }

    fn check_names(&mut self, config: &Config, playbook: &Playbook) {
        for named in playbook::references(playbook) {
            let (code, what, there): (_, _, Vec<&str>) = match named.refers {
                Refers::Channel => {
                    ("unknown-channel", "channel", config.channels.iter().map(|c| c.name.as_str()).collect())
                }
                Refers::Window => ("unknown-window", "window", config.windows.keys().map(String::as_str).collect()),
                Refers::Target => {
                    ("unknown-target", "target", config.targets.iter().map(|t| t.name.as_str()).collect())
                }
            };
            if there.contains(&named.name.as_str()) {
                continue;
            }
            let message = format!("there is no {what} {} in {}", quote(&named.name), config.file.display());
            let fault = Fault::at(&playbook.file, &playbook.text, named.span, Severity::Error, code, message);
            self.faults.push(fault.with_help(suggest(&named.name, there)));
        }
    }

    fn sorted_faults(&mut self) -> Vec<Fault> {
        let mut faults = std::mem::take(&mut self.faults);
        faults.sort_by(|a, b| (&a.file, a.span).cmp(&(&b.file, b.span)));
        // A playbook that lint was given by itself and through its configuration was read twice.
        faults.dedup();
        faults
    }
}

/// A file's bytes, at most one more than may be read.
fn read_bytes(file: &Path) -> Result<Vec<u8>, LoadError> {
    let unreadable = |e: std::io::Error| LoadError::Unreadable { file: file.to_owned(), why: e.to_string() };
    let mut bytes = Vec::new();
    let limit = syntax::parse::MAX_BYTES as u64 + 1;
    std::fs::File::open(file).map_err(unreadable)?.take(limit).read_to_end(&mut bytes).map_err(unreadable)?;
    Ok(bytes)
}
