//! What every command understands, and how commands end.

use clap::{Args, ValueEnum};
use std::io;
use std::path::PathBuf;

/// Options that every command takes.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Options of every command")]
pub struct Global {
    /// The configuration file
    #[arg(long, global = true, value_name = "FILE", env = "PGMEDIC_CONFIG", default_value = "pgmedic.yaml")]
    pub config: PathBuf,
    /// How to print what was found
    #[arg(short, long, global = true, value_enum, value_name = "FORMAT", default_value_t = Format::Text)]
    pub output: Format,
    /// Short for `-o json`
    #[arg(long, global = true, conflicts_with = "output")]
    pub json: bool,
    /// When to use colour; `NO_COLOR` turns `auto` off
    #[arg(long, global = true, value_enum, value_name = "WHEN", default_value_t = When::Auto)]
    pub color: When,
    /// Print results and errors only
    #[arg(short, long, global = true)]
    pub quiet: bool,
}

/// How to print.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Format {
    /// For people
    Text,
    /// One object; a list as one compact object a line
    Json,
    /// One compact object a line
    Jsonl,
    /// YAML
    Yaml,
}

/// When to use colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum When {
    /// On a terminal, unless `NO_COLOR` is set
    Auto,
    /// Even into a pipe
    Always,
    /// Not at all
    Never,
}

/// How a command ended, as the shell sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Exit(pub u8);

impl Exit {
    /// Nothing to complain about.
    pub const FINE: Exit = Exit(0);
    /// It ran and found trouble.
    pub const TROUBLE: Exit = Exit(1);
    /// Wrong usage, or a file that cannot be opened.
    pub const USAGE: Exit = Exit(2);
    /// `plan --detailed-exitcode`: something would be done.
    pub const WOULD_ACT: Exit = Exit(2);
    /// Held for approval.
    pub const HELD: Exit = Exit(3);
}

/// Why a command could not do its work.
#[derive(Debug)]
pub enum Failure {
    /// Whoever read the output has seen enough (`| head`): no trouble at all.
    EnoughRead,
    /// To be told, with the exit code.
    Told(Exit, String),
}

impl Failure {
    /// It ran and found trouble.
    pub fn trouble(message: impl Into<String>) -> Failure {
        Failure::Told(Exit::TROUBLE, message.into())
    }

    /// Wrong usage, or a file that cannot be opened.
    pub fn usage(message: impl Into<String>) -> Failure {
        Failure::Told(Exit::USAGE, message.into())
    }

    /// Output that could not be written.
    #[must_use]
    pub fn output(error: &io::Error) -> Failure {
        match error.kind() {
            io::ErrorKind::BrokenPipe => Failure::EnoughRead,
            _ => Failure::trouble(format!("the output cannot be written: {error}")),
        }
    }
}

impl From<crate::engine::api::Refusal> for Failure {
    fn from(refusal: crate::engine::api::Refusal) -> Failure {
        match refusal {
            // A name that is not there is a wrong word on the command line.
            crate::engine::api::Refusal::Unknown(message) => Failure::usage(message),
            other => Failure::trouble(other.to_string()),
        }
    }
}
