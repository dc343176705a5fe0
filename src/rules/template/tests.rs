use super::*;

fn expand(text: &str) -> String {
    let labels = |pairs: &[(&str, &str)]| {
        Texts::new(pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect())
    };
    let data = Data {
        labels: labels(&[("job", "a"), ("instance", "db1.example.org:9187")]),
        external_labels: labels(&[("c", "d")]),
        external_url: "http://h/p".to_owned(),
        value: 1_234_567.0,
    };
    let query = |text: &str| match text {
        "x" => Ok(vec![
            Element { labels: labels(&[("job", "b")]), value: 2.0 },
            Element { labels: labels(&[("job", "a")]), value: 1.0 },
        ]),
        "nope" => Ok(Vec::new()),
        _ => Err("broken".to_owned()),
    };
    let read = match parse(text) {
        Ok(read) => read,
        Err(fault) => return format!("! {}", fault.told(text, "__alert_A")),
    };
    read.expand(("__alert_A", text), data, &query, &|| false).unwrap_or_else(|error| format!("! {error}"))
}

/// Each as `promtool` 3.5 expands it.
#[test]
fn templates_say_what_they_say_in_prometheus() {
    let cases = [
        ("{{ $value }}|{{ .Value | humanize }}|{{ $value | printf \"%.2f\" }}", "1.234567e+06|1.235M|1234567.00"),
        (
            "{{ printf \"%v %5.1f|%-6d|%q|%s|%d\" $value $value 3 \"a\" $value $value }}",
            "1.234567e+06 1234567.0|3     |\"a\"|%!s(float64=1.234567e+06)|%!d(float64=1.234567e+06)",
        ),
        ("{{ if gt $value 5.0 }}y{{ else }}n{{ end }}", "y"),
        ("{{ $labels.job }}{{ $labels.nope }}| {{ args 1 2 }} {{ (args 1).foo }}", "a| map[arg0:1 arg1:2] <no value>"),
        ("{{ range query \"x\" | sortByLabel \"job\" }}{{ .Labels.job }}={{ . | value }};{{ end }}", "a=1;b=2;"),
        ("{{ with query \"nope\" }}a{{ else }}none{{ end }}", "none"),
        ("{{ with query \"x\" }}{{ . | first | label \"job\" }}{{ end }}", "b"),
        ("{{ $externalLabels }} {{ $externalURL }} {{ range 3 }}{{ . }}{{ end }}", "map[c:d] http://h/p 012"),
        (
            "{{ title \"hello wORLD foo-bar\" }} {{ stripPort \"a.b:80\" }} {{ stripDomain \"a.b:80\" }} {{ stripDomain \"1.2.3.4:80\" }}",
            "Hello WORLD Foo-Bar a.b a:80 1.2.3.4:80",
        ),
        (
            "{{ parseDuration \"1h\" }} {{ humanizeDuration \"3725.5\" }} {{ toTime 1.5 }} {{ (toTime 1.5).Year }}",
            "3600 1h 2m 5s 1970-01-01 00:00:01.5 +0000 UTC 1970",
        ),
        (
            "{{ print 1 2 \"a\" \"b\" 3 }} {{ html \"<a>\" }} {{ urlquery \"a b\" }} {{ len \"abc\" }} {{ slice \"abcdef\" 1 3 }} {{ 1e6 }} {{ js \"a<b\" }}",
            "1 2ab3 &lt;a&gt; a+b 3 bc 1e+06 a\\u003Cb",
        ),
        (
            "{{ graphLink \"up > 1\" }} {{ tableLink \"up\" }}",
            "/graph?g0.expr=up+%3E+1&g0.tab=0 /graph?g0.expr=up&g0.tab=1",
        ),
        ("a {{- /* nothing */ -}} b{{- \" c\" }}", "ab c"),
        ("{{ $x := 1 }}{{ if true }}{{ $x = 2 }}{{ $y := 3 }}{{ $x }}{{ $y }}{{ end }}{{ $x }}", "232"),
        (
            "{{ range $i, $e := query \"x\" }}{{ if eq $i 1 }}{{ continue }}{{ end }}{{ $i }}{{ $e.Labels.job }}{{ end }}",
            "0b",
        ),
        ("{{ define \"t\" }}<{{ . }}>{{ end }}{{ template \"t\" $labels.job }}", "<a>"),
        ("{{ and 1 0 (query \"broken\") }}{{ or \"\" \"x\" }}{{ not true }}", "0xfalse"),
        (
            "{{ reReplaceAll \"(.*):.*\" \"$1\" $labels.instance }} {{ match \"^db\" .Labels.instance }}",
            "db1.example.org true",
        ),
        ("{{ if false }}a{{ else if true }}b{{ else }}c{{ end }}", "b"),
    ];
    for (text, expected) in cases {
        assert_eq!(expand(text), expected, "{text}");
    }
}

#[test]
fn faults_read_as_in_go() {
    let cases = [
        (
            "{{ first (query \"nope\") }}",
            "template: __alert_A:1:115: executing \"__alert_A\" at <first (query \"nope\")>: error calling first: first() called on vector with no elements",
        ),
        (
            "{{ if gt $value 5 }}y{{ end }}",
            "template: __alert_A:1:118: executing \"__alert_A\" at <gt $value 5>: error calling gt: incompatible types for comparison: float64 and int",
        ),
        ("{{ nope }}", "template: __alert_A:1:115: function \"nope\" not defined"),
        ("{{ $nope }}", "template: __alert_A:1:115: undefined variable \"$nope\""),
        ("{{ if true }}", "unexpected EOF"),
        ("{{ end }}", "unexpected {{end}}"),
        ("{{ tmpl \"x\" }}", "function \"tmpl\" not defined"),
        ("{{ 1 | 2 }}", "non executable command in pipeline stage 2"),
        ("{{ \"a", "unterminated"),
    ];
    for (text, expected) in cases {
        let told = expand(text);
        assert!(told.starts_with("! ") && told.contains(expected), "{text}: {told}");
    }
}

#[test]
fn a_template_is_bounded() {
    let endless = "{{ define \"t\" }}{{ template \"t\" }}{{ end }}{{ template \"t\" }}";
    assert!(expand(endless).contains("deep"), "{}", expand(endless));
    assert!(expand("{{ range 1000000 }}x{{ end }}").contains("steps"));
    assert!(expand(&"{{ printf \"%1000d\" 1 }}".repeat(100)).contains("bytes"));
    let doubling = "{{ $x := \"xy\" }}{{ range 1000 }}{{ $x = print $x $x }}{{ end }}";
    assert!(expand(doubling).contains("is given more than 65536 bytes"), "{}", expand(doubling));
    let nested = "{{ $x := args 1 }}{{ range 1000 }}{{ $x = args $x $x }}{{ end }}";
    assert!(expand(nested).contains("is given more than 65536 bytes"), "{}", expand(nested));
    let replaced = "{{ $x := printf \"%900d\" 1 }}{{ reReplaceAll \".*\" (reReplaceAll \" \" \"$$0\" $x) $x }}";
    assert!(expand(replaced).contains("longer than 65536 bytes"), "{}", expand(replaced));
    let kept = format!("{{{{ $x := printf \"%1000s\" \"a\" }}}}{}", "{{ $x := print $x }}".repeat(15_000));
    assert!(expand(&kept).contains("copies and makes more than 16777216 bytes"), "{}", expand(&kept));
    let copied = "{{ $x := printf \"%1000s%1000s\" \"a\" \"b\" }}{{ range 20000 }}{{ $y := $x }}{{ end }}";
    assert!(expand(copied).contains("copies and makes"), "{}", expand(copied));
    assert!(expand("{{ range 500 }}{{ range 40000 }}{{ break }}{{ end }}{{ end }}").contains("copies and makes"));
    let compiled = "{{ range $i := 400 }}{{ match (printf \"(x{9}){9}%d\" $i) \"a\" }}{{ end }}";
    assert!(expand(compiled).contains("copies and makes"), "{}", expand(compiled));
    assert!(expand("{{ range 400 }}{{ match \"(x{9}){9}\" \"a\" }}{{ end }}").ends_with("falsefalse"), "compiled once");
    let long = "{{ $x := printf \"%1000d\" 1 }}{{ $x = print $x $x $x $x $x }}{{ match \".*y|x\" $x }}";
    assert!(expand(long).contains("only texts up to 4096 bytes are searched"), "{}", expand(long));
    assert!(expand("{{ range 1000 }}{{ query \"nope\" }}{{ end }}").contains("more than 200 queries"));
    let deep = format!(
        "{{{{ define \"t\" }}}}{}{{{{ template \"t\" }}}}{}{{{{ end }}}}{{{{ template \"t\" }}}}",
        "{{ if true }}".repeat(27),
        "{{ end }}".repeat(27)
    );
    assert!(expand(&deep).contains("more than 20 deep"), "{}", expand(&deep));
    assert!(expand(&"{{ if true }}".repeat(1_000)).contains("deep"));
    assert!(expand(&format!("{{{{ {}1 }}}}", "(".repeat(10_000))).contains("deep"));
}

#[test]
fn regular_expressions_are_those_of_go() {
    assert_eq!(
        expand(r#"{{ match `^\d+$` "٣" }} {{ match `^\w$` "é" }} {{ match "^[[a]$" "[" }}"#),
        "false false true"
    );
    assert!(expand(r#"{{ match "(?=a)" "a" }}"#).contains("error calling match: error parsing regexp:"));
}

#[test]
fn whoever_waits_can_stop_a_template() {
    let text = "{{ range 40000 }}{{ end }}";
    let read = parse(text).unwrap();
    let said = read.expand(("t", text), Data::default(), &|_| Ok(Vec::new()), &|| true);
    assert!(said.unwrap_err().contains("took too long and was stopped"));
}

proptest::proptest! {
    #[test]
    fn no_text_panics(parts in proptest::collection::vec(proptest::sample::select(&PARTS[..]), 0..24), any in ".{0,40}") {
        expand(&parts.concat());
        expand(&format!("{{{{{any}}}}}"));
    }
}

/// Pieces of which random templates are made.
const PARTS: [&str; 44] = [
    "{{",
    "}}",
    "{{-",
    "-}}",
    " ",
    "if ",
    "else",
    "end",
    "range ",
    "with ",
    "define ",
    "template ",
    "block ",
    "break",
    "continue",
    "$labels",
    "$x",
    ":=",
    "=",
    ",",
    "|",
    "(",
    ")",
    ".",
    ".Labels",
    ".job",
    "\"t\"",
    "'a'",
    "`b`",
    "1",
    "-2.5",
    "0x1F",
    "1e9",
    "printf ",
    "\"%5.2f%q%v\"",
    "query \"x\" ",
    "first ",
    "len ",
    "index ",
    "slice ",
    "eq ",
    "nil",
    "é",
    "/* c */",
];
