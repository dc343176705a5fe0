//! Calls a function with the arguments that it takes, and reads fields.

use super::Query;
use super::functions::{FUNCTIONS, Takes};
use super::value::Value;
use crate::promql::regex;
use ::regex::Regex;
use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;

/// What functions may ask.
pub(super) struct Host<'a> {
    pub query: &'a Query<'a>,
    pub external_url: &'a str,
    /// Whether to end.
    pub stop: &'a dyn Fn() -> bool,
    /// How many queries were asked.
    pub queries: Cell<usize>,
    /// How many bytes were copied and made.
    worked: Cell<usize>,
    /// What was compiled, by pattern.
    regexes: RefCell<BTreeMap<String, Regex>>,
}

impl<'a> Host<'a> {
    pub fn new(query: &'a Query<'a>, external_url: &'a str, stop: &'a dyn Fn() -> bool) -> Host<'a> {
        let (queries, worked, regexes) = Default::default();
        Host { query, external_url, stop, queries, worked, regexes }
    }

    /// Counts bytes that are copied or made.
    pub fn work(&self, bytes: usize) -> Result<(), String> {
        self.worked.set(self.worked.get().saturating_add(bytes));
        if self.worked.get() > MOST_WORK {
            return Err(format!("the template copies and makes more than {MOST_WORK} bytes in all"));
        }
        Ok(())
    }

    /// Fails when the caller wants an end.
    pub fn go_on(&self) -> Result<(), String> {
        if (self.stop)() { Err("the template took too long and was stopped".to_owned()) } else { Ok(()) }
    }

    /// A regular expression in Go's syntax that need not match the whole text.
    pub fn regex(&self, pattern: &str) -> Result<Regex, String> {
        if let Some(known) = self.regexes.borrow().get(pattern) {
            return Ok(known.clone());
        }
        self.work(REGEX_WORK)?;
        let built = regex::compile_part(pattern).map_err(|why| format!("error parsing regexp: {why}: `{pattern}`"))?;
        self.regexes.borrow_mut().insert(pattern.to_owned(), built.clone());
        Ok(built)
    }
}

/// Bytes that one template may write, and that a function may take and yield.
pub(super) const MOST_BYTES: usize = 64 * 1024;

/// Bytes that one template may copy and make, what is thrown away again included.
const MOST_WORK: usize = 16 * 1024 * 1024;
/// What the compilation of a regular expression counts as.
const REGEX_WORK: usize = 128 * 1024;

/// Calls a function.
pub(super) fn call(name: &str, args: &[Value], host: &Host) -> Result<Value, String> {
    let Some(function) = FUNCTIONS.iter().find(|function| function.name == name) else {
        return Err(format!("function \"{name}\" not defined"));
    };
    let (least, most) = (function.takes.len(), function.takes.len() + if function.more { usize::MAX / 2 } else { 0 });
    if args.len() < least || args.len() > most {
        let want = if function.more { format!("at least {least}") } else { least.to_string() };
        return Err(format!("wrong number of args for {name}: want {want} got {}", args.len()));
    }
    let given: usize = args.iter().map(Value::size).sum();
    if given > MOST_BYTES {
        return Err(format!("{name} is given more than {MOST_BYTES} bytes"));
    }
    host.work(given)?;
    for (takes, arg) in function.takes.iter().zip(args) {
        let fits = match takes {
            Takes::Any => true,
            Takes::Text => matches!(arg, Value::Text(_)),
            Takes::Vector => matches!(arg, Value::Vector(_)),
            Takes::Element => matches!(arg, Value::Element(_)),
        };
        if !fits {
            let wanted = match takes {
                Takes::Text | Takes::Any => "string",
                Takes::Vector => "template.queryResult",
                Takes::Element => "*template.sample",
            };
            return Err(format!("wrong type for value; expected {wanted}; got {}", arg.type_name()));
        }
    }
    let value = (function.call)(args, host).map_err(|why| format!("error calling {name}: {why}"))?;
    host.work(value.size())?;
    Ok(value)
}

/// Reads a field, a key of a map, or a method without arguments.
pub(super) fn field(of: &Value, name: &str) -> Result<Value, String> {
    let found = match of {
        Value::Labels(labels) => return Ok(Value::Text(labels.get(name).cloned().unwrap_or_default())),
        Value::Args(args, _) => return Ok(args.get(name).cloned().unwrap_or(Value::Nil)),
        Value::Nil => return Err(format!("nil data; no entry for key \"{name}\"")),
        Value::Data(data) => match name {
            "Labels" => Some(Value::Labels(data.labels.clone())),
            "ExternalLabels" => Some(Value::Labels(data.external_labels.clone())),
            "ExternalURL" => Some(Value::Text(data.external_url.clone())),
            "Value" => Some(Value::Float(data.value)),
            _ => None,
        },
        Value::Element(element) => match name {
            "Labels" => Some(Value::Labels(element.labels.clone())),
            "Value" => Some(Value::Float(element.value)),
            _ => None,
        },
        Value::Time(at) => part_of_time(*at, name),
        _ => None,
    };
    found.ok_or_else(|| format!("can't evaluate field {name} in type {}", of.type_name()))
}

fn part_of_time(at: i64, name: &str) -> Option<Value> {
    let time = jiff::Timestamp::from_millisecond(at).ok()?;
    let parts = time.to_zoned(jiff::tz::TimeZone::UTC);
    Some(match name {
        "Year" => Value::Int(parts.year().into()),
        "Month" => Value::Text(parts.strftime("%B").to_string()),
        "Weekday" => Value::Text(parts.strftime("%A").to_string()),
        "Day" => Value::Int(parts.day().into()),
        "YearDay" => Value::Int(parts.day_of_year().into()),
        "Hour" => Value::Int(parts.hour().into()),
        "Minute" => Value::Int(parts.minute().into()),
        "Second" => Value::Int(parts.second().into()),
        "Unix" => Value::Int(time.as_second()),
        "UnixMilli" => Value::Int(at),
        "UTC" => Value::Time(at),
        _ => return None,
    })
}
