//! A file of unit tests of rules: read, its faults rendered, its tests run over a fixed rule file.

use super::{deadline, render};
use pgmedic::rules::read::GroupSpec;
use pgmedic::rules::unit;
use std::sync::LazyLock;

const RULES: &str = "groups:
- name: g
  rules:
  - record: job:a:sum
    expr: sum by (job) (a)
  - alert: High
    expr: a > 5
    for: 1m
    keep_firing_for: 2m
    labels: {severity: page}
    annotations: {summary: '{{ $labels.job }} has {{ $value | humanize }}'}
";

static GROUPS: LazyLock<Vec<GroupSpec>> = LazyLock::new(|| pgmedic::rules::read("rules.yaml", RULES).0);

/// Reads and runs.
pub fn run(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let (file, faults) = unit::read("tests.yaml", text);
    render(&faults, text);
    let Some(file) = file else { return };
    let stop = deadline();
    for test in &file.tests {
        let _ = unit::run("tests.yaml", &file, test, &GROUPS, &stop);
    }
}
