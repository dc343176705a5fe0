//! Calls a function with the arguments that it takes, and reads fields.

use super::Query;
use super::functions::{FUNCTIONS, Takes};
use super::value::Value;
use std::cell::Cell;

/// What functions may ask.
pub(super) struct Host<'a> {
    pub query: &'a Query<'a>,
    pub external_url: &'a str,
    /// How many queries were asked.
    pub queries: Cell<usize>,
}

/// Bytes that one template may write, and that a function may take and yield.
pub(super) const MOST_BYTES: usize = 64 * 1024;

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
    if args.iter().map(Value::size).sum::<usize>() > MOST_BYTES {
        return Err(format!("{name} is given more than {MOST_BYTES} bytes"));
    }
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
    (function.call)(args, host).map_err(|why| format!("error calling {name}: {why}"))
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
