//! Whether a named window is open, since when, and until when.

use super::Calendar;
use crate::config::Window;
use crate::model::time::{after as later, before};
use crate::model::{Duration, Timestamp};

/// Spans that follow each other without a break are joined up to this far ahead.
const FAR_ENOUGH: Duration = Duration::from_hours(24);

/// An open window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Open {
    /// When the span that is open opened.
    pub since: Timestamp,
    /// When it closes; spans that overlap or touch count as one, up to a day ahead.
    pub closes: Timestamp,
}

/// A named window, compiled.
#[derive(Clone, Debug)]
pub struct Spans(Vec<(Calendar, Duration)>);

impl Spans {
    /// Compiles the spans of one window.
    ///
    /// # Errors
    /// Says which expression or zone is wrong.
    pub fn new(windows: &[Window], default_zone: &str) -> Result<Spans, String> {
        let compile = |w: &Window| {
            let calendar = Calendar::new(&w.cron, w.timezone.as_deref().unwrap_or(default_zone))?;
            Ok((calendar, w.lasts))
        };
        windows.iter().map(compile).collect::<Result<_, String>>().map(Spans)
    }

    /// Whether it is open; the moment of opening counts as open, that of closing does not.
    #[must_use]
    pub fn open(&self, now: Timestamp) -> Option<Open> {
        let opened = |(calendar, lasts): &(Calendar, Duration)| {
            let since = calendar.next_after(before(now, *lasts))?;
            (since <= now).then(|| Open { since, closes: later(since, *lasts) })
        };
        let open: Vec<Open> = self.0.iter().filter_map(opened).collect();
        let since = open.iter().map(|o| o.since).min()?;
        let mut closes = open.iter().map(|o| o.closes).max()?;
        let enough = later(now, FAR_ENOUGH);
        while closes < enough {
            let Some(further) = self.0.iter().filter_map(|span| extended(span, closes)).max() else { break };
            closes = further;
        }
        Some(Open { since, closes })
    }

    /// When a span next opens, after `now`.
    #[must_use]
    pub fn opens_next(&self, now: Timestamp) -> Option<Timestamp> {
        self.0.iter().filter_map(|(calendar, _)| calendar.next_after(now)).min()
    }
}

/// The later closing time that a span gives which opens before the current one is reached.
fn extended((calendar, lasts): &(Calendar, Duration), closes: Timestamp) -> Option<Timestamp> {
    // Of a span that opens often, one of its last openings: most of the way at once.
    let near = [before(closes, *lasts / 64), before(closes, *lasts)];
    let opens = near.iter().filter_map(|from| calendar.next_after(*from)).find(|opens| *opens <= closes)?;
    Some(later(opens, *lasts)).filter(|end| *end > closes)
}

/// [`Spans::open`] of spans as configured. Spans that lint should have refused are never open: who
/// must know the difference compiles them.
#[must_use]
pub fn open(windows: &[Window], default_zone: &str, now: Timestamp) -> Option<Open> {
    Spans::new(windows, default_zone).ok()?.open(now)
}

/// [`Spans::opens_next`] of spans as configured.
#[must_use]
pub fn opens_next(windows: &[Window], default_zone: &str, now: Timestamp) -> Option<Timestamp> {
    Spans::new(windows, default_zone).ok()?.opens_next(now)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn span(cron: &str, hours: u64, zone: Option<&str>) -> Window {
        Window { cron: cron.to_owned(), lasts: Duration::from_hours(hours), timezone: zone.map(str::to_owned) }
    }

    #[test]
    fn a_window_is_open_from_its_first_moment_until_just_before_its_last() {
        let nightly = [span("0 1 * * *", 4, None)];
        let open_at = |text| open(&nightly, "UTC", at(text));
        assert_eq!(open_at("2026-11-24T00:59:59.999Z"), None);
        let expected = Open { since: at("2026-11-24T01:00:00Z"), closes: at("2026-11-24T05:00:00Z") };
        assert_eq!(open_at("2026-11-24T01:00:00Z"), Some(expected));
        assert_eq!(open_at("2026-11-24T04:59:59.999Z"), Some(expected));
        assert_eq!(open_at("2026-11-24T05:00:00Z"), None);
        assert_eq!(opens_next(&nightly, "UTC", at("2026-11-24T01:00:00Z")), Some(at("2026-11-25T01:00:00Z")));
    }

    #[test]
    fn zones_are_those_of_the_span_or_of_the_configuration() {
        let nightly = [span("0 1 * * *", 4, Some("Asia/Seoul"))];
        assert!(open(&nightly, "UTC", at("2026-11-23T16:30:00Z")).is_some());
        assert!(open(&[span("0 1 * * *", 4, None)], "Asia/Seoul", at("2026-11-23T16:30:00Z")).is_some());
        assert!(open(&[span("0 1 * * *", 4, None)], "UTC", at("2026-11-23T16:30:00Z")).is_none());
    }

    #[test]
    fn a_window_lasts_as_long_on_the_night_of_a_change() {
        let nightly = [span("0 1 * * *", 4, Some("America/New_York"))];
        let fold = open(&nightly, "UTC", at("2026-11-01T06:30:00Z")).unwrap();
        assert_eq!(fold, Open { since: at("2026-11-01T05:00:00Z"), closes: at("2026-11-01T09:00:00Z") });
        let gap = open(&nightly, "UTC", at("2026-03-08T07:30:00Z")).unwrap();
        assert_eq!(gap, Open { since: at("2026-03-08T06:00:00Z"), closes: at("2026-03-08T10:00:00Z") });
    }

    #[test]
    fn spans_that_overlap_or_touch_count_as_one() {
        let two = [span("0 1 * * *", 4, None), span("0 5 * * *", 2, None), span("0 6 * * *", 3, None)];
        let open_now = open(&two, "UTC", at("2026-11-24T02:00:00Z")).unwrap();
        assert_eq!(open_now.closes, at("2026-11-24T09:00:00Z"));
        let often = [span("*/15 * * * *", 1, None)];
        let always = open(&often, "UTC", at("2026-11-24T02:00:00Z")).unwrap();
        assert!(always.closes >= at("2026-11-25T02:00:00Z"));
    }

    #[test]
    fn what_cannot_be_read_is_not_open_and_says_so_when_compiled() {
        let faulty = [span("nonsense", 4, None)];
        assert_eq!(open(&faulty, "UTC", at("2026-11-24T02:00:00Z")), None);
        assert!(Spans::new(&faulty, "UTC").unwrap_err().contains("nonsense"));
    }
}
