//! JSON Schema (draft 2020-12) made from the tables of keys that the readers check against, so that an
//! editor completes and refuses what the readers do.
//!
//! A schema knows the shape of a file: keys, sorts of values, words, bounds. What takes more than that (an
//! action that does not fit its finder, a cron expression that never comes due) only the readers know, so a
//! schema never refuses what they accept, and `pgmedic lint` has the last word.

use super::{Keys, RESPECTS};
use serde_json::{Value as Json, json};

/// The dialect that the schemas are written in.
const DIALECT: &str = "https://json-schema.org/draft/2020-12/schema";
/// Prometheus's grammar, above zero.
const DURATION: &str = r"^(?=.*[1-9])([0-9]+y)?([0-9]+w)?([0-9]+d)?([0-9]+h)?([0-9]+m)?([0-9]+s)?([0-9]+ms)?$";
/// As [`super::values::is_name`].
const NAME: &str = "^[A-Za-z0-9][A-Za-z0-9_.-]{0,62}$";
/// Not empty, and no reference: where one may stand it is named beside this.
const PLAIN: &str = r"^(?![\s\S]*\$\{)[\s\S]*\S";

/// One key: its name, what it is for, and what may be written below it.
pub type Field<'a> = (&'a str, &'a str, Json);

/// Makes the parts of one file's schema.
#[derive(Clone, Copy, Debug)]
pub struct Maker {
    /// Whether `"${var:NAME}"` may stand for any single value.
    pub vars: bool,
}

impl Maker {
    /// The schema of a whole file.
    #[must_use]
    pub fn root(self, title: &str, about: &str, body: Json) -> Json {
        let mut root = body;
        if let Json::Object(map) = &mut root {
            map.insert("$schema".to_owned(), json!(DIALECT));
            map.insert("title".to_owned(), json!(title));
            map.insert("description".to_owned(), json!(about));
            if self.vars {
                let variable = json!({
                    "description": "One of this playbook's `vars`.",
                    "type": "string",
                    "pattern": r"^\$\{var:[A-Za-z0-9_]+\}$",
                });
                map.insert("$defs".to_owned(), json!({"variable": variable}));
            }
        }
        root
    }

    /// A single value, or a variable where the file has them.
    fn single(self, schema: Json) -> Json {
        if self.vars { json!({"anyOf": [schema, {"$ref": "#/$defs/variable"}]}) } else { schema }
    }

    /// A text that is not empty; numbers and words count as texts.
    #[must_use]
    pub fn text(self) -> Json {
        self.single(json!({"type": ["string", "number", "boolean"], "pattern": PLAIN}))
    }

    /// A text that a pattern describes.
    #[must_use]
    pub fn pattern(self, pattern: &str) -> Json {
        self.single(json!({"type": ["string", "number", "boolean"], "pattern": pattern}))
    }

    /// A text that may come from the environment or a file as a whole.
    #[must_use]
    pub fn referable(self) -> Json {
        let reference = r"^\$\{(env:[A-Za-z0-9_]+|file:[^{}]*[^{}\s][^{}]*)\}$";
        json!({"anyOf": [self.text(), {"type": "string", "pattern": reference}]})
    }

    /// The name of a target, channel, window or pooler.
    #[must_use]
    pub fn name(self) -> Json {
        self.pattern(NAME)
    }

    /// A list of names.
    #[must_use]
    pub fn names(self, may_be_empty: bool) -> Json {
        list(&self.name(), may_be_empty)
    }

    /// A length of time above zero.
    #[must_use]
    pub fn duration(self) -> Json {
        self.single(json!({"type": "string", "pattern": DURATION, "examples": ["30s", "5m", "1h30m"]}))
    }

    /// A whole number within bounds, both included.
    #[must_use]
    pub fn count(self, min: u64, max: u64) -> Json {
        let mut schema = json!({"type": "integer", "minimum": min});
        if max < u64::MAX {
            schema["maximum"] = json!(max);
        }
        self.single(schema)
    }

    /// A number between 0 and 1.
    #[must_use]
    pub fn share(self) -> Json {
        self.single(json!({"type": "number", "minimum": 0, "maximum": 1}))
    }

    /// `true` or `false`.
    #[must_use]
    pub fn bool(self) -> Json {
        self.single(json!({"type": "boolean"}))
    }

    /// One of a few words.
    #[must_use]
    pub fn word<T>(self, words: &[(&str, T)]) -> Json {
        let words: Vec<&str> = words.iter().map(|(word, _)| *word).collect();
        self.single(json!({"enum": words}))
    }

    /// Only this value.
    #[must_use]
    pub fn only(self, value: impl Into<Json>) -> Json {
        self.single(json!({"const": value.into()}))
    }

    /// A cron expression of 5 fields, or 6 with seconds first.
    #[must_use]
    pub fn cron(self) -> Json {
        self.single(json!({"type": "string", "pattern": r"^\s*\S+(\s+\S+){4,5}\s*$", "examples": ["0 2 * * *"]}))
    }

    /// An IANA zone.
    #[must_use]
    pub fn zone(self) -> Json {
        self.single(json!({"type": "string", "pattern": PLAIN, "examples": ["UTC", "Europe/Berlin", "Asia/Seoul"]}))
    }

    /// A moment with its zone.
    #[must_use]
    pub fn moment(self) -> Json {
        let pattern = "^[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt ][0-9]{2}";
        self.single(json!({"type": "string", "pattern": pattern, "examples": ["2026-11-27T00:00:00Z"]}))
    }

    /// Matchers over labels.
    #[must_use]
    pub fn matchers(self) -> Json {
        let pattern = r"^\s*[A-Za-z_][A-Za-z0-9_]*\s*(=~|!~|!=|=)";
        list(&self.single(json!({"type": "string", "pattern": pattern, "examples": ["env=\"prod\""]})), false)
    }

    /// Names and values.
    #[must_use]
    pub fn labels(self) -> Json {
        map_of("^[A-Za-z_][A-Za-z0-9_]*$", &self.text())
    }

    /// Globs.
    #[must_use]
    pub fn patterns(self, may_be_empty: bool) -> Json {
        list(&self.text(), may_be_empty)
    }

    /// `only`, `except` or `match`: at least one respect, each with at least one pattern.
    #[must_use]
    pub fn selector(self, respects: &[&str]) -> Json {
        let fields = respects.iter().map(|r| (*r, respect(r), self.patterns(false)));
        let mut schema = closed(fields, &[]);
        schema["minProperties"] = json!(1);
        schema
    }

    /// `protect`: at least one respect that is not empty.
    #[must_use]
    pub fn protect(self) -> Json {
        let all: Vec<&str> = RESPECTS.into_iter().chain(["queries"]).collect();
        let filled = all.iter().map(|key| json!({"required": [key], "properties": {*key: {"minItems": 1}}}));
        let filled: Vec<Json> = filled.collect();
        let mut schema = closed(all.iter().map(|key| (*key, respect(key), self.patterns(true))), &[]);
        schema["anyOf"] = json!(filled);
        schema
    }
}

fn respect(respect: &str) -> &'static str {
    match respect {
        "databases" => "Patterns over database names.",
        "users" => "Patterns over session users; for tables, over their owners.",
        "applications" => "Patterns over `application_name`.",
        "client_addrs" => "Patterns over client addresses, or networks such as 10.0.0.0/8.",
        "schemas" => "Patterns over schemas.",
        "tables" => "Patterns over tables: `orders` in any schema, or `audit.*`.",
        _ => "Regular expressions over query texts, matched after leading comments are stripped.",
    }
}

/// A map with known keys, from the table that the reader checks against. Keys of later releases are left
/// out: the reader refuses them.
#[must_use]
pub fn object(keys: &Keys, fields: &[Field]) -> Json {
    // Only in debug builds: what is described must be a key that the reader knows.
    debug_assert!(fields.iter().all(|(key, ..)| keys.known.contains(key)), "{}: {:?}", keys.what, keys.known);
    let known = keys.known.iter().map(|key| match fields.iter().find(|(name, ..)| name == key) {
        Some((_, about, schema)) => (*key, *about, schema.clone()),
        // A test looks for keys without a description.
        None => (*key, "", json!({})),
    });
    closed(known, keys.required)
}

/// A map with these keys and no others.
pub fn closed<'a>(fields: impl IntoIterator<Item = (&'a str, &'a str, Json)>, required: &[&str]) -> Json {
    let mut properties = serde_json::Map::new();
    for (key, about, mut schema) in fields {
        if let (Json::Object(map), false) = (&mut schema, about.is_empty()) {
            map.insert("description".to_owned(), json!(about));
        }
        properties.insert(key.to_owned(), schema);
    }
    let mut schema = json!({"type": "object", "properties": properties, "additionalProperties": false});
    if !required.is_empty() {
        schema["required"] = json!(required);
    }
    schema
}

/// A map whose keys the user chooses.
#[must_use]
pub fn map_of(keys: &str, values: &Json) -> Json {
    json!({"type": "object", "propertyNames": {"pattern": keys}, "additionalProperties": values})
}

/// A list.
#[must_use]
pub fn list(items: &Json, may_be_empty: bool) -> Json {
    let mut schema = json!({"type": "array", "items": items});
    if !may_be_empty {
        schema["minItems"] = json!(1);
    }
    schema
}

/// The text of a schema as it is printed and kept beside the documentation.
#[must_use]
pub fn text(schema: &Json) -> String {
    // A value that holds texts, numbers and lists only can always be written.
    format!("{schema:#}\n")
}
