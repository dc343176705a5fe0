//! Labels of a target and Alertmanager's matchers over them.

use std::collections::BTreeMap;

/// Names and values, as in Prometheus's data model.
pub type Labels = BTreeMap<String, String>;

/// One matcher: `env="prod"`, `severity=~"warning|critical"`, `team!="dba"`, `zone!~"b.*"`.
#[derive(Clone, Debug)]
pub struct Matcher {
    /// As written, for messages.
    pub text: String,
    name: String,
    op: Op,
}

#[derive(Clone, Debug)]
enum Op {
    Equal(String),
    NotEqual(String),
    Like(regex::Regex),
    NotLike(regex::Regex),
}

impl Matcher {
    /// Reads one matcher. Values may be bare or in double quotes; regular expressions are anchored,
    /// as Alertmanager does.
    ///
    /// # Errors
    /// Says what is wrong and what a matcher looks like.
    pub fn parse(text: &str) -> Result<Matcher, String> {
        let usage =
            || format!("`{text}` is not a matcher; write for example env=\"prod\" or severity=~\"warning|critical\"");
        let at = text.find(['=', '!']).ok_or_else(usage)?;
        let name = text[..at].trim().to_owned();
        let valid = |c: char| c.is_ascii_alphanumeric() || c == '_';
        if name.is_empty() || !name.chars().all(valid) || name.starts_with(|c: char| c.is_ascii_digit()) {
            return Err(usage());
        }
        let rest = &text[at..];
        let (op, raw) = ["=~", "!~", "!=", "="]
            .iter()
            .find_map(|op| rest.strip_prefix(op).map(|raw| (*op, raw.trim())))
            .ok_or_else(usage)?;
        let value = unquote(raw).ok_or_else(usage)?;
        let anchored = || {
            // Alone too: `a)|(b` would close the group around it, and then not the whole value had to match.
            regex_syntax::ast::parse::Parser::new()
                .parse(&value)
                .map_err(|e| format!("the regular expression of `{text}` is invalid: {}", e.kind()))?;
            regex::RegexBuilder::new(&format!("^(?:{value})$"))
                .size_limit(1 << 20)
                .build()
                .map_err(|e| format!("the regular expression of `{text}` is invalid: {e}"))
        };
        let op = match op {
            "=~" => Op::Like(anchored()?),
            "!~" => Op::NotLike(anchored()?),
            "!=" => Op::NotEqual(value),
            _ => Op::Equal(value),
        };
        Ok(Matcher { text: text.to_owned(), name, op })
    }

    /// Whether the labels satisfy it; an absent label counts as empty, as in Alertmanager.
    #[must_use]
    pub fn matches(&self, labels: &Labels) -> bool {
        let value = labels.get(&self.name).map_or("", String::as_str);
        match &self.op {
            Op::Equal(wanted) => value == wanted,
            Op::NotEqual(wanted) => value != wanted,
            Op::Like(re) => re.is_match(value),
            Op::NotLike(re) => !re.is_match(value),
        }
    }
}

fn unquote(raw: &str) -> Option<String> {
    let Some(inner) = raw.strip_prefix('"') else {
        return (!raw.contains('"')).then(|| raw.to_owned());
    };
    let inner = inner.strip_suffix('"')?;
    let mut out = String::with_capacity(inner.len());
    let mut chars = inner.chars();
    while let Some(c) = chars.next() {
        match c {
            '"' => return None,
            '\\' => match chars.next()? {
                'n' => out.push('\n'),
                c @ ('"' | '\\') => out.push(c),
                c => {
                    out.push('\\');
                    out.push(c);
                }
            },
            c => out.push(c),
        }
    }
    Some(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels() -> Labels {
        [("env", "prod"), ("team", "shop")].map(|(k, v)| (k.to_owned(), v.to_owned())).into()
    }

    #[test]
    fn matchers_read_as_in_alertmanager() {
        let holds = ["env=\"prod\"", "env=prod", "env=~\"pr.*|x\"", "env!=\"dev\"", "zone=\"\"", "team!~\"db.*\""];
        for text in holds {
            assert!(Matcher::parse(text).unwrap().matches(&labels()), "{text}");
        }
        for text in ["env=~\"pro\"", "env=\"dev\"", "zone!=\"\""] {
            assert!(!Matcher::parse(text).unwrap().matches(&labels()), "{text}");
        }
    }

    #[test]
    fn faulty_matchers_are_refused_with_an_example() {
        for text in ["env", "=x", "1a=b", "env=\"a", "env=~\"(\"", "env=~\"x)|(.*\"", ""] {
            let why = Matcher::parse(text).unwrap_err();
            assert!(why.contains("matcher") || why.contains("regular expression"), "{text}: {why}");
        }
    }
}
