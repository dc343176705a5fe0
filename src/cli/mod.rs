//! Words on a command line and what they print: one file per command.

mod global;
mod output;
mod plan_text;
mod reach;
mod status_text;
mod story;
mod text;
