//! How far pgmedic may go, and what kind of harm an action can do.

use serde::{Deserialize, Serialize};

/// How far a run may go. Ordered: the lowest of all ceilings wins.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// Decide and record, touch nothing.
    #[default]
    Observe,
    /// A person must say yes to each step.
    Approve,
    /// Act.
    Enforce,
}

impl Mode {
    /// All modes with the word users write.
    pub const ALL: [(&'static str, Mode); 3] =
        [("observe", Mode::Observe), ("approve", Mode::Approve), ("enforce", Mode::Enforce)];

    /// The word users write.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Mode::Observe => "observe",
            Mode::Approve => "approve",
            Mode::Enforce => "enforce",
        }
    }
}

/// What an action can cost when it was wrong; limits and ceilings go by it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Class {
    /// Somebody's work is interrupted, or behaviour changes at once.
    Disruptive,
    /// Load on the server, no change that an application sees.
    Maintenance,
    /// Cannot be taken back.
    Irreversible,
}

impl Class {
    /// The word in records and documentation.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Class::Disruptive => "disruptive",
            Class::Maintenance => "maintenance",
            Class::Irreversible => "irreversible",
        }
    }
}

/// The replication role a playbook wants its target to have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Accepts writes.
    #[default]
    Primary,
    /// In recovery.
    Standby,
    /// Either.
    Any,
}

impl Role {
    /// All roles with the word users write.
    pub const ALL: [(&'static str, Role); 3] =
        [("primary", Role::Primary), ("standby", Role::Standby), ("any", Role::Any)];
}
