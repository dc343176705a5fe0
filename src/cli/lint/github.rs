//! Faults as workflow commands, which GitHub shows beside the line.

use super::place::relative;
use crate::syntax::{Fault, Severity};
use std::path::Path;

/// One command a fault, one a line.
pub(super) fn commands(faults: &[Fault], working: &Path) -> String {
    faults.iter().map(|fault| command(fault, working)).collect()
}

fn command(fault: &Fault, working: &Path) -> String {
    let word = match fault.severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
    };
    let file = relative(&fault.file, working).unwrap_or_else(|outside| outside);
    let help = fault.help.as_deref().map_or_else(String::new, |help| format!("\nhelp: {help}"));
    format!(
        "::{word} file={},line={},endLine={},col={},endColumn={},title={}::{}\n",
        property(&file),
        fault.line,
        fault.end.line,
        fault.column,
        fault.end.column,
        property(fault.code),
        data(&format!("{}{help}", fault.message))
    )
}

/// What stands behind `::`.
fn data(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

/// What stands behind `=`.
fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::syntax::Span;

    #[test]
    fn nothing_in_a_fault_can_end_its_command() {
        let span = Span { start: 3, end: 5 };
        let message = "100% of\r\n::error::x, y: z".to_owned();
        let fault = Fault::at("a,b:c%.yaml", "a: üx\n", span, Severity::Warning, "yaml", message).with_help("one\ntwo");
        let want = "::warning file=a%2Cb%3Ac%25.yaml,line=1,endLine=1,col=4,endColumn=5,title=yaml::100%25 of%0D%0A::error::x, \
                    y: z%0Ahelp: one%0Atwo\n";
        assert_eq!(commands(&[fault], Path::new("/")), want);
    }
}
