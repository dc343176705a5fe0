//! The house, enforced: who may import whom, what stays pure, what is registered, what is generated.
//!
//! `PGMEDIC_BLESS=1 cargo test --test it tidy` writes the generated pages anew.

// Helpers of tests may panic as tests do; clippy knows that only of the tests themselves.
#![allow(clippy::unwrap_used)]

use pgmedic::playbook::reference;
use pgmedic::syntax::schema;
use regex::Regex;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

/// The floors from the bottom up; rooms on one floor do not import each other.
const FLOORS: &[&[&str]] = &[
    &["model"],
    &["syntax"],
    &["playbook", "config"],
    &["schedule", "promql", "advise"],
    &["rules"],
    &["finders", "guards", "actions", "collect"],
    &["decide"],
    &["drivers", "channels", "audit"],
    &["engine"],
    &["intake"],
    &["http"],
    &["cli"],
];
/// The highest floor without I/O, clock, randomness, logging and orders that differ from run to run.
const PURE_UP_TO: &str = "decide";
const IMPURE: &str = r"\b(std::fs|std::env|std::process|std::thread|std::net::(?:Tcp|Udp)\w*|tokio\w*|async fn|\.await|(?:Timestamp|Zoned)::now|Instant|SystemTime|HashMap|HashSet|tracing|rand::\w+|getrandom|e?println!)";
const MOST_LINES: usize = 400;

static IMPURITIES: LazyLock<Regex> = LazyLock::new(|| Regex::new(IMPURE).unwrap());
static UNIT_TESTS: LazyLock<Regex> = LazyLock::new(|| Regex::new(r"#\[cfg\(test\)\]\s*mod \w+ \{").unwrap());
static FROM_CRATE: LazyLock<Regex> = LazyLock::new(|| Regex::new(r"\bcrate::(\w+)").unwrap());
static FROM_SUPER: LazyLock<Regex> = LazyLock::new(|| Regex::new(r"\b((?:super::)+)(\w+)").unwrap());
static WORDS: LazyLock<Regex> = LazyLock::new(|| Regex::new(r"\w+|[{},]").unwrap());

/// A source file: its path below the repository, with `/`, and its text.
struct Source {
    path: String,
    text: String,
}

impl Source {
    fn new(path: &str, text: &str) -> Source {
        Source { path: path.to_owned(), text: text.to_owned() }
    }

    /// The folder or file right below `src`.
    fn room(&self) -> &str {
        let below = self.path.strip_prefix("src/").unwrap_or(&self.path);
        below.split(['/', '.']).next().unwrap_or_default()
    }

    /// How many `super` lead out of the crate's rooms.
    fn depth(&self) -> usize {
        let folders = self.path.matches('/').count();
        if self.path.ends_with("/mod.rs") { folders - 1 } else { folders }
    }

    /// Its text without comments: what is imported there for a link is no dependency.
    fn code(&self) -> String {
        let lines = self.text.lines().map(|line| {
            let comment = line.find("//").filter(|at| !line[..*at].ends_with(':'));
            &line[..comment.unwrap_or(line.len())]
        });
        lines.collect::<Vec<_>>().join("\n")
    }

    /// Its code up to the unit tests.
    fn code_without_tests(&self) -> String {
        let code = self.code();
        UNIT_TESTS.find(&code).map_or(code.clone(), |at| code[..at.start()].to_owned())
    }
}

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn sources(folder: &str) -> Vec<Source> {
    let mut found = Vec::new();
    let mut folders = vec![root().join(folder)];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|e| e == "rs") {
                let below = path.strip_prefix(root()).unwrap().to_string_lossy().replace('\\', "/");
                found.push(Source::new(&below, &std::fs::read_to_string(&path).unwrap()));
            }
        }
    }
    found.sort_by(|a, b| a.path.cmp(&b.path));
    found
}

fn floor(room: &str) -> Option<usize> {
    FLOORS.iter().position(|rooms| rooms.contains(&room))
}

/// The rooms that a file names by path.
fn imports(source: &Source) -> BTreeSet<String> {
    let code = source.code();
    let mut rooms = BTreeSet::new();
    for one in FROM_CRATE.captures_iter(&code) {
        rooms.insert(one[1].to_owned());
    }
    for group in code.split("crate::{").skip(1) {
        rooms.extend(heads(group));
    }
    for chain in FROM_SUPER.captures_iter(&code) {
        let reaches_out = chain[1].matches("super").count() >= source.depth();
        if reaches_out && floor(&chain[2]).is_some() {
            rooms.insert(chain[2].to_owned());
        }
    }
    rooms
}

/// The first names of a braced import, up to its closing brace.
fn heads(group: &str) -> Vec<String> {
    let (mut depth, mut at_head, mut heads) = (0, true, Vec::new());
    for word in WORDS.find_iter(group) {
        match word.as_str() {
            "{" => depth += 1,
            "}" if depth == 0 => break,
            "}" => depth -= 1,
            "," => at_head = depth == 0,
            name if at_head => {
                heads.push(name.to_owned());
                at_head = false;
            }
            _ => {}
        }
    }
    heads
}

fn wrong_imports(source: &Source) -> Vec<String> {
    let room = source.room();
    if ["lib", "main"].contains(&room) {
        return Vec::new();
    }
    let Some(own) = floor(room) else { return vec![format!("{}: `{room}` has no floor in tidy.rs", source.path)] };
    let upwards = |other: &String| other != room && floor(other).is_some_and(|floor| floor >= own);
    let wrong = imports(source).into_iter().filter(upwards);
    wrong.map(|other| format!("{}: `{room}` must not import `{other}`", source.path)).collect()
}

fn impurities(source: &Source) -> Vec<String> {
    let pure = floor(source.room()).is_some_and(|own| Some(own) <= floor(PURE_UP_TO));
    if !pure {
        return Vec::new();
    }
    let code = source.code_without_tests();
    let found: BTreeSet<&str> = IMPURITIES.find_iter(&code).map(|m| m.as_str()).collect();
    found.into_iter().map(|what| format!("{}: `{what}` on a pure floor", source.path)).collect()
}

/// Files that are modules for tests only, by path without `.rs`.
fn test_modules(sources: &[Source]) -> BTreeSet<String> {
    let declared = Regex::new(r"#\[cfg\(test\)\]\s*(?:pub(?:\(\w+\))? )?mod (\w+);").unwrap();
    let mut modules = BTreeSet::new();
    for source in sources {
        let folder = source.path.strip_suffix("/mod.rs").or(source.path.strip_suffix(".rs")).unwrap_or_default();
        modules.extend(declared.captures_iter(&source.text).map(|one| format!("{folder}/{}", &one[1])));
    }
    modules
}

fn no_faults(faults: &[String]) {
    assert!(faults.is_empty(), "\n{}\n", faults.join("\n"));
}

#[test]
fn rooms_import_only_floors_below() {
    no_faults(&sources("src").iter().flat_map(wrong_imports).collect::<Vec<_>>());
}

#[test]
fn imports_are_seen_however_they_are_written() {
    let faults = |path: &str, text: &str| wrong_imports(&Source::new(path, text));
    assert_eq!(faults("src/guards/mode.rs", "use crate::model::Mode;\nuse super::Guard;"), Vec::<String>::new());
    assert_eq!(faults("src/guards/mode.rs", "// see crate::engine"), Vec::<String>::new());
    let upwards = ["src/guards/mode.rs: `guards` must not import `engine`"];
    for text in [
        "fn f() { crate::engine::go() }",
        "use crate::{model::{self, Mode}, engine::api};",
        "use super::super::engine;",
    ] {
        assert_eq!(faults("src/guards/mode.rs", text), upwards, "{text}");
    }
    assert_eq!(faults("src/finders/mod.rs", "use super::actions;").len(), 1, "rooms on one floor");
    assert_eq!(faults("src/config/mod.rs", "use crate::playbook::Playbook;").len(), 1, "rooms on one floor");
    assert_eq!(faults("src/attic/mod.rs", "").len(), 1, "every room has a floor");
}

#[test]
fn floors_up_to_decide_are_pure() {
    let sources = sources("src");
    let tests = test_modules(&sources);
    let judged = sources.iter().filter(|s| !tests.contains(s.path.trim_end_matches(".rs")));
    no_faults(&judged.flat_map(impurities).collect::<Vec<_>>());
}

#[test]
fn impurities_are_seen_outside_tests_only() {
    let faults = |text: &str| impurities(&Source::new("src/decide/plan.rs", text)).len();
    for text in ["Timestamp::now()", "use std::collections::HashMap;", "pub async fn x() {}", "tracing::info!(1)"] {
        assert_eq!(faults(text), 1, "{text}");
    }
    assert_eq!(faults("let instantly = random_page_cost; // HashMap"), 0);
    assert_eq!(faults("fn a() {}\n#[cfg(test)]\nmod tests { use std::fs; }"), 0);
    assert_eq!(impurities(&Source::new("src/engine/clock.rs", "Timestamp::now()")).len(), 0);
}

/// Files and folders of a room that implement its trait are its registry: one each, named alike.
#[test]
fn registries_hold_what_the_folders_hold() {
    let registries: BTreeMap<&str, Vec<&str>> = [
        ("finders", pgmedic::finders::REGISTRY.iter().map(|f| f.spec().name).collect()),
        ("actions", pgmedic::actions::REGISTRY.iter().map(|a| a.spec().name).collect()),
        ("guards", pgmedic::guards::REGISTRY.iter().map(|g| g.name()).collect()),
    ]
    .into();
    let mut faults = Vec::new();
    let implements = Regex::new(r"(?m)^impl (?:super::)?(?:Finder|Action|Guard) for ").unwrap();
    for (room, names) in registries {
        let found = sources(&format!("src/{room}"));
        let inside =
            |source: &&Source| source.path != format!("src/{room}/mod.rs") && implements.is_match(&source.text);
        let files: Vec<&str> = found.iter().filter(inside).map(|source| second_name(&source.path)).collect();
        let registered: BTreeSet<&str> = names.iter().copied().collect();
        let in_folder: BTreeSet<&str> = files.iter().copied().collect();
        if registered != in_folder || registered.len() != names.len() || in_folder.len() != files.len() {
            faults.push(format!("{room}: the registry holds {names:?}, the folder {files:?}"));
        }
        if room != "guards" && !names.is_sorted() {
            faults.push(format!("{room}: the registry is not in order of name: {names:?}"));
        }
    }
    no_faults(&faults);
}

/// The rules about expressions: a file each, named by its code.
#[test]
fn rules_about_expressions_have_a_file_each() {
    let folder = sources("src/promql/lint/rules");
    let names = folder.iter().filter_map(|source| Path::new(&source.path).file_stem()?.to_str());
    let files: Vec<String> = names.filter(|name| *name != "mod").map(|name| name.replace('_', "-")).collect();
    let codes: Vec<&str> = pgmedic::promql::lint::REGISTRY.iter().map(|rule| rule.code).collect();
    assert_eq!(files, codes);
}

/// `long_queries` of `src/finders/long_queries.rs` and of `src/finders/long_queries/mod.rs`.
fn second_name(path: &str) -> &str {
    path.split('/').nth(2).unwrap_or_default().trim_end_matches(".rs")
}

#[test]
fn every_test_file_is_reached() {
    let files = sources("tests");
    let declares = |owner: &str, module: &str| {
        let line = Regex::new(&format!(r"(?m)^\s*(?:pub(?:\(\w+\))? )?mod {module};")).unwrap();
        files.iter().any(|file| file.path == owner && line.is_match(&file.text))
    };
    let reached = |path: &str| {
        let path = Path::new(path);
        let module = if path.ends_with("mod.rs") { path.parent().unwrap() } else { path };
        let (folder, name) = (module.parent().unwrap(), module.file_stem().unwrap().to_string_lossy());
        let owners = [folder.join("main.rs"), folder.join("mod.rs"), folder.with_extension("rs")];
        path.ends_with("tests/it/main.rs") || owners.iter().any(|owner| declares(&owner.to_string_lossy(), &name))
    };
    let lost = files.iter().filter(|file| !reached(&file.path));
    no_faults(&lost.map(|file| format!("{}: no module names it, so it never runs", file.path)).collect::<Vec<_>>());
}

#[test]
fn files_and_functions_stay_short() {
    let excused = Regex::new(r"#!?\[(?:allow|expect)\([^)]*too_many_lines").unwrap();
    let all = sources("src").into_iter().chain(sources("tests"));
    let mut faults = Vec::new();
    for source in all {
        let lines = source.text.lines().count();
        if lines > MOST_LINES {
            faults.push(format!("{}: {lines} lines, at most {MOST_LINES}", source.path));
        }
        // Clippy counts the lines of functions, as long as nobody tells it not to.
        if excused.is_match(&source.text) {
            faults.push(format!("{}: lets a function grow beyond 70 lines", source.path));
        }
    }
    let clippy = std::fs::read_to_string(root().join("clippy.toml")).unwrap();
    if !clippy.lines().any(|line| line == "too-many-lines-threshold = 70") {
        faults.push("clippy.toml: functions are no longer held to 70 lines".to_owned());
    }
    no_faults(&faults);
}

#[test]
fn generated_pages_are_current() {
    let catalogue = pgmedic::decide::catalogue();
    let pages = [
        ("guards.md", pgmedic::guards::reference()),
        ("finders.md", reference::finders(&catalogue)),
        ("actions.md", reference::actions(&catalogue)),
        ("promql.md", pgmedic::promql::reference::page()),
        ("promql-rules.md", pgmedic::promql::lint::reference()),
        ("pgmedic.schema.json", schema::text(&pgmedic::config::schema::schema())),
        ("playbook-tests.md", pgmedic::finders::answers::reference()),
        ("tests.schema.json", schema::text(&pgmedic::decide::unit::schema::schema())),
        ("playbook.schema.json", schema::text(&pgmedic::playbook::schema::schema(&catalogue))),
    ];
    let folder = root().join("docs/reference");
    let bless = std::env::var_os("PGMEDIC_BLESS").is_some_and(|value| value == "1");
    let mut stale = Vec::new();
    for (name, page) in pages {
        let path = folder.join(name);
        if std::fs::read_to_string(&path).is_ok_and(|kept| kept == page) {
            continue;
        }
        if bless {
            std::fs::create_dir_all(&folder).unwrap();
            std::fs::write(&path, page).unwrap();
        } else {
            stale.push(format!("docs/reference/{name} is stale: PGMEDIC_BLESS=1 cargo test --test it tidy"));
        }
    }
    no_faults(&stale);
}
