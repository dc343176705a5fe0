//! Carries out effects: the target tasks, their runs, timers and messages.

mod act;
pub mod api;
mod carry;
mod chores;
pub mod clock;
mod configured;
mod control;
mod daemon;
mod ledger;
pub mod load;
mod look;
mod orders;
pub mod outbox;
pub mod peek;
mod quiet;
mod recovery;
mod secrets;
mod target;
mod ticker;
mod world;

pub use daemon::{Daemon, Reload, Setup};
