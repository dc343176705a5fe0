use super::*;

#[test]
fn the_whole_text_must_match_and_a_dot_takes_a_line_end() {
    let matches = |pattern: &str, text: &str| compile(pattern).unwrap().is_match(text);
    assert!(matches("a.c", "a\nc"));
    assert!(!matches("a", "ab"));
    assert!(matches("a|bc", "bc"));
    assert!(!matches("a$", "a\n"));
}

#[test]
fn classes_are_those_of_go() {
    let cases = [
        (r"\d+", "12", true),
        (r"\d", "٣", false),
        (r"\w+", "a_1", true),
        (r"\w", "é", false),
        (r"[\w.]+", "a.b", true),
        (r"[^\d]", "é", true),
        (r"[[a]+", "[a", true),
        (r"[a&&b]+", "&a", true),
        (r"[[:alpha:]]+", "ab", true),
        (r"[]a]+", "]a", true),
        (r"\Qa.b\E+", "a.bb", true),
        (r"\Qa.b\E", "axb", false),
        (r"\<a\>", "<a>", true),
        (r"(?i)AB", "ab", true),
        (r"\141", "a", true),
        (r"\x41\x{42}", "AB", true),
        ("a{", "a{", true),
        ("a{,2}", "a{,2}", true),
        ("a{2}", "aa", true),
        ("a{02}", "a{02}", true),
        ("a{2,3,4}", "a{2,3,4}", true),
        ("a{{1{2}", "a{{11", true),
        ("[[:^digit:]]+", "ab", true),
        ("[[:a]+", "[:a", true),
        ("a{2,}?", "aaa", true),
        ("[a-c-e]+", "b-e", true),
        ("[+--]+", "+,-", true),
        ("[a~~b]+", "~", true),
        (r"[\w-z]+", "a-z", true),
        (r"[\pL]+", "é", true),
        (r"\p{Greek}", "α", true),
        (r"\P{^Greek}\p{^Latin}", "αβ", true),
    ];
    for (pattern, text, expected) in cases {
        assert_eq!(compile(pattern).unwrap().is_match(text), expected, "{pattern} on {text}");
    }
}

#[test]
fn replacements_are_those_of_go() {
    let regex = compile("(?P<first>.)(.)").unwrap();
    let found = regex.captures("ab").unwrap();
    for (replacement, expected) in [
        ("$2$1", "ba"),
        ("${2}x$1x", "bx"),
        ("$first-${first}", "a-a"),
        ("$$1 $", "$1 $"),
        ("${a-b} ${1", "${a-b} ${1"),
        ("$01|$00|$0", "||ab"),
        ("$é|$3|$-", "||$-"),
    ] {
        let mut out = String::new();
        expand(&found, replacement, &mut out);
        assert_eq!(out, expected, "{replacement}");
    }
}

#[test]
fn what_go_refuses_is_refused() {
    for pattern in [
        "[",
        "(",
        r"\",
        r"\y",
        "(?x)a",
        "a{2,1}",
        "*",
        "((a{999}){999}){999}",
        "a**",
        "a{2}+",
        "a{1001}",
        r"\1",
        "[x--y]",
        r"[a-\d]",
        r"\C",
        r"\E",
        "(?=a)",
        "a)|(b",
        r"\p{Greek",
        r"\p{script=Greek}",
        r"\p{greek}",
        r"[\p{]",
        r"\x{41",
        "(?R)a",
        "[[:foo:]]",
        "[[:a]b:]",
    ] {
        assert!(compile(pattern).is_err(), "{pattern}");
    }
}

#[test]
fn a_pattern_is_bounded_and_read_once() {
    let longest = "[[:x".repeat(8_191) + "]";
    assert!(translate(&longest).is_ok());
    let braces = "{1".repeat(16_384);
    assert_eq!(translate(&braces).unwrap(), "\\{1".repeat(16_384));
    assert_eq!(
        compile(&"{".repeat(32_769)).unwrap_err(),
        "the regular expression is 32769 bytes long; at most 32768 are read"
    );
}
