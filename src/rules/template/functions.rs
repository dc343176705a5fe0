//! The functions of templates, as data.

use super::calls::{Host, MOST_BYTES};
use super::humanize;
use super::printf::printf;
use super::value::{Element, Value};
use crate::promql::regex::expand;
use std::cmp::Ordering;
use std::net::IpAddr;
use std::sync::Arc;

/// Queries that one template may ask.
const MOST_QUERIES: usize = 200;

/// Bytes of a text that regular expressions may search.
const MOST_SEARCHED: usize = 4 * 1024;

/// What an argument must be.
#[derive(Clone, Copy, Debug)]
pub(super) enum Takes {
    Any,
    Text,
    Vector,
    Element,
}

/// A function.
pub(super) struct Function {
    pub name: &'static str,
    pub takes: &'static [Takes],
    /// Whether any number of further arguments may follow.
    pub more: bool,
    pub call: fn(&[Value], &Host) -> Result<Value, String>,
}

const fn function(
    name: &'static str,
    takes: &'static [Takes],
    call: fn(&[Value], &Host) -> Result<Value, String>,
) -> Function {
    Function { name, takes, more: false, call }
}

const fn with_more(
    name: &'static str,
    takes: &'static [Takes],
    call: fn(&[Value], &Host) -> Result<Value, String>,
) -> Function {
    Function { name, takes, more: true, call }
}

use Takes::{Any, Element as OneElement, Text, Vector};

/// All but `and` and `or`, which do not look at all their arguments.
pub(super) static FUNCTIONS: &[Function] = &[
    with_more("args", &[], |args, _| Ok(numbered(args))),
    with_more("eq", &[Any, Any], |args, _| equal_to_any(args)),
    function("externalURL", &[], |_, host| Ok(Value::Text(host.external_url.to_owned()))),
    function("first", &[Vector], |args, _| first(&args[0])),
    function("ge", &[Any, Any], |args, _| compared(args, Ordering::is_ge)),
    function("graphLink", &[Text], |args, _| Ok(link(&args[0], 0))),
    function("gt", &[Any, Any], |args, _| compared(args, Ordering::is_gt)),
    with_more("html", &[], |args, _| Ok(Value::Text(escaped(&print(args), &HTML)))),
    function("humanize", &[Any], |args, _| humanize::number(&args[0]).map(humanize::humanize).map(Value::Text)),
    function("humanize1024", &[Any], |args, _| humanize::number(&args[0]).map(humanize::humanize1024).map(Value::Text)),
    function("humanizeDuration", &[Any], |args, _| {
        humanize::number(&args[0]).map(humanize::humanize_duration).map(Value::Text)
    }),
    function("humanizePercentage", &[Any], |args, _| {
        humanize::number(&args[0]).map(humanize::humanize_percentage).map(Value::Text)
    }),
    function("humanizeTimestamp", &[Any], |args, _| {
        humanize::number(&args[0]).and_then(humanize::humanize_timestamp).map(Value::Text)
    }),
    with_more("index", &[Any], |args, _| indexed(args)),
    with_more("js", &[], |args, _| Ok(Value::Text(escaped(&print(args), &JS)))),
    function("label", &[Text, OneElement], |args, _| Ok(label(&text(&args[0]), &args[1]))),
    function("le", &[Any, Any], |args, _| compared(args, Ordering::is_le)),
    function("len", &[Any], |args, _| length(&args[0])),
    function("lt", &[Any, Any], |args, _| compared(args, Ordering::is_lt)),
    function("match", &[Text, Text], |args, host| {
        let regex = host.regex(&text(&args[0]))?;
        Ok(Value::Bool(regex.is_match(searched(&text(&args[1]))?)))
    }),
    function("ne", &[Any, Any], |args, _| Ok(Value::Bool(!equal(&args[0], &args[1])?))),
    function("not", &[Any], |args, _| Ok(Value::Bool(!args[0].truth()))),
    function("parseDuration", &[Text], |args, _| humanize::parse_duration(&text(&args[0])).map(Value::Float)),
    function("pathPrefix", &[], |_, host| Ok(Value::Text(path(host.external_url)))),
    with_more("print", &[], |args, _| Ok(Value::Text(print(args)))),
    with_more("printf", &[Text], |args, _| Ok(Value::Text(printf(&text(&args[0]), &args[1..])))),
    with_more("println", &[], |args, _| {
        let words: Vec<String> = args.iter().map(Value::shown).collect();
        Ok(Value::Text(words.join(" ") + "\n"))
    }),
    function("query", &[Text], |args, host| {
        host.queries.set(host.queries.get() + 1);
        if host.queries.get() > MOST_QUERIES {
            return Err(format!("the template asks more than {MOST_QUERIES} queries"));
        }
        let found = (host.query)(&text(&args[0]))?;
        Ok(Value::Vector(found.into_iter().map(Arc::new).collect()))
    }),
    function("reReplaceAll", &[Text, Text, Text], |args, host| {
        let regex = host.regex(&text(&args[0]))?;
        replaced(&regex, &text(&args[1]), searched(&text(&args[2]))?, host).map(Value::Text)
    }),
    function("safeHtml", &[Text], |args, _| Ok(args[0].clone())),
    with_more("slice", &[Any], |args, _| sliced(args)),
    function("sortByLabel", &[Text, Vector], |args, _| Ok(sorted(&text(&args[0]), &args[1]))),
    function("stripDomain", &[Text], |args, _| Ok(Value::Text(without_domain(&text(&args[0]))))),
    function("stripPort", &[Text], |args, _| {
        let host = text(&args[0]);
        Ok(Value::Text(host_and_port(&host).map_or(host.clone(), |(name, _)| name)))
    }),
    function("strvalue", &[OneElement], |args, _| Ok(label("__value__", &args[0]))),
    function("tableLink", &[Text], |args, _| Ok(link(&args[0], 1))),
    function("title", &[Text], |args, _| Ok(Value::Text(title(&text(&args[0]))))),
    function("toLower", &[Text], |args, _| Ok(Value::Text(text(&args[0]).to_lowercase()))),
    function("toTime", &[Any], |args, _| humanize::number(&args[0]).and_then(humanize::to_time).map(Value::Time)),
    function("toUpper", &[Text], |args, _| Ok(Value::Text(text(&args[0]).to_uppercase()))),
    with_more("urlquery", &[], |args, _| Ok(Value::Text(percent(&print(args))))),
    function("value", &[OneElement], |args, _| match &args[0] {
        Value::Element(element) => Ok(Value::Float(element.value)),
        _ => Ok(Value::Nil),
    }),
];

/// Whether there is a function of that name.
pub(super) fn is_function(name: &str) -> bool {
    matches!(name, "and" | "or") || FUNCTIONS.iter().any(|function| function.name == name)
}

fn text(value: &Value) -> String {
    if let Value::Text(text) = value { text.clone() } else { value.shown() }
}

fn numbered(args: &[Value]) -> Value {
    let size = args.iter().map(|arg| arg.size() + 6).sum();
    let named = args.iter().enumerate().map(|(at, arg)| (format!("arg{at}"), arg.clone()));
    Value::Args(Arc::new(named.collect()), size)
}

fn first(vector: &Value) -> Result<Value, String> {
    match vector {
        Value::Vector(vector) if !vector.is_empty() => Ok(Value::Element(vector[0].clone())),
        _ => Err("first() called on vector with no elements".to_owned()),
    }
}

fn label(name: &str, element: &Value) -> Value {
    let Value::Element(element) = element else { return Value::Nil };
    Value::Text(element.labels.get(name).cloned().unwrap_or_default())
}

fn sorted(label: &str, vector: &Value) -> Value {
    let Value::Vector(vector) = vector else { return Value::Nil };
    let mut vector = vector.clone();
    let key = |element: &Arc<Element>| element.labels.get(label).cloned().unwrap_or_default();
    vector.sort_by_key(key);
    Value::Vector(vector)
}

/// A text that is short enough to search by any regular expression.
fn searched(text: &str) -> Result<&str, String> {
    if text.len() > MOST_SEARCHED {
        return Err(format!("only texts up to {MOST_SEARCHED} bytes are searched by regular expressions"));
    }
    Ok(text)
}

fn replaced(regex: &regex::Regex, with: &str, text: &str, host: &Host) -> Result<String, String> {
    let (mut out, mut until) = (String::new(), 0);
    let references = with.matches('$').count();
    for found in regex.captures_iter(text) {
        // Each search may look at all of the text.
        host.go_on()?;
        let Some(whole) = found.get(0) else { continue };
        out.push_str(&text[until..whole.start()]);
        until = whole.end();
        if out.len() + with.len() + references * whole.len() > MOST_BYTES {
            return Err(format!("the text becomes longer than {MOST_BYTES} bytes"));
        }
        expand(&found, with, &mut out);
    }
    Ok(out + &text[until..])
}

fn link(expr: &Value, tab: u8) -> Value {
    Value::Text(format!("/graph?g0.expr={}&g0.tab={tab}", percent(&text(expr))))
}

fn percent(text: &str) -> String {
    let mut out = String::new();
    for byte in text.bytes() {
        match byte {
            b' ' => out.push('+'),
            b'-' | b'_' | b'.' | b'~' => out.push(char::from(byte)),
            byte if byte.is_ascii_alphanumeric() => out.push(char::from(byte)),
            byte => out.push_str(&format!("%{byte:02X}")),
        }
    }
    out
}

fn path(url: &str) -> String {
    let behind = url.split_once("://").map_or(url, |(_, behind)| behind);
    behind.find('/').map_or(String::new(), |at| behind[at..].to_owned())
}

const HTML: [(char, &str); 6] =
    [('"', "&#34;"), ('\'', "&#39;"), ('&', "&amp;"), ('<', "&lt;"), ('>', "&gt;"), ('\0', "\u{fffd}")];
const JS: [(char, &str); 7] = [
    ('\\', "\\\\"),
    ('\'', "\\'"),
    ('"', "\\\""),
    ('<', "\\u003C"),
    ('>', "\\u003E"),
    ('&', "\\u0026"),
    ('=', "\\u003D"),
];

fn escaped(text: &str, with: &[(char, &str)]) -> String {
    text.chars()
        .map(|c| {
            with.iter().find(|(own, _)| *own == c).map_or_else(|| c.to_string(), |(_, escape)| (*escape).to_owned())
        })
        .collect()
}

/// Go's `Sprint`: a blank between two values of which none is a text.
fn print(args: &[Value]) -> String {
    let mut out = String::new();
    let mut after_text = true;
    for arg in args {
        let is_text = matches!(arg, Value::Text(_));
        if !is_text && !after_text {
            out.push(' ');
        }
        out.push_str(&arg.shown());
        after_text = is_text;
    }
    out
}

fn title(text: &str) -> String {
    let mut inside = false;
    let mut out = String::new();
    for c in text.chars() {
        if inside {
            out.push(c);
        } else {
            out.extend(c.to_uppercase());
        }
        inside = c.is_alphanumeric() || c == '\'' || c == '_' || (inside && c == '.');
    }
    out
}

/// Host and port of `host:port` and `[v6]:port`.
fn host_and_port(text: &str) -> Option<(String, String)> {
    let (host, port) = text.rsplit_once(':')?;
    let inner = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
    let host = inner.or(Some(host).filter(|host| !host.contains([':', '[', ']'])))?;
    Some((host.to_owned(), port.to_owned()))
}

fn without_domain(text: &str) -> String {
    let (host, port) = host_and_port(text).map_or((text.to_owned(), None), |(host, port)| (host, Some(port)));
    if host.parse::<IpAddr>().is_ok() {
        return text.to_owned();
    }
    let short = host.split('.').next().unwrap_or_default();
    port.map_or(short.to_owned(), |port| format!("{short}:{port}"))
}

fn length(of: &Value) -> Result<Value, String> {
    let length = match of {
        Value::Text(text) => text.len(),
        Value::Labels(labels) => labels.len(),
        Value::Args(args, _) => args.len(),
        Value::Vector(vector) => vector.len(),
        other => return Err(format!("len of type {}", other.type_name())),
    };
    Ok(Value::Int(i64::try_from(length).unwrap_or(i64::MAX)))
}

fn indexed(args: &[Value]) -> Result<Value, String> {
    let mut value = args[0].clone();
    for key in &args[1..] {
        value = match (&value, key) {
            (Value::Labels(labels), Value::Text(name)) => Value::Text(labels.get(name).cloned().unwrap_or_default()),
            (Value::Args(all, _), Value::Text(name)) => all.get(name).cloned().unwrap_or(Value::Nil),
            (Value::Vector(vector), Value::Int(at)) => {
                let one = usize::try_from(*at).ok().and_then(|at| vector.get(at));
                Value::Element(one.cloned().ok_or_else(|| format!("index out of range: {at}"))?)
            }
            (Value::Text(text), Value::Int(at)) => {
                let byte = usize::try_from(*at).ok().and_then(|at| text.as_bytes().get(at));
                Value::Int(i64::from(*byte.ok_or_else(|| format!("index out of range: {at}"))?))
            }
            (of, key) => return Err(format!("cannot index {} with {}", of.type_name(), key.type_name())),
        };
    }
    Ok(value)
}

fn sliced(args: &[Value]) -> Result<Value, String> {
    let bound = |at: usize, default: usize| match args.get(at) {
        None => Ok(default),
        Some(Value::Int(bound)) => usize::try_from(*bound).map_err(|_| format!("index out of range: {bound}")),
        Some(other) => Err(format!("cannot index slice/array with type {}", other.type_name())),
    };
    match &args[0] {
        Value::Text(text) => {
            let range = bound(1, 0)?..bound(2, text.len())?;
            let part = text.as_bytes().get(range.clone());
            let part = part.ok_or_else(|| format!("index out of range: {}", range.end))?;
            Ok(Value::Text(String::from_utf8_lossy(part).into_owned()))
        }
        Value::Vector(vector) => {
            let range = bound(1, 0)?..bound(2, vector.len())?;
            let part = vector.get(range.clone());
            Ok(Value::Vector(part.ok_or_else(|| format!("index out of range: {}", range.end))?.to_vec()))
        }
        other => Err(format!("can't slice item of type {}", other.type_name())),
    }
}

fn equal_to_any(args: &[Value]) -> Result<Value, String> {
    for other in &args[1..] {
        if equal(&args[0], other)? {
            return Ok(Value::Bool(true));
        }
    }
    Ok(Value::Bool(false))
}

#[allow(clippy::float_cmp)] // equal is what is asked
fn equal(a: &Value, b: &Value) -> Result<bool, String> {
    match (a, b) {
        (Value::Bool(a), Value::Bool(b)) => Ok(a == b),
        (Value::Int(a), Value::Int(b)) => Ok(a == b),
        (Value::Float(a), Value::Float(b)) => Ok(a == b),
        (Value::Text(a), Value::Text(b)) => Ok(a == b),
        (Value::Nil, Value::Nil) => Ok(true),
        (Value::Nil, _) | (_, Value::Nil) => Ok(false),
        _ => Err(incompatible(a, b)),
    }
}

fn compared(args: &[Value], holds: fn(Ordering) -> bool) -> Result<Value, String> {
    let order = match (&args[0], &args[1]) {
        (Value::Int(a), Value::Int(b)) => Some(a.cmp(b)),
        (Value::Float(a), Value::Float(b)) => a.partial_cmp(b),
        (Value::Text(a), Value::Text(b)) => Some(a.cmp(b)),
        (a, b) => return Err(incompatible(a, b)),
    };
    Ok(Value::Bool(order.is_some_and(holds)))
}

fn incompatible(a: &Value, b: &Value) -> String {
    format!("incompatible types for comparison: {} and {}", a.type_name(), b.type_name())
}
