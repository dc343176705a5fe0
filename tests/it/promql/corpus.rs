//! The corpus of unit tests, `tests/promql/*.yaml`: both `promtool` and pgmedic pass every one of them.

use super::prometheus::program;
use pgmedic::model::time::parse_duration;
use pgmedic::promql::syntax::{notation, parse};
use pgmedic::promql::{Engine, Labels, Store, Value};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::Command;

#[derive(Deserialize)]
pub struct File {
    pub evaluation_interval: String,
    #[serde(default)]
    pub fuzzy_compare: bool,
    pub tests: Vec<Group>,
}

#[derive(Deserialize)]
pub struct Group {
    pub name: String,
    pub interval: String,
    pub input_series: Vec<Input>,
    pub promql_expr_test: Vec<Case>,
}

#[derive(Deserialize)]
pub struct Input {
    pub series: String,
    pub values: String,
}

#[derive(Deserialize)]
pub struct Case {
    pub expr: String,
    pub eval_time: String,
    #[serde(default)]
    pub exp_samples: Vec<Expected>,
}

#[derive(Deserialize)]
pub struct Expected {
    pub labels: String,
    pub value: f64,
}

fn milliseconds(duration: &str) -> i64 {
    i64::try_from(parse_duration(duration).unwrap().as_millis()).unwrap()
}

pub fn files() -> Vec<PathBuf> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/promql");
    let mut files: Vec<PathBuf> = std::fs::read_dir(folder).unwrap().map(|file| file.unwrap().path()).collect();
    files.sort();
    files
}

fn labels(text: &str) -> Labels {
    notation::series(text).unwrap()
}

pub fn store(group: &Group) -> Store {
    let mut store = Store::default();
    for input in &group.input_series {
        let labels = labels(&input.series);
        for (at, value) in (0..).zip(notation::values(&input.values).unwrap()) {
            if let Some(value) = value {
                store.append(&labels, at * milliseconds(&group.interval), value).unwrap();
            }
        }
    }
    store
}

/// What an expression yields, by labels.
pub fn evaluated(file: &File, case: &Case, store: &Store) -> Result<Vec<(Labels, f64)>, String> {
    let engine = Engine { default_step: milliseconds(&file.evaluation_interval), ..Engine::default() };
    let expr = parse(&case.expr).map_err(|error| error.to_string())?;
    let at = if case.eval_time == "0s" { 0 } else { milliseconds(&case.eval_time) };
    match engine.instant(&expr, store, at, &|| false).map_err(|error| error.to_string())? {
        Value::Vector(elements) => Ok(elements),
        Value::Scalar(value) => Ok(vec![(Labels::default(), value)]),
        other => Err(format!("{other:?}")),
    }
}

fn same(a: f64, b: f64, fuzzy: bool) -> bool {
    a == b || (a.is_nan() && b.is_nan()) || (fuzzy && (a - b).abs() <= 1e-14 * a.abs())
}

pub fn read(file: &PathBuf) -> File {
    serde_saphyr::from_str(&std::fs::read_to_string(file).unwrap()).unwrap()
}

#[test]
fn pgmedic_agrees_with_the_corpus() {
    let (mut cases, mut faults) = (0, Vec::new());
    for path in files() {
        let file = read(&path);
        for group in &file.tests {
            let store = store(group);
            for case in &group.promql_expr_test {
                cases += 1;
                let expected: BTreeMap<Labels, f64> =
                    case.exp_samples.iter().map(|one| (labels(&one.labels), one.value)).collect();
                let got = evaluated(&file, case, &store).map(|got| got.into_iter().collect::<BTreeMap<_, _>>());
                let agrees = got.as_ref().is_ok_and(|got| {
                    got.len() == expected.len()
                        && got.iter().zip(&expected).all(|((a, x), (b, y))| a == b && same(*x, *y, file.fuzzy_compare))
                });
                if !agrees {
                    faults.push(format!("{}: {}\n  expected {expected:?}\n  got      {got:?}", group.name, case.expr));
                }
            }
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
    assert!(cases >= 300, "only {cases} expressions");
}

#[test]
fn promtool_agrees_with_the_corpus() {
    let Some(promtool) = program("promtool") else { return };
    let output = Command::new(promtool).args(["test", "rules"]).args(files()).output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
}
