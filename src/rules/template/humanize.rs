//! Numbers for people, as Prometheus writes them.

use super::float::{general, scientific};
use super::value::{Value, moment};
use crate::model::time::milliseconds;

const LARGE: [&str; 8] = ["k", "M", "G", "T", "P", "E", "Z", "Y"];
const SMALL: [&str; 8] = ["m", "u", "n", "p", "f", "a", "z", "y"];
const BINARY: [&str; 8] = ["ki", "Mi", "Gi", "Ti", "Pi", "Ei", "Zi", "Yi"];

/// A number, or a text that is one.
pub(super) fn number(of: &Value) -> Result<f64, String> {
    match of {
        Value::Float(value) => Ok(*value),
        #[allow(clippy::cast_precision_loss)] // as Go converts: to the nearest
        Value::Int(value) => Ok(*value as f64),
        Value::Text(text) => {
            let lower = text.trim_start_matches(['+', '-']).to_ascii_lowercase();
            let plain = lower.bytes().all(|c| c.is_ascii_digit() || b".e+-".contains(&c));
            let read =
                if plain || matches!(lower.as_str(), "inf" | "infinity" | "nan") { text.parse().ok() } else { None };
            read.ok_or_else(|| format!("strconv.ParseFloat: parsing {text:?}: invalid syntax"))
        }
        other => Err(format!("can't convert {} to float", other.type_name())),
    }
}

/// `humanize`
pub(super) fn humanize(value: f64) -> String {
    if value == 0.0 || !value.is_finite() {
        return general(value, Some(4));
    }
    if value.abs() >= 1.0 {
        let (value, prefix) = scaled(value, &LARGE, 1_000.0);
        return format!("{}{prefix}", general(value, Some(4)));
    }
    let (value, prefix) = lifted(value);
    format!("{}{prefix}", general(value, Some(4)))
}

/// `humanize1024`
pub(super) fn humanize1024(value: f64) -> String {
    if value.abs() <= 1.0 || !value.is_finite() {
        return general(value, Some(4));
    }
    let (value, prefix) = scaled(value, &BINARY, 1_024.0);
    format!("{}{prefix}", general(value, Some(4)))
}

fn scaled(mut value: f64, prefixes: &[&'static str], by: f64) -> (f64, &'static str) {
    let mut prefix = "";
    for one in prefixes {
        if value.abs() < by {
            break;
        }
        prefix = one;
        value /= by;
    }
    (value, prefix)
}

fn lifted(mut value: f64) -> (f64, &'static str) {
    let mut prefix = "";
    for one in SMALL {
        if value.abs() >= 1.0 {
            break;
        }
        prefix = one;
        value *= 1_000.0;
    }
    (value, prefix)
}

/// `humanizeDuration`
pub(super) fn humanize_duration(value: f64) -> String {
    if !value.is_finite() {
        return general(value, Some(4));
    }
    if value == 0.0 {
        return format!("{}s", general(value, Some(4)));
    }
    if value.abs() < 1.0 {
        let (value, prefix) = lifted(value);
        return format!("{}{prefix}s", general(value, Some(4)));
    }
    let sign = if value < 0.0 { "-" } else { "" };
    let value = value.abs();
    #[allow(clippy::cast_possible_truncation)] // as Go: what does not fit stops at the end
    let whole = value as i64;
    let (seconds, minutes, hours, days) = (whole % 60, whole / 60 % 60, whole / 3_600 % 24, whole / 86_400);
    if days != 0 {
        format!("{sign}{days}d {hours}h {minutes}m {seconds}s")
    } else if hours != 0 {
        format!("{sign}{hours}h {minutes}m {seconds}s")
    } else if minutes != 0 {
        format!("{sign}{minutes}m {seconds}s")
    } else {
        format!("{sign}{}s", general(value, Some(4)))
    }
}

/// `humanizePercentage`
pub(super) fn humanize_percentage(value: f64) -> String {
    format!("{}%", general(value * 100.0, Some(4)))
}

/// `humanizeTimestamp`
pub(super) fn humanize_timestamp(value: f64) -> Result<String, String> {
    if !value.is_finite() {
        return Ok(general(value, Some(4)));
    }
    to_time(value).map(moment)
}

/// Seconds as milliseconds since 1970.
pub(super) fn to_time(seconds: f64) -> Result<i64, String> {
    let nanoseconds = seconds * 1e9;
    // 2^63 in both directions.
    if !nanoseconds.is_finite() || nanoseconds.abs() > 9_223_372_036_854_775_807.0 {
        let shown = if nanoseconds.is_finite() { scientific(seconds, 6) } else { general(seconds, Some(4)) };
        return Err(format!("{shown} cannot be represented as a nanoseconds timestamp since it overflows int64"));
    }
    #[allow(clippy::cast_possible_truncation)] // it fits, as was just seen
    Ok(nanoseconds as i64 / 1_000_000)
}

/// `parseDuration`: seconds.
pub(super) fn parse_duration(text: &str) -> Result<f64, String> {
    if text == "0" {
        return Ok(0.0);
    }
    #[allow(clippy::cast_precision_loss)] // far below 2^53
    milliseconds(text).map(|long| long as f64 / 1_000.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_for_people_are_those_of_prometheus() {
        assert_eq!(humanize(0.021), "21m");
        assert_eq!(humanize(1_234_567.0), "1.235M");
        assert_eq!(humanize1024(1_048_576.0), "1Mi");
        assert_eq!(humanize_duration(899.99), "14m 59s");
        assert_eq!(humanize_duration(-0.001), "-1ms");
        assert_eq!(humanize_duration(435_678.0), "5d 1h 1m 18s");
        assert_eq!(humanize_percentage(0.1234), "12.34%");
        assert_eq!(humanize_timestamp(1_435_065_584.128).unwrap(), "2015-06-23 13:19:44.128 +0000 UTC");
        assert!(humanize_timestamp(1e300).is_err());
    }
}
