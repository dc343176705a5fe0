//! A rule file: read, its faults rendered, its groups evaluated a few times.

use super::promql::{NOW, SAMPLES, store};
use super::{deadline, render};
use pgmedic::promql::Engine;
use pgmedic::rules::{Around, Group, read};

/// Reads and evaluates.
pub fn run(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let (groups, faults) = read("rules.yaml", text);
    render(&faults, text);
    if groups.is_empty() {
        return;
    }
    let (mut store, stop) = (store(), deadline());
    let around = Around { engine: Engine { samples: SAMPLES, ..Engine::default() }, ..Around::default() };
    for mut group in groups.into_iter().map(Group::new) {
        for at in [NOW, NOW + 60_000, NOW + 600_000] {
            let _ = group.eval(at, &mut store, &around, &stop);
        }
    }
}
