//! Which records somebody wants to see.

use crate::audit::query::Filter;
use crate::model::time::{before, parse_duration};
use crate::model::{RecordKind, Timestamp, Verdict};
use clap::Args;
use std::num::NonZeroUsize;

/// The filters of `audit list`; all that are given must hold.
#[derive(Args, Clone, Debug)]
pub(super) struct Wanted {
    /// Not before this moment: RFC 3339, a date, or how long ago (2h, 3d)
    #[arg(long, value_name = "WHEN", value_parser = moment)]
    pub(super) since: Option<Timestamp>,
    /// Before this moment
    #[arg(long, value_name = "WHEN", value_parser = moment)]
    pub(super) until: Option<Timestamp>,
    /// Only about this target
    #[arg(long)]
    pub(super) target: Option<String>,
    /// Only of this playbook
    #[arg(long)]
    pub(super) playbook: Option<String>,
    /// Only of this kind: trigger, decision, intent, outcome, verification, revert, control…
    #[arg(long, value_parser = kind)]
    pub(super) kind: Option<RecordKind>,
    /// Only with this verdict: act, hold, observe, skip, quiet
    #[arg(long, value_parser = verdict)]
    pub(super) verdict: Option<Verdict>,
    /// Only of this run
    #[arg(long)]
    pub(super) run: Option<String>,
}

impl Wanted {
    /// As the log is asked: the newest first.
    pub(super) fn filter(self, limit: Option<usize>) -> Filter {
        let Wanted { since, until, target, playbook, kind, verdict, run } = self;
        Filter { since, until, target, playbook, kind, verdict, run, limit, newest_first: true }
    }
}

/// At most so many records; the newest are shown.
#[derive(Args, Clone, Copy, Debug)]
pub(super) struct Limit {
    /// Show the newest N records
    #[arg(long, value_name = "N", default_value = "50")]
    pub(super) limit: NonZeroUsize,
}

fn kind(word: &str) -> Result<RecordKind, String> {
    one_of(&RecordKind::ALL, word)
}

fn verdict(word: &str) -> Result<Verdict, String> {
    one_of(&Verdict::ALL, word)
}

fn one_of<T: Copy>(all: &[(&'static str, T)], word: &str) -> Result<T, String> {
    let found = all.iter().find(|(w, _)| *w == word).map(|(_, value)| *value);
    found.ok_or_else(|| format!("there are {}", all.iter().map(|(w, _)| *w).collect::<Vec<_>>().join(", ")))
}

fn moment(text: &str) -> Result<Timestamp, String> {
    moment_at(text, Timestamp::now())
}

fn moment_at(text: &str, now: Timestamp) -> Result<Timestamp, String> {
    if let Ok(ago) = parse_duration(text) {
        return Ok(before(now, ago));
    }
    if let Ok(day) = text.parse::<jiff::civil::Date>()
        && let Ok(midnight) = day.to_zoned(jiff::tz::TimeZone::UTC)
    {
        return Ok(midnight.timestamp());
    }
    text.parse().map_err(|_| "write 2026-11-24T20:00:00Z, 2026-11-24 (UTC) or how long ago: 2h, 3d".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_read_as_people_write_them() {
        let now = "2026-11-24T20:00:00Z".parse().unwrap();
        let cases = [
            ("2h", "2026-11-24T18:00:00Z"),
            ("1d", "2026-11-23T20:00:00Z"),
            ("2026-11-23", "2026-11-23T00:00:00Z"),
            ("2026-11-23T09:00:00+09:00", "2026-11-23T00:00:00Z"),
        ];
        for (written, meant) in cases {
            assert_eq!(moment_at(written, now).unwrap().to_string(), meant, "{written}");
        }
        assert!(moment_at("yesterday", now).unwrap_err().contains("2h"));
    }

    #[test]
    fn a_wrong_word_is_told_the_right_ones() {
        assert_eq!(verdict("skip"), Ok(Verdict::Skip));
        assert_eq!(verdict("skipped").unwrap_err(), "there are act, hold, observe, skip, quiet");
        assert!(kind("intnet").unwrap_err().contains("intent"));
    }
}
