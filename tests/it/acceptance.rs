//! What the design promises, clause by clause, where no other test shows it.

mod budget;
mod commands;
mod evidence;
mod keys;
mod records;
mod triggers;

/// A playbook on runaway queries; `rest` stands below it.
fn long_queries(mode: &str, rest: &str) -> String {
    format!(
        "version: 1\nname: end-long-queries\nmode: {mode}\ntargets: all\nfind: {{long_queries: {{longer_than: 1s}}}}\n{rest}"
    )
}
