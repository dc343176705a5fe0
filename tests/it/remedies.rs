//! Finders and actions on real servers, each statement as it will be sent.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod backends;
mod hands;
mod pools;
mod tables;
