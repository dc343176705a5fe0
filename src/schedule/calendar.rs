//! A cron expression in a time zone.
//!
//! croner reads the expression and walks the calendar. Which moments its wall-clock times stand for
//! around a change of daylight saving time is decided here for fixed times: croner takes only single
//! values as fixed, and would skip `0,30 2 * * *` in the gap, where every field is fixed as well.

use super::Zone;
use crate::model::Timestamp;
use croner::Cron;
use croner::parser::{CronParser, Year};
use jiff::civil::DateTime;
use jiff::tz::AmbiguousOffset;

/// Most wall-clock times looked at for the next moment: a fold repeats at most three hours of them.
const MOST_REPEATED: usize = 3 * 3_600;

/// A cron expression with its zone.
///
/// A fixed time (no `*` and no step in seconds, minutes or hours) in the gap runs once, right after
/// it, and in the fold the first time only. Expressions with `*` or a step there skip the gap and run
/// in both hours of the fold.
#[derive(Clone, Debug)]
pub struct Calendar {
    cron: Cron,
    zone: Zone,
    fixed: bool,
}

impl Calendar {
    /// Reads an expression of 5 fields, 6 with seconds first, or a nickname (`@daily`).
    ///
    /// # Errors
    /// Says what is wrong with the expression or the zone.
    pub fn new(expression: &str, zone: &str) -> Result<Calendar, String> {
        let parser = CronParser::builder().year(Year::Disallowed).build();
        let cron = parser.parse(expression).map_err(|e| {
            format!("`{expression}` is not a schedule: {e} Write 5 fields (`0 2 * * *`), or 6 with seconds first")
        })?;
        let pattern = &cron.pattern;
        let fields = [&pattern.seconds, &pattern.minutes, &pattern.hours];
        if let Some(field) = fields.iter().find(|field| field.step > field.max) {
            // croner takes it, and means something else than its writer: `*/90` in minutes is once an hour.
            let (step, max) = (field.step, field.max);
            return Err(format!("`{expression}` has a step of {step} where there is only 0 to {max}"));
        }
        let fixed = fields.iter().all(|field| !field.from_wildcard) && !has_step(expression);
        Ok(Calendar { zone: super::zone(zone)?, fixed, cron })
    }

    /// The first moment after `after`; `None` when there is none before the end of the calendar.
    #[must_use]
    pub fn next_after(&self, after: Timestamp) -> Option<Timestamp> {
        if self.fixed { self.next_fixed(after) } else { self.next_repeated(after) }
    }

    fn next_repeated(&self, after: Timestamp) -> Option<Timestamp> {
        let next = self.cron.find_next_occurrence(&after.to_zoned(self.zone.clone()), false).ok()?;
        Some(next.timestamp())
    }

    /// Wall-clock times map to moments in order, several in a gap to the same one. Those up to the
    /// wall clock of `after` stand for moments up to `after`, so the search begins behind it.
    fn next_fixed(&self, after: Timestamp) -> Option<Timestamp> {
        let mut wall = self.zone.to_datetime(after);
        for _ in 0..=MOST_REPEATED {
            wall = self.cron.find_next_occurrence(&wall, false).ok()?;
            let moment = self.moment(wall)?;
            if moment > after {
                return Some(moment);
            }
        }
        None
    }

    /// The moment at which a fixed wall-clock time runs.
    fn moment(&self, wall: DateTime) -> Option<Timestamp> {
        let ambiguous = self.zone.to_ambiguous_timestamp(wall);
        match ambiguous.offset() {
            AmbiguousOffset::Unambiguous { offset } => offset.to_timestamp(wall).ok(),
            AmbiguousOffset::Fold { before, .. } => before.to_timestamp(wall).ok(),
            AmbiguousOffset::Gap { before, .. } => {
                // Read with the offset from before the gap, it lies at the change or up to the gap's
                // length behind it: the change is the last one up to there.
                let behind = before.to_timestamp(wall).ok()?.checked_add(jiff::SignedDuration::from_nanos(1)).ok()?;
                self.zone.preceding(behind).next().map(|change| change.timestamp())
            }
        }
    }
}

/// A step in the fields of the time of day. A nickname has none; `@hourly` has a `*`, which croner tells.
fn has_step(expression: &str) -> bool {
    let fields: Vec<&str> = expression.split_whitespace().collect();
    fields.iter().take(fields.len().saturating_sub(3)).any(|field| field.contains('/'))
}
