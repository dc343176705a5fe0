//! Lengths of time, cron expressions and zones: the first line is one of the first two, the second a zone.

use pgmedic::model::Timestamp;
use pgmedic::model::time::{in_words, milliseconds, parse_duration};
use pgmedic::schedule::{Calendar, zone};
use pgmedic::syntax::cron;

/// Reads, and asks when it comes due.
pub fn run(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let mut lines = text.lines();
    let (first, second) = (lines.next().unwrap_or_default(), lines.next().unwrap_or("UTC"));
    let _ = milliseconds(first);
    if let Ok(duration) = parse_duration(first) {
        let _ = in_words(duration);
    }
    let _ = zone(second);
    let sound = cron::check(first).is_ok();
    let Ok(calendar) = Calendar::new(first, second) else { return };
    let mut at = Timestamp::UNIX_EPOCH;
    for _ in 0..if sound { 20 } else { 1 } {
        let Some(next) = calendar.next_after(at) else { return };
        assert!(next > at, "time goes on");
        at = next;
    }
}
