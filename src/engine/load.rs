//! Reads the configuration and its playbooks from disk: everything sound, or every fault.

use crate::config::{self, Config, Text};
use crate::playbook::{self, Catalogue, NamedAt, Playbook, Refers};
use crate::rules;
use crate::syntax::fault::{quote, suggest};
use crate::syntax::{self, Fault, Severity, Span};
use secrecy::SecretString;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

mod advice;
mod at_targets;
mod discover;
mod glob;
mod origin;
mod sort;
mod unit;

pub use at_targets::Changed;
pub use discover::test_files;
use origin::{Around, Disk, Origin, Recorded};
pub use unit::{Sound, Tests, tests};

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
    fn get(&self, file: &Path) -> Option<&str> {
        self.0.get(&file.display().to_string()).map(String::as_str)
    }

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
    /// Those that a target's variables or overrides change there.
    pub changed: Changed,
    /// What somebody should look at.
    pub warnings: Vec<Fault>,
    /// To render the warnings with.
    pub sources: Sources,
}

impl Loaded {
    /// A playbook as it is at a target.
    #[must_use]
    pub fn at<'a>(&'a self, target: &str, playbook: &'a Arc<Playbook>) -> &'a Arc<Playbook> {
        self.changed.get(&(target.to_owned(), playbook.name.clone())).unwrap_or(playbook)
    }
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
    load_from(&Disk, config_file, catalogue)
}

/// A configuration from texts that were recorded, by file.
///
/// # Errors
/// As [`load`]: an older build may have read what this one does not.
pub fn from_texts(
    config_file: &Path,
    texts: BTreeMap<PathBuf, String>,
    catalogue: &Catalogue,
) -> Result<Loaded, LoadError> {
    load_from(&Recorded(texts), config_file, catalogue)
}

fn load_from(origin: &dyn Origin, config_file: &Path, catalogue: &Catalogue) -> Result<Loaded, LoadError> {
    let mut reading = Reading::new(origin);
    let read = match reading.text(config_file)? {
        Some(text) => reading.config(config_file, &text, catalogue)?,
        None => None,
    };
    let faults = reading.sorted_faults();
    match read {
        Some((config, playbooks, changed)) if !faults.iter().any(Fault::is_error) => {
            Ok(Loaded { config, playbooks, changed, warnings: faults, sources: reading.sources })
        }
        _ => Err(LoadError::Faulty { faults, sources: reading.sources }),
    }
}

/// Checks files: a configuration with its playbooks, or playbooks, rule files and their tests by themselves,
/// told apart by their keys.
///
/// # Errors
/// [`LoadError::Unreadable`] for a file that cannot be opened.
pub fn lint(files: &[PathBuf], catalogue: &Catalogue) -> Result<Report, LoadError> {
    let mut reading = Reading::new(&Disk);
    for file in files {
        let name = file.display().to_string();
        if reading.sources.0.contains_key(&name) {
            continue;
        }
        let Some(text) = reading.text(file)? else { continue };
        match sort::sort(&name, &text) {
            sort::Sort::Config => drop(reading.config(file, &text, catalogue)?),
            sort::Sort::Playbook => drop(reading.playbook(file, &text, catalogue)),
            sort::Sort::Rules => reading.faults.extend(rules::read(&name, &text).1),
            sort::Sort::Tests => reading.faults.extend(unit::lint(file, &text)),
            sort::Sort::PlaybookTests => drop(reading.playbook_tests(file, &text)?),
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

struct Reading<'o> {
    origin: &'o dyn Origin,
    faults: Vec<Fault>,
    sources: Sources,
}

impl<'o> Reading<'o> {
    fn new(origin: &'o dyn Origin) -> Reading<'o> {
        Reading { origin, faults: Vec::new(), sources: Sources::default() }
    }

    /// A file's text, kept as a source; a fault and `None` for what is no text.
    fn text(&mut self, file: &Path) -> Result<Option<String>, LoadError> {
        let bytes = self.origin.bytes(file)?;
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
    ) -> Result<Option<(Config, Vec<Playbook>, Changed)>, LoadError> {
        let around = Around::new(self);
        let (config, faults) = config::read(file, text, &around);
        let (unreadable, target_files) = around.into_seen();
        if let Some(unreadable) = unreadable {
            return Err(unreadable);
        }
        self.faults.extend(faults);
        let others = target_files.iter().filter_map(|file| Some((file.as_path(), self.sources.get(file)?)));
        self.faults.extend(config::advise(file, text, others));
        let Some(config) = config else { return Ok(None) };
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
            for named in playbook::references(playbook) {
                self.check_name(&config, "", &named);
            }
            self.faults.extend(advice::advise(&config, playbook));
        }
        let at_targets = at_targets::read(&config, &playbooks, &self.sources, catalogue);
        self.faults.extend(at_targets.faults);
        for (place, named) in &at_targets.names {
            self.check_name(&config, place, named);
        }
        // With a playbook that cannot be read nobody knows what it would have used.
        if playbooks.len() == config.playbook_files.len() {
            self.faults.extend(at_targets::unused(&config, &playbooks, &self.sources));
        }
        Ok(Some((config, playbooks, at_targets.changed)))
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

    fn check_name(&mut self, config: &Config, place: &str, named: &NamedAt) {
        let (code, what, there): (_, _, Vec<&str>) = match named.refers {
            Refers::Channel => {
                ("unknown-channel", "channel", config.channels.iter().map(|c| c.name.as_str()).collect())
            }
            Refers::Window => ("unknown-window", "window", config.windows.keys().map(String::as_str).collect()),
            Refers::Target => ("unknown-target", "target", config.targets.iter().map(|t| t.name.as_str()).collect()),
        };
        if there.contains(&named.name.as_str()) {
            return;
        }
        let message = format!("{place}there is no {what} {} in {}", quote(&named.name), config.file.display());
        let text = self.sources.text(&named.file).unwrap_or_default();
        let fault = Fault::at(&named.file, &text, named.span, Severity::Error, code, message);
        self.faults.push(fault.with_help(suggest(&named.name, there)));
    }

    fn sorted_faults(&mut self) -> Vec<Fault> {
        let mut faults = std::mem::take(&mut self.faults);
        faults.sort_by(|a, b| (&a.file, a.span).cmp(&(&b.file, b.span)));
        // A playbook that lint was given by itself and through its configuration was read twice.
        faults.dedup();
        faults
    }
}
