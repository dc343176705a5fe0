//! Names in SQL, in psql's own commands and in `pg_hba.conf`: whoever may create a role or a database
//! chooses its name, and the script runs as superuser.

/// As `quote_ident`, but always with quotes.
pub(super) fn identifier(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// As `quote_literal`, for servers where `standard_conforming_strings` is off, too.
pub(super) fn literal(text: &str) -> String {
    let quoted = text.replace('\'', "''");
    if quoted.contains('\\') { format!("E'{}'", quoted.replace('\\', "\\\\")) } else { format!("'{quoted}'") }
}

/// psql's command that goes on in another database; `None` for a name that psql cannot be given safely.
pub(super) fn connect(database: &str) -> Option<String> {
    if is_plain(database) {
        return Some(format!("\\connect {database}"));
    }
    if database.contains(char::is_control) {
        return None;
    }
    let value = database.replace('\\', "\\\\").replace('\'', "\\'").replace('"', "\"\"");
    Some(format!("\\connect -reuse-previous=on \"dbname='{value}'\""))
}

/// A name in `pg_hba.conf`; in quotes, words like `all` lose their meaning.
pub(super) fn hba(name: &str) -> String {
    let word = ["all", "sameuser", "samerole", "samegroup", "replication"].contains(&name);
    if is_plain(name) && !word { name.to_owned() } else { identifier(name) }
}

fn is_plain(name: &str) -> bool {
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
    name.starts_with(|c: char| c.is_ascii_lowercase()) && name.chars().all(plain)
}

/// Lines of a comment, at most about 100 columns wide. No name can end them early.
pub(super) fn comment(text: &str) -> String {
    let mut lines = String::from("--");
    let mut width = 2;
    for word in text.split(|c: char| c.is_whitespace() || c.is_control()).filter(|w| !w.is_empty()) {
        let length = word.chars().count() + 1;
        if width + length > 100 && width > 2 {
            lines.push_str("\n--");
            width = 2;
        }
        lines.push(' ');
        lines.push_str(word);
        width += length;
    }
    lines.push('\n');
    lines
}

/// One line of a comment, as it is to be copied.
pub(super) fn comment_line(text: &str) -> String {
    let line: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    format!("-- {line}\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_name_breaks_out() {
        assert_eq!(identifier("a\"b"), "\"a\"\"b\"");
        assert_eq!(literal("it's"), "'it''s'");
        assert_eq!(literal(r"\' OR"), r"E'\\'' OR'");
        assert_eq!(comment("owned by a\n; DROP TABLE t;\r--"), "-- owned by a ; DROP TABLE t; --\n");
        assert_eq!(connect("app").unwrap(), "\\connect app");
        assert_eq!(connect("host=evil").unwrap(), "\\connect -reuse-previous=on \"dbname='host=evil'\"");
        assert_eq!(connect("a'b\"c").unwrap(), "\\connect -reuse-previous=on \"dbname='a\\'b\"\"c'\"");
        assert_eq!(connect("x\n\\! reboot"), None);
        assert_eq!((hba("app"), hba("all"), hba("A b")), ("app".into(), "\"all\"".into(), "\"A b\"".into()));
    }

    #[test]
    fn long_comments_are_wrapped() {
        let text = comment(&"word ".repeat(60));
        assert!(text.lines().count() > 2 && text.lines().all(|l| l.starts_with("-- ") && l.len() <= 100), "{text}");
    }
}
