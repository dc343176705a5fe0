//! `pgmedic run`.

use super::global::{Exit, Failure, Global};
use super::output::Out;
use super::{foreground, reach};
use crate::engine::api::{RunReport, RunRequest};
use crate::model::{Mode, Verdict};
use clap::Args;

/// Run one playbook on one target now, to its end
///
/// All guards, limits and ceilings hold as for any other run; it is recorded under your name.
#[derive(Args, Debug)]
pub(super) struct Command {
    /// The playbook
    playbook: String,
    /// The target
    #[arg(long)]
    target: String,
    /// Go at most this far; never raises what the configuration allows
    #[arg(long, value_parser = mode)]
    mode: Option<Mode>,
}

fn mode(word: &str) -> Result<Mode, String> {
    let known = || Mode::ALL.map(|(word, _)| word).join(", ");
    let found = Mode::ALL.iter().find(|(w, _)| *w == word).map(|(_, mode)| *mode);
    found.ok_or_else(|| format!("there are {}", known()))
}

impl Command {
    pub(super) async fn run(self, global: &Global, out: &Out) -> Result<Exit, Failure> {
        let request = RunRequest { playbook: self.playbook, target: self.target, mode: self.mode };
        let report = match reach::daemon(global)? {
            Some(daemon) => daemon.run(&request).await?,
            None => foreground::run(global, out, request).await?,
        };
        out.one(&report, text)?;
        Ok(exit(&report))
    }
}

fn text(report: &RunReport) -> String {
    let RunReport { run, verdict, summary, acted, held, .. } = report;
    // The run itself may act, and yet each candidate is held back by guards of its own.
    let nothing = *verdict == Verdict::Act && *acted == 0 && *held == 0;
    let done = if nothing { "; nothing was done: what was found is held back by its own guards, or gone" } else { "" };
    format!("{}: {summary}{done}\nThe whole story: pgmedic audit show {run}\n", verdict.word())
}

fn exit(report: &RunReport) -> Exit {
    let blind = report.summary.starts_with("unreachable:");
    if blind || report.failed > 0 || report.helped < report.acted {
        Exit::TROUBLE
    } else if report.held > 0 || report.verdict == Verdict::Hold {
        Exit::HELD
    } else {
        Exit::FINE
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report(acted: u32, helped: u32, failed: u32, held: u32) -> RunReport {
        let verdict = Verdict::Act;
        RunReport { run: "01K".to_owned(), verdict, summary: "2 long queries".to_owned(), acted, helped, failed, held }
    }

    #[test]
    fn a_run_that_did_not_help_is_trouble() {
        assert_eq!(exit(&report(0, 0, 0, 0)), Exit::FINE);
        assert_eq!(exit(&report(2, 2, 0, 0)), Exit::FINE);
        assert_eq!(exit(&report(2, 1, 0, 0)), Exit::TROUBLE);
        assert_eq!(exit(&report(2, 2, 1, 1)), Exit::TROUBLE);
        assert_eq!(exit(&report(2, 2, 0, 1)), Exit::HELD);
        let mut lost = report(0, 0, 0, 0);
        lost.summary = "unreachable: connection refused".to_owned();
        assert_eq!(exit(&lost), Exit::TROUBLE, "a run that could not look");
    }

    #[test]
    fn a_run_that_touched_nothing_says_so() {
        let said = text(&report(0, 0, 0, 0));
        assert!(said.starts_with("act: 2 long queries; nothing was done: "), "{said}");
    }

    #[test]
    fn a_run_says_what_it_did_and_where_the_story_is() {
        insta::assert_snapshot!(text(&report(2, 1, 1, 0)), @"
        act: 2 long queries
        The whole story: pgmedic audit show 01K
        ");
    }
}
