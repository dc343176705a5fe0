//! What holds on one target whatever a playbook says.

use super::QueryText;
use crate::model::{Duration, Matcher, Mode, Protect, Timestamp};
use std::collections::BTreeMap;

/// The rules of one target. A playbook narrows them and never widens them.
#[derive(Clone, Debug)]
pub struct Policy {
    /// The daemon's ceiling.
    pub daemon_mode: Mode,
    /// The target's ceiling.
    pub target_mode: Mode,
    /// Never touched.
    pub protect: Protect,
    /// Budgets.
    pub limits: Limits,
    /// Ceilings by class.
    pub ceilings: Ceilings,
    /// Windows by name.
    pub windows: BTreeMap<String, Vec<Window>>,
    /// Periods with a lower ceiling.
    pub freezes: Vec<Freeze>,
    /// IANA zone of windows that name none.
    pub timezone: String,
    /// How query texts become part of candidates.
    pub query_text: QueryText,
}

impl Policy {
    /// What holds where nothing is written.
    #[must_use]
    pub fn unwritten() -> Policy {
        Policy {
            daemon_mode: Mode::default(),
            target_mode: Mode::default(),
            protect: Protect::default(),
            limits: Limits::default(),
            ceilings: Ceilings::default(),
            windows: BTreeMap::new(),
            freezes: Vec::new(),
            timezone: "UTC".to_owned(),
            query_text: QueryText::default(),
        }
    }

    /// What holds on one target with a ceiling and a policy of its own.
    #[must_use]
    pub fn at(self, mode: Mode, own: &Narrowed) -> Policy {
        Policy {
            target_mode: mode,
            protect: self.protect.join(&own.protect),
            limits: self.limits.stricter(&own.limits),
            ceilings: self.ceilings.lower(own.ceilings),
            ..self
        }
    }
}

/// Budgets by class. Hourly budgets count intents; a ladder counts as one.
#[derive(Clone, Debug, PartialEq)]
pub struct Limits {
    /// Most candidates disrupted in one run.
    pub disruptive_per_run: u32,
    /// Most disruptive intents an hour, per playbook and target.
    pub disruptive_per_playbook_hour: u32,
    /// Most disruptive intents an hour on one target.
    pub disruptive_per_target_hour: u32,
    /// Most disruptive intents an hour on all targets.
    pub disruptive_fleet_hour: u32,
    /// Repeats of one query that are ended before a person must look.
    pub same_query: SameQuery,
    /// Most maintenance intents in one run.
    pub maintenance_per_run: u32,
    /// Maintenance under way at once on one target.
    pub maintenance_at_once_per_target: u32,
    /// Maintenance under way at once on all targets.
    pub maintenance_at_once_fleet: u32,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            disruptive_per_run: 5,
            disruptive_per_playbook_hour: 20,
            disruptive_per_target_hour: 30,
            disruptive_fleet_hour: 100,
            same_query: SameQuery { max: 3, per: Duration::from_hours(1) },
            maintenance_per_run: 200,
            maintenance_at_once_per_target: 1,
            maintenance_at_once_fleet: 10,
        }
    }
}

impl Limits {
    /// Limits that stop nothing.
    pub const NONE: Limits = Limits {
        disruptive_per_run: u32::MAX,
        disruptive_per_playbook_hour: u32::MAX,
        disruptive_per_target_hour: u32::MAX,
        disruptive_fleet_hour: u32::MAX,
        same_query: SameQuery { max: u32::MAX, per: Duration::ZERO },
        maintenance_per_run: u32::MAX,
        maintenance_at_once_per_target: u32::MAX,
        maintenance_at_once_fleet: u32::MAX,
    };

    /// The stricter of both, limit by limit.
    #[must_use]
    pub fn stricter(&self, other: &Limits) -> Limits {
        Limits {
            disruptive_per_run: self.disruptive_per_run.min(other.disruptive_per_run),
            disruptive_per_playbook_hour: self.disruptive_per_playbook_hour.min(other.disruptive_per_playbook_hour),
            disruptive_per_target_hour: self.disruptive_per_target_hour.min(other.disruptive_per_target_hour),
            disruptive_fleet_hour: self.disruptive_fleet_hour.min(other.disruptive_fleet_hour),
            same_query: SameQuery {
                max: self.same_query.max.min(other.same_query.max),
                per: self.same_query.per.max(other.same_query.per),
            },
            maintenance_per_run: self.maintenance_per_run.min(other.maintenance_per_run),
            maintenance_at_once_per_target: self
                .maintenance_at_once_per_target
                .min(other.maintenance_at_once_per_target),
            maintenance_at_once_fleet: self.maintenance_at_once_fleet.min(other.maintenance_at_once_fleet),
        }
    }
}

/// What one target adds to the policy of all: it can only be stricter.
#[derive(Clone, Debug)]
pub struct Narrowed {
    /// Never touched there either.
    pub protect: Protect,
    /// The smaller limit wins; [`Limits::NONE`] where none is written.
    pub limits: Limits,
    /// The lower ceiling wins; enforce where none is written.
    pub ceilings: Ceilings,
}

impl Default for Narrowed {
    fn default() -> Narrowed {
        let ceilings = Ceilings { disruptive: Mode::Enforce, maintenance: Mode::Enforce, irreversible: Mode::Enforce };
        Narrowed { protect: Protect::default(), limits: Limits::NONE, ceilings }
    }
}

impl Narrowed {
    /// Both together.
    #[must_use]
    pub fn and(&self, other: &Narrowed) -> Narrowed {
        Narrowed {
            protect: self.protect.join(&other.protect),
            limits: self.limits.stricter(&other.limits),
            ceilings: self.ceilings.lower(other.ceilings),
        }
    }
}

/// At most `max` intents against one query (text, user, database) within `per` (at most 24 h).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SameQuery {
    /// How many.
    pub max: u32,
    /// Within how long.
    pub per: Duration,
}

/// Ceilings by class.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ceilings {
    /// Of disruptive actions; default enforce.
    pub disruptive: Mode,
    /// Of maintenance; default enforce.
    pub maintenance: Mode,
    /// Of what cannot be taken back; default approve.
    pub irreversible: Mode,
}

impl Default for Ceilings {
    fn default() -> Ceilings {
        Ceilings { disruptive: Mode::Enforce, maintenance: Mode::Enforce, irreversible: Mode::Approve }
    }
}

impl Ceilings {
    /// The lower of both, class by class.
    #[must_use]
    pub fn lower(self, other: Ceilings) -> Ceilings {
        Ceilings {
            disruptive: self.disruptive.min(other.disruptive),
            maintenance: self.maintenance.min(other.maintenance),
            irreversible: self.irreversible.min(other.irreversible),
        }
    }

    /// The ceiling of a class.
    #[must_use]
    pub fn of(&self, class: crate::model::Class) -> Mode {
        match class {
            crate::model::Class::Disruptive => self.disruptive,
            crate::model::Class::Maintenance => self.maintenance,
            crate::model::Class::Irreversible => self.irreversible,
        }
    }
}

/// One recurring span of a named window.
#[derive(Clone, Debug, PartialEq)]
pub struct Window {
    /// When it opens: a cron expression.
    pub cron: String,
    /// How long it stays open.
    pub lasts: Duration,
    /// IANA zone; `None`: that of the configuration.
    pub timezone: Option<String>,
}

/// A period with a lower ceiling.
#[derive(Clone, Debug)]
pub struct Freeze {
    /// For messages.
    pub name: String,
    /// Begin, included.
    pub from: Timestamp,
    /// End, not included.
    pub until: Timestamp,
    /// Matchers over the target's labels, all of which must match; empty: all targets.
    pub targets: Vec<Matcher>,
    /// Playbooks (globs) that it does not hold back.
    pub except: crate::model::Names,
    /// The ceiling; default observe.
    pub ceiling: Mode,
}
