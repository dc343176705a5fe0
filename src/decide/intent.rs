//! The last word before an intent is appended: asked by the log's one writer, at that moment, so that
//! limits are exact across targets and nothing is done twice at once.

use crate::config::Limits;
use crate::guards::{limits::Spending, open_intent, paused, same_query, takeover};
use crate::model::record::Draft;
use crate::model::verdict::GuardVerdict;
use crate::model::{Duration, GuardReport, History, Timestamp, history};

/// What an intent must not exceed.
#[derive(Clone, Debug, PartialEq)]
pub struct Bounds {
    /// Policy's budgets.
    pub limits: Limits,
    /// The playbook's own `per_run`, if smaller than policy's.
    pub per_run: Option<u32>,
    /// The playbook's cooldown, which a takeover waits for.
    pub cooldown: Duration,
}

/// Whether an intent may be appended now.
///
/// # Errors
/// The guard that forbids it.
pub fn may_append(history: &History, draft: &Draft, bounds: &Bounds, now: Timestamp) -> Result<(), GuardReport> {
    let (Some(target), Some(candidate), Some(action)) = (&draft.target, &draft.candidate, &draft.action) else {
        return stop("intent", "an intent without target, candidate or action is never appended".to_owned());
    };
    let playbook = draft.playbook.as_ref().map_or("", |p| p.name.as_str());
    let run = draft.run.as_deref().unwrap_or_default();
    if let Some(pause) = history.paused(target, playbook, now) {
        return stop("paused", paused::told(pause));
    }
    if let Some(open) = history.open.get(&(target.clone(), candidate.key.clone())) {
        return stop("open_intent", open_intent::told(open, now));
    }
    if let Some(Err(why)) = takeover::waited(history, target, bounds.cooldown, now) {
        return stop("takeover", why);
    }
    let counted = history.counted(target, run, &candidate.key, action.class);
    let spending = Spending {
        history,
        limits: &bounds.limits,
        own_per_run: bounds.per_run,
        target,
        playbook,
        run,
        class: action.class,
        coming: 0,
        now,
    };
    if let Some(count) = spending.counts(counted).iter().find(|count| count.exhausted()) {
        return stop("limits", count.in_words(action.class));
    }
    if let Some(query) = history::same_query(&candidate.candidate).filter(|_| !counted)
        && let Err(why) = same_query::repeats(history, bounds.limits.same_query, &query, target, now)
    {
        return stop("same_query", why);
    }
    Ok(())
}

fn stop(name: &str, detail: String) -> Result<(), GuardReport> {
    Err(GuardReport { name: name.to_owned(), verdict: GuardVerdict::Stop, detail })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::candidate::Named;
    use crate::model::history::{Pause, Scope};
    use crate::model::record::{ActionRef, PlaybookRef, RecordKind};
    use crate::model::right::Right;
    use crate::model::{Candidate, Class, Outcome, OutcomeStatus, Pool, Record};

    fn at(minute: i64) -> Timestamp {
        Timestamp::from_second(1_790_000_000 + minute * 60).unwrap()
    }

    fn intent(run: &str, target: &str, user: &str) -> Draft {
        let pool = Pool {
            pooler: "p".to_owned(),
            database: "shop".to_owned(),
            user: user.to_owned(),
            waiting_clients: 9,
            max_wait_seconds: 4.0,
            active_servers: 5,
            idle_servers: 0,
            pool_size: 5,
            own_size: false,
            default_pool_size: 5,
            pools_by_default: 1,
            pools_total: 5,
            direct_clients: 3,
            usable_connections: 97,
            config_file: None,
        };
        let mut draft = Draft::new(RecordKind::Intent);
        draft.run = Some(run.to_owned());
        draft.target = Some(target.to_owned());
        draft.playbook = Some(PlaybookRef { name: "pools".to_owned(), digest: String::new() });
        draft.candidate = Some(Named::from(&Candidate::Pool(pool)));
        draft.action = Some(ActionRef {
            name: "set_pool_size".to_owned(),
            class: Class::Disruptive,
            arguments: serde_json::Value::Null,
            statement: String::new(),
        });
        draft
    }

    fn bounds() -> Bounds {
        Bounds {
            limits: Limits { disruptive_fleet_hour: 2, ..Limits::default() },
            per_run: None,
            cooldown: Duration::ZERO,
        }
    }

    fn append(history: &mut History, draft: &Draft, minute: i64, ended: bool) {
        history.apply(&Record { seq: 1, time: at(minute), body: draft.clone() });
        if ended {
            let mut outcome = draft.clone();
            outcome.kind = RecordKind::Outcome;
            outcome.outcome = Some(Outcome::new(OutcomeStatus::Done, ""));
            history.apply(&Record { seq: 2, time: at(minute), body: outcome });
        }
    }

    fn forbidden(history: &History, draft: &Draft, minute: i64) -> (String, String) {
        let report = may_append(history, draft, &bounds(), at(minute)).unwrap_err();
        assert_eq!(report.verdict, GuardVerdict::Stop);
        (report.name, report.detail)
    }

    #[test]
    fn limits_are_exact_across_targets_and_end_with_the_hour() {
        let mut history = History::default();
        append(&mut history, &intent("r1", "orders", "a"), 0, true);
        let second = intent("r2", "crm", "b");
        assert_eq!(may_append(&history, &second, &bounds(), at(1)), Ok(()));
        append(&mut history, &second, 1, true);
        let third = intent("r3", "crm", "c");
        let (name, detail) = forbidden(&history, &third, 2);
        assert_eq!(
            (name.as_str(), detail.as_str()),
            ("limits", "no disruptive action is left: 2 of 2 all targets in an hour")
        );
        assert_eq!(may_append(&history, &third, &bounds(), at(60)), Ok(()));
        assert_eq!(may_append(&history, &second, &bounds(), at(2)), Ok(()), "a later rung was paid for by the first");
    }

    #[test]
    fn nothing_is_done_twice_at_once_or_while_paused() {
        let mut history = History::default();
        let draft = intent("r1", "orders", "a");
        append(&mut history, &draft, 0, false);
        assert_eq!(forbidden(&history, &intent("r2", "orders", "a"), 1).0, "open_intent");
        let pause = Pause { actor: "user:a".to_owned(), reason: "drill".to_owned(), since: at(0), until: None };
        history.pauses.insert(Scope { target: Some("crm".to_owned()), playbook: None }, pause);
        assert_eq!(forbidden(&history, &intent("r2", "crm", "b"), 1).0, "paused");
        assert_eq!(may_append(&history, &intent("r2", "orders", "b"), &bounds(), at(1)), Ok(()));
    }

    #[test]
    fn a_takeover_between_the_look_and_the_intent_holds_it_back() {
        let mut history = History::default();
        let took = Right::TookOver { from: "pid 7".to_owned(), at: at(0) };
        history.rights.insert("orders".to_owned(), took);
        let (name, detail) = forbidden(&history, &intent("r1", "orders", "a"), 4);
        assert_eq!(name, "takeover");
        assert!(detail.starts_with("took over from another pgmedic 4m ago; acts after 5m"), "{detail}");
        assert_eq!(may_append(&history, &intent("r1", "orders", "a"), &bounds(), at(5)), Ok(()));
        append(&mut history, &intent("r1", "orders", "a"), 6, true);
        let (name, detail) = forbidden(&history, &intent("r2", "orders", "b"), 7);
        assert_eq!(name, "limits");
        assert!(detail.contains("1 of them count for the takeover 7m ago"), "{detail}");
    }

    #[test]
    fn an_intent_that_names_nothing_is_never_appended() {
        let draft = Draft::new(RecordKind::Intent);
        assert_eq!(forbidden(&History::default(), &draft, 0).0, "intent");
    }
}
