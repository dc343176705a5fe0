//! Gives a starved PgBouncer pool more server connections, as many as the server has room for.
//!
//! It sets `default_pool_size`, which reaches every pool without a size of its own, and which the
//! next RELOAD puts back to the file's value. The console takes no comment and no parameters, so its
//! statement is the only one of pgmedic's that does not name its run.

use super::grants::{ANY, Grant, Hand, Needs};
use super::{Action, Deed, Judgement, Order};
use crate::model::query::{Act, ActAnswer, Confirm};
use crate::model::{Candidate, Class, Duration, Kind, Outcome, OutcomeStatus, Place, Pool, Question, Row};
use crate::playbook::{ActionSpec, Args, Param, ParamType};
use serde_json::{Value as Json, json};

/// The action.
pub struct SetPoolSize;

static SPEC: ActionSpec = ActionSpec {
    name: "set_pool_size",
    kind: Kind::Pool,
    class: Class::Disruptive,
    about: "Raises PgBouncer's default_pool_size, at most to twice its value and never past what the server has room for.",
    params: &[
        Param {
            name: "step",
            ty: ParamType::Count { min: 1, max: 1_000 },
            default: None,
            required: false,
            about: "Raise by at most so many connections. Left out: at most doubled.",
        },
        Param {
            name: "max",
            ty: ParamType::Count { min: 1, max: 10_000 },
            default: None,
            required: false,
            about: "Never raise above this.",
        },
    ],
    danger: "Every pool without a pool_size of its own may open more server connections. Taken back by setting the old value. PgBouncer's next RELOAD puts the file's value back.",
};

static GRANTS: &[Grant] = &[Grant {
    hand: Hand::Acting,
    needs: Needs::PoolerAdmin,
    from: ANY.0,
    to: ANY.1,
    why: "Without it the console lets it look at most, and refuses SET.",
    also_permits: "every command of the console: PAUSE, KILL, RELOAD and SHUTDOWN too.",
}];

const KEY: &str = "default_pool_size";

impl Action for SetPoolSize {
    fn spec(&self) -> &'static ActionSpec {
        &SPEC
    }

    fn grants(&self) -> &'static [Grant] {
        GRANTS
    }

    fn deed(&self, order: &Order) -> Result<Deed, String> {
        let Candidate::Pool(pool) = order.candidate else { return Err("only a pool has a size".to_owned()) };
        let size = new_size(pool, order.args)?;
        Ok(Deed {
            act: act(pool, pool.default_pool_size, size),
            before: Some(json!({ KEY: pool.default_pool_size })),
            after: Some(json!({ KEY: size })),
        })
    }

    fn judge(&self, order: &Order, answer: &ActAnswer, seen: Option<&[Row]>) -> Judgement {
        let Candidate::Pool(pool) = order.candidate else {
            return Judgement::Ended(Outcome::new(OutcomeStatus::Failed, "only a pool has a size"));
        };
        if !answer.sent {
            return not_sent(pool);
        }
        match new_size(pool, order.args) {
            Ok(size) => judged(pool, size, seen, |now| out_of_reach(pool, size, now)),
            Err(why) => Judgement::Ended(Outcome::new(OutcomeStatus::Failed, why)),
        }
    }

    fn recall(&self, order: &Order, after: Option<&Json>, seen: &[Row]) -> Judgement {
        let (Candidate::Pool(pool), Some(size)) = (order.candidate, after.and_then(size_of)) else {
            return Judgement::Ended(Outcome::new(OutcomeStatus::Unknown, "what was to be set is not known"));
        };
        judged(pool, size, seen.into(), |now| {
            let was = pool.default_pool_size;
            let (status, detail) = if now == i64::from(was) {
                (OutcomeStatus::Refused, format!("pool_size of {} is {was} as before: nothing was set", pool.database))
            } else {
                let detail = format!("pool_size of {} is {now}, neither {was} as before nor {size}", pool.database);
                (OutcomeStatus::Unknown, detail)
            };
            Outcome::new(status, detail)
        })
    }

    fn undo(&self, order: &Order, before: &Json) -> Option<Deed> {
        let Candidate::Pool(pool) = order.candidate else { return None };
        let size = size_of(before)?;
        Some(Deed { act: act(pool, pool.default_pool_size, size), before: None, after: Some(before.clone()) })
    }

    fn current(&self, candidate: &Candidate) -> Option<Json> {
        let Candidate::Pool(pool) = candidate else { return None };
        Some(json!({ KEY: pool.default_pool_size }))
    }

    fn by_hand(&self, candidate: &Candidate, before: &Json) -> Option<String> {
        let (Candidate::Pool(pool), Some(size)) = (candidate, size_of(before)) else { return None };
        Some(format!("SET {KEY} = {size} in the console of PgBouncer {}", pool.pooler))
    }

    fn judge_undo(&self, order: &Order, before: &Json, answer: &ActAnswer, seen: Option<&[Row]>) -> Judgement {
        match (order.candidate, size_of(before)) {
            (Candidate::Pool(pool), _) if !answer.sent => not_sent(pool),
            (Candidate::Pool(pool), Some(size)) => judged(pool, size, seen, |now| {
                let detail = format!("SET {KEY} = {size} was sent, but pool_size of {} is {now}", pool.database);
                Outcome::new(OutcomeStatus::Failed, detail)
            }),
            _ => Judgement::Ended(Outcome::new(OutcomeStatus::Failed, "the value before is not known")),
        }
    }
}

fn size_of(value: &Json) -> Option<u32> {
    value.get(KEY)?.as_u64()?.try_into().ok()
}

/// The largest size that all bounds allow.
fn new_size(pool: &Pool, args: &Args) -> Result<u32, String> {
    let current = pool.default_pool_size;
    if pool.own_size {
        return Err(format!(
            "{} has a pool_size of its own ({}), which default_pool_size does not reach: change it in pgbouncer.ini and RELOAD",
            pool.database, pool.pool_size
        ));
    }
    let at_most = |name: &str| args.count(name).map(|n| u32::try_from(n).unwrap_or(u32::MAX));
    let step = at_most("step").map_or(u32::MAX, |step| current.saturating_add(step));
    let max = at_most("max").unwrap_or(u32::MAX);
    let wanted = current.saturating_mul(2).min(step).min(max);
    if wanted <= current {
        return Err(format!("default_pool_size is {current} already, and may be at most {max}"));
    }
    let room = room(pool);
    let size = wanted.min(current.saturating_add(room / pool.pools_by_default.max(1)));
    if size <= current {
        return Err(format!(
            "the server has no room: pools may open {} connections and {} clients connect directly, of {} usable ones less a tenth; one more each for {} pools would be too many",
            pool.pools_total, pool.direct_clients, pool.usable_connections, pool.pools_by_default
        ));
    }
    Ok(size)
}

/// Connections that no pool and no direct client may take yet; a tenth stays free.
fn room(pool: &Pool) -> u32 {
    let bound = pool.usable_connections - pool.usable_connections.div_ceil(10);
    bound.saturating_sub(pool.pools_total.saturating_add(pool.direct_clients))
}

/// Compares before it writes: what is no longer as it was seen is left to whoever changed it.
fn act(pool: &Pool, from: u32, size: u32) -> Act {
    let place = Place::Pooler(pool.pooler.clone());
    // Not SHOW CONFIG: it shows the new value also where it does not reach this database.
    let question =
        Question { name: "size", place: place.clone(), sql: "SHOW DATABASES".to_owned(), params: Vec::new() };
    Act {
        place: place.clone(),
        settings: Vec::new(),
        precondition: Some(Question {
            name: "config",
            place: place.clone(),
            sql: "SHOW CONFIG".to_owned(),
            params: Vec::new(),
        }),
        wanted: vec![("key", KEY.to_owned()), ("value", from.to_string())],
        statement: format!("SET {KEY} = {size}"),
        params: Vec::new(),
        deadline: Duration::from_secs(5),
        confirm: Some(Confirm { question, every: Duration::from_millis(100), within: Duration::from_secs(2) }),
    }
}

fn not_sent(pool: &Pool) -> Judgement {
    let was = pool.default_pool_size;
    let detail = format!(
        "nothing was sent: {KEY} of {} was {was} when it was looked at and is another now, so somebody else has changed it",
        pool.pooler
    );
    Judgement::Ended(Outcome::new(OutcomeStatus::Refused, detail))
}

fn judged(pool: &Pool, size: u32, seen: Option<&[Row]>, differs: impl Fn(i64) -> Outcome) -> Judgement {
    let unknown = |detail: String| Judgement::NotYet(Outcome::new(OutcomeStatus::Unknown, detail));
    let Some(rows) = seen else {
        return unknown(format!("SET {KEY} = {size} was sent; its effect could not be seen"));
    };
    let row = rows.iter().find(|row| row.text("name").is_ok_and(|name| name == pool.database));
    match row.and_then(|row| row.int("pool_size").ok()) {
        Some(now) if now == i64::from(size) => {
            let detail = format!("pool_size of {} on {} is {size} now", pool.database, pool.pooler);
            Judgement::Ended(Outcome::new(OutcomeStatus::Done, detail))
        }
        Some(now) => Judgement::NotYet(differs(now)),
        None => unknown(format!("SHOW DATABASES of {} no longer shows {}", pool.pooler, pool.database)),
    }
}

/// A size of its own that equals the default looks like the default until the default changes. What
/// was set is set, so this is no failure to act: the verification will see that it did not help, and
/// take it back.
fn out_of_reach(pool: &Pool, size: u32, now: i64) -> Outcome {
    let detail = format!(
        "{KEY} of {} is {size} now, but does not reach {}: its pool_size of its own stays {now}. Change it in pgbouncer.ini and RELOAD",
        pool.pooler, pool.database
    );
    Outcome::new(OutcomeStatus::Done, detail)
}

#[cfg(test)]
mod tests;
