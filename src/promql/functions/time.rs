//! The time of the evaluation and parts of dates, in UTC.

use super::{Body, Function};
use crate::promql::eval::Computed;
use crate::promql::numeric::seconds;
use crate::promql::value::ValueType::{Scalar, Vector};

const fn of_date(name: &'static str, body: fn(i64) -> f64, about: &'static str) -> Function {
    let function = Function::new(name, &[Vector], Body::Calendar(body), about);
    Function { optional: 1, uses_time: true, ..function }
}

pub(super) const FUNCTIONS: &[Function] = &[
    Function {
        returns: Scalar,
        uses_time: true,
        ..Function::new(
            "time",
            &[],
            Body::Whole(|run, _, steps| {
                run.spend(steps.count)?;
                Ok(Computed::Scalar(steps.times().map(seconds).collect()))
            }),
            "The time of the evaluation, in seconds since 1970.",
        )
    },
    of_date("minute", |s| f64::from(second_of_day(s) / 60 % 60), "The minute of the hour, 0 to 59."),
    of_date("hour", |s| f64::from(second_of_day(s) / 3_600), "The hour of the day, 0 to 23."),
    of_date("day_of_week", |s| small((day(s) + 4).rem_euclid(7)), "The day of the week, 0 (Sunday) to 6."),
    of_date("day_of_month", |s| small(Date::of(s).day), "The day of the month, 1 to 31."),
    of_date("day_of_year", |s| small(Date::of(s).day_of_year()), "The day of the year, 1 to 366."),
    of_date("days_in_month", |s| small(Date::of(s).days_in_month()), "How many days the month has."),
    of_date("month", |s| small(Date::of(s).month), "The month, 1 to 12."),
    of_date("year", |s| small(Date::of(s).year), "The year."),
];

/// Seconds from the year at which Go's calendar begins until 1970: a time before it counts, as Go
/// computes modulo 2^64, from the other end.
const GO_BEGINS: i128 = 9_223_372_028_741_760_000;

/// The time as Go understands it.
fn as_go(seconds: i64) -> i128 {
    let seconds = i128::from(seconds);
    if seconds < -GO_BEGINS { seconds + (1 << 64) } else { seconds }
}

fn day(seconds: i64) -> i128 {
    as_go(seconds).div_euclid(86_400)
}

fn second_of_day(seconds: i64) -> u32 {
    u32::try_from(as_go(seconds).rem_euclid(86_400)).unwrap_or(0)
}

#[allow(clippy::cast_precision_loss)] // years below 2^53
fn small(number: i128) -> f64 {
    number as f64
}

/// A date of the Gregorian calendar.
struct Date {
    year: i128,
    month: i128,
    day: i128,
}

impl Date {
    /// Counts years from March on, so that the leap day is the last of a year.
    fn of(seconds: i64) -> Date {
        let days = day(seconds) + 719_468;
        let era = days.div_euclid(146_097);
        let of_era = days.rem_euclid(146_097);
        let year_of_era = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
        let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let shifted = (5 * of_year + 2) / 153;
        let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
        let year = year_of_era + era * 400 + i128::from(month <= 2);
        Date { year, month, day: of_year - (153 * shifted + 2) / 5 + 1 }
    }

    fn is_leap(&self) -> bool {
        self.year % 4 == 0 && (self.year % 100 != 0 || self.year % 400 == 0)
    }

    fn days_in(&self, month: i128) -> i128 {
        match month {
            2 => 28 + i128::from(self.is_leap()),
            4 | 6 | 9 | 11 => 30,
            _ => 31,
        }
    }

    fn days_in_month(&self) -> i128 {
        self.days_in(self.month)
    }

    fn day_of_year(&self) -> i128 {
        (1..self.month).map(|month| self.days_in(month)).sum::<i128>() + self.day
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_those_of_the_calendar() {
        for (text, weekday) in [
            ("1970-01-01T00:00:00Z", 4),
            ("2000-02-29T23:59:59Z", 2),
            ("2026-11-24T20:19:12Z", 2),
            ("1969-12-31T23:59:59Z", 3),
            ("2100-03-01T00:00:00Z", 1),
        ] {
            let at: crate::model::time::Timestamp = text.parse().unwrap();
            let date = Date::of(at.as_second());
            let written = format!("{:04}-{:02}-{:02}", date.year, date.month, date.day);
            assert_eq!(&text[..10], written);
            assert_eq!((day(at.as_second()) + 4).rem_euclid(7), weekday, "{text}");
        }
    }

    #[test]
    fn days_are_counted_in_leap_years_too() {
        let date = Date { year: 2024, month: 12, day: 31 };
        assert_eq!((date.day_of_year(), Date { month: 2, ..date }.days_in_month()), (366, 29));
        assert_eq!(Date { year: 2100, month: 2, day: 1 }.days_in_month(), 28);
    }
}
