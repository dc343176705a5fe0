//! What each fuzz target does with its bytes. The ordinary tests run the seeds and the reproducers through
//! the same functions (`tests/it/fuzz_seeds.rs`), so they need no fuzzer.
//!
//! A panic is a finding, and so is an input that takes longer than 5 s or more than 1 GiB.

pub mod audit;
pub mod config;
pub mod dsn;
pub mod http;
pub mod matchers;
pub mod notation;
pub mod playbook;
pub mod promql;
pub mod rule_tests;
pub mod rules;
pub mod templates;
pub mod times;

use pgmedic::syntax::Fault;
use std::time::{Duration, Instant};

/// What a target does with its bytes.
pub type Entry = fn(&[u8]);

/// Every target by its name, as `cargo fuzz run` takes it.
pub const TARGETS: [(&str, Entry); 12] = [
    ("audit", audit::run),
    ("config", config::run),
    ("dsn", dsn::run),
    ("http", http::run),
    ("matchers", matchers::run),
    ("notation", notation::run),
    ("playbook", playbook::run),
    ("promql", promql::run),
    ("rule_tests", rule_tests::run),
    ("rules", rules::run),
    ("templates", templates::run),
    ("times", times::run),
];

/// How long a caller lets an evaluation run.
const DEADLINE: Duration = Duration::from_secs(1);

/// Tells an evaluation to stop after the deadline.
pub(crate) fn deadline() -> impl Fn() -> bool {
    let began = Instant::now();
    move || began.elapsed() > DEADLINE
}

/// Renders faults, which must not fail either.
pub(crate) fn render(faults: &[Fault], text: &str) {
    let _ = pgmedic::syntax::render(faults, &|_| Some(text.to_owned()), false);
}
