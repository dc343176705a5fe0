//! Protections that protect nothing: patterns that can never match, or that another covers.

use super::fault::quote;
use super::{Kind, Map, Node, Reader};
use regex_syntax::hir::literal::Extractor;
use regex_syntax::hir::{Hir, HirKind, Look};

/// PostgreSQL cuts its names to so many bytes.
const NAME_MAX: usize = 63;
/// Respects whose names PostgreSQL cuts.
const CUT: [&str; 4] = ["databases", "users", "applications", "schemas"];

/// Warns of patterns below `protect` that can never match, or that another of the same list covers.
pub(super) fn check(reader: &mut Reader, map: &Map) {
    for entry in map.entries() {
        let Kind::Seq(items) = &entry.value.kind else { continue };
        for (at, item) in items.iter().enumerate() {
            let Some(text) = item.scalar() else { continue };
            let never = if entry.key == "queries" { query(text) } else { name(&entry.key, text) };
            if let Some((why, help)) = never {
                let message = format!("{} protects nothing: {why}", quote(text));
                reader.warning(item.span, "never-matches", message, help);
            } else if let Some(other) = covering(&entry.key, items, at) {
                let message = if other == text {
                    format!("{} is written twice", quote(text))
                } else {
                    format!("{} adds nothing: {} covers it already", quote(text), quote(other))
                };
                reader.warning(item.span, "shadowed-pattern", message, "remove one of the two");
            }
        }
    }
}

/// Why a name's pattern can never match, and what to write instead.
fn name(respect: &str, pattern: &str) -> Option<(&'static str, &'static str)> {
    let literal = !pattern.contains(['*', '?', '[', '{', '\\']);
    if respect == "client_addrs" {
        let may_match = pattern.parse::<ipnet::IpNet>().is_ok() || pattern.parse::<std::net::IpAddr>().is_ok();
        let why = "it is neither an address nor a network, and host names are not looked up";
        return (literal && !may_match).then_some((why, "write for example 10.0.0.7, 10.0.0.* or 10.0.0.0/8"));
    }
    if CUT.contains(&respect) && literal && pattern.len() > NAME_MAX {
        return Some(("PostgreSQL cuts names to 63 bytes", "write the first 63 bytes, or end it with *"));
    }
    let parts = if respect == "tables" { pattern.split('.').count() } else { 0 };
    if literal && parts > 2 {
        return Some((
            "a table is called TABLE or SCHEMA.TABLE",
            "leave the database out; it is matched by `databases`",
        ));
    }
    None
}

/// Why a query's pattern can never match, and what to write instead.
fn query(pattern: &str) -> Option<(&'static str, &'static str)> {
    // What is no regular expression was reported.
    let hir = regex_syntax::parse(pattern).ok()?;
    if hir.properties().minimum_len().is_none() {
        return Some(("no text matches it", "write what the query looks like"));
    }
    if !hir.properties().look_set_prefix().contains(Look::Start) {
        return None;
    }
    let first = Extractor::new().extract(&behind_blanks(&hir));
    let literals = first.literals()?;
    let stripped = |bytes: &[u8]| bytes.starts_with(b"--") || bytes.starts_with(b"/*") || begins_blank(bytes);
    let never = !literals.is_empty() && literals.iter().all(|l| stripped(l.as_bytes()));
    let help = "protect by `applications` or `users`, or leave out the `^`";
    never.then_some(("comments and blanks before the statement are stripped before it is matched", help))
}

fn begins_blank(bytes: &[u8]) -> bool {
    std::str::from_utf8(bytes).is_ok_and(|text| text.starts_with(char::is_whitespace))
}

/// The expression without the anchors and the optional blanks that it begins with.
fn behind_blanks(hir: &Hir) -> Hir {
    let HirKind::Concat(parts) = hir.kind() else { return hir.clone() };
    let skipped = |part: &&Hir| match part.kind() {
        HirKind::Look(_) => true,
        HirKind::Repetition(r) => r.min == 0 && is_blank(&r.sub),
        _ => false,
    };
    Hir::concat(parts.iter().skip_while(skipped).cloned().collect())
}

/// Whether it is one blank of any sort.
fn is_blank(hir: &Hir) -> bool {
    let blank = |c: u32| char::from_u32(c).is_some_and(char::is_whitespace);
    match hir.kind() {
        HirKind::Literal(literal) => literal.0.iter().all(u8::is_ascii_whitespace),
        HirKind::Class(regex_syntax::hir::Class::Unicode(class)) => {
            class.iter().all(|range| (u32::from(range.start())..=u32::from(range.end())).take(64).all(blank))
        }
        HirKind::Class(regex_syntax::hir::Class::Bytes(class)) => {
            class.iter().all(|range| (range.start()..=range.end()).all(|b| b.is_ascii_whitespace()))
        }
        _ => false,
    }
}

/// Another pattern of the list that matches all that this one matches.
fn covering<'n>(respect: &str, items: &'n [Node], at: usize) -> Option<&'n str> {
    let own = items.get(at)?.scalar()?;
    let others = items.iter().enumerate().filter(|(other, _)| *other != at);
    let mut others = others.filter_map(|(other, node)| Some((other, node.scalar()?)));
    // Of two that are equal the second is reported.
    let covers = |(other, text): &(usize, &str)| if *text == own { *other < at } else { widens(respect, text, own) };
    others.find(covers).map(|(_, text)| text)
}

/// Whether `wide` matches all that `narrow` matches: sure only where `*` is its one wildcard, because then
/// what is special in `narrow` falls under a `*`.
fn widens(respect: &str, wide: &str, narrow: &str) -> bool {
    let simple =
        respect != "queries" && wide.contains('*') && !wide.contains(['?', '[', ']', '{', '}', '\\', ',', '!']);
    // `audit.*` is matched against the whole name, `log` against the table alone.
    let alike = respect != "tables" || wide.contains('.') == narrow.contains('.');
    simple && alike && covers(wide, narrow)
}

/// A glob of literals and `*` against a text.
fn covers(glob: &str, text: &str) -> bool {
    let mut parts = glob.split('*');
    let (first, last) = (parts.next().unwrap_or_default(), parts.next_back().unwrap_or_default());
    let Some(inner) = text.strip_prefix(first) else { return false };
    let Some(mut inner) = inner.strip_suffix(last) else { return false };
    for part in parts {
        let Some(at) = inner.find(part) else { return false };
        inner = &inner[at + part.len()..];
    }
    true
}

#[cfg(test)]
mod tests {
    use super::{query, widens};

    #[test]
    fn comments_can_never_begin_a_query() {
        for never in ["^--", r"^/\*", r"(?i)^\s*-- backup", "^ select", r"^(--|/\*) x", r"\A--", r"[a&&b]"] {
            assert!(query(never).is_some(), "{never}");
        }
        for sound in ["--", "(?m)^--", "^select", r"^(--|select)", "^", r"^-1", r"^\s*select", "(?i)^create index", "."]
        {
            assert!(query(sound).is_none(), "{sound}");
        }
    }

    #[test]
    fn a_pattern_covers_what_it_matches_as_a_whole() {
        for (wide, narrow) in [("*", "a"), ("backup_*", "backup_a"), ("backup_*", "backup_a*"), ("a*c*", "abcd")] {
            assert!(widens("users", wide, narrow), "{wide} {narrow}");
        }
        for (wide, narrow) in [("a?", "a*"), ("backup_*", "backup"), ("a", "a*"), ("aa*aa", "aaa"), ("a*", "{a,b}")] {
            assert!(!widens("users", wide, narrow), "{wide} {narrow}");
        }
        assert!(!widens("tables", "l*", "audit.log") && widens("tables", "audit.*", "audit.log"));
    }
}
