//! The audit log on real files: writing, crashing, reading back.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by it")]

mod kit;
mod recovery;
mod writing;
