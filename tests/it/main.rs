//! The integration tests, one binary: each module is one file beside this one.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod acceptance;
mod audit;
mod channels;
mod cli;
mod drivers;
mod engine;
mod fuzz_seeds;
mod lint;
mod playbook_tests;
mod promql;
mod remedies;
mod rules;
mod support;
mod tidy;
