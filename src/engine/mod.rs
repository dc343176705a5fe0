//! Carries out effects: the target tasks, their runs, timers and messages.

mod act;
mod alarm;
pub mod api;
mod carry;
mod chores;
pub mod clock;
mod configured;
mod control;
mod daemon;
mod driving;
mod health;
mod leaving;
mod ledger;
pub mod load;
mod look;
mod orders;
pub mod outbox;
mod ownership;
pub mod peek;
mod privileges;
mod quiet;
mod recovery;
mod secrets;
mod standing;
mod target;
mod ticker;
pub mod world;

pub use daemon::{Daemon, Reload, Setup};
