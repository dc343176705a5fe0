//! A world in which every guard lets through; tests change what should stop.

use super::{Answer, Guard, Scene};
use crate::config::{Ceilings, Limits, Policy, QueryText};
use crate::model::candidate::Named;
use crate::model::record::{ActionRef, Draft, PlaybookRef, RecordKind};
use crate::model::right::Right;
use crate::model::{
    Backend, Candidate, Class, Duration, Facts, History, Kind, Labels, Mode, Names, Outcome, OutcomeStatus, Ownership,
    Privileges, Protect, Record, Server, Table, Timestamp,
};
use crate::playbook::{
    ActStep, ActionSpec, Args, Find, FinderSpec, OnMissed, OnOverlap, Playbook, Step, TargetSelector,
};
use std::collections::BTreeMap;

static FINDER: FinderSpec = FinderSpec { name: "long_queries", kind: Kind::Backend, about: "", params: &[] };
static CANCEL: ActionSpec = ActionSpec {
    name: "cancel_backend",
    kind: Kind::Backend,
    class: Class::Disruptive,
    about: "",
    params: &[],
    danger: "",
};
static ANALYZE: ActionSpec =
    ActionSpec { name: "analyze", kind: Kind::Table, class: Class::Maintenance, about: "", params: &[], danger: "" };

pub(super) const RUN: &str = "01RUN";

pub(super) struct World {
    pub playbook: Playbook,
    pub policy: Policy,
    pub history: History,
    pub facts: Facts,
    pub candidate: Option<Candidate>,
    pub let_through: u32,
    pub now: Timestamp,
}

pub(crate) fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

pub(crate) fn names(patterns: &[&str]) -> Names {
    Names::parse(&patterns.iter().map(|p| (*p).to_owned()).collect::<Vec<_>>()).unwrap()
}

impl World {
    /// `cancel_backend` of one long query, everything in enforce.
    pub fn of_a_query() -> World {
        World::new(&CANCEL, Candidate::Backend(backend()))
    }

    /// `analyze` of one stale table, everything in enforce.
    pub fn of_a_table() -> World {
        World::new(&ANALYZE, Candidate::Table(table()))
    }

    fn new(action: &'static ActionSpec, candidate: Candidate) -> World {
        World {
            playbook: playbook(action),
            policy: policy(),
            history: History::default(),
            facts: facts(),
            candidate: Some(candidate),
            let_through: 0,
            now: at("2026-11-24T02:00:00Z"),
        }
    }

    pub fn backend(&mut self) -> &mut Backend {
        match &mut self.candidate {
            Some(Candidate::Backend(b)) => b,
            other => panic!("not a backend: {other:?}"),
        }
    }

    pub fn table(&mut self) -> &mut Table {
        match &mut self.candidate {
            Some(Candidate::Table(t)) => t,
            other => panic!("not a table: {other:?}"),
        }
    }

    pub fn check(&self, guard: &dyn Guard) -> Option<Answer> {
        guard.check(&Scene {
            playbook: &self.playbook,
            policy: &self.policy,
            history: &self.history,
            facts: &self.facts,
            candidate: self.candidate.as_ref(),
            rung: self.playbook.rungs().next(),
            let_through: self.let_through,
            run: RUN,
            now: self.now,
        })
    }

    /// The words with which a guard stops.
    #[track_caller]
    pub fn stopped(&self, guard: &dyn Guard) -> String {
        match self.check(guard) {
            Some(Answer::Stop(why)) => why,
            other => panic!("{} did not stop: {other:?}", guard.name()),
        }
    }

    /// The words with which a guard lets through.
    #[track_caller]
    pub fn passed(&self, guard: &dyn Guard) -> String {
        match self.check(guard) {
            Some(Answer::Pass(why)) => why,
            other => panic!("{} did not pass: {other:?}", guard.name()),
        }
    }

    /// Folds in that a target was taken over from another pgmedic, `minutes` before now.
    pub fn took_over(&mut self, target: &str, minutes: u64) {
        let at = self.now.checked_sub(Duration::from_mins(minutes)).unwrap();
        self.history.rights.insert(target.to_owned(), Right::TookOver { from: "pid 99".to_owned(), at });
    }

    /// Folds in an intent on the candidate, with its outcome if `ended`, `minutes` before now.
    pub fn acted(&mut self, run: &str, minutes: u64, ended: Option<OutcomeStatus>) {
        let Some(candidate) = self.candidate.clone() else { return };
        self.acted_on(&candidate, run, minutes, ended);
    }

    /// The same for another candidate.
    pub fn acted_on(&mut self, candidate: &Candidate, run: &str, minutes: u64, ended: Option<OutcomeStatus>) {
        let time = self.now.checked_sub(Duration::from_mins(minutes)).unwrap();
        let action = self.playbook.rungs().next().map(|s| s.action).unwrap();
        let mut draft = Draft::new(RecordKind::Intent);
        draft.run = Some(run.to_owned());
        draft.target = Some(self.facts.target.clone());
        draft.playbook = Some(PlaybookRef { name: self.playbook.name.clone(), digest: String::new() });
        draft.candidate = Some(Named::from(candidate));
        draft.action = Some(ActionRef {
            name: action.name.to_owned(),
            class: action.class,
            arguments: serde_json::Value::Null,
            statement: String::new(),
        });
        self.history.apply(&Record { seq: 7, time, body: draft.clone() });
        if let Some(status) = ended {
            draft.kind = RecordKind::Outcome;
            draft.outcome = Some(Outcome::new(status, ""));
            self.history.apply(&Record { seq: 8, time, body: draft });
        }
    }
}

fn playbook(action: &'static ActionSpec) -> Playbook {
    Playbook {
        name: "remedy".to_owned(),
        about: String::new(),
        owner: None,
        severity: None,
        runbook_url: None,
        labels: Labels::new(),
        enabled: true,
        mode: Mode::Enforce,
        triggers: Vec::new(),
        targets: TargetSelector::All,
        when: Vec::new(),
        find: Find { finder: &FINDER, args: Args::default() },
        guard: crate::playbook::Guard { cooldown: Duration::from_mins(5), ..crate::playbook::Guard::default() },
        steps: vec![Step::Act(ActStep { action, args: Args::default(), mode: None })],
        verify_within: Duration::from_mins(2),
        notify: None,
        on_overlap: OnOverlap::Skip,
        on_missed: OnMissed::Skip,
        digest: String::new(),
        text: String::new(),
        changes: None,
        vars: std::collections::BTreeMap::new(),
        file: String::new(),
    }
}

pub(crate) fn policy() -> Policy {
    Policy {
        daemon_mode: Mode::Enforce,
        target_mode: Mode::Enforce,
        protect: Protect::default(),
        limits: Limits::default(),
        ceilings: Ceilings::default(),
        windows: BTreeMap::new(),
        freezes: Vec::new(),
        timezone: "UTC".to_owned(),
        query_text: QueryText::Redacted,
    }
}

pub(crate) fn facts() -> Facts {
    Facts {
        target: "orders".to_owned(),
        labels: [("env".to_owned(), "prod".to_owned())].into(),
        looked_at: at("2026-11-24T02:00:00Z"),
        server: Server {
            version_num: 150_018,
            system_identifier: "7".to_owned(),
            timeline: 1,
            in_recovery: false,
            client_backends: 40,
            max_connections: 100,
            reserved_connections: 3,
            deadlock_timeout_milliseconds: 1000,
            paused_by_role: None,
            privileges: Privileges { monitor: true, acting_monitor: true, signal_backend: true },
            ownership: Ownership::Held,
            databases: vec!["shop".to_owned()],
            poolers: std::collections::BTreeMap::new(),
        },
        candidates: Vec::new(),
        beyond_limit: 0,
        unreadable: Vec::new(),
    }
}

pub(crate) fn backend() -> Backend {
    Backend {
        pid: 4711,
        backend_start: at("2026-11-24T01:00:00Z"),
        xact_start: Some(at("2026-11-24T01:20:00Z")),
        query_start: Some(at("2026-11-24T01:20:00Z")),
        state: "active".to_owned(),
        backend_type: "client backend".to_owned(),
        user: "app".to_owned(),
        database: "shop".to_owned(),
        application: "billing".to_owned(),
        client_addr: Some("10.0.0.7".to_owned()),
        superuser: false,
        replication: false,
        wait: None,
        progress: None,
        relation_locks: 2,
        running_seconds: 2400.0,
        limit_seconds: 300.0,
        query: "SELECT * FROM orders WHERE id = $1".to_owned(),
        fingerprint: "f1".to_owned(),
    }
}

pub(crate) fn table() -> Table {
    Table {
        database: "shop".to_owned(),
        schema: "public".to_owned(),
        name: "orders".to_owned(),
        oid: 16_400,
        owner: "app".to_owned(),
        partitioned: false,
        rows: 1e6,
        modified_rows: 400_000,
        threshold_rows: 100_050.0,
        last_analyzed: None,
        leaf_last_analyzed: None,
        never_analyzed: Some(true),
        autovacuum_off: false,
    }
}
