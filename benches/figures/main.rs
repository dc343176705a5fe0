//! What pgmedic costs and how fast it is, as one table: each figure beside its goal and, where there is one,
//! beside a peer that does the same work in the same run on the same file system.
//!
//!     tests/figures.sh [appends] [running] [million]
//!
//! Nothing here is asserted: a figure of a busy machine is no fault of the code. It needs PostgreSQL, which
//! `tests/figures.sh` installs; every server is started in a temporary folder and ends with this program.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a measurement that fails ends the program")]

mod appends;
mod daemon;
mod machine;
mod million;
mod peers;
mod running;
#[allow(unused_imports, unused_macros, reason = "the tests' harness offers more than is measured here")]
#[path = "../../tests/it/support/mod.rs"]
mod support;
mod table;

use table::Table;

fn main() {
    let wanted: Vec<String> = std::env::args().skip(1).filter(|word| !word.starts_with('-')).collect();
    let is_wanted = |part: &str| wanted.is_empty() || wanted.iter().any(|word| word == part);
    let mut table = Table::default();
    if is_wanted("appends") {
        appends::measure(&mut table);
    }
    if is_wanted("running") {
        running::one_target(&mut table);
        running::many_targets(&mut table);
    }
    if is_wanted("million") {
        million::measure(&mut table);
    }
    println!("\n{}\n\n{}", machine::described(), table.text());
}
