//! The daemon on real servers: what it remedies, what it leaves alone, what it survives.

mod boundaries;
mod breaking;
mod clock_jumps;
mod crash;
mod faults;
mod grants;
mod ill_disk;
mod limits;
mod never_in_the_way;
mod orders;
mod outage;
mod ownership;
mod reload;
mod remedies;
mod search_path;
mod sighup;

pub use crash::slow_table;

const LONG_QUERIES: &str = "
version: 1
name: end-long-queries
about: Ends what runs too long.
mode: enforce
triggers: [{every: 1s}]
targets: all
find: {long_queries: {longer_than: 1s}}
do: [cancel_backend, wait: 2s, terminate_backend]
verify: {within: 5s}
";

const STATISTICS: &str = "
version: 1
name: refresh-statistics
about: Refreshes stale statistics.
mode: enforce
triggers: [{every: 1s}]
targets: all
find: stale_statistics
do: [analyze]
verify: {within: 10s}
";
