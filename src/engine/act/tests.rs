//! Waits on a server that never shows the effect, while the wall clock is set back by an hour at every look at it.

use super::*;
use crate::decide::run::Prepared;
use crate::drivers::TargetDriver;
use crate::guards::fixture;
use crate::model::query::{Act, ActAnswer, Cell};
use crate::model::record::{RecordKind, Trigger};
use crate::model::testing::pool;
use crate::model::{Answer, Candidate, Draft, Duration, Question, Server, Timestamp};
use crate::playbook::{self, Playbook};
use async_trait::async_trait;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU32, Ordering};
use tokio::sync::watch;
use tokio::time::{Instant, timeout};

struct SetBack {
    began: Instant,
    looks: AtomicI64,
}

impl SetBack {
    fn new() -> SetBack {
        SetBack { began: Instant::now(), looks: AtomicI64::new(0) }
    }
}

#[async_trait]
impl Clock for SetBack {
    fn now(&self) -> Timestamp {
        let back = self.looks.fetch_add(1, Ordering::Relaxed) * 3_600;
        Timestamp::from_second(1_790_000_000 - back).expect("a moment")
    }

    fn elapsed(&self) -> Duration {
        self.began.elapsed()
    }

    async fn sleep(&self, length: Duration) {
        tokio::time::sleep(length).await;
    }
}

/// Shows that the query still runs, for ever.
struct Stubborn;

#[async_trait]
impl TargetDriver for Stubborn {
    async fn server(&self) -> Result<Server, Fault> {
        Ok(fixture::facts().server)
    }

    async fn ask(&self, question: &Question) -> Vec<Answer> {
        let still = Row([("same_query".to_owned(), Cell::Bool(true))].into());
        vec![Answer { name: question.name, from: String::new(), rows: Ok(vec![still]) }]
    }

    async fn act(&self, _: &Act, _: &CancellationToken) -> Result<ActAnswer, Fault> {
        let row = Row([("signalled".to_owned(), Cell::Bool(true))].into());
        Ok(ActAnswer { sent: true, rows: vec![row], warnings: Vec::new() })
    }

    async fn close(&self) {}
}

/// Does not say where its pooler is, until so many looks were made.
struct Nowhere {
    until: u32,
    looks: AtomicU32,
    asked: AtomicU32,
}

#[async_trait]
impl TargetDriver for Nowhere {
    async fn server(&self) -> Result<Server, Fault> {
        let known = self.looks.fetch_add(1, Ordering::Relaxed) >= self.until;
        Ok(Server { poolers: if known { poolers() } else { BTreeMap::new() }, ..fixture::facts().server })
    }

    async fn ask(&self, _: &Question) -> Vec<Answer> {
        self.asked.fetch_add(1, Ordering::Relaxed);
        Vec::new()
    }

    async fn act(&self, _: &Act, _: &CancellationToken) -> Result<ActAnswer, Fault> {
        Err(Fault::Unreachable("nothing is sent".to_owned()))
    }

    async fn close(&self) {}
}

fn poolers() -> BTreeMap<String, String> {
    BTreeMap::from([(pool().pooler, "db1:6432".to_owned())])
}

fn book(find: &str, step: &str) -> Arc<Playbook> {
    let text = format!("version: 1\nname: p\nabout: Ends.\nmode: enforce\ntargets: all\nfind: {find}\ndo: [{step}]\n");
    let (playbook, faults) = playbook::read("p.yaml", &text, &crate::decide::catalogue());
    Arc::new(playbook.unwrap_or_else(|| panic!("{faults:?}")))
}

pub fn brief() -> Brief {
    Brief {
        id: "01RUN".to_owned(),
        target: "orders".to_owned(),
        labels: crate::model::Labels::new(),
        playbook: book("long_queries", "cancel_backend"),
        policy: Arc::new(fixture::policy()),
        trigger: Trigger { kind: "every".to_owned(), detail: String::new(), nominal: None },
        actor: "daemon".to_owned(),
        lowered: None,
        started: fixture::at("2026-11-24T02:00:00Z"),
        notify: Vec::new(),
    }
}

fn prepared(brief: &Brief) -> Prepared {
    of(brief, Candidate::Backend(fixture::backend()), fixture::facts().server)
}

fn of(brief: &Brief, candidate: Candidate, server: Server) -> Prepared {
    let rung = brief.playbook.rungs().next().expect("a rung");
    let order = Order {
        candidate: &candidate,
        args: &rung.args,
        server: &server,
        run: &brief.id,
        playbook: "p",
        time_left: Duration::from_mins(1),
    };
    let deed = actions::of(rung.action).expect("the action").deed(&order).expect("a deed");
    Prepared {
        deed,
        looked_at: brief.started,
        intent: Draft::new(RecordKind::Intent),
        time_left: Duration::from_mins(1),
        server,
        candidate,
    }
}

pub fn errand(brief: &Brief) -> Errand {
    let step = brief.playbook.rungs().next().expect("a rung").clone();
    Errand { action: "cancel_backend", step, prepared: prepared(brief), undo: None }
}

#[tokio::test(start_paused = true)]
async fn an_effect_that_does_not_come_is_waited_for_no_longer() {
    let (clock, brief) = (SetBack::new(), brief());
    let errand = errand(&brief);
    let within = errand.prepared.deed.act.confirm.as_ref().expect("a look").within;
    let acted = timeout(within * 10, act(&Stubborn, &clock, &brief, &errand, &CancellationToken::new())).await;
    assert_eq!(acted.expect("it ends in time").status, OutcomeStatus::Failed);
}

#[tokio::test(start_paused = true)]
async fn what_a_crash_left_is_looked_for_no_longer() {
    let (clock, brief) = (SetBack::new(), brief());
    let step = brief.playbook.rungs().next().expect("a rung").clone();
    let patience = Duration::from_mins(1);
    let left = Recall { action: "cancel_backend", step, prepared: prepared(&brief), patience };
    let (_moves, driver) = watch::channel(Arc::new(Stubborn));
    let recalled = timeout(patience * 10, recall(&driver, &clock, &brief, &left, &CancellationToken::new())).await;
    assert_eq!(recalled.expect("it ends in time").status, OutcomeStatus::Refused);
}

/// How often a pooler of which nobody knows for so many looks where it is was asked, and what came of it.
async fn recalled(until: u32) -> (u32, OutcomeStatus) {
    let brief = Brief { playbook: book("starved_pools", "set_pool_size"), ..brief() };
    let step = brief.playbook.rungs().next().expect("a rung").clone();
    let server = Server { poolers: poolers(), client_backends: 30, ..fixture::facts().server };
    let prepared = of(&brief, Candidate::Pool(pool()), server);
    let left = Recall { action: "set_pool_size", step, prepared, patience: Duration::from_mins(1) };
    let nowhere = Arc::new(Nowhere { until, looks: AtomicU32::new(0), asked: AtomicU32::new(0) });
    let (_moves, driver) = watch::channel(nowhere.clone());
    let (clock, never) = (SetBack::new(), CancellationToken::new());
    let recalled = timeout(left.patience * 10, recall(&driver, &clock, &brief, &left, &never)).await;
    (nowhere.asked.load(Ordering::Relaxed), recalled.expect("it ends in time").status)
}

#[tokio::test(start_paused = true)]
async fn a_pooler_is_not_asked_while_nobody_knows_where_it_is() {
    assert_eq!(recalled(u32::MAX).await, (0, OutcomeStatus::Unknown));
    let (asked, _) = recalled(2).await;
    assert!(asked > 0, "once its login can be read again it is asked");
}
