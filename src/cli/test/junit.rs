//! Results as XML in the format of `JUnit`, which continuous integration shows beside the change.

use crate::rules::unit::Check;

/// One suite for each file, one case for each check.
pub(super) fn report(checks: &[Check]) -> String {
    let mut out = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites>\n");
    let mut files: Vec<&str> = checks.iter().map(|check| check.file.as_str()).collect();
    files.dedup();
    for file in files {
        let own: Vec<&Check> = checks.iter().filter(|check| check.file == file).collect();
        let failed = own.iter().filter(|check| !check.passed).count();
        let (tests, name) = (own.len(), escaped(file));
        out.push_str(&format!("  <testsuite name=\"{name}\" tests=\"{tests}\" failures=\"{failed}\">\n"));
        for check in own {
            case(check, &mut out);
        }
        out.push_str("  </testsuite>\n");
    }
    out + "</testsuites>\n"
}

fn case(check: &Check, out: &mut String) {
    let test = if check.test.is_empty() { String::new() } else { format!("{}: ", check.test) };
    let name = escaped(&format!("{test}{}", check.what));
    let head = format!("    <testcase classname=\"{}\" name=\"{name}\" line=\"{}\"", escaped(&check.file), check.line);
    if check.passed {
        out.push_str(&format!("{head}/>\n"));
        return;
    }
    let missing = check.missing.iter().map(|one| format!("expected {one}"));
    let unexpected = check.unexpected.iter().map(|one| format!("came {one}"));
    let lines: Vec<String> = check.error.iter().cloned().chain(missing).chain(unexpected).collect();
    let summary = lines.first().and_then(|line| line.lines().next()).unwrap_or_default();
    let (summary, all) = (escaped(summary), escaped(&lines.join("\n")));
    out.push_str(&format!("{head}>\n      <failure message=\"{summary}\">{all}</failure>\n    </testcase>\n"));
}

/// As XML 1.0 wants it; characters that it cannot hold become U+FFFD.
fn escaped(text: &str) -> String {
    let mut out = String::new();
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\n' => out.push_str("&#10;"),
            '\t' => out.push('\t'),
            c if c < ' ' || matches!(c, '\u{fffe}' | '\u{ffff}') => out.push('\u{fffd}'),
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_in_a_result_ends_its_element() {
        let check = |passed: bool| Check {
            file: "a&b.yaml".to_owned(),
            line: 3,
            test: "<t>".to_owned(),
            what: "`x` at 1m".to_owned(),
            passed,
            error: None,
            missing: if passed { Vec::new() } else { vec!["x{a=\"]]>\"} 1".to_owned()] },
            unexpected: Vec::new(),
        };
        insta::assert_snapshot!(report(&[check(true), check(false)]), @r#"
        <?xml version="1.0" encoding="UTF-8"?>
        <testsuites>
          <testsuite name="a&amp;b.yaml" tests="2" failures="1">
            <testcase classname="a&amp;b.yaml" name="&lt;t&gt;: `x` at 1m" line="3"/>
            <testcase classname="a&amp;b.yaml" name="&lt;t&gt;: `x` at 1m" line="3">
              <failure message="expected x{a=&quot;]]&gt;&quot;} 1">expected x{a=&quot;]]&gt;&quot;} 1</failure>
            </testcase>
          </testsuite>
        </testsuites>
        "#);
    }
}
