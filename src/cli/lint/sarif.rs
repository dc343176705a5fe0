//! Faults as SARIF 2.1.0, which code hosts and editors show.

use super::place::relative;
use crate::syntax::rules::RULES;
use crate::syntax::{Fault, Severity};
use serde_json::{Value as Json, json};
use std::path::Path;

/// One run with all rules and all faults.
pub(super) fn log(faults: &[Fault], working: &Path) -> Json {
    let rules: Vec<Json> = RULES
        .iter()
        .map(|rule| {
            json!({
                "id": rule.code,
                "shortDescription": {"text": rule.about},
                "help": {"text": rule.help},
            })
        })
        .collect();
    let results: Vec<Json> = faults.iter().map(|fault| result(fault, working)).collect();
    json!({
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{
            "tool": {"driver": {"name": "pgmedic", "version": env!("CARGO_PKG_VERSION"), "rules": rules}},
            "columnKind": "unicodeCodePoints",
            "results": results,
        }],
    })
}

fn result(fault: &Fault, working: &Path) -> Json {
    let level = match fault.severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
    };
    let help = fault.help.as_deref().map_or_else(String::new, |help| format!("\n{help}"));
    let mut result = json!({
        "ruleId": fault.code,
        "level": level,
        "message": {"text": format!("{}{help}", fault.message)},
        "locations": [{
            "physicalLocation": {
                "artifactLocation": location(&fault.file, working),
                "region": {
                    "startLine": fault.line,
                    "startColumn": fault.column,
                    "endLine": fault.end.line,
                    "endColumn": fault.end.column,
                },
            },
        }],
    });
    if let Some(index) = RULES.iter().position(|rule| rule.code == fault.code) {
        result["ruleIndex"] = json!(index);
    }
    result
}

/// Relative to the working directory, which the reader of the log calls `%SRCROOT%`.
fn location(file: &str, working: &Path) -> Json {
    match relative(file, working) {
        Ok(below) => json!({"uri": encoded(&below), "uriBaseId": "%SRCROOT%"}),
        Err(outside) => json!({"uri": format!("file://{}", encoded(&outside))}),
    }
}

/// A path as a part of a URI.
fn encoded(path: &str) -> String {
    let kept = |b: u8| b.is_ascii_alphanumeric() || b"/-._~".contains(&b);
    path.bytes().map(|b| if kept(b) { char::from(b).to_string() } else { format!("%{b:02X}") }).collect()
}
