//! What the finders' tests ask with.

use super::{Ask, Finder};
use crate::config::QueryText;
pub use crate::model::testing::row;
use crate::model::{Answer, Candidate, Duration, Names, Ownership, Row, Selector, Server, query::Cell, testing};
use crate::playbook::{Arg, Args, ParamType};

pub fn server(version_num: i32) -> Server {
    Server { ownership: Ownership::NotNeeded, ..testing::server(version_num) }
}

/// A finder's arguments as a playbook that names none would have them.
pub fn defaults(finder: &dyn Finder) -> Args {
    let written = finder.spec().params.iter().filter_map(|p| Some((p, p.default?)));
    let args = written.map(|(p, text)| {
        let arg = match p.ty {
            ParamType::Duration => Arg::Duration(crate::model::time::parse_duration(text).unwrap()),
            ParamType::Count { .. } => Arg::Count(text.parse().unwrap()),
            _ => unreachable!("{} has a default of an unexpected type", p.name),
        };
        (p.name, arg)
    });
    Args(args.collect())
}

pub fn users(patterns: &[&str]) -> Selector {
    let patterns: Vec<String> = patterns.iter().map(|p| (*p).to_owned()).collect();
    Selector { users: Names::parse(&patterns).unwrap(), ..Selector::default() }
}

pub fn with(mut args: Args, name: &'static str, arg: Arg) -> Args {
    args.0.insert(name, arg);
    args
}

pub fn longer_than(seconds: u64) -> Arg {
    Arg::Duration(Duration::from_secs(seconds))
}

pub fn ask<'a>(args: &'a Args, server: &'a Server, only: Option<&'a Candidate>) -> Ask<'a> {
    Ask { args, server, only, query_text: QueryText::Redacted }
}

pub fn answer(name: &'static str, from: &str, rows: Vec<Row>) -> Answer {
    Answer { name, from: from.to_owned(), rows: Ok(rows) }
}

pub fn text(text: &str) -> Cell {
    Cell::Text(text.to_owned())
}
