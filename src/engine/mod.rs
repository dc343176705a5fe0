//! Carries out effects: the target tasks, their runs, timers and messages.

pub mod api;
pub mod outbox;
