//! What a playbook looks for, and the arguments of its steps.

use super::Said;
use crate::model::{Names, Selector};
use crate::playbook::{Arg, Args, Find};

/// Thresholds: a lower one lets more be found. Every finder uses the same words.
const THRESHOLDS: [&str; 4] = ["longer_than", "larger_than", "at_least", "above"];

pub(super) fn compare(said: &mut Said, name: &str, was: &Find, is: &Find) {
    if was.finder.name != is.finder.name {
        said.say(format!("{name} looks for {} instead of {}", is.finder.name, was.finder.name));
        return;
    }
    let keys = was.args.0.keys().chain(is.args.0.keys().filter(|key| !was.args.0.contains_key(*key)));
    for key in keys {
        let (was, is) = (was.args.0.get(key), is.args.0.get(key));
        if is_wider(key, was, is) {
            let words = |arg: Option<&Arg>| arg.map_or("nothing".to_owned(), words);
            said.say(format!("{name} finds more: {key} {} instead of {}", words(is), words(was)));
        }
    }
}

fn is_wider(key: &str, was: Option<&Arg>, is: Option<&Arg>) -> bool {
    if THRESHOLDS.contains(&key) {
        return less(is, was);
    }
    match (key, was, is) {
        ("limit", ..) => less(was, is),
        ("except", Some(Arg::Selector(was)), Some(Arg::Selector(is))) => !contains(is, was),
        ("except", was, _) => was.is_some(),
        ("order_by", ..) | ("only", None, Some(_)) => false,
        ("only", Some(Arg::Selector(was)), Some(Arg::Selector(is))) => !within(is, was),
        // Which override is met first can turn on any of them: what differs counts.
        (_, was, is) => was.map(whole) != is.map(whole),
    }
}

fn less(a: Option<&Arg>, b: Option<&Arg>) -> bool {
    match (a, b) {
        (Some(Arg::Duration(a)), Some(Arg::Duration(b))) => a < b,
        (Some(Arg::Count(a)), Some(Arg::Count(b))) => a < b,
        (Some(Arg::Share(a)), Some(Arg::Share(b))) => a < b,
        (None, None) => false,
        _ => true,
    }
}

fn respects(selector: &Selector) -> [&Names; 6] {
    let s = selector;
    [&s.databases, &s.users, &s.applications, &s.client_addrs, &s.schemas, &s.tables]
}

/// Whether an exception still leaves out all that it did: any of its patterns does.
fn contains(is: &Selector, was: &Selector) -> bool {
    let kept = |was: &Names, is: &Names| was.patterns().iter().all(|p| is.patterns().contains(p));
    respects(was).into_iter().zip(respects(is)).all(|(was, is)| kept(was, is))
}

/// Whether a choice selects nothing that it did not before.
fn within(is: &Selector, was: &Selector) -> bool {
    let narrower = |was: &Names, is: &Names| {
        was.is_empty() || (!is.is_empty() && is.patterns().iter().all(|p| was.patterns().contains(p)))
    };
    respects(was).into_iter().zip(respects(is)).all(|(was, is)| narrower(was, is))
}

/// Arguments of a step: nobody but the action knows which way is wider, so any difference counts.
pub(super) fn arguments(said: &mut Said, step: &str, was: &Args, is: &Args) {
    let keys = was.0.keys().chain(is.0.keys().filter(|key| !was.0.contains_key(*key)));
    for key in keys {
        let (was, is) = (was.0.get(key), is.0.get(key));
        if was.map(whole) != is.map(whole) {
            let words = |arg: Option<&Arg>| arg.map_or("nothing".to_owned(), words);
            said.say(format!("{step}: {key} {} instead of {}", words(is), words(was)));
        }
    }
}

/// An argument with all that is below it, for comparing.
fn whole(arg: &Arg) -> String {
    let selector = |s: &Selector| format!("{:?}", respects(s).map(Names::patterns));
    match arg {
        Arg::Selector(s) => selector(s),
        Arg::Overrides(all) => {
            let args =
                |args: &Args| args.0.iter().map(|(key, arg)| format!("{key}={}", whole(arg))).collect::<Vec<_>>();
            format!("{:?}", all.iter().map(|(s, a)| (selector(s), args(a))).collect::<Vec<_>>())
        }
        plain => words(plain),
    }
}

fn words(arg: &Arg) -> String {
    match arg {
        Arg::Duration(d) => crate::model::time::in_words(*d),
        Arg::Count(n) => n.to_string(),
        Arg::Share(x) => x.to_string(),
        Arg::Word(w) => (*w).to_owned(),
        Arg::Selector(s) => {
            let all: Vec<&str> =
                respects(s).into_iter().flat_map(|names| names.patterns().iter().map(String::as_str)).collect();
            format!("[{}]", all.join(", "))
        }
        Arg::Overrides(all) => format!("{} overrides", all.len()),
    }
}
