//! The JSON Schemas agree with the readers: what a reader takes the schema takes, and what is wrong with the
//! shape of a file both refuse.

use super::random::{PIECES, shipped};
use super::{read_config, rendered, root};
use pgmedic::syntax::{self, Fault, Kind, Node, Reader};
use proptest::prelude::*;
use serde_json::{Value as Json, json};
use std::path::PathBuf;
use std::sync::LazyLock;

/// Codes of what takes more than a schema to see.
const BEYOND: [&str; 21] = [
    "bad-cron",
    "bad-dsn",
    "bad-matcher",
    "bad-moment",
    "bad-pattern",
    "bad-regex",
    "bad-secret",
    "bad-step",
    "bad-url",
    "bad-zone",
    "duplicate-key",
    "duplicate-name",
    "no-playbooks",
    "out-of-bounds",
    "unknown-channel",
    "unknown-variable",
    "useless-step",
    "wrong-kind",
    "yaml",
    "too-large",
    "unknown-window",
];

fn playbook_schema() -> Json {
    pgmedic::playbook::schema::schema(&pgmedic::decide::catalogue())
}

fn read_playbook(text: &str) -> (Option<pgmedic::playbook::Playbook>, Vec<Fault>) {
    pgmedic::playbook::read("playbook.yaml", text, &pgmedic::decide::catalogue())
}

/// A text as an editor's YAML 1.2 sees it; `None` for what is no YAML.
fn as_json(text: &str) -> Option<Json> {
    Some(value(&syntax::parse(&mut Reader::new("f", text))?))
}

fn value(node: &Node) -> Json {
    match &node.kind {
        Kind::Seq(items) => items.iter().map(value).collect(),
        Kind::Map(entries) => Json::Object(entries.iter().map(|e| (e.key.clone(), value(&e.value))).collect()),
        Kind::Scalar { text, quoted: true } => json!(text),
        Kind::Scalar { .. } if node.is_nothing() => Json::Null,
        Kind::Scalar { text, .. } => match text.as_str() {
            "true" => json!(true),
            "false" => json!(false),
            text => match (text.parse::<i64>(), text.parse::<f64>()) {
                (Ok(n), _) => json!(n),
                (_, Ok(x)) if x.is_finite() => json!(x),
                _ => json!(text),
            },
        },
    }
}

/// What the schema says against a text; `None` for what is no YAML.
fn refusal(config: bool, text: &str) -> Option<String> {
    let schema = if config { &CONFIG } else { &PLAYBOOK };
    let refused = schema.iter_errors(&as_json(text)?).map(|e| format!("{}: {e}", e.instance_path)).collect::<Vec<_>>();
    Some(refused.join("\n"))
}

fn faults(config: bool, text: &str) -> Vec<Fault> {
    if config { read_config(text).1 } else { read_playbook(text).1 }
}

/// A schema never refuses what its reader takes.
fn takes_enough(config: bool, text: &str) -> Result<(), String> {
    let sound = !faults(config, text).iter().any(Fault::is_error);
    match refusal(config, text) {
        Some(refused) if sound && !refused.is_empty() => {
            Err(format!("the reader takes what the schema refuses:\n{text}\n{refused}"))
        }
        _ => Ok(()),
    }
}

/// It refuses what is wrong with the shape of a file.
fn refuses_enough(config: bool, text: &str) -> Result<(), String> {
    let faults = faults(config, text);
    let misshapen = faults.iter().any(|f| f.is_error() && !BEYOND.contains(&f.code));
    match refusal(config, text) {
        Some(refused) if misshapen && refused.is_empty() => {
            Err(format!("the schema takes what the reader refuses:\n{text}\n{}", rendered(&faults, text)))
        }
        _ => Ok(()),
    }
}

static CONFIG: LazyLock<jsonschema::Validator> =
    LazyLock::new(|| jsonschema::draft202012::new(&pgmedic::config::schema::schema()).unwrap());
static PLAYBOOK: LazyLock<jsonschema::Validator> =
    LazyLock::new(|| jsonschema::draft202012::new(&playbook_schema()).unwrap());

fn agree(config: bool, samples: impl IntoIterator<Item = String>) {
    let judge = |text: String| [takes_enough(config, &text).err(), refuses_enough(config, &text).err()];
    let wrong: Vec<String> = samples.into_iter().flat_map(judge).flatten().collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
}

fn yaml(folder: &str) -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> = std::fs::read_dir(root().join(folder)).unwrap().map(|f| f.unwrap().path()).collect();
    files.retain(|f| f.extension().is_some_and(|e| e == "yaml"));
    files.sort();
    files
}

fn texts(files: Vec<PathBuf>) -> Vec<String> {
    files.into_iter().map(|f| std::fs::read_to_string(f).unwrap()).collect()
}

#[test]
fn the_schemas_are_schemas() {
    for schema in [pgmedic::config::schema::schema(), playbook_schema(), pgmedic::decide::unit::schema::schema()] {
        jsonschema::meta::validate(&schema).unwrap();
        assert_eq!(schema["$schema"], "https://json-schema.org/draft/2020-12/schema");
    }
}

#[test]
fn shipped_files_and_fixtures_are_judged_alike() {
    let (config, playbook): (Vec<PathBuf>, Vec<PathBuf>) = yaml("tests/lint")
        .into_iter()
        .partition(|f| f.file_name().is_some_and(|name| name.to_string_lossy().starts_with("config")));
    agree(true, texts(config).into_iter().chain(texts(yaml("examples"))).chain(texts(yaml("examples/quickstart"))));
    let shipped = yaml("playbooks").into_iter().chain(yaml("examples/quickstart/playbooks")).collect();
    agree(false, texts(playbook).into_iter().chain(texts(shipped)));
}

#[test]
fn samples_with_one_fault_are_judged_alike() {
    let head = "version: 1\nname: a\n";
    let playbooks = super::playbook::ONE_FAULT.iter().filter(|(body, _)| !body.contains("shapes"));
    agree(false, playbooks.map(|(body, _)| format!("{head}{body}")).chain([super::playbook::FULL.to_owned()]));
    let head = "version: 1\nplaybooks: []\n";
    let alone = super::config::ONE_FAULT_ALONE.iter().map(|(body, _)| format!("{head}{body}"));
    let targets = "targets: [{name: a, dsn: 'host=a'}]\n";
    let more = super::config::ONE_FAULT_MORE.iter().map(|(body, _)| format!("{head}{targets}{body}"));
    agree(true, alone.chain(more).chain([super::config::FULL.to_owned()]));
}

#[test]
fn keys_of_a_fleet_are_judged_alike() {
    let of_targets = [
        "vars: {long: 5m, n: 3}",
        "vars: {long: '${env:X}'}",
        "vars: {'a b': 1}",
        "policy: {limits: {disruptive: {per_run: 0}}, ceilings: {irreversible: observe}, protect: {users: [a]}}",
        "policy: {allow_custom_sql: false}",
        "policy: {limits: {disruptive: {per_run: -1}}}",
    ];
    let head = "version: 1\nplaybooks: []\n";
    let target = |keys: &str| format!("{head}targets: [{{name: a, dsn: 'host=/a', {keys}}}]\n");
    let default = |keys: &str| format!("{head}target_defaults: {{{keys}}}\ntargets: [{{name: a, dsn: 'host=/a'}}]\n");
    agree(true, of_targets.map(target).into_iter().chain(of_targets.map(default)));
    let overrides =
        ["{'grow-*': {mode: observe, guard: {cooldown: 1h}}}", "{a: {}}", "{a: [mode]}", "[a]", "{a: observe}"];
    agree(true, overrides.map(|keys| target(&format!("overrides: {keys}"))));
    agree(true, ["mode: never", "name: a", "dsn: 'host=/a'", "databases: []", "act_as: {password: p}"].map(default));
    agree(
        true,
        ["targets: []\n", "target_files: []\n", "target_files: []\ntargets: []\n", ""].map(|t| format!("{head}{t}")),
    );
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    /// Whatever becomes of a file.
    #[test]
    fn mutations_of_what_is_shipped_are_taken_when_the_reader_takes_them(
        file in 0_usize..100,
        at in 0.0_f64..1.0,
        cut in 0_usize..12,
        piece in proptest::sample::select(&PIECES[..]),
    ) {
        let files = shipped();
        let mut text: Vec<char> = files[file % files.len()].chars().collect();
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, clippy::cast_precision_loss)]
        let at = (at * text.len() as f64) as usize;
        text.splice(at..(at + cut).min(text.len()), piece.chars());
        let text: String = text.into_iter().collect();
        prop_assert_eq!(takes_enough(text.contains("\ntargets:\n"), &text), Ok(()));
    }
}

/// A key of the schema, and the way to it.
struct Key {
    way: String,
    schema: Json,
}

fn keys(way: &str, schema: &Json, found: &mut Vec<Key>) {
    match schema {
        Json::Object(map) => {
            for (name, below) in map {
                if name == "properties" && map.contains_key("additionalProperties") {
                    for (key, schema) in below.as_object().unwrap() {
                        let way = format!("{way}.{key}");
                        found.push(Key { way: way.clone(), schema: schema.clone() });
                        keys(&way, schema, found);
                    }
                } else {
                    keys(way, below, found);
                }
            }
        }
        Json::Array(items) => items.iter().for_each(|item| keys(way, item, found)),
        _ => {}
    }
}

/// A key that a reader knows and nobody described is taken by the schema whatever stands below it.
#[test]
fn every_key_is_described() {
    for schema in [pgmedic::config::schema::schema(), playbook_schema(), pgmedic::decide::unit::schema::schema()] {
        let mut found = Vec::new();
        keys("", &schema, &mut found);
        assert!(found.len() > 40);
        let bare = found.iter().filter(|key| key.schema["description"].as_str().is_none_or(str::is_empty));
        let bare: Vec<&str> = bare.map(|key| key.way.as_str()).collect();
        assert!(bare.is_empty(), "describe them in schema.rs: {bare:?}");
        let untyped = found.iter().filter(|key| key.schema.as_object().is_some_and(|map| map.len() < 2));
        let untyped: Vec<&str> = untyped.map(|key| key.way.as_str()).collect();
        assert!(untyped.is_empty(), "{untyped:?}");
    }
}

#[test]
fn playbook_tests_fit_their_schema_and_slips_of_the_pen_do_not() {
    let schema = jsonschema::draft202012::new(&pgmedic::decide::unit::schema::schema()).unwrap();
    for text in texts(yaml("playbooks/tests")) {
        let refused: Vec<String> =
            schema.iter_errors(&as_json(&text).unwrap()).map(|e| format!("{}: {e}", e.instance_path)).collect();
        assert!(refused.is_empty(), "{refused:?}");
        for (right, wrong) in
            [("candidates:", "candidate:"), ("verdict: act", "verdict: acts"), ("at: 2", "at: soon 2")]
        {
            assert!(!schema.is_valid(&as_json(&text.replacen(right, wrong, 1)).unwrap()), "{wrong}");
        }
    }
}

#[test]
fn shipped_files_name_their_schema() {
    let marks = [
        ("playbooks", "../docs/reference/playbook.schema.json"),
        ("playbooks/tests", "../../docs/reference/tests.schema.json"),
        ("examples", "../docs/reference/pgmedic.schema.json"),
        ("examples/quickstart", "../../docs/reference/pgmedic.schema.json"),
        ("examples/quickstart/playbooks", "../../../docs/reference/playbook.schema.json"),
    ];
    for (folder, schema) in marks {
        assert!(root().join(folder).join(schema).is_file(), "{schema}");
        for file in yaml(folder) {
            let text = std::fs::read_to_string(&file).unwrap();
            let mark = format!("# yaml-language-server: $schema={schema}\n");
            assert!(text.starts_with(&mark), "{} does not begin with {mark}", file.display());
        }
    }
}
