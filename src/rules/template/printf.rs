//! Go's `printf`, as far as values of templates go.

use super::float::{fixed, general, scientific, shortest};
use super::value::Value;

/// The longest width and precision.
const MOST_WIDE: usize = 1_000;

#[derive(Default)]
struct Flags {
    minus: bool,
    plus: bool,
    zero: bool,
    width: Option<usize>,
    precision: Option<usize>,
}

/// Writes the arguments as the format says; what does not fit is told in the text, as Go does.
pub(super) fn printf(format: &str, args: &[Value]) -> String {
    let mut out = String::new();
    let mut rest = format.chars().peekable();
    let mut args_left = args.iter();
    while let Some(c) = rest.next() {
        if c != '%' {
            out.push(c);
            continue;
        }
        let mut flags = Flags::default();
        while let Some(flag) = rest.next_if(|c| "+-# 0".contains(*c)) {
            flags.minus |= flag == '-';
            flags.plus |= flag == '+';
            flags.zero |= flag == '0';
        }
        flags.width = digits(&mut rest);
        if rest.next_if_eq(&'.').is_some() {
            flags.precision = Some(digits(&mut rest).unwrap_or(0));
        }
        match rest.next() {
            None => out.push_str("%!(NOVERB)"),
            Some('%') => out.push('%'),
            Some(verb) => match args_left.next() {
                None => out.push_str(&format!("%!{verb}(MISSING)")),
                Some(arg) => out.push_str(&one(verb, arg, &flags)),
            },
        }
    }
    let extra: Vec<String> = args_left.map(|arg| format!("{}={}", arg.type_name(), arg.shown())).collect();
    if !extra.is_empty() {
        out.push_str(&format!("%!(EXTRA {})", extra.join(", ")));
    }
    out
}

fn digits(rest: &mut std::iter::Peekable<std::str::Chars>) -> Option<usize> {
    let mut number = None;
    while let Some(digit) = rest.peek().and_then(|c| c.to_digit(10)) {
        rest.next();
        number = Some((number.unwrap_or(0) * 10 + digit as usize).min(MOST_WIDE));
    }
    number
}

fn one(verb: char, arg: &Value, flags: &Flags) -> String {
    let wrong = || format!("%!{verb}({}={})", arg.type_name(), arg.shown());
    let (text, numeric) = match (verb, arg) {
        ('v', Value::Float(value)) => (signed(flags, *value >= 0.0, shortest(*value)), true),
        ('g' | 'G', Value::Float(value)) => (signed(flags, *value >= 0.0, general(*value, flags.precision)), true),
        ('f' | 'F', Value::Float(value)) => {
            (signed(flags, *value >= 0.0, fixed(*value, flags.precision.unwrap_or(6))), true)
        }
        ('e' | 'E', Value::Float(value)) => {
            (signed(flags, *value >= 0.0, scientific(*value, flags.precision.unwrap_or(6))), true)
        }
        ('v' | 'd', Value::Int(value)) => (signed(flags, *value >= 0, value.to_string()), true),
        ('x', Value::Int(value)) => (format!("{value:x}"), true),
        ('X', Value::Int(value)) => (format!("{value:X}"), true),
        ('o', Value::Int(value)) => (format!("{value:o}"), true),
        ('b', Value::Int(value)) => (format!("{value:b}"), true),
        ('c', Value::Int(value)) => {
            let c = u32::try_from(*value).ok().and_then(char::from_u32).unwrap_or('\u{fffd}');
            (c.to_string(), false)
        }
        ('t' | 'v', Value::Bool(value)) => (value.to_string(), false),
        ('s' | 'v', Value::Text(text)) => (cut(text, flags.precision), false),
        ('q', Value::Text(text)) => (crate::promql::labels::quoted(&cut(text, flags.precision)), false),
        ('x', Value::Text(text)) => (hex::encode(text), false),
        ('T', arg) => (arg.type_name().to_owned(), false),
        ('s' | 'v', Value::Time(_)) => (arg.shown(), false),
        ('v', arg) => (arg.shown(), false),
        (_, Value::Nil) => (format!("%!{verb}(<nil>)"), false),
        _ => (wrong(), false),
    };
    let text = if verb.is_ascii_uppercase() && numeric { text.to_uppercase().replace("+INF", "+Inf") } else { text };
    padded(text, numeric, flags)
}

fn signed(flags: &Flags, positive: bool, text: String) -> String {
    if flags.plus && positive && !text.starts_with(['+', '-']) { format!("+{text}") } else { text }
}

fn cut(text: &str, precision: Option<usize>) -> String {
    precision.map_or_else(|| text.to_owned(), |most| text.chars().take(most).collect())
}

fn padded(text: String, numeric: bool, flags: &Flags) -> String {
    let missing = flags.width.unwrap_or(0).saturating_sub(text.chars().count());
    if missing == 0 {
        return text;
    }
    if flags.minus {
        return format!("{text}{}", " ".repeat(missing));
    }
    if flags.zero && numeric && !text.contains(['N', 'I']) {
        let (sign, digits) = text.split_at(usize::from(text.starts_with(['+', '-', ' '])));
        return format!("{sign}{}{digits}", "0".repeat(missing));
    }
    format!("{}{text}", " ".repeat(missing))
}
