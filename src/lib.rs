//! pgmedic: a PostgreSQL remediation daemon that never does more harm than the fault it remedies and
//! can always prove what it did.
//!
//! Each floor imports only floors below it, from `cli` down to `model`; the floors from `decide`
//! downwards are pure.

pub mod actions;
pub mod audit;
pub mod channels;
pub mod cli;
pub mod config;
pub mod decide;
pub mod drivers;
pub mod engine;
pub mod finders;
pub mod guards;
pub mod http;
pub mod model;
pub mod playbook;
pub mod promql;
pub mod rules;
pub mod schedule;
pub mod syntax;
