//! The seeds and the reproducers of the fuzz targets, through the same functions as the fuzzer runs: what was
//! found once is not found again, and no fuzzer is needed for it. New inputs are looked for by `tests/fuzz.sh`.

#[path = "../../fuzz/src/lib.rs"]
mod targets;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// What the fuzzer is told (`-timeout`), for a build that is not optimised and a machine that has much to do.
const LONGEST: Duration = Duration::from_secs(20);

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir(folder) else { return Vec::new() };
    let mut files: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).filter(|path| path.is_file()).collect();
    files.sort();
    files
}

/// The inputs of a target: its own seeds, what was found, and files of other tests.
fn inputs(target: &str) -> Vec<PathBuf> {
    let own = ["fuzz/seeds", "fuzz/reproducers"].map(|folder| root().join(folder).join(target));
    let also = std::fs::read_to_string(root().join("fuzz/seeds/also.txt")).unwrap();
    let also = also.lines().filter_map(|line| line.split_once(' ')).filter(|(name, _)| *name == target);
    let folders = own.into_iter().chain(also.map(|(_, folder)| root().join(folder)));
    folders.flat_map(|folder| files(&folder)).collect()
}

#[test]
fn what_was_found_once_is_not_found_again() {
    for (name, run) in targets::TARGETS {
        let inputs = inputs(name);
        assert!(!inputs.is_empty(), "{name} has no seeds");
        for input in inputs {
            let began = Instant::now();
            run(&std::fs::read(&input).unwrap());
            let took = began.elapsed();
            assert!(took < LONGEST, "{name} takes {took:?} for {}", input.display());
        }
    }
}

/// Every seed also cut short and with a byte changed: a little of what the fuzzer does.
#[test]
fn changed_seeds_do_no_harm_either() {
    for (name, run) in targets::TARGETS {
        for input in inputs(name) {
            let seed = std::fs::read(&input).unwrap();
            let step = (seed.len() / 8).max(1);
            for at in (0..seed.len().min(4_096)).step_by(step) {
                run(&seed[..at]);
                let mut changed = seed.clone();
                changed[at] ^= 1 << (at % 7);
                run(&changed);
            }
        }
    }
}

#[test]
fn every_target_is_known_everywhere() {
    let known: BTreeSet<String> = targets::TARGETS.iter().map(|(name, _)| (*name).to_owned()).collect();
    let named = |folder: &str| -> BTreeSet<String> {
        let stems = files(&root().join(folder)).into_iter().map(|file| file.file_stem().unwrap().to_owned());
        stems.map(|stem| stem.into_string().unwrap()).filter(|stem| stem != "lib").collect()
    };
    assert_eq!(named("fuzz/targets"), known);
    assert_eq!(named("fuzz/src"), known);
    let manifest = std::fs::read_to_string(root().join("fuzz/Cargo.toml")).unwrap();
    for name in &known {
        assert!(manifest.contains(&format!("name = \"{name}\"")), "{name} is not in fuzz/Cargo.toml");
    }
}

#[test]
fn the_dictionary_knows_every_function_and_aggregation() {
    let words = std::fs::read_to_string(root().join("fuzz/promql.dict")).unwrap();
    let functions = pgmedic::promql::functions::all().map(|one| one.name);
    let aggregations = pgmedic::promql::aggregations::all().map(|one| one.name);
    let unknown = functions.chain(aggregations).filter(|name| !words.contains(&format!("\"{name}\"")));
    let unknown: Vec<&str> = unknown.collect();
    assert_eq!(unknown, Vec::<&str>::new());
}
