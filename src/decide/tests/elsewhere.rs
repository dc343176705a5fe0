//! Between a crash and the next start the configuration came to lead elsewhere, or days went by.

use super::safety::RAISE;
use super::*;
use crate::decide::resume::left;
use crate::model::testing::pool;
use crate::model::{Pool, RecordKind};

const DAY: Duration = Duration::from_hours(24);

fn at_the_pooler(place: &str) -> BTreeMap<String, String> {
    BTreeMap::from([("main".to_owned(), place.to_owned())])
}

fn raised() -> Candidate {
    let file = Some("pgbouncer.ini".to_owned());
    Candidate::Pool(Pool { default_pool_size: 8, pool_size: 8, pools_total: 8, config_file: file, ..pool() })
}

/// A pool that was raised, and is starved as before; pgmedic was killed before the effect of that name.
fn killed_before(name: &str, nth: usize, outcome: OutcomeStatus) -> Stage {
    let file = Some("pgbouncer.ini".to_owned());
    let endings = [(outcome, false), (OutcomeStatus::Done, true)];
    let mut stage = Stage::new(vec![Candidate::Pool(Pool { config_file: file, ..pool() })], &endings);
    stage.facts.server.client_backends = 30;
    stage.facts.server.poolers = at_the_pooler("db1:6432");
    stage.killed_before(&playbook(RAISE), name, nth);
    stage.there = vec![raised()];
    stage
}

/// The words of the outcomes and verifications that the next start leaves, and how many statements it sends.
fn next_start(mut stage: Stage) -> (Vec<String>, usize) {
    let (before, told) = (stage.log.len(), stage.told.len());
    stage.resumed(&playbook(RAISE));
    let sent = stage.told[told..].iter().filter(|line| line.starts_with("SEND")).count();
    assert!(!stage.told[told..].iter().any(|line| line.starts_with("RECALL") && sent > 0), "{:#?}", stage.told);
    let words = |d: &Draft| d.outcome.as_ref().map(|o| format!("{} {}: {}", d.kind.word(), o.status.word(), o.detail));
    (stage.log[before..].iter().filter_map(words).collect(), sent)
}

fn elsewhere(change: impl Fn(&mut Stage)) -> Vec<String> {
    let mut stage = killed_before("look", 2, OutcomeStatus::Done);
    change(&mut stage);
    let (said, sent) = next_start(stage);
    assert_eq!(sent, 0, "{said:#?}");
    said
}

#[test]
fn a_change_of_the_same_pooler_is_taken_back_as_ever() {
    let (said, sent) = next_start(killed_before("look", 2, OutcomeStatus::Done));
    assert_eq!((sent, said.len()), (1, 2), "{said:#?}");
}

#[test]
fn what_was_done_elsewhere_is_left_alone_and_told() {
    let server = elsewhere(|stage| stage.facts.server.system_identifier = "8".to_owned());
    let place = elsewhere(|stage| stage.facts.server.poolers = at_the_pooler("db2:6432"));
    let gone = elsewhere(|stage| stage.facts.server.poolers.clear());
    let other = elsewhere(|stage| {
        let Candidate::Pool(raised) = raised() else { return };
        stage.there = vec![Candidate::Pool(Pool { config_file: Some("other.ini".to_owned()), ..raised })];
    });
    insta::assert_snapshot!([server, place, gone, other].concat().join("\n"), @"
        verification unknown: left alone: it was done on the server with the system identifier 7, and this is another one (8). If it still holds, take it back by hand: SET default_pool_size = 4 in the console of PgBouncer main at db1:6432
        verification unknown: left alone: it was done by the PgBouncer at db1:6432, and this is db2:6432. If it still holds, take it back by hand: SET default_pool_size = 4 in the console of PgBouncer main at db1:6432
        verification unknown: left alone: it was done by the PgBouncer at db1:6432, and where this one is cannot be told: its login cannot be read, or it is no longer configured. If it still holds, take it back by hand: SET default_pool_size = 4 in the console of PgBouncer main at db1:6432
        verification unknown: left alone: it was done by the PgBouncer of pgbouncer.ini, and now that of other.ini is at db1:6432. If it still holds, take it back by hand: SET default_pool_size = 4 in the console of PgBouncer main at db1:6432
        ");
}

#[test]
fn a_login_that_cannot_be_read_for_a_while_takes_no_hands_off() {
    for looks in [1, 3] {
        let stage = killed_before("look", 2, OutcomeStatus::Done);
        stage.unreadable_logins.set(looks);
        let (said, sent) = next_start(stage);
        assert_eq!((sent, said.len()), (1, 2), "{said:#?}");
    }
    // Nor is a harm taken for gone that is not there while nobody knows where that is.
    let stage = killed_before("look", 2, OutcomeStatus::Done);
    stage.unreadable_logins.set(u32::MAX);
    let began = stage.elapsed();
    let mut stage = Stage { there: Vec::new(), ..stage };
    let before = stage.log.len();
    stage.resumed(&playbook(RAISE));
    let said: Vec<_> = stage.log[before..].iter().filter_map(|d| d.outcome.as_ref().map(|o| o.status)).collect();
    assert_eq!(said, [OutcomeStatus::Unknown], "{:#?}", stage.told);
    assert_eq!(stage.log.last().and_then(Draft::notice).map(|n| n.event), Some("unknown".to_owned()));
    let took = stage.elapsed().saturating_sub(began);
    assert!(took <= Duration::from_secs(10 + 10), "verify.within and the time to be sure");
}

#[test]
fn a_place_known_before_and_not_at_the_end_is_left_alone() {
    let mut stage = killed_before("look", 2, OutcomeStatus::Done);
    let began = stage.elapsed();
    let left = left(&stage.state.history).pop_first().expect("a change").1;
    let give_up = began + Duration::from_secs(20);
    let brief = stage.brief(playbook(RAISE));
    let run =
        crate::decide::resume::resume(brief, &stage.state.history, &left, give_up).expect("its playbook is there");
    let (mut run, mut effects) = next(&run, &stage.event(What::Begin));
    // Seen once where it is, then never again.
    for poolers in [at_the_pooler("db1:6432")].into_iter().chain(std::iter::repeat_n(BTreeMap::new(), 100)) {
        stage.facts.server.poolers = poolers;
        let Some(Effect::Look(candidate)) = effects.first() else { break };
        let mut what = stage.look(Some(candidate));
        for _ in 0..2 {
            (run, effects) = next(&run, &stage.event(what));
            let Some(Effect::Rest(length)) = effects.first() else { break };
            stage.now = after(stage.now, *length);
            what = What::Rested;
        }
    }
    let Some(Effect::Append(entries)) = effects.pop() else { panic!("{effects:?}") };
    let Entry::Plain(draft) = &entries[0] else { panic!("it would be taken back somewhere: {entries:?}") };
    let outcome = draft.outcome.clone().expect("an end");
    assert_eq!(outcome.status, OutcomeStatus::Unknown);
    assert!(outcome.detail.contains("cannot be told"), "{}", outcome.detail);
}

#[test]
fn what_was_announced_is_looked_up_once_its_place_is_known() {
    let recalled = |looks: u32| {
        let mut stage = killed_before("act", 1, OutcomeStatus::Done);
        stage.unreadable_logins.set(looks);
        let (told, before) = (stage.told.len(), stage.log.len());
        stage.resumed(&playbook(RAISE));
        let recalled = stage.told[told..].iter().any(|line| line.starts_with("RECALL"));
        let sent = stage.told[told..].iter().any(|line| line.starts_with("SEND"));
        (recalled, sent, stage.log[before..].to_vec())
    };
    assert!(recalled(2).0, "a look that does not tell where it is is followed by one that does");
    let (recalled, sent, log) = recalled(u32::MAX);
    assert!(!recalled && !sent, "{log:#?}");
    let ends: Vec<_> = log.iter().filter_map(|d| d.outcome.as_ref().map(|o| o.status)).collect();
    assert_eq!(ends, [OutcomeStatus::Unknown; 2], "{log:#?}");
    assert_eq!(log.last().and_then(Draft::notice).map(|n| n.event), Some("unknown".to_owned()));
}

#[test]
fn a_harm_that_is_not_seen_elsewhere_is_not_remedied() {
    let said = elsewhere(|stage| {
        stage.facts.server.poolers = at_the_pooler("db2:6432");
        stage.there.clear();
    });
    assert!(said[0].starts_with("verification unknown"), "{said:#?}");
}

#[test]
fn what_was_announced_elsewhere_is_not_looked_up_here() {
    let mut stage = killed_before("act", 1, OutcomeStatus::Done);
    stage.facts.server.poolers = at_the_pooler("db2:6432");
    let told = stage.told.len();
    stage.resumed(&playbook(RAISE));
    assert!(!stage.told[told..].iter().any(|line| line.starts_with("RECALL")), "{:#?}", stage.told);
    let outcome = stage.log.iter().find(|d| d.kind == RecordKind::Outcome).and_then(|d| d.outcome.clone());
    assert_eq!(outcome.map(|o| o.status), Some(OutcomeStatus::Unknown));
    let notice = stage.log.last().and_then(Draft::notice).expect("people are told");
    assert_eq!(notice.event, "unknown");
    insta::assert_snapshot!(notice.lines.join("\n"), @"
        Gives starved pools more connections.
        pool shop/app on main (5 clients waiting, the oldest 9.0s; 4 of 4 servers in use) → set_pool_size: unknown (not looked up: it was done by the PgBouncer at db1:6432, and this is db2:6432); default_pool_size 4 → default_pool_size 8; left alone: it was done by the PgBouncer at db1:6432, and this is db2:6432. If it still holds, take it back by hand: SET default_pool_size = 4 in the console of PgBouncer main at db1:6432
        Whether it helped was not looked at: a person should look.
        pgmedic ended in the middle of this run, and took it up again at its next start.
        Record: pgmedic audit show 01RUN0
        ");
}

#[test]
fn an_old_change_is_left_to_people_with_the_command_that_takes_it_back() {
    let after_downtime = |length: Duration| {
        let mut stage = killed_before("look", 2, OutcomeStatus::Done);
        stage.now = after(stage.now, length);
        stage
    };
    let hour = Duration::from_hours(1);
    assert_eq!(next_start(after_downtime(hour)).1, 1, "within verify.within and an hour it is taken back");
    assert_eq!(next_start(after_downtime(hour + Duration::from_mins(1))).1, 0);
    let mut stage = after_downtime(4 * DAY);
    assert_eq!(next_start(after_downtime(4 * DAY)).1, 0);
    stage.resumed(&playbook(RAISE));
    let notice = stage.log.last().and_then(Draft::notice).expect("people are told");
    assert_eq!(notice.event, "unknown");
    insta::assert_snapshot!(notice.lines.join("\n"), @"
        Gives starved pools more connections.
        pool shop/app on main (5 clients waiting, the oldest 9.0s; 4 of 4 servers in use) → set_pool_size: done (as staged); default_pool_size 4 → default_pool_size 8; left alone: it was changed 4d before pgmedic was started again, and only what is at most 1h 10s old is looked after. If it still holds, take it back by hand: SET default_pool_size = 4 in the console of PgBouncer main at db1:6432
        Whether it helped was not looked at: a person should look.
        pgmedic ended in the middle of this run, and took it up again at its next start.
        Record: pgmedic audit show 01RUN0
        ");
}

#[test]
fn an_old_announcement_is_looked_up_and_not_taken_back() {
    let mut stage = killed_before("act", 1, OutcomeStatus::Done);
    stage.now = after(stage.now, 4 * DAY);
    stage.recalled = Outcome::new(OutcomeStatus::Done, "it is 8 now");
    let told = stage.told.len();
    stage.resumed(&playbook(RAISE));
    let told = &stage.told[told..];
    assert!(told.iter().any(|line| line.starts_with("RECALL")), "{told:#?}");
    assert!(!told.iter().any(|line| line.starts_with("SEND")), "{told:#?}");
}

#[test]
fn a_record_that_does_not_say_where_is_left_alone() {
    let mut stage = killed_before("look", 2, OutcomeStatus::Done);
    let history = Arc::make_mut(&mut stage.state.history);
    history.unverified.values_mut().for_each(|left| left.draft.evidence = None);
    let (said, sent) = next_start(stage);
    assert_eq!(sent, 0, "{said:#?}");
}

#[test]
fn a_refusal_that_nobody_was_told_of_is_told_once_after_the_restart() {
    let book = playbook(CANCEL_THEN_TERMINATE);
    let told = |stage: &Stage| stage.log.iter().filter_map(Draft::notice).map(|n| n.event).collect::<Vec<_>>();
    let mut stage = Stage::new(vec![query(7)], &[(OutcomeStatus::Refused, false); 3]);
    stage.killed_before(&book, "verification", 1);
    assert_eq!(told(&stage), Vec::<String>::new());
    stage.resumed(&book);
    assert_eq!(told(&stage), ["failed"]);
    let notice = stage.log.last().and_then(Draft::notice).expect("people are told");
    insta::assert_snapshot!([vec![notice.headline], notice.lines].concat().join("\n"), @"
        cancel_backend: 1 session on orders; nothing was touched
        Ends what runs too long.
        pid 7 (app@shop, billing), running 40m → cancel_backend: refused (as staged)
        pgmedic ended in the middle of this run, and took it up again at its next start.
        Record: pgmedic audit show 01RUN0
        ");
    // The next start finds nothing to say, nor does the next run that is refused the same.
    assert!(left(&stage.state.history).is_empty());
    stage.now = after(stage.now, Duration::from_mins(10));
    stage.run(&book);
    assert_eq!(told(&stage), ["failed"], "{:#?}", stage.told);
    assert!(left(&stage.state.history).is_empty(), "though it says nothing new, it is closed");
}

#[test]
fn a_refusal_that_nobody_looks_after_is_told_as_one() {
    let mut stage = Stage::new(vec![query(7)], &[(OutcomeStatus::Refused, false)]);
    stage.killed_before(&playbook(CANCEL_THEN_TERMINATE), "verification", 1);
    let refused = left(&stage.state.history).pop_first().expect("a refusal").1.remove(0).draft;
    let draft = crate::decide::draft::unverified(&refused, "pgmedic ended", &["slack".to_owned()]);
    let notice = draft.notice().expect("a message");
    insta::assert_snapshot!(format!("[{}] {}\n{}", notice.event, notice.headline, notice.lines.join("\n")), @"
        [failed] cancel_backend on orders was refused; nothing was touched
        pid 7 (app@shop, billing), running 40m
        as staged
        Record: pgmedic audit show 01RUN0
        ");
    stage.state.apply(&Record { seq: 99, time: stage.now, body: draft });
    assert!(left(&stage.state.history).is_empty());
}
