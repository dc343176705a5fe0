//! Nothing that a file holds makes the readers panic, and every fault has a place.

use super::{read_config, read_playbook, rendered, root};
use pgmedic::decide::unit;
use pgmedic::playbook::Playbook;
use pgmedic::syntax::Fault;
use proptest::prelude::*;
use std::cell::Cell;
use std::collections::BTreeMap;
use std::sync::LazyLock;

fn placed(faults: &[Fault], text: &str) {
    for fault in faults {
        assert!(fault.line >= 1 && fault.column >= 1, "{fault:?}");
        assert!(text.get(fault.span.start..fault.span.end).is_some(), "{fault:?}");
        assert!(fault.line <= text.matches('\n').count() + 1, "{fault:?}");
    }
    let shown = rendered(faults, text);
    assert_eq!(shown.is_empty(), faults.is_empty());
}

fn both(text: &str) {
    let (playbook, faults) = read_playbook(text);
    assert!(playbook.is_some() || faults.iter().any(Fault::is_error), "no playbook and no word why:\n{text}");
    placed(&faults, text);
    let (config, faults) = read_config(text);
    assert!(config.is_some() || faults.iter().any(Fault::is_error), "no configuration and no word why:\n{text}");
    placed(&faults, text);
}

pub fn shipped() -> Vec<String> {
    let mut files = super::shipped_playbooks();
    files.push(root().join("examples/pgmedic.yaml"));
    files.extend(std::fs::read_dir(root().join("tests/lint")).unwrap().map(|f| f.unwrap().path()));
    files.sort();
    files.into_iter().map(|file| std::fs::read_to_string(file).unwrap()).collect()
}

static PLAYBOOKS: LazyLock<Vec<Playbook>> = LazyLock::new(|| {
    let read = |path: std::path::PathBuf| {
        let text = std::fs::read_to_string(&path).unwrap();
        pgmedic::playbook::read(&path.display().to_string(), &text, &unit::catalogue()).0
    };
    super::shipped_playbooks().into_iter().filter_map(read).collect()
});

/// Tests of playbooks: what can be read can be run, and what cannot says why.
fn playbook_tests(text: &str) {
    let given = unit::Given { config: None, playbooks: &PLAYBOOKS, texts: &BTreeMap::new() };
    let (tests, faults) = unit::read("tests.yaml", text, &given);
    assert!(tests.is_some() || faults.iter().any(Fault::is_error), "no tests and no word why:\n{text}");
    let (own, _): (Vec<Fault>, Vec<Fault>) = faults.into_iter().partition(|fault| fault.file == "tests.yaml");
    placed(&own, text);
    for test in tests.unwrap_or_default() {
        let asked = Cell::new(0);
        // A ladder may be long, and there are many of them.
        let stop = || asked.replace(asked.get() + 1) > 300;
        assert!(!unit::run("tests.yaml", &test, &stop).is_empty());
    }
}

fn with_edits(text: &str, edits: Vec<(f64, usize, &str)>) -> String {
    let mut text: Vec<char> = text.chars().collect();
    for (at, cut, piece) in edits {
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, clippy::cast_precision_loss)]
        let at = (at * text.len() as f64) as usize;
        let end = (at + cut).min(text.len());
        text.splice(at..end, piece.chars());
    }
    text.into_iter().collect()
}

/// Pieces that mean something to YAML or to the readers.
pub const PIECES: [&str; 30] = [
    "\n",
    "  ",
    "- ",
    ": ",
    "{",
    "}",
    "[",
    "]",
    "\"",
    "'",
    "#",
    "&a ",
    "*a",
    "!t ",
    "|\n",
    ">",
    "---\n",
    "\t",
    "${var:x}",
    "${",
    "null",
    "~",
    "-1",
    "1e300",
    "nan",
    "99999999999999999999",
    "ä\u{1f980}",
    "\u{0}",
    "\r\n",
    "? ",
];

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_text(text in ".*") {
        both(&text);
    }

    #[test]
    fn any_pieces(pieces in proptest::collection::vec(proptest::sample::select(&PIECES[..]), 0..40)) {
        both(&pieces.concat());
    }

    #[test]
    fn mutations_of_what_is_shipped(
        file in 0_usize..100,
        edits in proptest::collection::vec((0.0_f64..1.0, 0_usize..12, proptest::sample::select(&PIECES[..])), 1..5),
    ) {
        let files = shipped();
        both(&with_edits(&files[file % files.len()], edits));
    }

    #[test]
    fn mutations_of_playbook_tests(
        file in 0_usize..3,
        edits in proptest::collection::vec((0.0_f64..1.0, 0_usize..12, proptest::sample::select(&PIECES[..])), 0..3),
    ) {
        let tests = format!("playbooks/tests/{}.yaml", PLAYBOOKS[file].name);
        playbook_tests(&with_edits(&std::fs::read_to_string(root().join(tests)).unwrap(), edits));
    }
}

#[test]
fn bombs_are_refused() {
    let nested = "[".repeat(5_000);
    both(&nested);
    let deep: Vec<String> = (0..200).map(|n| format!("{}a:\n", "  ".repeat(n))).collect();
    both(&deep.concat());
    let laughs: Vec<String> =
        (1..10).map(|n| format!("a{n}: &a{n} [{}]\n", format!("*a{}, ", n - 1).repeat(10))).collect();
    let laughs = format!("a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n{}", laughs.concat());
    let (_, faults) = read_playbook(&laughs);
    assert!(faults.iter().any(|f| f.code == "too-large"), "{faults:?}");
    both("a: &a [*a]\n");
    let (_, faults) = read_config(&"x".repeat(2 << 20));
    assert_eq!(faults[0].code, "too-large");
}
