use super::*;
use proptest::prelude::*;

fn text(query: &str) -> String {
    recorded(query, None, QueryText::Redacted).0
}

#[test]
fn literals_become_parameters_and_comments_a_space() {
    let cases = [
        ("SELECT * FROM t WHERE a = 'x' AND b = 42", "SELECT * FROM t WHERE a = $1 AND b = $2"),
        ("SELECT $2, 'x'", "SELECT $2, $3"),
        ("select 1_000, 0x1F, 1.5e10, .5", "select $1, $2, $3, $4"),
        ("SELECT E'a\\'b', U&'d\\0061t', B'01', X'1F', N'n', $q$it's$q$", "SELECT $1, $2, $3, $4, $5, $6"),
        ("/* token=secret */ SELECT 'a' -- password", "SELECT $1"),
        ("DROP/* x /* y */ z */TABLE t", "DROP TABLE t"),
        ("-- x\nALTER ROLE app PASSWORD 'hunter2'", "ALTER ROLE app PASSWORD $1"),
        ("SELECT 'it''s', \"Col 1\"\n\n  FROM \"T\"", "SELECT $1, \"Col 1\" FROM \"T\""),
        ("DO $$BEGIN RAISE 'x'; END$$", "DO $1"),
        ("SELECT a->>'k', b #> '{x}', c::int4, t.d[1] FROM t", "SELECT a->>$1, b #> $2, c::int4, t.d[$3] FROM t"),
    ];
    for (query, wanted) in cases {
        assert_eq!(text(query), wanted, "{query}");
    }
}

#[test]
fn what_was_cut_off_ends_before_it() {
    let cases = [
        ("SELECT 'cut off in the mid", "SELECT …"),
        ("create index i on t (a) where b = 'x' and c = E'y", "create index i on t (a) where b = $1 and c = …"),
        ("SELECT a /* and then", "SELECT a …"),
        ("DO $$ BEGIN", "DO …"),
        ("'only this", "…"),
    ];
    for (query, wanted) in cases {
        assert_eq!(text(query), wanted, "{query}");
    }
}

#[test]
fn what_cannot_be_told_apart_keeps_only_its_keywords() {
    let cases = [
        ("create index concurrently i on t (a) where b = 'x\\'", "CREATE INDEX CONCURRENTLY …"),
        ("SELECT 'a\\'secret', 'b\\'c'", "SELECT …"),
        ("SELECT 1; DROP TABLE t; SELECT 'x\\'", "SELECT …; DROP TABLE …; SELECT …"),
        ("'only this\\'", "…"),
        ("", ""),
    ];
    for (query, wanted) in cases {
        assert_eq!(text(query), wanted, "{query}");
    }
}

#[test]
fn full_keeps_and_none_outlines() {
    let query = "/* a */ CREATE UNIQUE INDEX i ON t (a) WHERE b = 'x'";
    assert_eq!(recorded(query, None, QueryText::Full).0, query);
    assert_eq!(recorded(query, None, QueryText::None).0, "CREATE UNIQUE INDEX …");
}

#[test]
fn repeats_of_one_query_share_a_fingerprint() {
    let of = |query| recorded(query, None, QueryText::None).1;
    assert_eq!(of("SELECT * FROM t WHERE a IN (1, 2)"), of("SELECT * FROM t WHERE a IN (3, 4, 5)"));
    assert_eq!(of("/* trace=1 */ SELECT 'a'"), of("/* trace=2 */ SELECT 'b'"));
    assert_ne!(of("SELECT * FROM t WHERE a = 1"), of("SELECT * FROM u WHERE a = 1"));
    assert_eq!(recorded("SELECT 1", Some(-7), QueryText::Redacted).1, "-7");
}

/// A literal in each of the ways to write one, with `secret` inside.
fn literal() -> impl Strategy<Value = String> {
    ("[a-z' \\\\$;/*-]{0,6}", 0..10_usize, "[0-9]{1,3}").prop_map(|(noise, form, digits)| {
        let doubled = noise.replace('\'', "''");
        let escaped = noise.replace('\\', "\\\\").replace('\'', "\\'");
        let plain: String = noise.chars().filter(|c| !"'\\$".contains(*c)).collect();
        match form {
            0 => format!("'{doubled}secret{digits}'"),
            1 => format!("E'{escaped}secret'"),
            2 => format!("$t${plain}secret$t$"),
            3 => format!("$${plain}secret$$"),
            4 => format!("77{digits}"),
            5 => format!("N'{doubled}secret'"),
            7 => format!("E'{}secret'", doubled.replace('\\', "\\\\")),
            8 => format!("U&'{}secret'", doubled.replace('\\', "")),
            6 => format!("/* {} secret */ 77{digits}.5", plain.replace(['/', '*'], "")),
            _ => format!("-- {plain} secret\n 'secret'"),
        }
    })
}

proptest! {
    #[test]
    fn no_literal_survives(literals in prop::collection::vec(literal(), 1..6), cut in any::<prop::sample::Index>()) {
        let query = format!("SELECT a, {} FROM t WHERE \"b\" = $1", literals.join(", "));
        let end = cut.index(query.len() + 1);
        let end = (0..=end).rev().find(|i| query.is_char_boundary(*i)).unwrap_or(0);
        for query in [query.as_str(), &query[..end]] {
            for how in [QueryText::Redacted, QueryText::None] {
                let (text, _) = recorded(query, None, how);
                prop_assert!(!text.contains("sec") && !text.contains("77"), "{query} became {text}");
                prop_assert!(!text.contains('\''), "{query} became {text}");
            }
        }
    }
}
