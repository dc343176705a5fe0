//! The audit log on real files: writing, crashing, reading back.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by it")]

mod beside;
mod crash;
mod full_disk;
mod kit;
mod power_cut;
mod reading;
mod recovery;
mod spoilt_index;
mod tampering;
mod verifying;
mod writing;
