//! From the guards' answers to one verdict: the first that stops gives the reason, the lowest ceiling
//! gives the mode.

use crate::model::verdict::GuardVerdict;
use crate::model::{GuardReport, Mode, Verdict};

/// What was concluded of a run or a candidate, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decision {
    /// The conclusion.
    pub verdict: Verdict,
    /// The mode in force after all ceilings.
    pub mode: Mode,
    /// In words; a skip's begins with the guard's name.
    pub reason: String,
    /// How each guard answered.
    pub guards: Vec<GuardReport>,
}

impl Decision {
    /// Equal for decisions that a reader would call the same: figures that move do not make a new one.
    #[must_use]
    pub fn digest(&self) -> String {
        match self.verdict {
            Verdict::Skip => format!("skip {}", self.reason.split(':').next().unwrap_or_default()),
            verdict => format!("{} {}", verdict.word(), self.mode.word()),
        }
    }
}

/// Concludes from the guards' answers.
#[must_use]
pub fn conclude(guards: Vec<GuardReport>) -> Decision {
    let lowest = guards.iter().filter_map(|g| match g.verdict {
        GuardVerdict::Cap(mode) => Some((mode, g)),
        _ => None,
    });
    let lowest = lowest.min_by_key(|(mode, _)| *mode);
    let mode = lowest.map_or(Mode::Enforce, |(mode, _)| mode);
    let stopped = guards.iter().find(|g| g.verdict == GuardVerdict::Stop);
    let (verdict, reason) = match (stopped, lowest) {
        (Some(guard), _) => (Verdict::Skip, format!("{}: {}", guard.name, guard.detail)),
        (None, Some((Mode::Observe, guard))) => (Verdict::Observe, format!("{}: {}", guard.name, guard.detail)),
        (None, Some((Mode::Approve, guard))) => (Verdict::Hold, format!("{}: {}", guard.name, guard.detail)),
        (None, _) => (Verdict::Act, "all guards let it through".to_owned()),
    };
    Decision { verdict, mode, reason, guards }
}

/// The report of a person who asked for less than the playbook allows.
#[must_use]
pub fn requested(mode: Mode) -> GuardReport {
    GuardReport {
        name: "requested_mode".to_owned(),
        verdict: GuardVerdict::Cap(mode),
        detail: format!("whoever asked for this run lowered it to {}", mode.word()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report(name: &str, verdict: GuardVerdict) -> GuardReport {
        GuardReport { name: name.to_owned(), verdict, detail: "because".to_owned() }
    }

    #[test]
    fn the_first_stop_gives_the_reason_and_the_lowest_cap_the_mode() {
        let decision = conclude(vec![
            report("mode", GuardVerdict::Cap(Mode::Approve)),
            report("role", GuardVerdict::Pass),
            report("paused", GuardVerdict::Stop),
            report("freeze", GuardVerdict::Cap(Mode::Observe)),
        ]);
        assert_eq!((decision.verdict, decision.mode), (Verdict::Skip, Mode::Observe));
        assert_eq!(decision.reason, "paused: because");
        assert_eq!(decision.digest(), "skip paused");
    }

    #[test]
    fn ceilings_decide_between_act_hold_and_observe() {
        let of = |mode| conclude(vec![report("mode", GuardVerdict::Cap(mode))]).verdict;
        assert_eq!(of(Mode::Enforce), Verdict::Act);
        assert_eq!(of(Mode::Approve), Verdict::Hold);
        assert_eq!(of(Mode::Observe), Verdict::Observe);
    }
}
