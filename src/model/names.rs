//! Name patterns, and the sets of them that select or protect candidates.

use globset::{GlobBuilder, GlobSet, GlobSetBuilder};

/// A list of glob patterns over one kind of name. An empty list matches nothing.
#[derive(Clone, Debug, Default)]
pub struct Names {
    patterns: Vec<String>,
    set: GlobSet,
}

impl Names {
    /// Compiles the patterns: `*` any text, `?` one character, `[ab]`, `{a,b}`.
    ///
    /// # Errors
    /// Names the first pattern that is no glob, and why.
    pub fn parse(patterns: &[String]) -> Result<Names, String> {
        let mut builder = GlobSetBuilder::new();
        for pattern in patterns {
            let glob = GlobBuilder::new(pattern)
                .backslash_escape(true)
                .build()
                .map_err(|e| format!("`{pattern}` is not a pattern: {}", e.kind()))?;
            builder.add(glob);
        }
        let set = builder.build().map_err(|e| format!("the patterns are too large: {e}"))?;
        Ok(Names { patterns: patterns.to_vec(), set })
    }

    /// Whether no pattern was written.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.patterns.is_empty()
    }

    /// The patterns as written.
    #[must_use]
    pub fn patterns(&self) -> &[String] {
        &self.patterns
    }

    /// The first pattern that matches.
    #[must_use]
    pub fn matching(&self, name: &str) -> Option<&str> {
        let first = self.set.matches(name).into_iter().min()?;
        self.patterns.get(first).map(String::as_str)
    }

    fn join(&self, other: &Names) -> Names {
        let all: Vec<String> = self.patterns.iter().chain(&other.patterns).cloned().collect();
        // Both lists compiled before; together they can only fail for size, and then the union of
        // protections must not become smaller: keep the compiled left side and say so in the type.
        Names::parse(&all).unwrap_or_else(|_| self.clone())
    }
}

/// What a candidate is called in each respect that patterns speak of; `None` where it has no such name.
#[derive(Clone, Copy, Debug, Default)]
pub struct Called<'a> {
    /// Database name.
    pub database: Option<&'a str>,
    /// Session user, or the owner of a table.
    pub user: Option<&'a str>,
    /// `application_name`.
    pub application: Option<&'a str>,
    /// Client address as text, without a prefix length.
    pub client_addr: Option<&'a str>,
    /// Schema name.
    pub schema: Option<&'a str>,
    /// Table name without its schema.
    pub table: Option<&'a str>,
    /// Query text as recorded.
    pub query: Option<&'a str>,
}

/// `only`, `except` or an override's `match`: patterns over names, each respect optional.
#[derive(Clone, Debug, Default)]
pub struct Selector {
    /// Over database names.
    pub databases: Names,
    /// Over session users.
    pub users: Names,
    /// Over `application_name`.
    pub applications: Names,
    /// Over client addresses: globs or networks (`10.0.0.0/8`).
    pub client_addrs: Names,
    /// Over schema names.
    pub schemas: Names,
    /// Over table names: `orders` in any schema, or `audit.*`.
    pub tables: Names,
}

impl Selector {
    fn respects<'a>(&'a self, called: &Called<'a>) -> [(&'static str, &'a Names, Option<Hit>); 6] {
        let hit = |names: &Names, name: Option<&str>| {
            (!names.is_empty()).then(|| Hit(name.and_then(|n| names.matching(n)).map(str::to_owned)))
        };
        let tables = (!self.tables.is_empty()).then(|| Hit(table_hit(&self.tables, called).map(str::to_owned)));
        let addrs = (!self.client_addrs.is_empty())
            .then(|| Hit(called.client_addr.and_then(|a| addr_hit(&self.client_addrs, a)).map(str::to_owned)));
        [
            ("databases", &self.databases, hit(&self.databases, called.database)),
            ("users", &self.users, hit(&self.users, called.user)),
            ("applications", &self.applications, hit(&self.applications, called.application)),
            ("client_addrs", &self.client_addrs, addrs),
            ("schemas", &self.schemas, hit(&self.schemas, called.schema)),
            ("tables", &self.tables, tables),
        ]
    }

    /// Whether no respect is written.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.respects(&Called::default()).iter().all(|(_, names, _)| names.is_empty())
    }

    /// Whether every respect that is written matches. An empty selector selects nothing.
    #[must_use]
    pub fn all(&self, called: &Called) -> bool {
        let mut any = false;
        for (_, _, hit) in self.respects(called) {
            match hit {
                None => {}
                Some(Hit(Some(_))) => any = true,
                Some(Hit(None)) => return false,
            }
        }
        any
    }

    /// The first respect and pattern that matches: `("users", "backup_*")`.
    #[must_use]
    pub fn any(&self, called: &Called) -> Option<(&'static str, String)> {
        self.respects(called).into_iter().find_map(|(respect, _, hit)| match hit {
            Some(Hit(Some(pattern))) => Some((respect, pattern)),
            _ => None,
        })
    }

    /// The union, respect by respect.
    #[must_use]
    pub fn join(&self, other: &Selector) -> Selector {
        Selector {
            databases: self.databases.join(&other.databases),
            users: self.users.join(&other.users),
            applications: self.applications.join(&other.applications),
            client_addrs: self.client_addrs.join(&other.client_addrs),
            schemas: self.schemas.join(&other.schemas),
            tables: self.tables.join(&other.tables),
        }
    }
}

/// A respect that is written: the pattern that matched, if one did.
struct Hit(Option<String>);

fn table_hit<'a>(tables: &'a Names, called: &Called) -> Option<&'a str> {
    let table = called.table?;
    let qualified = format!("{}.{table}", called.schema.unwrap_or_default());
    let bare = tables.matching(table).filter(|p| !p.contains('.'));
    tables.matching(&qualified).or(bare)
}

fn addr_hit<'a>(addrs: &'a Names, addr: &str) -> Option<&'a str> {
    let parsed: Option<std::net::IpAddr> = addr.parse().ok();
    addrs.matching(addr).or_else(|| {
        addrs.patterns().iter().map(String::as_str).find(|pattern| {
            let net: Option<ipnet::IpNet> = pattern.parse().ok();
            matches!((net, parsed), (Some(net), Some(ip)) if net.contains(&ip))
        })
    })
}

/// What is never touched: any match protects.
#[derive(Clone, Debug, Default)]
pub struct Protect {
    /// By name.
    pub names: Selector,
    /// By query text, after leading comments are stripped.
    pub queries: Vec<regex::Regex>,
}

impl Protect {
    /// What protects the candidate, in words: ``users `backup_*` ``.
    #[must_use]
    pub fn matching(&self, called: &Called) -> Option<String> {
        if let Some((respect, pattern)) = self.names.any(called) {
            return Some(format!("{respect} `{pattern}`"));
        }
        let query = strip_leading_comments(called.query?);
        self.queries.iter().find(|re| re.is_match(query)).map(|re| format!("queries `{re}`"))
    }

    /// The union of both.
    #[must_use]
    pub fn join(&self, other: &Protect) -> Protect {
        Protect {
            names: self.names.join(&other.names),
            queries: self.queries.iter().chain(&other.queries).cloned().collect(),
        }
    }
}

/// The statement without the comments and white space before it (sqlcommenter and ORMs put them there).
#[must_use]
pub fn strip_leading_comments(sql: &str) -> &str {
    let mut rest = sql.trim_start();
    loop {
        if let Some(line) = rest.strip_prefix("--") {
            rest = line.split_once('\n').map_or("", |(_, after)| after).trim_start();
        } else if rest.starts_with("/*") {
            rest = after_block_comment(rest).trim_start();
        } else {
            return rest;
        }
    }
}

/// PostgreSQL nests block comments; an unterminated one swallows the rest.
fn after_block_comment(sql: &str) -> &str {
    let bytes = sql.as_bytes();
    let (mut depth, mut i) = (0_usize, 0);
    while i + 1 < bytes.len() {
        match &bytes[i..i + 2] {
            b"/*" => (depth, i) = (depth + 1, i + 2),
            b"*/" => {
                (depth, i) = (depth - 1, i + 2);
                if depth == 0 {
                    return &sql[i..];
                }
            }
            _ => i += 1,
        }
    }
    ""
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(patterns: &[&str]) -> Names {
        Names::parse(&patterns.iter().map(|p| (*p).to_owned()).collect::<Vec<_>>()).unwrap()
    }

    #[test]
    fn an_empty_selector_selects_and_protects_nothing() {
        let called = Called { user: Some("app"), ..Called::default() };
        assert!(!Selector::default().all(&called));
        assert!(Selector::default().any(&called).is_none());
    }

    #[test]
    fn only_wants_every_respect_and_except_any() {
        let selector = Selector { users: names(&["rep*"]), databases: names(&["shop"]), ..Selector::default() };
        let both = Called { user: Some("reporting"), database: Some("shop"), ..Called::default() };
        let one = Called { user: Some("reporting"), database: Some("crm"), ..Called::default() };
        assert!(selector.all(&both) && !selector.all(&one));
        assert_eq!(selector.any(&one), Some(("users", "rep*".to_owned())));
    }

    #[test]
    fn tables_match_bare_and_qualified() {
        let selector = Selector { tables: names(&["audit.*", "ledger"]), ..Selector::default() };
        let table = |schema, table| Called { schema: Some(schema), table: Some(table), ..Called::default() };
        assert!(selector.any(&table("audit", "log")).is_some());
        assert!(selector.any(&table("public", "ledger")).is_some());
        assert!(selector.any(&table("public", "log")).is_none());
    }

    #[test]
    fn addresses_match_by_network() {
        let selector = Selector { client_addrs: names(&["10.0.0.0/8", "192.168.1.*"]), ..Selector::default() };
        let from = |a| Called { client_addr: Some(a), ..Called::default() };
        assert!(selector.any(&from("10.3.4.5")).is_some() && selector.any(&from("192.168.1.7")).is_some());
        assert!(selector.any(&from("11.3.4.5")).is_none());
    }

    #[test]
    fn leading_comments_do_not_hide_a_protected_query() {
        let protect = Protect { queries: vec![regex::Regex::new("(?i)^create index").unwrap()], ..Protect::default() };
        for sql in ["/* a /* b */ c */ CREATE INDEX x", "-- hi\n  create index x", "create index x"] {
            let called = Called { query: Some(sql), ..Called::default() };
            assert!(protect.matching(&called).is_some(), "{sql}");
        }
        assert_eq!(strip_leading_comments("/* never closed"), "");
    }
}
