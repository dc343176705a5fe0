//! Moments and lengths of time, as they are kept and as people read them.

pub use jiff::Timestamp;
pub use std::time::Duration;

/// Milliseconds of each unit, in the order in which they must stand.
const UNITS: [(&str, i64); 7] = [
    ("y", 365 * 86_400_000),
    ("w", 7 * 86_400_000),
    ("d", 86_400_000),
    ("h", 3_600_000),
    ("m", 60_000),
    ("s", 1_000),
    ("ms", 1),
];

/// Serialises a moment as UTC with exactly six fractional digits, so that records sort as text
/// and no precision is invented.
pub mod micros {
    use super::Timestamp;
    use serde::{Deserialize, Deserializer, Serializer};

    /// Writes `2026-11-24T20:19:12.000001Z`.
    ///
    /// # Errors
    /// Only those of the serializer.
    pub fn serialize<S: Serializer>(at: &Timestamp, s: S) -> Result<S::Ok, S::Error> {
        s.serialize_str(&super::rfc3339_micros(*at))
    }

    /// Reads any RFC 3339 moment.
    ///
    /// # Errors
    /// When the text is not one.
    pub fn deserialize<'de, D: Deserializer<'de>>(d: D) -> Result<Timestamp, D::Error> {
        let text = String::deserialize(d)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

/// The moment as RFC 3339 in UTC with six fractional digits.
#[must_use]
pub fn rfc3339_micros(at: Timestamp) -> String {
    format!("{at:.6}")
}

/// The moment cut to whole microseconds, the finest that PostgreSQL and the record keep.
#[must_use]
pub fn to_micros(at: Timestamp) -> Timestamp {
    // Every whole microsecond of a valid timestamp is itself valid, so the fallback is never taken.
    Timestamp::from_microsecond(at.as_microsecond()).unwrap_or(at)
}

/// `later - earlier`, or zero when the clock went back between them.
#[must_use]
pub fn since(later: Timestamp, earlier: Timestamp) -> Duration {
    Duration::try_from(later.duration_since(earlier)).unwrap_or(Duration::ZERO)
}

/// `at + by`, held at the last representable moment.
#[must_use]
pub fn after(at: Timestamp, by: Duration) -> Timestamp {
    at.checked_add(by).unwrap_or(Timestamp::MAX)
}

/// `at - by`, held at the first representable moment.
#[must_use]
pub fn before(at: Timestamp, by: Duration) -> Timestamp {
    at.checked_sub(by).unwrap_or(Timestamp::MIN)
}

/// A length of time in Prometheus's grammar (`1h30m`), longer than nothing.
///
/// # Errors
/// Says what a duration looks like when `text` is none.
pub fn parse_duration(text: &str) -> Result<Duration, String> {
    let usage = || format!("`{text}` is not a duration; write for example 30s, 5m or 1h30m");
    let long = milliseconds(text).map_err(|_| usage())?;
    u64::try_from(long).ok().filter(|long| *long > 0).map(Duration::from_millis).ok_or_else(usage)
}

/// A length of time in Prometheus's grammar, `1h30m`, in milliseconds; `0s` is one too.
///
/// # Errors
/// When it is none, or longer than about 292 years.
pub fn milliseconds(raw: &str) -> Result<i64, String> {
    let broken = || {
        if raw.contains(|c: char| c.is_ascii_alphabetic()) {
            format!("not a valid duration string: \"{raw}\"")
        } else {
            format!("bad number or duration syntax: \"{raw}\"")
        }
    };
    let too_long = || "duration out of range".to_owned();
    let (mut rest, mut units, mut total) = (raw, &UNITS[..], 0_i64);
    if rest.is_empty() {
        return Err(broken());
    }
    while !rest.is_empty() {
        let digits = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
        let (count, behind) = rest.split_at(digits);
        let letters = behind.find(|c: char| !c.is_ascii_alphabetic()).unwrap_or(behind.len());
        let (unit, behind) = behind.split_at(letters);
        let place = units.iter().position(|(name, _)| *name == unit).ok_or_else(broken)?;
        if count.is_empty() {
            return Err(broken());
        }
        let count: i64 = count.parse().map_err(|_| too_long())?;
        let part = count.checked_mul(units[place].1).ok_or_else(too_long)?;
        total = total.checked_add(part).filter(|total| *total <= i64::MAX / 1_000_000).ok_or_else(too_long)?;
        units = &units[place + 1..];
        rest = behind;
    }
    Ok(total)
}

/// A length of time as people say it: the two largest units, `2h 3m`, `41s`, `0.3s`.
#[must_use]
pub fn in_words(d: Duration) -> String {
    let seconds = d.as_secs();
    if seconds < 10 && d.subsec_millis() >= 100 {
        return format!("{:.1}s", d.as_secs_f64());
    }
    let units = [(86_400, "d"), (3_600, "h"), (60, "m"), (1, "s")];
    let mut rest = seconds;
    let mut words = Vec::new();
    for (size, name) in units {
        let n = rest / size;
        rest %= size;
        if n > 0 {
            words.push(format!("{n}{name}"));
        }
    }
    if words.is_empty() {
        return "0s".to_owned();
    }
    words.truncate(2);
    words.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_read_as_people_say_them() {
        let cases = [(0, "0s"), (59, "59s"), (61, "1m 1s"), (7_380, "2h 3m"), (90_061, "1d 1h")];
        for (seconds, words) in cases {
            assert_eq!(in_words(Duration::from_secs(seconds)), words);
        }
        assert_eq!(in_words(Duration::from_millis(1_500)), "1.5s");
    }

    #[test]
    fn odd_durations_are_refused_without_a_panic() {
        assert_eq!(parse_duration("1h30m"), Ok(Duration::from_mins(90)));
        for text in ["", "30", "-1s", "nan", "inf", "1e300", "1e3s", "0", "0s", "99999999999s", "m", "1m1h", "5 m"] {
            assert!(parse_duration(text).is_err(), "{text}");
        }
    }

    #[test]
    fn durations_have_their_units_in_order_and_fit() {
        assert_eq!(milliseconds("1h30m"), Ok(5_400_000));
        assert_eq!(milliseconds("1y2w3d4h5m6s7ms"), Ok(33_019_506_007));
        assert_eq!(milliseconds("0s"), Ok(0));
        for raw in ["", "1", "s", "1ms1s", "1s1s", "5 m", "1.5s", "9223372036854775808s", "300y"] {
            assert!(milliseconds(raw).is_err(), "{raw}");
        }
    }

    #[test]
    fn moments_keep_six_digits() {
        let at: Timestamp = "2026-11-24T20:19:12.5Z".parse().unwrap();
        assert_eq!(rfc3339_micros(at), "2026-11-24T20:19:12.500000Z");
        assert_eq!(since(at, after(at, Duration::from_secs(1))), Duration::ZERO);
    }
}
