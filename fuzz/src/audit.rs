//! The audit log's files, however they were changed: a segment, then behind a byte of zero `head`, then
//! behind another the hashes. Verified, listed and read back.

use pgmedic::audit::query::{self, Filter, list};
use pgmedic::audit::verify::verify;
use std::ops::ControlFlow;
use std::path::Path;
use std::sync::LazyLock;

static FOLDER: LazyLock<tempfile::TempDir> =
    LazyLock::new(|| tempfile::tempdir().expect("a folder in the temporary one"));

/// The first segment's name.
const FIRST: &str = "00000000000000000001";

/// Puts the files down and reads them in every way.
pub fn run(data: &[u8]) {
    let mut parts = data.splitn(3, |byte| *byte == 0);
    let folder = FOLDER.path();
    let log = folder.join("audit");
    std::fs::create_dir_all(&log).expect("a folder");
    put(&log.join(format!("{FIRST}.jsonl")), parts.next());
    put(&log.join("head"), parts.next());
    put(&log.join(format!("{FIRST}.leaves")), parts.next());
    if let Ok(report) = verify(folder, &mut |_, _| ControlFlow::Continue(())) {
        report.faults.iter().for_each(|fault| drop(fault.to_string()));
    }
    for newest_first in [false, true] {
        let filter = Filter { newest_first, ..Filter::default() };
        let mut runs = Vec::new();
        let _ = list(folder, &filter, &mut |_, record| {
            runs.extend(record.body.run.clone());
            ControlFlow::Continue(())
        });
        for run in runs.iter().take(2) {
            let _ = query::run(folder, run);
        }
    }
    let _ = query::state(folder);
}

fn put(file: &Path, bytes: Option<&[u8]>) {
    match bytes {
        Some(bytes) => std::fs::write(file, bytes).expect("a small file"),
        None => drop(std::fs::remove_file(file)),
    }
}
