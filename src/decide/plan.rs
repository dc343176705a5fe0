//! `plan`: what a run would do about each candidate, and why not. `admit`: the same question again for
//! one candidate, on fresh facts, before every rung.

use super::conclude::{Decision, conclude, requested};
use crate::config::Policy;
use crate::guards::{self, Scene, Scope};
use crate::model::{Candidate, Facts, History, Mode, Timestamp, Verdict};
use crate::playbook::{ActStep, Playbook};

/// A run's verdict and its candidates in the order in which they would be acted on.
#[derive(Clone, Debug, PartialEq)]
pub struct Plan {
    /// The run as a whole.
    pub decision: Decision,
    /// Each candidate that the finder listed.
    pub candidates: Vec<(Candidate, Decision)>,
    /// How much of the target could not be read.
    pub unreadable: usize,
}

impl Plan {
    /// As [`Decision::digest`], for the run as a whole.
    #[must_use]
    pub fn digest(&self) -> String {
        let partly = if self.unreadable > 0 { ", read in part" } else { "" };
        format!("{}{partly}", self.decision.digest())
    }
}

/// Decides on everything that was found. When the run as a whole is stopped, so is every candidate.
#[must_use]
pub fn plan(
    playbook: &Playbook,
    policy: &Policy,
    history: &History,
    facts: &Facts,
    lowered: Option<Mode>,
    now: Timestamp,
) -> Plan {
    let mut scene = Scene {
        playbook,
        policy,
        history,
        facts,
        candidate: None,
        rung: playbook.rungs().next(),
        let_through: 0,
        run: "",
        now,
    };
    let mut decision = judge(&scene, lowered, &[Scope::Run]);
    if facts.candidates.is_empty() && decision.verdict != Verdict::Skip {
        // What could not be read may hide candidates: that is not the same as nothing found.
        (decision.verdict, decision.reason) = match facts.unreadable.as_slice() {
            [] => (Verdict::Quiet, "nothing found".to_owned()),
            [what] => (Verdict::Skip, format!("unreadable: {what}")),
            [what, more @ ..] => (Verdict::Skip, format!("unreadable: {what}, and {} more", more.len())),
        };
    }
    let mut candidates = Vec::with_capacity(facts.candidates.len());
    for candidate in &facts.candidates {
        scene.candidate = Some(candidate);
        let concluded = judge(&scene, lowered, &[Scope::Run, Scope::Candidate]);
        if concluded.verdict != Verdict::Skip {
            scene.let_through += 1;
        }
        candidates.push((candidate.clone(), concluded));
    }
    if matches!(decision.verdict, Verdict::Act | Verdict::Hold | Verdict::Observe) {
        sum_up(&mut decision, &candidates);
    }
    Plan { decision, candidates, unreadable: facts.unreadable.len() }
}

/// What the run as a whole comes to: it acts only if it acts on something.
fn sum_up(decision: &mut Decision, candidates: &[(Candidate, Decision)]) {
    let any = |verdict| candidates.iter().find(|(_, d)| d.verdict == verdict).map(|(_, d)| d);
    let Some(foremost) = [Verdict::Act, Verdict::Hold, Verdict::Observe].into_iter().find_map(any) else {
        let guards: Vec<&str> = candidates.iter().filter_map(|(_, d)| d.reason.split(':').next()).collect();
        let first = guards.first().copied().unwrap_or_default();
        let all = if guards.iter().all(|g| *g == first) { "it" } else { "a guard" };
        decision.verdict = Verdict::Skip;
        decision.reason = format!("{first}: {all} stopped each of {} candidates", candidates.len());
        return;
    };
    if foremost.verdict != decision.verdict {
        (decision.verdict, decision.mode) = (foremost.verdict, foremost.mode);
        decision.reason.clone_from(&foremost.reason);
    }
}

/// What stands for one rung.
#[derive(Clone, Copy, Debug)]
pub struct Standing<'a> {
    /// The run (ULID).
    pub run: &'a str,
    /// The rung that is next.
    pub rung: &'a ActStep,
    /// Candidates of this run that were acted on before this one.
    pub let_through: u32,
    /// The mode that whoever asked lowered the run to.
    pub lowered: Option<Mode>,
}

/// Decides on one candidate again, with every guard, on facts as fresh as the moment.
#[must_use]
pub fn admit(
    playbook: &Playbook,
    policy: &Policy,
    history: &History,
    candidate: &Candidate,
    facts: &Facts,
    standing: &Standing,
    now: Timestamp,
) -> Decision {
    let scene = Scene {
        playbook,
        policy,
        history,
        facts,
        candidate: Some(candidate),
        rung: Some(standing.rung),
        let_through: standing.let_through,
        run: standing.run,
        now,
    };
    judge(&scene, standing.lowered, &[Scope::Run, Scope::Candidate])
}

fn judge(scene: &Scene, lowered: Option<Mode>, scopes: &[Scope]) -> Decision {
    let mut reports: Vec<_> = lowered.map(requested).into_iter().collect();
    for scope in scopes {
        reports.extend(guards::ask(scene, *scope));
    }
    conclude(reports)
}
