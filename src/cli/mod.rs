//! Words on a command line and what they print: one file per command.

mod audit;
mod completions;
mod dsn;
mod foreground;
mod global;
mod grants;
mod lint;
mod offline;
mod output;
mod pause;
mod plan;
mod plan_text;
mod playbooks;
mod reach;
mod reload;
mod resume;
mod run;
mod schema;
mod serve;
mod start;
mod status;
mod status_text;
mod story;
mod systemd;
mod targets;
mod test;
mod text;
mod version;
mod why;

use clap::{Parser, Subcommand};
use global::{Exit, Failure, Global};
use output::Out;
use std::io::Write;
use std::process::ExitCode;

/// PostgreSQL remediation under guard: it decides, acts only as far as you let it, and records every
/// decision.
#[derive(Debug, Parser)]
#[command(name = "pgmedic", version, max_term_width = 100, after_help = EXIT_CODES)]
struct Cli {
    #[command(flatten)]
    global: Global,
    #[command(subcommand)]
    command: Command,
}

const EXIT_CODES: &str = "Exit codes: 0 fine; 1 it ran and found trouble; 2 wrong usage, or a file that cannot be \
                          opened; 3 held for approval.";

#[derive(Debug, Subcommand)]
enum Command {
    Serve(serve::Command),
    Run(run::Command),
    Plan(plan::Command),
    Why(why::Command),
    Status(status::Command),
    Targets(targets::Command),
    Playbooks(playbooks::Command),
    Lint(lint::Command),
    Test(test::Command),
    Grants(grants::Command),
    Audit(audit::Command),
    Pause(pause::Command),
    Resume(resume::Command),
    Reload(reload::Command),
    Schema(schema::Command),
    Version(version::Command),
    Completions(completions::Command),
}

/// The whole program: reads the command line, does what it says, and ends with its exit code.
#[must_use]
pub fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            // Help that nobody reads to its end (`| head`) is no trouble.
            let _ = error.print();
            return ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(Exit::USAGE.0));
        }
    };
    let out = Out::new(&cli.global);
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return end(Err(Failure::trouble(format!("no threads can be started: {error}")))),
    };
    let ended = runtime.block_on(dispatch(cli.command, &cli.global, &out));
    // A name that no server resolves keeps a thread of the system's for long; nothing waits for it.
    runtime.shutdown_background();
    end(ended)
}

async fn dispatch(command: Command, global: &Global, out: &Out) -> Result<Exit, Failure> {
    match command {
        Command::Serve(c) => c.run(global).await,
        Command::Lint(c) => c.run(global, out),
        Command::Test(c) => c.run(global, out),
        Command::Grants(c) => c.run(global, out).await,
        Command::Audit(c) => c.run(global, out).await,
        Command::Run(c) => c.run(global, out).await,
        Command::Plan(c) => c.run(global, out).await,
        Command::Why(c) => c.run(global, out).await,
        Command::Status(c) => c.run(global, out).await,
        Command::Targets(c) => c.run(global, out).await,
        Command::Playbooks(c) => c.run(global, out).await,
        Command::Pause(c) => c.run(global, out).await,
        Command::Resume(c) => c.run(global, out).await,
        Command::Reload(c) => c.run(global, out).await,
        Command::Schema(c) => c.run(),
        Command::Version(c) => c.run(out),
        Command::Completions(c) => c.run(),
    }
}

fn end(ended: Result<Exit, Failure>) -> ExitCode {
    let exit = match ended {
        Ok(exit) => exit,
        Err(Failure::EnoughRead) => Exit::FINE,
        Err(Failure::Told(exit, message)) => {
            // Without a standard error there is still the exit code.
            let _ = writeln!(std::io::stderr(), "pgmedic: {message}");
            exit
        }
    };
    ExitCode::from(exit.0)
}
