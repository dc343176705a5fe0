//! Random lives of runs: whatever happens in whatever order, nothing is done that must not be.

use super::*;
use crate::decide::resume;
use crate::model::GuardReport;
use crate::model::testing::pool;
use crate::model::verdict::GuardVerdict;
use proptest::prelude::*;
use std::collections::BTreeSet;

const RAISE: &str = "
version: 1
name: raise-pools
about: Raises.
mode: enforce
targets: all
find: starved_pools
do: [set_pool_size]
verify: {within: 5s}
";

/// What the world does with the effect that waits.
#[derive(Clone, Debug)]
enum Luck {
    /// All goes well; the candidate is still there.
    Well,
    /// All goes well, and the candidate is gone.
    Gone,
    /// The login of the pooler cannot be read.
    Nowhere,
    /// It fails in the way that the effect can fail.
    Badly(u8),
    /// Told to stop, before it is answered.
    Stop,
    /// Something that nobody asked for comes first.
    Noise(u8),
    /// Time passes.
    Late(u16),
    /// pgmedic is killed; what was asked for last may have been done or not.
    Killed(bool),
    /// So it is, and the configuration leads to another server when it starts again.
    Moved,
    /// So it is, and it stays down for days.
    Days,
    /// The wall clock is set back by hours.
    Jolt,
}

fn luck() -> impl Strategy<Value = Luck> {
    prop_oneof![
        1 => Just(Luck::Nowhere),
        6 => Just(Luck::Well),
        2 => Just(Luck::Gone),
        3 => (0..6_u8).prop_map(Luck::Badly),
        1 => Just(Luck::Stop),
        3 => (0..8_u8).prop_map(Luck::Noise),
        1 => (0..90_u16).prop_map(Luck::Late),
        1 => any::<bool>().prop_map(Luck::Killed),
        1 => prop_oneof![Just(Luck::Moved), Just(Luck::Days)],
        1 => Just(Luck::Jolt),
    ]
}

/// The world around one run, which keeps count of what it was asked for.
#[allow(clippy::struct_excessive_bools, reason = "each is one thing that happened to the run")]
struct Chaos {
    stage: Stage,
    run: Run,
    pending: Vec<Effect>,
    ended: bool,
    stopped: bool,
    unwritable: bool,
    /// Statements whose intents are durable and that were not sent yet.
    announced: BTreeSet<String>,
    /// Intents and statements without a recorded end.
    open: usize,
    acts: usize,
    /// Killed once, so that only taking back may still be sent.
    killed: bool,
    /// The server is another one, so that nothing may be looked up there or taken back.
    moved: bool,
    /// What was changed is days old, so that nothing may be taken back.
    old: bool,
    /// Statements that were seen not to have been sent before a kill.
    unsent: usize,
    ladders: BTreeSet<String>,
}

impl Chaos {
    fn new(text: &str, there: Vec<Candidate>) -> Chaos {
        let mut stage = Stage::new(there, &[]);
        stage.facts.server.client_backends = 30;
        stage.facts.server.poolers = BTreeMap::from([(pool().pooler, "db1:6432".to_owned())]);
        let run = Run::new(stage.brief(playbook(text)));
        Chaos {
            stage,
            run,
            pending: Vec::new(),
            ended: false,
            stopped: false,
            unwritable: false,
            announced: BTreeSet::new(),
            open: 0,
            acts: 0,
            killed: false,
            moved: false,
            old: false,
            unsent: 0,
            ladders: BTreeSet::new(),
        }
    }

    fn tell(&mut self, what: What) {
        let stop = matches!(what, What::Stop(_));
        let (run, effects) = next(&self.run, &self.stage.event(what));
        self.run = run;
        self.stopped |= stop;
        for effect in effects {
            self.wants(effect);
        }
    }

    fn wants(&mut self, effect: Effect) {
        assert!(!self.ended, "nothing comes after the end: {effect:?}");
        match effect {
            Effect::Remember { seen, .. } => self.stage.seen = seen,
            Effect::End(_) => self.ended = true,
            effect => {
                if let Effect::Act(errand) = &effect {
                    let statement = &errand.prepared.deed.act.statement;
                    assert!(!self.killed || errand.undo.is_some(), "a resumed run only takes back: {statement}");
                    let nowhere = errand.prepared.server.poolers.is_empty();
                    assert!(!nowhere || errand.undo.is_none(), "taken back nobody knows where: {statement}");
                    assert!(!self.moved && !self.old, "taken back elsewhere, or too late: {statement}");
                    assert!(!self.stopped, "after a stop no statement is sent");
                    assert!(self.announced.remove(statement), "sent without a durable intent: {statement}");
                    self.acts += 1;
                    self.ladders.insert(errand.prepared.candidate.key());
                }
                assert!(!self.moved || !matches!(effect, Effect::Recall(_)), "looked up elsewhere");
                // A look or a rest that a stop overtook is answered later, and its answer means nothing then.
                self.pending
                    .retain(|p| !self.stopped || !matches!(p, Effect::Find | Effect::Look(_) | Effect::Rest(_)));
                assert!(self.pending.is_empty(), "two effects at once: {effect:?} beside {:?}", self.pending);
                self.pending.push(effect);
            }
        }
    }

    fn live(&mut self, lucks: &[Luck]) {
        self.tell(What::Begin);
        let mut lucks = lucks.iter().cloned().chain(std::iter::repeat_n(Luck::Gone, 400));
        while !self.ended || self.starts_again() {
            let luck = lucks.next().expect("a run whose effects are answered ends");
            match luck {
                Luck::Stop => self.tell(What::Stop("told to".into())),
                Luck::Noise(n) => self.noise(n),
                Luck::Killed(done) => self.killed(done),
                Luck::Moved => {
                    self.stage.facts.server.system_identifier.push('9');
                    self.moved = true;
                    self.killed(false);
                }
                Luck::Days => {
                    self.stage.now = after(self.stage.now, Duration::from_hours(72));
                    self.old = true;
                    self.killed(false);
                }
                Luck::Jolt => self.stage.set_back(Duration::from_hours(3)),
                Luck::Late(seconds) => self.stage.now = after(self.stage.now, Duration::from_secs(seconds.into())),
                luck => self.answer(&luck),
            }
        }
        let history = &self.stage.state.history;
        assert!(history.open.is_empty(), "{:?}", history.open);
        assert!(history.unverified.is_empty(), "{:?}", history.unverified);
        self.refusals_are_told();
    }

    /// A run that was refused all that it sent says so once, however often it was killed.
    fn refusals_are_told(&self) {
        let of_outcome = |d: &&Draft| d.kind == crate::model::RecordKind::Outcome;
        let ended = |d: &Draft| d.outcome.as_ref().map(|o| o.status);
        let ends: Vec<OutcomeStatus> = self.stage.log.iter().filter(of_outcome).filter_map(ended).collect();
        let untouched = |s: &OutcomeStatus| matches!(s, OutcomeStatus::Refused | OutcomeStatus::Gone);
        if ends.contains(&OutcomeStatus::Refused) && ends.iter().all(untouched) {
            let failed = |d: &&Draft| d.notice().is_some_and(|n| n.event == "failed");
            assert_eq!(self.stage.log.iter().filter(failed).count(), 1, "{:#?}", self.stage.told);
        }
    }

    /// A stop may leave to the next start what cannot be written or looked up in time; nothing else may.
    fn starts_again(&mut self) -> bool {
        if self.stopped && !resume::left(&self.stage.state.history).is_empty() {
            self.killed(false);
        }
        !self.ended
    }

    /// All but the log and the target is gone; the next start takes up what the log holds.
    fn killed(&mut self, done: bool) {
        match self.pending.pop() {
            Some(Effect::Append(entries)) if done => drop(self.append(entries, &Luck::Well)),
            Some(Effect::Act(errand)) if done => {
                self.stage.there.retain(|c| c.key() != errand.prepared.candidate.key());
            }
            _ => {}
        }
        self.announced.clear();
        (self.killed, self.stopped, self.ended) = (true, false, false);
        self.open = self.stage.state.history.open.len();
        let mut left = resume::left(&self.stage.state.history);
        assert!(left.len() <= 1, "one run leaves one: {left:?}");
        let Some((_, left)) = left.pop_first() else { return self.ended = true };
        let give_up = self.stage.elapsed() + Duration::from_secs(20);
        let brief = (*self.run.brief).clone();
        let run = resume::resume(brief, &self.stage.state.history, &left, give_up);
        self.run = run.expect("its own playbook has its steps");
        // Answers to what the dead process asked for reach nobody.
        self.run.appended = self.stage.log.len() as u64;
        self.tell(What::Begin);
    }

    /// Late, repeated and wrong news. (An `Acted` in the place of another cannot be told from the right one,
    /// and no engine makes it.)
    fn noise(&mut self, n: u8) {
        let acting = matches!(self.pending[..], [Effect::Act(_) | Effect::Recall(_)]);
        let resting = matches!(self.pending[..], [Effect::Rest(_)]);
        let looking = matches!(self.pending[..], [Effect::Find | Effect::Look(_)]);
        let appending = matches!(self.pending[..], [Effect::Append(_)]);
        match n {
            0 => self.tell(What::Begin),
            1 => self.tell(What::Appended(vec![1.min(self.stage.log.len() as u64)])),
            2 => self.tell(What::Appended(vec![self.stage.log.len() as u64])),
            3 if !resting => self.tell(What::Rested),
            4 if !looking => self.tell(self.stage.look(None)),
            5 if !acting => self.tell(What::Acted(Outcome::new(OutcomeStatus::Done, "stray"))),
            6 if !looking => self.tell(What::Blind { reason: "stray".to_owned(), seen: BTreeMap::new() }),
            7 if !appending => self.tell(What::Unwritable("stray".to_owned())),
            _ => {}
        }
    }

    fn answer(&mut self, luck: &Luck) {
        let Some(effect) = self.pending.pop() else { return };
        let what = match (effect, luck) {
            (Effect::Find | Effect::Look(_), Luck::Badly(n)) if n % 2 == 0 => {
                What::Blind { reason: "down".to_owned(), seen: self.stage.seen.clone() }
            }
            (Effect::Find, _) => self.stage.look(None),
            (Effect::Look(candidate), luck) => self.look(&candidate, luck),
            (Effect::Append(entries), luck) => self.append(entries, luck),
            (Effect::Act(errand), luck) => {
                if matches!(luck, Luck::Gone) {
                    self.stage.there.retain(|c| c.key() != errand.prepared.candidate.key());
                }
                What::Acted(Outcome::new(ending(luck), "as staged"))
            }
            (Effect::Recall(recall), luck) => {
                let gone = !self.stage.there.iter().any(|c| c.key() == recall.prepared.candidate.key());
                let status = match luck {
                    Luck::Badly(_) => OutcomeStatus::Unknown,
                    _ if gone => OutcomeStatus::Done,
                    _ => OutcomeStatus::Refused,
                };
                self.unsent += usize::from(status == OutcomeStatus::Refused);
                What::Acted(Outcome::new(status, "as recalled"))
            }
            (Effect::Rest(length), _) => {
                self.stage.now = after(self.stage.now, length);
                What::Rested
            }
            (other, _) => unreachable!("{other:?} waits for nothing"),
        };
        self.tell(what);
    }

    fn look(&mut self, candidate: &Candidate, luck: &Luck) -> What {
        if matches!(luck, Luck::Gone) {
            self.stage.there.retain(|c| c.key() != candidate.key());
        }
        self.stage.unreadable_logins.set(u32::from(matches!(luck, Luck::Nowhere)));
        let mut what = self.stage.look(Some(candidate));
        if let (What::Looked(look), Luck::Badly(_)) = (&mut what, luck) {
            look.facts.unreadable.push("a row".to_owned());
        }
        what
    }

    fn append(&mut self, entries: Vec<Entry>, luck: &Luck) -> What {
        let intent = entries.iter().any(|e| matches!(e, Entry::Intent(..)));
        if let Luck::Badly(n) = luck {
            if intent && n % 2 == 0 {
                let detail = "staged".to_owned();
                return What::Forbidden(GuardReport { name: "limits".into(), verdict: GuardVerdict::Stop, detail });
            }
            self.unwritable = true;
            return What::Unwritable("disk full".to_owned());
        }
        self.announced.clear();
        for entry in &entries {
            match entry {
                Entry::Intent(draft, _) => {
                    self.open += 1;
                    let action = draft.action.as_ref().expect("an intent names its action");
                    self.announced.insert(action.statement.clone());
                }
                Entry::Plain(draft) if is_end(draft) => self.open -= 1,
                Entry::Plain(_) => {}
            }
        }
        let answer = self.stage.append(entries);
        if matches!(answer, What::Forbidden(_)) {
            self.announced.clear();
            self.open -= 1;
        }
        answer
    }
}

fn is_end(draft: &Draft) -> bool {
    use crate::model::RecordKind;
    matches!(draft.kind, RecordKind::Outcome | RecordKind::Revert)
}

fn ending(luck: &Luck) -> OutcomeStatus {
    match luck {
        Luck::Badly(0) => OutcomeStatus::Failed,
        Luck::Badly(1) => OutcomeStatus::Unknown,
        Luck::Badly(2) => OutcomeStatus::Refused,
        Luck::Badly(3) => OutcomeStatus::TimedOut,
        Luck::Badly(4) => OutcomeStatus::Gone,
        _ => OutcomeStatus::Done,
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn sessions_are_safe_in_chaos(lucks in prop::collection::vec(luck(), 0..60), n in 1..9_i32) {
        let different = |pid| match query(pid) {
            Candidate::Backend(b) => Candidate::Backend(crate::model::Backend { fingerprint: pid.to_string(), ..b }),
            other => other,
        };
        let mut chaos = Chaos::new(CANCEL_THEN_TERMINATE, (1..=n).map(different).collect());
        chaos.live(&lucks);
        // A tenth of 30 sessions is less than `per_run`; each ladder has two rungs.
        prop_assert!(chaos.ladders.len() <= 3, "{:?}", chaos.ladders);
        prop_assert!(chaos.acts <= 6);
    }

    #[test]
    fn pools_are_safe_in_chaos(lucks in prop::collection::vec(luck(), 0..60)) {
        let mut chaos = Chaos::new(RAISE, vec![Candidate::Pool(pool())]);
        chaos.live(&lucks);
        prop_assert!(chaos.acts <= 2 + chaos.unsent, "one change, and taking it back");
    }
}
