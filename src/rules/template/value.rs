//! What templates compute with.

use super::calls::MOST_BYTES;
use super::float::shortest;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Names and texts.
pub type Texts = Arc<BTreeMap<String, String>>;

/// A value of a template.
#[derive(Clone, Debug)]
pub(super) enum Value {
    Nil,
    Bool(bool),
    Int(i64),
    Float(f64),
    Text(String),
    /// Milliseconds since 1970.
    Time(i64),
    /// Labels: a name that is not there is the empty text.
    Labels(Texts),
    /// The result of `args`, and how long it is in print: it may hold itself many times over.
    Args(Arc<BTreeMap<String, Value>>, usize),
    /// The result of `query`.
    Vector(Vec<Arc<Element>>),
    /// One element of it.
    Element(Arc<Element>),
    /// What the template is about.
    Data(Arc<Data>),
}

/// An element of a query's result.
#[derive(Clone, Debug, PartialEq)]
pub struct Element {
    /// Its labels.
    pub labels: Texts,
    /// Its number.
    pub value: f64,
}

/// What a template is about: an alert.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Data {
    /// `.Labels` and `$labels`: those of the expression's element.
    pub labels: Texts,
    /// `.ExternalLabels` and `$externalLabels`.
    pub external_labels: Texts,
    /// `.ExternalURL` and `$externalURL`.
    pub external_url: String,
    /// `.Value` and `$value`.
    pub value: f64,
}

impl Value {
    /// What Go calls the type.
    pub fn type_name(&self) -> &'static str {
        match self {
            Value::Nil => "nil",
            Value::Bool(_) => "bool",
            Value::Int(_) => "int",
            Value::Float(_) => "float64",
            Value::Text(_) => "string",
            Value::Time(_) => "*time.Time",
            Value::Labels(_) => "map[string]string",
            Value::Args(..) => "map[string]interface {}",
            Value::Vector(_) => "template.queryResult",
            Value::Element(_) => "*template.sample",
            Value::Data(_) => "template data",
        }
    }

    /// Whether it counts as true.
    pub fn truth(&self) -> bool {
        match self {
            Value::Nil => false,
            Value::Bool(value) => *value,
            Value::Int(value) => *value != 0,
            Value::Float(value) => *value != 0.0,
            Value::Text(value) => !value.is_empty(),
            Value::Labels(labels) => !labels.is_empty(),
            Value::Args(args, _) => !args.is_empty(),
            Value::Vector(vector) => !vector.is_empty(),
            Value::Time(_) | Value::Element(_) | Value::Data(_) => true,
        }
    }

    /// About how many bytes of text it is.
    pub fn size(&self) -> usize {
        match self {
            Value::Text(text) => text.len(),
            Value::Args(_, size) => *size,
            Value::Labels(labels) => labels.iter().map(|(name, value)| name.len() + value.len() + 2).sum(),
            Value::Vector(vector) => vector.len(),
            _ => 1,
        }
    }

    /// As Go prints it.
    pub fn shown(&self) -> String {
        match self {
            Value::Nil => "<nil>".to_owned(),
            Value::Bool(value) => value.to_string(),
            Value::Int(value) => value.to_string(),
            Value::Float(value) => shortest(*value),
            Value::Text(value) => value.clone(),
            Value::Time(at) => moment(*at),
            Value::Labels(labels) => map(labels.iter().map(|(name, value)| (name, value.clone()))),
            Value::Args(args, _) => map(args.iter().map(|(name, value)| (name, value.shown()))),
            Value::Vector(vector) => {
                let mut all = String::from("[");
                for (at, one) in vector.iter().enumerate() {
                    all.push_str(if at > 0 { " " } else { "" });
                    all.push_str(&element(one));
                    // No template may write as much: it fails, and need not hold the rest before.
                    if all.len() > MOST_BYTES {
                        break;
                    }
                }
                all + "]"
            }
            Value::Element(one) => element(one),
            Value::Data(data) => format!(
                "{{{} {} {} {}}}",
                Value::Labels(data.labels.clone()).shown(),
                Value::Labels(data.external_labels.clone()).shown(),
                data.external_url,
                shortest(data.value)
            ),
        }
    }
}

fn element(one: &Element) -> String {
    format!("{{{} {}}}", Value::Labels(one.labels.clone()).shown(), shortest(one.value))
}

fn map<'a>(entries: impl Iterator<Item = (&'a String, String)>) -> String {
    let entries: Vec<String> = entries.map(|(name, value)| format!("{name}:{value}")).collect();
    format!("map[{}]", entries.join(" "))
}

/// A time as Go prints it: `2015-01-01 00:00:00.5 +0000 UTC`.
pub(super) fn moment(at: i64) -> String {
    let Ok(time) = jiff::Timestamp::from_millisecond(at) else { return at.to_string() };
    let fraction = at.rem_euclid(1_000);
    let fraction = if fraction == 0 { String::new() } else { format!(".{fraction:03}") };
    format!("{}{} +0000 UTC", time.strftime("%Y-%m-%d %H:%M:%S"), fraction.trim_end_matches('0'))
}
