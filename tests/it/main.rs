//! The integration tests, one binary: each module is one file beside this one.

mod audit;
mod channels;
mod cli;
mod drivers;
mod engine;
mod lint;
mod remedies;
mod support;
mod tidy;
