//! When a run may begin nothing new any more, so that long statements end there too.

use super::run::{Brief, Ends};
use crate::model::time::{after, in_words};
use crate::model::{Duration, Mode, Timestamp};
use crate::schedule;

/// No run lasts longer, whatever its playbook says: limits per run look back so far.
const LONGEST: Duration = Duration::from_hours(24);

/// The first of what ends it: the time budget, the close of the window that allows it, the opening of one
/// that forbids it, the begin of a freeze.
pub(super) fn of(brief: &Brief, at: Timestamp) -> Ends {
    let guard = &brief.playbook.guard;
    let budget = guard.time_budget.unwrap_or(LONGEST).min(LONGEST);
    let over = Ends {
        at: after(brief.started, budget),
        why: format!("time_budget: the run's time ({}) was over", in_words(budget)),
    };
    let all = std::iter::once(over).chain(closes(brief, at)).chain(opens(brief, at)).chain(freezes(brief, at));
    // There is at least the one.
    all.min_by_key(|ends| ends.at).unwrap_or(Ends { at, why: String::new() })
}

/// The last of the windows that allow it to close.
fn closes(brief: &Brief, at: Timestamp) -> Option<Ends> {
    let policy = &brief.policy;
    let open = brief.playbook.guard.allow_in.iter().filter_map(|name| {
        let open = schedule::open(policy.windows.get(name)?, &policy.timezone, at)?;
        Some(Ends { at: open.closes, why: format!("allow_in: window `{name}` closed") })
    });
    open.max_by_key(|ends| ends.at)
}

fn opens(brief: &Brief, at: Timestamp) -> impl Iterator<Item = Ends> {
    let policy = &brief.policy;
    brief.playbook.guard.not_in.iter().filter_map(move |name| {
        let opens = schedule::opens_next(policy.windows.get(name)?, &policy.timezone, at)?;
        Some(Ends { at: opens, why: format!("not_in: window `{name}` opened") })
    })
}

fn freezes(brief: &Brief, at: Timestamp) -> impl Iterator<Item = Ends> {
    let coming = brief.policy.freezes.iter().filter(move |f| {
        f.from > at
            && f.ceiling < Mode::Enforce
            && f.targets.iter().all(|m| m.matches(&brief.labels))
            && f.except.matching(&brief.playbook.name).is_none()
    });
    coming.map(|f| Ends { at: f.from, why: format!("freeze: `{}` began", f.name) })
}
