//! Printing: one place knows about formats, colour, width and closed pipes.

use super::global::{Failure, Format, Global, When};
use super::text::printable;
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::io::{IsTerminal, Write};

/// Where results go.
#[derive(Clone, Debug)]
pub struct Out {
    /// How to print.
    pub format: Format,
    /// How to colour text.
    pub paint: Paint,
    /// Print results and errors only.
    pub quiet: bool,
    /// Columns of the terminal; `None` in a pipe, where nothing is wrapped.
    pub width: Option<u16>,
}

impl Out {
    /// As the options and the terminal say.
    #[must_use]
    pub fn new(global: &Global) -> Out {
        let stdout = std::io::stdout();
        let no_color = std::env::var_os("NO_COLOR").is_some_and(|v| !v.is_empty());
        let on = match global.color {
            When::Always => true,
            When::Never => false,
            When::Auto => stdout.is_terminal() && !no_color,
        };
        let size = || rustix::termios::tcgetwinsize(&stdout).map_or(0, |w| w.ws_col);
        let width = stdout.is_terminal().then(|| columns(size()));
        Out {
            format: if global.json { Format::Json } else { global.output },
            paint: Paint { on },
            quiet: global.quiet,
            width: width.map(|w| w.max(40)),
        }
    }

    /// Prints one thing.
    ///
    /// # Errors
    /// When the output cannot be written.
    pub fn one<T>(&self, value: &T, text: impl FnOnce(&T) -> String) -> Result<(), Failure>
    where
        T: Serialize + DeserializeOwned + Clone,
    {
        match self.format {
            Format::Text => raw(text(&printable(value)).as_bytes()),
            Format::Json => line(&serde_json::to_string_pretty(value).map_err(unprintable)?),
            Format::Jsonl => line(&serde_json::to_string(value).map_err(unprintable)?),
            Format::Yaml => raw(serde_saphyr::to_string(value).map_err(unprintable)?.as_bytes()),
        }
    }

    /// Prints a list: in `json` and `jsonl` one compact object a line.
    ///
    /// # Errors
    /// When the output cannot be written.
    pub fn list<T>(&self, values: &[T], text: impl FnOnce(&[T]) -> String) -> Result<(), Failure>
    where
        T: Serialize + DeserializeOwned + Clone,
    {
        self.rendered(values, || text(&printable(&values.to_vec())))
    }

    /// Prints a list whose text is already made for a terminal.
    ///
    /// # Errors
    /// When the output cannot be written.
    pub fn rendered<T: Serialize>(&self, values: &[T], text: impl FnOnce() -> String) -> Result<(), Failure> {
        match self.format {
            Format::Text => raw(text().as_bytes()),
            Format::Json | Format::Jsonl => {
                let lines: Result<Vec<String>, _> =
                    values.iter().map(|v| serde_json::to_string(v).map(|line| line + "\n")).collect();
                raw(lines.map_err(unprintable)?.concat().as_bytes())
            }
            Format::Yaml => raw(serde_saphyr::to_string(&values).map_err(unprintable)?.as_bytes()),
        }
    }

    /// Something that is wrong beside the result, on standard error, also when asked to be quiet.
    pub fn complain(&self, line: &str) {
        let _ = writeln!(std::io::stderr(), "pgmedic: {}", self.paint.red(line));
    }

    /// A remark beside the result, on standard error.
    pub fn note(&self, line: &str) {
        if !self.quiet {
            // A remark that nobody can read is no reason to fail.
            let _ = writeln!(std::io::stderr(), "{line}");
        }
    }
}

/// A terminal that does not know its width says 0.
fn columns(said: u16) -> u16 {
    if said == 0 { 100 } else { said }
}

/// Prints bytes as they are.
///
/// # Errors
/// When the output cannot be written.
pub fn raw(bytes: &[u8]) -> Result<(), Failure> {
    let mut out = std::io::stdout().lock();
    out.write_all(bytes).and_then(|()| out.flush()).map_err(|e| Failure::output(&e))
}

fn unprintable(error: impl std::fmt::Display) -> Failure {
    Failure::trouble(format!("the result cannot be printed in this format: {error}"))
}

fn line(line: &str) -> Result<(), Failure> {
    raw(format!("{line}\n").as_bytes())
}

/// Colour, or none.
#[derive(Clone, Copy, Debug)]
pub struct Paint {
    /// Whether to colour at all.
    pub on: bool,
}

impl Paint {
    fn with(self, code: &str, text: &str) -> String {
        if self.on && !text.is_empty() { format!("\x1b[{code}m{text}\x1b[0m") } else { text.to_owned() }
    }

    /// What is looked for first.
    #[must_use]
    pub fn bold(self, text: &str) -> String {
        self.with("1", text)
    }

    /// What is wrong.
    #[must_use]
    pub fn red(self, text: &str) -> String {
        self.with("31", text)
    }

    /// What is well.
    #[must_use]
    pub fn green(self, text: &str) -> String {
        self.with("32", text)
    }

    /// What to look at.
    #[must_use]
    pub fn yellow(self, text: &str) -> String {
        self.with("33", text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_terminal_without_a_width_is_not_a_narrow_one() {
        assert_eq!((columns(0), columns(80)), (100, 80));
    }
}
