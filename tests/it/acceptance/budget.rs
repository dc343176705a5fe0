//! A run's own time: its budget, and the close of the window that allows it.

use pgmedic::config::{Config, Surroundings, Text};
use pgmedic::decide::next;
use pgmedic::decide::run::{Brief, Effect, Entry, Event, Look, Run, What};
use pgmedic::model::record::{Draft, Trigger};
use pgmedic::model::time::{after, since};
use pgmedic::model::{Candidate, Duration, Facts, Labels, Timestamp};
use pgmedic::playbook::Playbook;
use serde_json::json;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// A world without files and variables.
pub struct Nothing;

impl Surroundings for Nothing {
    fn files(&self, _: &Path) -> Result<Vec<PathBuf>, String> {
        Ok(Vec::new())
    }

    fn text(&self, _: &Path) -> Result<Option<String>, String> {
        Ok(None)
    }

    fn value(&self, _: &Text) -> Result<String, String> {
        Err("nothing is there".to_owned())
    }
}

/// A target on paper, and a playbook with everything enforced but what a test changes.
pub struct Stage {
    config: Config,
    playbook: Arc<Playbook>,
    /// 2026-11-24, 02:00 UTC.
    now: Timestamp,
}

impl Stage {
    /// `more` is the playbook after its name, targets, finder and step.
    pub fn new(more: &str) -> Stage {
        let config = "version: 1\nmode: enforce\nplaybooks: []\ntargets: [{name: orders, dsn: 'host=a', mode: enforce}]\n\
            windows: {nightly: [{cron: \"0 1 * * *\", lasts: 90m}]}\n\
            policy: {limits: {disruptive: {per_run: 100000, same_query: {max: 1000}}}}\n";
        let config = pgmedic::config::read(Path::new("pgmedic.yaml"), config, &Nothing).0.expect("a configuration");
        let text = format!("version: 1\nname: p\ntargets: all\nfind: long_queries\ndo: [cancel_backend]\n{more}");
        let (playbook, faults) = pgmedic::playbook::read("p.yaml", &text, &pgmedic::decide::catalogue());
        let playbook = Arc::new(playbook.unwrap_or_else(|| panic!("{faults:?}")));
        Stage { config, playbook, now: "2026-11-24T02:00:00Z".parse().expect("a moment") }
    }

    /// A session that runs a query for an hour.
    pub fn backend(pid: i32, query: &str) -> Candidate {
        let json = json!({
            "kind": "backend", "pid": pid, "backend_start": "2026-11-24T00:00:00Z",
            "xact_start": "2026-11-24T01:00:00Z", "query_start": "2026-11-24T01:00:00Z", "state": "active",
            "backend_type": "client backend", "user": "app", "database": "shop", "application": "billing",
            "client_addr": null, "superuser": false, "replication": false, "wait": null, "progress": null,
            "relation_locks": 1, "running_seconds": 3600.0, "limit_seconds": 300.0, "query": query,
            "fingerprint": format!("text:{pid}"),
        });
        serde_json::from_value(json).expect("a backend")
    }

    fn run(&self) -> Run {
        let target = &self.config.targets[0];
        Run::new(Brief {
            id: "01RUN".to_owned(),
            target: target.name.clone(),
            labels: Labels::new(),
            playbook: self.playbook.clone(),
            policy: Arc::new(self.config.policy(target)),
            trigger: Trigger { kind: "every".to_owned(), detail: "30s".to_owned(), nominal: None },
            actor: "daemon".to_owned(),
            lowered: None,
            started: self.now,
            notify: Vec::new(),
        })
    }

    fn look(candidates: &[Candidate], at: Timestamp) -> What {
        let server = json!({
            "version_num": 150_018, "system_identifier": "7", "timeline": 1, "in_recovery": false,
            "client_backends": 5000, "max_connections": 9000, "reserved_connections": 3,
            "deadlock_timeout_milliseconds": 1000, "paused_by_role": null,
            "privileges": {"monitor": true, "signal_backend": true}, "ownership": {"state": "held"}, "databases": ["shop"],
        });
        let facts = Facts {
            target: "orders".to_owned(),
            labels: Labels::new(),
            looked_at: at,
            server: serde_json::from_value(server).expect("a server"),
            candidates: candidates.to_vec(),
            beyond_limit: 0,
            unreadable: Vec::new(),
        };
        What::Looked(Box::new(Look { facts, history: Arc::default(), seen: BTreeMap::new() }))
    }

    /// The records of a plan over these candidates.
    pub fn planned(&self, candidates: &[Candidate]) -> Vec<Draft> {
        let begun = next(&self.run(), &Event { at: self.now, elapsed: Duration::ZERO, what: What::Begin }).0;
        drafts(
            &next(&begun, &Event { at: self.now, elapsed: Duration::ZERO, what: Self::look(candidates, self.now) }).1,
        )
    }

    /// What the run says of its second candidate whose turn comes so long after it began.
    fn second_after(&self, took: Duration) -> (bool, String) {
        let there = [Self::backend(1, "SELECT 1"), Self::backend(2, "SELECT 2")];
        let later = after(self.now, took);
        let outcome = pgmedic::model::Outcome::new(pgmedic::model::OutcomeStatus::Done, "it ended");
        let mut events = vec![(self.now, What::Begin), (self.now, Self::look(&there, self.now))];
        events.extend([(self.now, What::Appended(vec![1])), (self.now, Self::look(&there[..1], self.now))]);
        events.extend([(self.now, What::Appended(vec![2])), (later, What::Acted(outcome))]);
        events.push((later, What::Appended(vec![3])));
        let (mut run, mut effects) = (self.run(), Vec::new());
        for (at, what) in events {
            (run, effects) = next(&run, &Event { at, elapsed: since(at, self.now), what });
        }
        let second = |e: &Effect| matches!(e, Effect::Look(c) if c.key() == there[1].key());
        if effects.iter().any(second) {
            return (true, String::new());
        }
        let (_, effects) = next(&run, &Event { at: later, elapsed: took, what: Self::look(&[], later) });
        let skipped = drafts(&effects).into_iter().find_map(|d| d.reason);
        (false, skipped.unwrap_or_default())
    }
}

fn drafts(effects: &[Effect]) -> Vec<Draft> {
    let entries = effects.iter().filter_map(|e| match e {
        Effect::Append(entries) => Some(entries),
        _ => None,
    });
    let draft = |entry: &Entry| match entry {
        Entry::Plain(draft) | Entry::Intent(draft, _) => (**draft).clone(),
    };
    entries.flatten().map(draft).collect()
}

#[test]
fn after_its_time_budget_a_run_begins_nothing_and_says_how_much_is_left() {
    let stage = Stage::new("mode: enforce\nguard: {time_budget: 1h}\n");
    assert!(stage.second_after(Duration::from_mins(59)).0, "there is time for the second");
    let (looked, why) = stage.second_after(Duration::from_hours(1));
    assert!(!looked);
    assert_eq!(why, "time_budget: the run's time (1h) was over; 1 candidates were left for the next run");
}

#[test]
fn after_the_close_of_its_window_a_run_begins_nothing() {
    let stage = Stage::new("mode: enforce\nguard: {allow_in: [nightly], time_budget: 5h}\n");
    assert!(stage.second_after(Duration::from_mins(29)).0, "the window closes at 02:30");
    assert!(!stage.second_after(Duration::from_mins(30)).0);
}
