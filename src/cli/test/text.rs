//! What did not come as expected, for people.

use crate::cli::output::Paint;
use crate::cli::text::indent;
use crate::rules::unit::Check;

/// Every check that failed: what was expected and did not come, and what came instead.
pub(super) fn failures(checks: &[Check], paint: Paint) -> String {
    checks.iter().filter(|check| !check.passed).map(|check| failure(check, paint)).collect()
}

fn failure(check: &Check, paint: Paint) -> String {
    let test = if check.test.is_empty() { String::new() } else { format!("{}: ", check.test) };
    let place = format!("{}:{}", check.file, check.line);
    let mut out = format!("{} {}\n    {test}{}\n", paint.red("FAILED"), paint.bold(&place), check.what);
    if let Some(error) = &check.error {
        out.push_str(&indent(error, 4));
    }
    for missing in &check.missing {
        out.push_str(&paint.green(&marked("- expected ", missing)));
    }
    for unexpected in &check.unexpected {
        out.push_str(&paint.red(&marked("+ came     ", unexpected)));
    }
    out.push('\n');
    out
}

/// The mark stands in front of the first line only.
fn marked(mark: &str, text: &str) -> String {
    indent(text, 4 + mark.len()).replacen(&" ".repeat(4 + mark.len()), &format!("    {mark}"), 1)
}
