//! A playbook: read with the real catalogue, its faults rendered.

use super::render;

/// Reads.
pub fn run(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let (_, faults) = pgmedic::playbook::read("playbook.yaml", text, &pgmedic::decide::catalogue());
    render(&faults, text);
}
