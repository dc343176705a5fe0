//! What a crash left, and a reload between the look at it and the act on it.

use super::super::act::tests::{brief, errand};
use super::super::clock::System;
use super::super::load::from_texts;
use super::super::target::Shared;
use super::super::world::World;
use super::*;
use crate::audit::Options;
use crate::config::{Target, Text};
use crate::decide::run::Run;
use crate::drivers::{Connect, Fault, TargetDriver};
use crate::model::query::{Act, ActAnswer};
use crate::model::{Answer, Question, Server};
use async_trait::async_trait;
use secrecy::ExposeSecret;
use std::sync::Mutex;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

/// Remembers to which connection strings acts were sent.
#[derive(Clone, Default)]
struct Sent(Arc<Mutex<Vec<String>>>);

struct Remembers {
    dsn: String,
    sent: Sent,
}

impl Connect for Sent {
    fn driver(&self, target: &Target, _: bool) -> Arc<dyn TargetDriver> {
        let Text::Plain(dsn) = &target.dsn else { panic!("a reference") };
        Arc::new(Remembers { dsn: dsn.expose_secret().to_owned(), sent: self.clone() })
    }

    fn leads(&self, _: &Target) -> Vec<Option<String>> {
        Vec::new()
    }
}

#[async_trait]
impl TargetDriver for Remembers {
    async fn server(&self) -> Result<Server, Fault> {
        Err(Fault::Unreachable("not there".to_owned()))
    }

    async fn ask(&self, _: &Question) -> Vec<Answer> {
        Vec::new()
    }

    async fn act(&self, _: &Act, _: &CancellationToken) -> Result<ActAnswer, Fault> {
        self.sent.0.lock().expect("a lock").push(self.dsn.clone());
        Err(Fault::Unreachable("not there".to_owned()))
    }

    async fn close(&self) {}
}

fn world(host: &str) -> World {
    let config = format!(
        "version: 1\ndata_dir: ./data\nmode: enforce\ntargets: [{{name: orders, dsn: \"host={host}\", mode: enforce}}]\n"
    );
    let texts = [("pgmedic.yaml".into(), config)].into();
    let loaded = from_texts(Path::new("pgmedic.yaml"), texts, &crate::decide::catalogue());
    World::of(&loaded.expect("a configuration")).expect("worlds").remove(0)
}

fn at_db1(folder: &Path, sent: &Sent) -> (Task, mpsc::Receiver<Mail>) {
    let audit = Audit::open(folder, Options::default(), Arc::new(Timestamp::now)).expect("a log");
    let (clock, connect) = (Arc::new(System), Arc::new(sent.clone()));
    let shared = Shared { audit, clock, connect, triggers: false, data_dir: Arc::new(folder.to_owned()) };
    let (me, mailbox) = mpsc::channel(16);
    (Task::new(world("db1"), shared, me), mailbox)
}

/// The act goes out, and its end is waited for.
async fn acts(task: &mut Task, mailbox: &mut mpsc::Receiver<Mail>) {
    task.carry_out("01RUN", Effect::Act(Box::new(errand(&brief()))));
    while !matches!(mailbox.recv().await, Some(Mail::Run(_, What::Acted(_)))) {}
}

#[tokio::test]
async fn what_is_taken_back_goes_where_the_look_went() {
    let (folder, sent) = (tempfile::tempdir().expect("a folder"), Sent::default());
    let (mut task, mut mailbox) = at_db1(folder.path(), &sent);
    let mut run = Run::new(brief());
    run.resumed = true;
    task.go(run, None);
    task.change(world("db2"));
    acts(&mut task, &mut mailbox).await;
    assert_eq!(*sent.0.lock().expect("a lock"), ["host=db1"], "that is what was looked at");
    task.carry_out("01RUN", Effect::Find);
    acts(&mut task, &mut mailbox).await;
    assert_eq!(*sent.0.lock().expect("a lock"), ["host=db1", "host=db2"], "it is looked up where the target is now");
}

#[tokio::test]
async fn a_look_from_before_a_reload_says_nothing_of_where_the_target_is_now() {
    let folder = tempfile::tempdir().expect("a folder");
    let (mut task, _mailbox) = at_db1(folder.path(), &Sent::default());
    let before = task.driving.now();
    task.change(world("db2"));
    task.seen(&before, Err("db1 is down".to_owned()));
    assert_eq!(task.health.trouble(), None);
    let now = task.driving.now();
    task.seen(&now, Err("db2 is down".to_owned()));
    assert_eq!(task.health.trouble(), Some("db2 is down"));
}
