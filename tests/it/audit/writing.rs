//! One writer, many callers.

use super::kit::{SMALL, closed_log, draft, folder, fresh, intent, open, outcome, plain, records, refusal, segments};
use pgmedic::audit::{AppendError, Audit, Entry, Options};
use pgmedic::config::policy::Limits;
use pgmedic::model::{RecordKind, Timestamp};
use std::os::unix::fs::PermissionsExt;
use std::sync::Arc;

#[tokio::test(flavor = "multi_thread")]
async fn callers_at_once_each_find_their_entries_side_by_side() {
    let (dir, audit) = fresh(Options::default());
    let calls = (0..64).map(|n| {
        let audit = audit.clone();
        tokio::spawn(async move {
            let mut pairs = Vec::new();
            for round in 0..10 {
                let entries = vec![
                    Entry::Plain(draft(RecordKind::Decision, "orders", n)),
                    Entry::Plain(draft(RecordKind::Quiet, "orders", round)),
                ];
                pairs.push((n, audit.append(entries).await.unwrap()));
            }
            pairs
        })
    });
    let mut answered = Vec::new();
    for call in calls.collect::<Vec<_>>() {
        answered.extend(call.await.unwrap());
    }
    assert_eq!(audit.watch().borrow().size, 1_281);
    audit.close().await;
    let log = records(dir.path());
    let seqs: Vec<u64> = log.iter().map(|r| r["seq"].as_u64().unwrap()).collect();
    assert_eq!(seqs, (1..=1_281).collect::<Vec<u64>>());
    assert!(log.windows(2).all(|w| w[0]["time"].as_str() <= w[1]["time"].as_str()));
    for (n, seqs) in answered {
        assert_eq!(seqs[1], seqs[0] + 1);
        let record = &log[usize::try_from(seqs[0]).unwrap() - 1];
        assert_eq!((&record["kind"], &record["evidence"]["n"]), (&"decision".into(), &n.into()));
    }
}

#[tokio::test]
async fn the_first_record_names_the_log_and_files_are_private() {
    let (dir, audit) = fresh(Options::default());
    let id = audit.log_id();
    assert!(!audit.started_after_crash() && id.len() == 26);
    audit.close().await;
    let first = &records(dir.path())[0];
    assert_eq!((&first["kind"], &first["evidence"]["log"]), (&"snapshot".into(), &id.as_str().into()));
    assert_eq!((&first["evidence"]["format"], &first["evidence"]["tree"]["size"]), (&1.into(), &0.into()));
    let mode = |path: &std::path::Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&dir.path().join("audit")), 0o700);
    assert_eq!((mode(&segments(dir.path())[0]), mode(&dir.path().join("lock"))), (0o600, 0o600));
}

#[tokio::test]
async fn a_second_opening_names_the_process_that_has_the_directory() {
    let (dir, audit) = fresh(Options::default());
    let said = open(dir.path(), Options::default()).unwrap_err().to_string();
    assert!(said.contains(&format!("in use by pgmedic process {}", std::process::id())), "{said}");
    assert!(!said.contains('\n'));
    audit.close().await;
    open(dir.path(), Options::default()).unwrap().close().await;
}

#[tokio::test]
async fn segments_follow_each_other_and_a_start_reads_the_last_one_only() {
    let dir = closed_log(SMALL, 60).await;
    let paths = segments(dir.path());
    assert!(paths.len() > 3, "{} segments", paths.len());
    let log = records(dir.path());
    for path in &paths {
        let lines = std::fs::read_to_string(path).unwrap().lines().count() as u64;
        let first: u64 = path.file_stem().unwrap().to_str().unwrap().parse().unwrap();
        assert_eq!(log[usize::try_from(first).unwrap() - 1]["kind"], "snapshot");
        assert_eq!(std::fs::metadata(path.with_extension("leaves")).unwrap().len(), 32 * lines);
    }
    // Whatever stands in the older ones, the start does not look at it.
    for path in &paths[..paths.len() - 1] {
        std::fs::write(path, "not a record\n").unwrap();
    }
    let audit = open(dir.path(), SMALL).unwrap();
    assert_eq!(audit.append(plain(0)).await.unwrap(), [log.len() as u64 + 1]);
}

#[tokio::test]
async fn time_never_goes_back() {
    let dir = folder();
    let at = |text: &str| {
        let now: Timestamp = text.parse().unwrap();
        Audit::open(dir.path(), Options::default(), Arc::new(move || now)).unwrap()
    };
    let audit = at("2026-11-24T20:00:00.1234567Z");
    audit.append(plain(0)).await.unwrap();
    audit.close().await;
    let audit = at("2026-11-24T19:00:00Z");
    audit.append(plain(1)).await.unwrap();
    audit.close().await;
    let times: Vec<String> = records(dir.path()).iter().map(|r| r["time"].as_str().unwrap().to_owned()).collect();
    assert_eq!(times, ["2026-11-24T20:00:00.123456Z"; 3]);
}

#[tokio::test(flavor = "multi_thread")]
async fn limits_are_exact_however_many_targets_ask_at_once() {
    let (_dir, audit) = fresh(Options::default());
    let limits = Limits { disruptive_fleet_hour: 7, ..Limits::default() };
    let calls = (0..40).map(|n| {
        let (audit, limits) = (audit.clone(), limits.clone());
        let intent = intent(&format!("target{n}"), "pool", &format!("run{n}"), limits);
        tokio::spawn(async move { audit.append(vec![intent]).await })
    });
    let mut granted = 0;
    for call in calls.collect::<Vec<_>>() {
        match call.await.unwrap() {
            Ok(_) => granted += 1,
            refused => {
                let (name, detail) = refusal(refused);
                assert_eq!(
                    (name.as_str(), detail.contains("7 of 7 all targets in an hour")),
                    ("limits", true),
                    "{detail}"
                );
            }
        }
    }
    assert_eq!(granted, 7);
    assert_eq!(audit.state().await.unwrap().history.open.len(), 7);
}

#[tokio::test]
async fn an_intent_is_refused_while_one_is_open_also_after_a_restart() {
    let (dir, audit) = fresh(Options::default());
    audit.append(vec![intent("orders", "pool", "run1", Limits::default())]).await.unwrap();
    audit.close().await;
    let audit = open(dir.path(), Options::default()).unwrap();
    let again = || vec![intent("orders", "pool", "run2", Limits::default())];
    assert_eq!(refusal(audit.append(again()).await).0, "open_intent");
    audit.append(vec![outcome("orders", "pool", "run1")]).await.unwrap();
    audit.append(again()).await.unwrap();
}

#[tokio::test]
async fn a_refused_intent_takes_its_whole_call_with_it() {
    let (dir, audit) = fresh(Options::default());
    let first = intent("orders", "a", "run1", Limits::default());
    audit.append(vec![first]).await.unwrap();
    let call = vec![
        outcome("orders", "a", "run1"),
        intent("orders", "b", "run2", Limits::default()),
        intent("orders", "b", "run3", Limits::default()),
    ];
    assert_eq!(refusal(audit.append(call).await).0, "open_intent");
    let history = audit.state().await.unwrap().history;
    let open: Vec<_> = history.open.keys().map(|(_, key)| key).collect();
    assert_eq!(open, ["pool:a:shop:app"]);
    assert_eq!(audit.append(plain(0)).await.unwrap(), [3]);
    audit.close().await;
    assert_eq!(records(dir.path()).len(), 3);
}

#[tokio::test]
async fn the_file_paused_stops_intents_and_nothing_else() {
    let (dir, audit) = fresh(Options::default());
    std::fs::write(dir.path().join("PAUSED"), "migration until six, ask Mina\nmore\n").unwrap();
    let wanted = || vec![intent("orders", "pool", "run1", Limits::default())];
    let (name, detail) = refusal(audit.append(wanted()).await);
    assert_eq!(name, "paused");
    assert!(detail.contains("migration until six, ask Mina") && !detail.contains("more"), "{detail}");
    audit.append(plain(0)).await.unwrap();
    std::fs::remove_file(dir.path().join("PAUSED")).unwrap();
    audit.append(wanted()).await.unwrap();
}

#[tokio::test]
async fn damage_elsewhere_stops_intents_and_nothing_else() {
    let (_dir, audit) = fresh(Options::default());
    audit.damaged("segment 1, line 7".to_owned()).await;
    let (name, detail) = refusal(audit.append(vec![intent("orders", "pool", "r", Limits::default())]).await);
    assert_eq!((name.as_str(), detail.contains("segment 1, line 7")), ("audit", true));
    audit.append(plain(0)).await.unwrap();
    assert!(audit.watch().borrow().trouble.as_deref().unwrap().contains("segment 1, line 7"));
}

#[tokio::test]
async fn a_record_that_could_not_be_read_back_is_never_stored() {
    let (dir, audit) = fresh(Options::default());
    let Entry::Plain(mut record) = outcome("orders", "pool", "run1") else { unreachable!() };
    if let Some(pgmedic::model::Candidate::Pool(pool)) = record.candidate.as_mut().map(|c| &mut c.candidate) {
        pool.max_wait_seconds = f64::NAN;
    }
    let call = vec![Entry::Plain(draft(RecordKind::Decision, "orders", 1)), Entry::Plain(record)];
    let said = audit.append(call).await.unwrap_err();
    assert!(matches!(&said, AppendError::Unwritable(why) if why.contains("`outcome`")), "{said}");
    assert_eq!(audit.append(plain(0)).await.unwrap(), [2]);
    audit.close().await;
    assert_eq!(records(dir.path()).len(), 2);
}

#[tokio::test]
async fn a_closed_log_says_so() {
    let (_dir, audit) = fresh(Options::default());
    let other = audit.clone();
    audit.close().await;
    assert_eq!(other.append(plain(0)).await, Err(AppendError::Closed));
    assert_eq!(other.state().await, None);
}

#[tokio::test]
async fn only_a_stop_that_was_recorded_is_no_crash() {
    let (dir, audit) = fresh(Options::default());
    let said = |reason: &str| {
        let mut draft = draft(RecordKind::Lifecycle, "orders", 0);
        draft.reason = Some(reason.to_owned());
        vec![Entry::Plain(draft)]
    };
    audit.append(said("started")).await.unwrap();
    audit.close().await;
    let audit = open(dir.path(), Options::default()).unwrap();
    assert!(audit.started_after_crash());
    audit.append(said("stopped by SIGTERM")).await.unwrap();
    audit.close().await;
    assert!(!open(dir.path(), Options::default()).unwrap().started_after_crash());
}

#[tokio::test]
async fn last_fires_survive_a_restart_and_are_no_records() {
    let (dir, audit) = fresh(Options::default());
    let nominal: Timestamp = "2026-11-24T20:00:00Z".parse().unwrap();
    assert_eq!(audit.last_fire("orders nightly cron".to_owned()).await, None);
    audit.fired("orders nightly cron".to_owned(), nominal).await;
    assert_eq!(audit.last_fire("orders nightly cron".to_owned()).await, Some(nominal));
    audit.close().await;
    let size = records(dir.path()).len();
    let audit = open(dir.path(), Options::default()).unwrap();
    assert_eq!(audit.last_fire("orders nightly cron".to_owned()).await, Some(nominal));
    audit.close().await;
    assert_eq!(records(dir.path()).len(), size);
}

#[tokio::test]
async fn the_folded_state_is_read_without_a_writer() {
    let (dir, audit) = fresh(Options { segment_bytes: 2_000, ..Options::default() });
    for n in 0..20 {
        audit.append(plain(n)).await.unwrap();
    }
    let written = audit.state().await.unwrap();
    // The writer still has the log; a reader takes no lock.
    assert_eq!(pgmedic::audit::query::state(dir.path()).unwrap(), written);
    audit.close().await;
    assert_eq!(pgmedic::audit::query::state(dir.path()).unwrap(), written);
}
