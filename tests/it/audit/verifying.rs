//! Every change to the log is found, with its place.

use super::kit::{SMALL, closed_log, copy, fresh, intent, open, outcome, plain, segments};
use pgmedic::audit::verify::{Fault, IndexCheck, Report, verify};
use pgmedic::config::policy::Limits;
use proptest::prelude::*;
use std::ops::ControlFlow;
use std::path::Path;
use std::sync::LazyLock;

fn check(dir: &Path) -> Report {
    verify(dir, &mut |_, _| ControlFlow::Continue(())).unwrap()
}

/// Changes the lines of one segment of a copy, and returns the faults found.
fn after(dir: &Path, segment: usize, change: impl FnOnce(&mut Vec<String>)) -> Vec<Fault> {
    let copy = copy(dir);
    let path = &segments(copy.path())[segment];
    let text = std::fs::read_to_string(path).unwrap();
    let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
    change(&mut lines);
    std::fs::write(path, lines.join("\n") + "\n").unwrap();
    check(copy.path()).faults
}

#[tokio::test]
async fn a_sound_log_is_sound_with_all_that_can_be_in_it() {
    let (dir, audit) = fresh(SMALL);
    for n in 0..12 {
        let run = format!("run{n}");
        audit.append(vec![intent("orders", "pool", &run, Limits::default())]).await.unwrap();
        audit.append(vec![outcome("orders", "pool", &run)]).await.unwrap();
        audit.append(plain(n)).await.unwrap();
        if n == 6 {
            assert_eq!(check(dir.path()).faults, [], "while it is written");
        }
    }
    let status = audit.watch().borrow().clone();
    assert_eq!(check(dir.path()).index, IndexCheck::NotRead);
    audit.close().await;
    let report = check(dir.path());
    assert_eq!(report.faults, []);
    assert!(report.is_sound() && report.segments > 3);
    assert_eq!((report.records, report.root, report.index), (status.size, status.root_hex, IndexCheck::Agrees));
    // And again after a restart, whose state came from a snapshot.
    let audit = open(dir.path(), SMALL).unwrap();
    for n in 0..12 {
        audit.append(plain(n)).await.unwrap();
    }
    audit.close().await;
    assert_eq!(check(dir.path()).faults, []);
}

static LOG: LazyLock<tempfile::TempDir> =
    LazyLock::new(|| tokio::runtime::Runtime::new().unwrap().block_on(closed_log(SMALL, 24)));

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]
    #[test]
    fn any_flipped_bit_is_found_where_it_is(at in any::<prop::sample::Index>(), bit in 0_u32..8) {
        let copy = copy(LOG.path());
        let paths = segments(copy.path());
        let sizes: Vec<usize> = paths.iter().map(|p| usize::try_from(p.metadata().unwrap().len()).unwrap()).collect();
        let (mut byte, mut segment) = (at.index(sizes.iter().sum()), 0);
        while byte >= sizes[segment] {
            byte -= sizes[segment];
            segment += 1;
        }
        let mut text = std::fs::read(&paths[segment]).unwrap();
        text[byte] ^= 1 << bit;
        let line = text[..byte].split(|b| *b == b'\n').count() as u64;
        std::fs::write(&paths[segment], &text).unwrap();
        let first: u64 = paths[segment].file_stem().unwrap().to_str().unwrap().parse().unwrap();
        let faults = check(copy.path()).faults;
        let found = faults.first().map(|f| (f.file.clone(), f.line, f.seq));
        prop_assert_eq!(found, Some((paths[segment].clone(), line, first + line - 1)), "{:?}", faults);
    }
}

#[test]
fn a_flip_in_a_records_number_is_named_by_its_place() {
    let dir = LOG.path();
    let first: u64 = segments(dir)[1].file_stem().unwrap().to_str().unwrap().parse().unwrap();
    let (own, other) = (format!("\"seq\":{}", first + 3), format!("\"seq\":{}", first + 1));
    let faults = after(dir, 1, |lines| lines[3] = lines[3].replace(&own, &other));
    assert_eq!((faults[0].line, faults[0].seq), (4, first + 3), "{}", faults[0].what);
}

#[test]
fn missing_swapped_and_repeated_lines_are_named() {
    let dir = LOG.path();
    let first: u64 = segments(dir)[1].file_stem().unwrap().to_str().unwrap().parse().unwrap();
    let missing = after(dir, 1, |lines| drop(lines.remove(2)));
    assert_eq!((missing[0].line, missing[0].seq), (3, first + 2));
    assert_eq!(missing[0].what, format!("record {} is missing, record {} stands in its place", first + 2, first + 3));
    let swapped = after(dir, 1, |lines| lines.swap(2, 3));
    assert_eq!((swapped[0].line, swapped[0].seq), (3, first + 2));
    let repeated = after(dir, 1, |lines| lines.insert(3, lines[2].clone()));
    assert_eq!((repeated[0].line, repeated[0].seq), (4, first + 2));
    assert!(repeated[0].what.contains("once more"), "{}", repeated[0].what);
    let cut = after(dir, 1, |lines| drop(lines.pop()));
    assert!(cut[0].what.starts_with("the segment ends after"), "{}", cut[0].what);
}

#[test]
fn a_missing_segment_is_named() {
    let copy = copy(LOG.path());
    let paths = segments(copy.path());
    std::fs::remove_file(&paths[1]).unwrap();
    let faults = check(copy.path()).faults;
    assert_eq!((&faults[0].file, faults[0].line), (&paths[2], 1));
    assert!(faults[0].what.contains("are missing"), "{}", faults[0].what);
    std::fs::remove_file(paths.last().unwrap()).unwrap();
    let last = check(copy.path()).faults.pop().unwrap();
    assert!(last.what.contains("the log ends here, and head says"), "{}", last.what);
}

#[test]
fn a_change_with_its_hash_is_found_by_the_tree() {
    let tampered = |segment: usize| {
        let copy = copy(LOG.path());
        let path = &segments(copy.path())[segment];
        let text = std::fs::read_to_string(path).unwrap().replacen("cooldown: decision", "cooldown: derision", 1);
        let leaves: Vec<u8> = text.lines().flat_map(|l| pgmedic::audit::tree::leaf(l.as_bytes())).collect();
        std::fs::write(path, &text).unwrap();
        std::fs::write(path.with_extension("leaves"), leaves).unwrap();
        let faults = check(copy.path()).faults;
        (
            faults[0].file == segments(copy.path())[(segment + 1).min(segments(copy.path()).len() - 1)],
            faults[0].what.clone(),
        )
    };
    let (place, what) = tampered(1);
    assert!(place && what.contains("another tree than this snapshot says"), "{what}");
    let (place, what) = tampered(segments(LOG.path()).len() - 1);
    assert!(place && what.contains("another root than the file head says"), "{what}");
}

#[test]
fn a_snapshot_that_says_another_state_is_found() {
    // Whoever changes the state must change the tree after it too; here hash and tree fit, the fold does not.
    let copy = copy(LOG.path());
    let paths = segments(copy.path());
    let path = paths.last().unwrap();
    let text = std::fs::read_to_string(path).unwrap().replacen("\"lifecycle\":null", "\"lifecycle\":\"stopped\"", 1);
    let leaves: Vec<u8> = text.lines().flat_map(|l| pgmedic::audit::tree::leaf(l.as_bytes())).collect();
    std::fs::write(path, &text).unwrap();
    std::fs::write(path.with_extension("leaves"), leaves).unwrap();
    let fault = &check(copy.path()).faults[0];
    assert_eq!(fault.line, 1);
    assert!(fault.what.contains("fold to another state"), "{}", fault.what);
}

#[test]
fn longer_than_head_is_normal_and_a_torn_end_is_told() {
    let copy = copy(LOG.path());
    let path = segments(copy.path()).pop().unwrap();
    let mut text = std::fs::read(&path).unwrap();
    text.extend_from_slice(b"{\"seq\":");
    std::fs::write(&path, &text).unwrap();
    let report = check(copy.path());
    assert_eq!((report.faults.len(), report.unfinished), (0, 7));
    let mut head: serde_json::Value =
        serde_json::from_slice(&std::fs::read(copy.path().join("audit/head")).unwrap()).unwrap();
    head["size"] = 1.into();
    head["root"] = hex::encode(pgmedic::audit::tree::leaf(
        std::fs::read_to_string(&segments(copy.path())[0]).unwrap().lines().next().unwrap().as_bytes(),
    ))
    .into();
    std::fs::write(copy.path().join("audit/head"), head.to_string()).unwrap();
    assert_eq!(check(copy.path()).faults, []);
    std::fs::remove_file(copy.path().join("audit/head")).unwrap();
    assert!(check(copy.path()).faults[0].what.contains("missing or unreadable"));
}

#[tokio::test]
async fn damage_in_an_older_segment_stops_intents_soon_after_the_start() {
    // The shared log is made by a runtime of its own, which cannot start within this one.
    let copy = tokio::task::spawn_blocking(|| copy(LOG.path())).await.unwrap();
    let path = &segments(copy.path())[1];
    let text = std::fs::read_to_string(path).unwrap();
    std::fs::write(path, text.replacen("cooldown", "cooldowm", 1)).unwrap();
    let audit = open(copy.path(), SMALL).unwrap();
    let mut status = audit.watch();
    let trouble = status.wait_for(|s| s.trouble.is_some()).await.unwrap().trouble.clone().unwrap();
    assert!(trouble.contains("line 2") && trouble.contains(path.file_name().unwrap().to_str().unwrap()), "{trouble}");
    let refused = audit.append(vec![intent("orders", "pool", "run1", Limits::default())]).await;
    assert_eq!(super::kit::refusal(refused).0, "audit");
    audit.append(plain(1)).await.unwrap();
}
