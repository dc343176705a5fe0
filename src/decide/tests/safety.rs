//! What must never happen, one path at a time.

use super::*;
use crate::config::Freeze;
use crate::decide::run::Errand;
use crate::model::testing::pool;
use crate::model::{Pool, Verdict};
use crate::playbook::Step;

pub(super) const RAISE: &str = r"
version: 1
name: raise-pools
about: Gives starved pools more connections.
mode: enforce
targets: all
find: starved_pools
do: [set_pool_size]
verify: {within: 10s}
";

/// A run that is told what happens, one event at a time.
struct Hand {
    stage: Stage,
    run: Run,
    seq: u64,
}

impl Hand {
    fn new(text: &str, there: Vec<Candidate>) -> Hand {
        Hand::with(text, there, |_| {})
    }

    fn with(text: &str, there: Vec<Candidate>, change: impl FnOnce(&mut Brief)) -> Hand {
        let stage = Stage::new(there, &[]);
        let mut brief = stage.brief(playbook(text));
        change(&mut brief);
        Hand { stage, run: Run::new(brief), seq: 0 }
    }

    fn tell(&mut self, what: What) -> Vec<Effect> {
        let (run, effects) = next(&self.run, &self.stage.event(what));
        self.run = run;
        effects
    }

    fn appended(&mut self) -> Vec<Effect> {
        self.seq += 1;
        self.tell(What::Appended(vec![self.seq]))
    }

    fn look(&mut self) -> Vec<Effect> {
        let look = self.stage.look(None);
        self.tell(look)
    }

    /// Up to the intent of the first rung for the first candidate.
    fn intend(&mut self) -> Vec<Effect> {
        self.tell(What::Begin);
        self.look();
        self.appended();
        self.look()
    }

    /// One rung, ended as told and recorded.
    fn act(&mut self, status: OutcomeStatus) -> Vec<Effect> {
        self.intend();
        assert!(matches!(self.appended()[..], [Effect::Act(_)]));
        self.tell(What::Acted(Outcome::new(status, "as staged")));
        self.appended()
    }
}

fn plain(effects: &[Effect]) -> Vec<&Draft> {
    let [Effect::Append(entries)] = effects else { panic!("{effects:?}") };
    let draft = |e| match e {
        &Entry::Plain(ref draft) | &Entry::Intent(ref draft, _) => &**draft,
    };
    entries.iter().map(draft).collect()
}

fn errand(effects: &[Effect]) -> &Errand {
    match effects {
        [Effect::Act(errand)] => errand,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_rest_that_a_stop_cut_short_does_not_record_the_end_twice() {
    let mut hand = Hand::new(CANCEL_THEN_TERMINATE, vec![query(7)]);
    assert!(matches!(hand.act(OutcomeStatus::Failed)[..], [Effect::Rest(_)]));
    plain(&hand.tell(What::Stop("told to".into())));
    assert!(hand.tell(What::Rested).is_empty(), "the engine ends every rest at a stop");
    assert!(matches!(hand.appended()[..], [Effect::End(_)]));
}

#[test]
fn an_answer_to_an_earlier_append_does_not_send_a_statement() {
    let mut hand = Hand::new(CANCEL_THEN_TERMINATE, vec![query(7)]);
    hand.intend();
    assert!(hand.tell(What::Appended(vec![1])).is_empty(), "the intent is not durable yet");
    assert!(matches!(hand.appended()[..], [Effect::Act(_)]));
}

#[test]
fn what_could_not_be_read_is_not_gone() {
    let mut hand = Hand::new(CANCEL_THEN_TERMINATE, vec![query(7)]);
    hand.tell(What::Begin);
    hand.look();
    hand.appended();
    hand.stage.there.clear();
    hand.stage.facts.unreadable = vec!["pg_stat_activity: no".to_owned()];
    let effects = hand.look();
    assert_eq!(plain(&effects)[0].reason.as_deref(), Some("unreadable: pg_stat_activity: no"));
}

#[test]
fn nothing_found_where_nothing_could_be_read_is_told() {
    let mut hand = Hand::new(CANCEL_THEN_TERMINATE, Vec::new());
    hand.stage.facts.unreadable = vec!["a".to_owned(), "b".to_owned()];
    hand.tell(What::Begin);
    let effects = hand.look();
    let whole = plain(&effects)[0];
    assert_eq!((whole.verdict, whole.reason.as_deref()), (Some(Verdict::Skip), Some("unreadable: a, and 1 more")));
}

#[test]
fn a_decision_that_could_not_be_recorded_is_news_again() {
    let observe = CANCEL_THEN_TERMINATE.replace("mode: enforce", "mode: observe");
    let mut hand = Hand::new(&observe, vec![query(7)]);
    hand.tell(What::Begin);
    plain(&hand.look());
    let effects = hand.tell(What::Unwritable("disk full".into()));
    assert!(matches!(effects[..], [Effect::End(_)]), "nothing is remembered: {effects:?}");
    let mut hand = Hand::new(&observe, vec![query(7)]);
    hand.tell(What::Begin);
    hand.look();
    assert!(matches!(hand.appended()[..], [Effect::Remember { .. }, Effect::End(_)]));
}

#[test]
fn a_log_that_fails_in_the_middle_does_not_leave_what_was_done_unverified() {
    let mut hand = Hand::new(CANCEL_THEN_TERMINATE, vec![query(7), query(8)]);
    hand.act(OutcomeStatus::Failed);
    hand.look();
    let effects = hand.tell(What::Unwritable("disk full".into()));
    let [Effect::Look(candidate)] = &effects[..] else { panic!("{effects:?}") };
    assert_eq!(candidate.key(), query(7).key());
}

#[test]
fn what_was_refused_is_no_remedy() {
    let mut hand = Hand::new(CANCEL_THEN_TERMINATE, vec![query(7)]);
    let effects = hand.act(OutcomeStatus::Refused);
    let notice = plain(&effects)[0].notice().unwrap();
    insta::assert_snapshot!(format!("[{}] {}", notice.event, notice.headline), @"[failed] cancel_backend: 1 session on orders; nothing was touched");
    let effects = hand.appended();
    let [Effect::End(end)] = &effects[..] else { panic!("{effects:?}") };
    assert_eq!((end.acted, end.helped, end.failed), (0, 0, 0));
}

/// A pool that was raised to 8 and is still starved, up to the end of verification.
fn raised(after_size: Option<u32>) -> (Hand, Vec<Effect>) {
    let mut hand = Hand::new(RAISE, vec![Candidate::Pool(pool())]);
    hand.act(OutcomeStatus::Done);
    let sized = |size| Candidate::Pool(Pool { default_pool_size: size, pool_size: size, ..pool() });
    hand.stage.there = after_size.map(sized).into_iter().collect();
    hand.stage.now = after(hand.stage.now, Duration::from_mins(1));
    let effects = match after_size {
        Some(_) => hand.look(),
        None => hand.tell(What::Blind { reason: "down".to_owned(), seen: BTreeMap::new() }),
    };
    (hand, effects)
}

#[test]
fn a_change_that_did_not_help_is_taken_back_by_comparing_first() {
    let (mut hand, effects) = raised(Some(8));
    assert!(matches!(&effects[..], [Effect::Append(e)] if matches!(e[..], [Entry::Intent(..)])));
    let effects = hand.appended();
    let act = &errand(&effects).prepared.deed.act;
    assert_eq!((act.statement.as_str(), act.wanted[1].1.as_str()), ("SET default_pool_size = 4", "8"));
}

#[test]
fn what_another_hand_changed_or_nobody_could_see_is_not_taken_back() {
    let (_, effects) = raised(Some(12));
    let said = |effects: &[Effect]| plain(effects)[0].outcome.clone().unwrap().detail;
    insta::assert_snapshot!(said(&effects), @r#"it did not help; taking it back: left as it is: somebody else changed it meanwhile, it is {"default_pool_size":12} now"#);
    assert_eq!(plain(&effects)[0].notice().unwrap().event, "failed", "it was not taken back");
    let (_, effects) = raised(None);
    insta::assert_snapshot!(said(&effects), @"it could not be looked at again, so whether it helped is not known, which counts as no; not taken back: it could not be looked at since, and somebody else may have changed it");
    let (_, effects) = raised(Some(4));
    insta::assert_snapshot!(said(&effects), @"looked at again: the harm is still there");
}

#[test]
fn a_stop_before_a_revert_is_sent_sends_nothing() {
    let (mut hand, _) = raised(Some(8));
    assert!(hand.tell(What::Stop("told to".into())).is_empty());
    let effects = hand.appended();
    assert_eq!(plain(&effects)[0].outcome.as_ref().map(|o| o.status), Some(OutcomeStatus::Refused), "{effects:?}");
    let effects = hand.appended();
    assert_eq!(plain(&effects)[0].kind, crate::model::RecordKind::Verification);
}

#[test]
fn a_value_that_moved_since_it_was_found_is_left_to_the_next_run() {
    let other = Candidate::Pool(Pool { default_pool_size: 8, pool_size: 8, ..pool() });
    let mut hand = Hand::new(RAISE, vec![Candidate::Pool(pool())]);
    hand.tell(What::Begin);
    hand.look();
    hand.appended();
    hand.stage.there = vec![other];
    let effects = hand.look();
    insta::assert_snapshot!(plain(&effects)[0].reason.clone().unwrap(), @r#"changed: it was {"default_pool_size":4} when it was found and is {"default_pool_size":8} now; the next run judges it anew"#);
}

#[test]
fn a_freeze_that_begins_meanwhile_stops_what_was_announced_and_bounds_what_runs() {
    let begins = |seconds| {
        move |brief: &mut Brief| {
            let mut policy = fixture::policy();
            policy.freezes.push(Freeze {
                name: "sale".to_owned(),
                from: after(brief.started, Duration::from_secs(seconds)),
                until: after(brief.started, Duration::from_hours(1)),
                targets: Vec::new(),
                except: crate::model::Names::default(),
                ceiling: Mode::Approve,
            });
            brief.policy = Arc::new(policy);
        }
    };
    let mut hand = Hand::with(CANCEL_THEN_TERMINATE, vec![query(7)], begins(2));
    hand.intend();
    hand.stage.now = after(hand.stage.now, Duration::from_secs(1));
    assert_eq!(errand(&hand.appended()).prepared.deed.act.deadline, Duration::from_secs(1));
    let mut hand = Hand::with(CANCEL_THEN_TERMINATE, vec![query(7)], begins(2));
    hand.intend();
    hand.stage.now = after(hand.stage.now, Duration::from_secs(2));
    let effects = hand.appended();
    assert_eq!(plain(&effects)[0].outcome.clone().unwrap().detail, "freeze: `sale` began; nothing was sent");
}

#[test]
fn a_later_rung_that_waits_for_a_person_is_told_once() {
    let text = CANCEL_THEN_TERMINATE.replace("wait: 30s, terminate_backend", "terminate_backend: {mode: approve}");
    assert!(matches!(playbook(&text).steps[1], Step::Act(_)));
    let mut stage = Stage::new(vec![query(7)], &[(OutcomeStatus::Failed, false), (OutcomeStatus::Failed, false)]);
    stage.run(&playbook(&text));
    stage.now = after(stage.now, Duration::from_mins(10));
    stage.run(&playbook(&text));
    let held = stage.told.iter().filter(|line| line.contains("[held]")).count();
    assert_eq!(held, 1, "{}", stage.told.join("\n"));
}
