//! Shared harness: real servers in temporary folders, gone when the test is.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]
#![allow(dead_code, reason = "a harness offers more than the tests of one day use")]

mod certificates;
mod clock;
mod cluster;
mod door;
mod failing_disk;
mod gate;
mod network;
mod pgbouncer;
mod pgmedic;
pub mod places;
pub mod process;
mod proxy;
pub mod slack_limits;
mod small_disk;

pub use self::pgmedic::{Daemon, Home, target_of};
pub use certificates::Certificates;
pub use clock::Clock;
pub use cluster::{Cluster, Sleeper, at_last, eventually};
pub use door::{Door, Inbox};
pub use failing_disk::FailingDisk;
pub use gate::Gate;
pub use network::Network;
pub use pgbouncer::PgBouncer;
pub use proxy::Proxy;
pub use small_disk::SmallDisk;

/// One test per major that the house must work on: `each_major!(name, async |cluster| { … })` becomes
/// `name::v13`, `name::v15` and `name::v18`, and with `tests/run.sh --full` the majors between.
macro_rules! each_major {
    ($name:ident, $body:expr) => {
        mod $name {
            #[allow(unused_imports)]
            use super::*;
            #[tokio::test]
            async fn v13() {
                crate::support::on_major(13, $body).await;
            }
            #[tokio::test]
            async fn v15() {
                crate::support::on_major(15, $body).await;
            }
            #[tokio::test]
            async fn v18() {
                crate::support::on_major(18, $body).await;
            }
            #[tokio::test]
            #[ignore = "only with tests/run.sh --full"]
            async fn v14() {
                crate::support::on_major(14, $body).await;
            }
            #[tokio::test]
            #[ignore = "only with tests/run.sh --full"]
            async fn v16() {
                crate::support::on_major(16, $body).await;
            }
            #[tokio::test]
            #[ignore = "only with tests/run.sh --full"]
            async fn v17() {
                crate::support::on_major(17, $body).await;
            }
        }
    };
}
pub(crate) use each_major;

/// Runs a test on its own server of a major; says so loudly when that major is not on this machine.
pub async fn on_major(major: u32, body: impl AsyncFnOnce(Cluster)) {
    if let Some(cluster) = Cluster::start(major) {
        body(cluster).await;
    }
}

/// A target of the configuration with this connection string and nothing else.
pub fn target(dsn: &str) -> ::pgmedic::config::Target {
    use ::pgmedic::{config::Target, model::Mode};
    Target { mode: Mode::Enforce, databases: Vec::new(), ..Target::new("orders", plain(dsn)) }
}

/// A text of the configuration as written.
pub fn plain(text: &str) -> ::pgmedic::config::Text {
    ::pgmedic::config::Text::Plain(text.into())
}

/// A driver for a target; only plain texts resolve.
pub fn driver(target: &::pgmedic::config::Target, acts: bool) -> std::sync::Arc<dyn ::pgmedic::drivers::TargetDriver> {
    use ::pgmedic::config::Text;
    use ::pgmedic::drivers::{Connect, live::Live};
    let resolve = |text: &Text| match text {
        Text::Plain(secret) => Ok(secret.clone()),
        other => Err(format!("{other:?} is not resolved in this test")),
    };
    Live::new(std::sync::Arc::new(resolve)).driver(target, acts)
}
