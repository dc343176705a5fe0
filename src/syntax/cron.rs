//! Whether a cron expression is one, says what its author meant, and ever comes due.

use croner::parser::{CronParser, Seconds, Year};

/// Fields in order, with the smallest and largest value of each.
const FIELDS: [(&str, u32, u32); 6] = [
    ("second", 0, 59),
    ("minute", 0, 59),
    ("hour", 0, 23),
    ("day of month", 1, 31),
    ("month", 1, 12),
    ("day of week", 0, 7),
];

/// Checks 5 fields, or 6 with seconds first.
///
/// # Errors
/// What is wrong, in words. A step as large as its field is an error, because it does not repeat.
pub fn check(expression: &str) -> Result<(), String> {
    let fields: Vec<&str> = expression.split_whitespace().collect();
    let names = match fields.len() {
        5 => &FIELDS[1..],
        6 => &FIELDS[..],
        n => return Err(format!("a cron expression has 5 fields, or 6 with seconds first; this one has {n}")),
    };
    let parser = CronParser::builder().seconds(Seconds::Optional).year(Year::Disallowed).build();
    for (at, (field, (name, min, max))) in fields.iter().zip(names).enumerate() {
        for part in field.split(',') {
            check_step(part, name, *min, *max)?;
        }
        // Alone among stars, so that the message can name the field.
        let mut alone = vec!["*"; fields.len()];
        alone[at] = field;
        if parser.parse(&alone.join(" ")).is_err() {
            return Err(format!("`{field}` is no {name}; write values from {min} to {max}, lists, ranges or steps"));
        }
    }
    let cron = parser.parse(expression).map_err(|e| format!("it is no cron expression: {e}"))?;
    // Any fixed moment will do: what comes due at all does so within the next four hundred years.
    let begin = jiff::civil::date(2026, 1, 1).to_zoned(jiff::tz::TimeZone::UTC).map_err(|e| e.to_string())?;
    cron.find_next_occurrence(&begin, true).map_err(|_| "it never comes due: there is no such day".to_owned())?;
    Ok(())
}

fn check_step(part: &str, name: &str, min: u32, max: u32) -> Result<(), String> {
    let Some((range, step)) = part.split_once('/') else { return Ok(()) };
    let Ok(step) = step.parse::<u32>() else { return Ok(()) };
    let number = |text: &str| text.parse::<u32>().ok();
    let (low, high) = match range.split_once('-') {
        Some((low, high)) => match (number(low), number(high)) {
            (Some(low), Some(high)) => (low, high),
            _ => return Ok(()),
        },
        // A week has seven days although Sunday may be written as 0 and as 7.
        None => (min, if max == 7 { 6 } else { max }),
    };
    if low.saturating_add(step) <= high {
        return Ok(());
    }
    Err(format!(
        "`{part}` does not repeat: the {name} goes from {low} to {high}, so a step of {step} meets only {low}; write \
         `{low}`, or a smaller step"
    ))
}

#[cfg(test)]
mod tests {
    use super::check;

    #[test]
    fn sound_expressions_pass() {
        for sound in ["0 */2 * * *", "*/30 * * * * *", "0 9 * * MON-FRI", "0 0 29 2 *", "0 0 L * *", "0 3 * * 1#2"] {
            assert_eq!(check(sound), Ok(()), "{sound}");
        }
    }

    #[test]
    fn faults_are_told_apart() {
        let cases = [
            ("*/90 * * * *", "a step of 90 meets only 0"),
            ("0 */24 * * *", "the hour goes from 0 to 23"),
            ("0 0 * * */7", "a step of 7"),
            ("10-20/30 * * * *", "meets only 10"),
            ("0 0 30 2 *", "never comes due"),
            ("0 0 * *", "this one has 4"),
            ("0 0 1 1 * 2027 1", "this one has 7"),
            ("61 * * * *", "`61` is no minute; write values from 0 to 59"),
            ("0 0 * * FUNDAY", "is no day of week"),
            ("nightly", "this one has 1"),
        ];
        for (faulty, why) in cases {
            let message = check(faulty).unwrap_err();
            assert!(message.contains(why), "{faulty}: {message}");
        }
    }
}
