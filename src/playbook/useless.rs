//! Steps that can never help, however often the playbook runs.

use super::{ActStep, Arg, Step};
use crate::model::{Duration, time};
use crate::syntax::{Reader, Span};

/// Each with what it makes useless behind it: whoever survived the first does not notice the second.
pub const STRONGER: [(&str, &str); 1] = [("terminate_backend", "cancel_backend")];

/// One step with its place.
pub(super) struct Placed {
    pub span: Span,
    pub step: Step,
}

/// Reports the steps of a ladder that can never help.
pub(super) fn check(reader: &mut Reader, ladder: &[Placed], time_budget: Option<Duration>) {
    let rungs: Vec<(Span, &ActStep)> = ladder.iter().filter_map(Placed::rung).collect();
    for (at, (span, act)) in rungs.iter().enumerate() {
        let before = &rungs[..at];
        if let Some((first, _)) = before.iter().find(|(_, other)| repeats(other, act)) {
            let name = act.action.name;
            let line = reader.line(*first);
            let message = format!("`{name}` comes twice: what the first did not achieve the second will not");
            let help = format!("it stands in line {line} already; remove one, or `wait` longer after the first");
            reader.error_help(*span, "useless-step", message, help);
        } else if let Some((_, stronger)) = before.iter().find(|(_, other)| outdoes(other, act)) {
            let (strong, mild) = (stronger.action.name, act.action.name);
            let message = format!("`{mild}` comes after `{strong}`, which leaves it nothing to do");
            reader.error_help(*span, "useless-step", message, format!("put the milder `{mild}` first"));
        }
    }
    if let Some(budget) = time_budget {
        check_waits(reader, ladder, budget);
    }
}

impl Placed {
    fn rung(&self) -> Option<(Span, &ActStep)> {
        match &self.step {
            Step::Act(act) => Some((self.span, act)),
            Step::Wait(_) => None,
        }
    }
}

/// A run starts nothing new behind its time budget, so what stands behind a longer wait is never reached.
fn check_waits(reader: &mut Reader, ladder: &[Placed], budget: Duration) {
    let mut waited = Duration::ZERO;
    for Placed { span, step } in ladder {
        let Step::Wait(wait) = step else { continue };
        waited = waited.saturating_add(*wait);
        if waited >= budget {
            let (waited, budget) = (time::in_words(waited), time::in_words(budget));
            let message = format!(
                "nothing behind this wait is ever done: the ladder has waited {waited} here, and the run starts nothing \
                 new after its `time_budget` of {budget}"
            );
            reader.error_help(*span, "useless-step", message, "shorten the waits, or raise `guard.time_budget`");
            return;
        }
    }
}

/// The same again. An action that goes one step further each time is no repetition.
fn repeats(first: &ActStep, second: &ActStep) -> bool {
    let same = first.action.name == second.action.name && same_args(first, second);
    same && !first.action.params.iter().any(|p| p.name == "step")
}

fn same_args(first: &ActStep, second: &ActStep) -> bool {
    let (one, other) = (&first.args.0, &second.args.0);
    one.len() == other.len() && one.iter().all(|(name, arg)| other.get(name).is_some_and(|b| same_arg(arg, b)))
}

/// What takes patterns counts as different: two of them could mean different candidates.
fn same_arg(one: &Arg, other: &Arg) -> bool {
    match (one, other) {
        (Arg::Duration(a), Arg::Duration(b)) => a == b,
        (Arg::Count(a), Arg::Count(b)) => a == b,
        (Arg::Share(a), Arg::Share(b)) => a.total_cmp(b).is_eq(),
        (Arg::Word(a), Arg::Word(b)) => a == b,
        _ => false,
    }
}

fn outdoes(first: &ActStep, second: &ActStep) -> bool {
    STRONGER.contains(&(first.action.name, second.action.name))
}
