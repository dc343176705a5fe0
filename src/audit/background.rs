//! Verifying the older segments while the daemon already works.

use super::verify::verify_log;
use super::writer::Request;
use super::{OpenError, io_error};
use std::ops::ControlFlow;
use std::path::Path;
use std::time::Duration;
use tokio::sync::mpsc::WeakSender;

/// Rest after each MiB: the log is read beside a database that somebody waits for.
const REST: Duration = Duration::from_millis(5);

/// Starts the verification on a thread of its own. It ends with the log; damage is told to the writer.
pub(super) fn verify(data_dir: &Path, requests: WeakSender<Request>) -> Result<(), OpenError> {
    let failed = io_error("cannot start the verification of", data_dir);
    let data_dir = data_dir.to_owned();
    let work = move || {
        let is_open = || requests.upgrade().is_some_and(|sender| !sender.is_closed());
        let mut rest = |_, _| {
            std::thread::sleep(REST);
            if is_open() { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
        };
        let found = match verify_log(&data_dir, &mut rest) {
            Ok(report) => report.faults.first().map(ToString::to_string),
            Err(why) => Some(why.to_string()),
        };
        if let Some(what) = found.filter(|_| is_open()) {
            tracing::error!("the audit log is damaged, nothing is done until a person has looked at it: {what}");
            if let Some(requests) = requests.upgrade() {
                // A log closed meanwhile acts on nothing anyway.
                let _ = requests.blocking_send(Request::Damaged(what));
            }
        }
    };
    std::thread::Builder::new().name("audit-verify".to_owned()).spawn(work).map(drop).map_err(failed)
}
