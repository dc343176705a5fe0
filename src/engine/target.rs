//! One task per target. It owns the target's runs, timers and memory, and it never waits for a run:
//! whatever takes time reports through the mailbox.

use super::api::{RunReport, TargetStatus};
use super::clock::Clock;
use super::driving::Driving;
use super::health::Health;
use super::ownership::Witness;
use super::privileges::Privileges;
use super::quiet::Quiet;
use super::ticker::{Due, Ticker};
use super::world::World;
use crate::audit::Audit;
use crate::decide::run::{Brief, Phase, Run, What};
use crate::drivers::{Connect, TargetDriver as _};
use crate::model::record::Trigger;
use crate::model::{Facts, History, Mode, Server, Timestamp};
use crate::playbook::{OnOverlap, Playbook};
use std::collections::BTreeMap;
use std::sync::Arc;
use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::CancellationToken;

/// Letters that wait for a target task; senders wait when it is full.
const MAILBOX: usize = 256;

/// What a target task may be told.
pub enum Mail {
    /// Something happened to a run.
    Run(String, What),
    /// A look of a run ended.
    Looked(String, Result<Box<(Facts, Arc<History>)>, Unseen>),
    /// The server was looked at, for no run, and through which driver.
    Seen(Arc<Witness>, Result<Box<Server>, String>),
    /// Somebody asks for a run.
    Ask(Asked),
    /// Stop the runs of a playbook (of all, if none), and say why.
    Abort(Option<String>, String),
    /// How are things?
    Status(oneshot::Sender<Standing>),
    /// Configuration or playbooks changed.
    World(Box<World>),
    /// Begin nothing new, end what is under way, and finish.
    Stop(String),
}

/// Why a look gave nothing.
pub enum Unseen {
    /// The target could not be reached, or did not answer.
    Failed(String),
    /// It failed a moment ago, and was not tried again yet.
    Resting(String),
    /// The audit log's writer is gone: then nothing may be decided either.
    NoLog,
}

/// A run that somebody asks for.
pub struct Asked {
    /// Playbook name.
    pub playbook: String,
    /// Who asks.
    pub actor: String,
    /// Lowers the mode.
    pub mode: Option<Mode>,
    /// Told how it ended.
    pub reply: oneshot::Sender<RunReport>,
}

/// How a target stands.
pub struct Standing {
    /// For `pgmedic status`.
    pub target: TargetStatus,
    /// When each playbook is next due.
    pub next: BTreeMap<String, Timestamp>,
    /// How each playbook's last run ended.
    pub last: BTreeMap<String, String>,
}

/// What all target tasks share.
#[derive(Clone)]
pub struct Shared {
    /// The log.
    pub audit: Audit,
    /// The clock.
    pub clock: Arc<dyn Clock>,
    /// Makes drivers.
    pub connect: Arc<dyn Connect>,
    /// Whether triggers run.
    pub triggers: bool,
    /// Where `PAUSED` may lie.
    pub data_dir: Arc<std::path::PathBuf>,
}

/// A run under way.
pub(super) struct Live {
    pub(super) run: Run,
    /// Of its last look, and of what is done on that; see `Task::looks_through`.
    pub(super) driver: Arc<Witness>,
    pub(super) stop: CancellationToken,
    reply: Option<oneshot::Sender<RunReport>>,
}

/// The task itself.
pub(super) struct Task {
    pub(super) world: World,
    pub(super) driving: Driving,
    pub(super) shared: Shared,
    pub(super) me: mpsc::Sender<Mail>,
    pub(super) runs: BTreeMap<String, Live>,
    /// Digests of the last decisions, by playbook and candidate key.
    pub(super) seen: BTreeMap<String, BTreeMap<String, String>>,
    pub(super) quiet: Quiet,
    pub(super) tickers: Vec<Ticker>,
    /// At most one tick waits per playbook.
    queued: BTreeMap<String, Trigger>,
    pub(super) last: BTreeMap<String, String>,
    pub(super) health: Health,
    pub(super) privileges: Privileges,
    pub(super) version_num: Option<i32>,
    pub(super) in_recovery: Option<bool>,
    /// The target that is the same server and acts in this one's place.
    pub(super) sibling: Option<String>,
    /// Runs asked for in the foreground while one that a crash cut off must end first.
    patient: Vec<Asked>,
    stopping: Option<String>,
}

/// Starts the task of one target, with the runs that a crash cut off.
pub fn spawn(world: World, shared: Shared, cut_off: Vec<Run>) -> (mpsc::Sender<Mail>, tokio::task::JoinHandle<()>) {
    let (me, mailbox) = mpsc::channel(MAILBOX);
    let task = Task::new(world, shared, me.clone());
    (me, tokio::spawn(task.live(mailbox, cut_off)))
}

impl Task {
    pub(super) fn new(world: World, shared: Shared, me: mpsc::Sender<Mail>) -> Task {
        Task {
            driving: Driving::new(&shared, &world),
            me,
            runs: BTreeMap::new(),
            seen: BTreeMap::new(),
            quiet: Quiet::new(shared.clock.now()),
            tickers: Vec::new(),
            queued: BTreeMap::new(),
            last: BTreeMap::new(),
            health: Health::default(),
            privileges: Privileges::default(),
            version_num: None,
            in_recovery: None,
            sibling: None,
            patient: Vec::new(),
            stopping: None,
            world,
            shared,
        }
    }

    async fn live(mut self, mut mailbox: mpsc::Receiver<Mail>, cut_off: Vec<Run>) {
        for run in cut_off {
            self.go(run, None);
        }
        self.set_tickers().await;
        self.look_at_server();
        loop {
            let wake = self.wakes();
            let clock = self.shared.clock.clone();
            tokio::select! {
                letter = mailbox.recv() => match letter {
                    Some(letter) => self.read(letter),
                    None => break,
                },
                () = clock.sleep_until(wake.unwrap_or(Timestamp::MAX)), if wake.is_some() => self.tick(),
            }
            if self.stopping.is_some() && self.runs.is_empty() {
                break;
            }
            if self.runs.is_empty() {
                for asked in std::mem::take(&mut self.patient) {
                    self.ask(asked);
                }
            }
        }
        if let Some(counts) = self.quiet.take(&self.world.target.name, self.shared.clock.now()) {
            super::carry::append_plain(&self.shared.audit, counts).await;
        }
        self.driving.now().close().await;
    }

    fn read(&mut self, letter: Mail) {
        match letter {
            Mail::Run(run, what) => self.happened(&run, what),
            Mail::Looked(run, looked) => self.looked(&run, looked),
            Mail::Seen(driver, seen) => self.seen(&driver, seen),
            Mail::Ask(asked) => self.ask(asked),
            Mail::Abort(playbook, why) => self.abort(playbook.as_deref(), &why, false),
            Mail::Status(reply) => drop(reply.send(self.standing())),
            Mail::World(world) => self.change(*world),
            Mail::Stop(why) => {
                self.stopping = Some(why.clone());
                self.queued.clear();
                self.abort(None, &why, true);
            }
        }
    }

    fn wakes(&self) -> Option<Timestamp> {
        if self.stopping.is_some() {
            return None;
        }
        self.tickers.iter().filter_map(Ticker::wakes).chain(self.quiet.due()).chain(self.health.wakes()).min()
    }

    fn tick(&mut self) {
        let now = self.shared.clock.now();
        if self.health.look_now(now) {
            self.look_at_server();
        }
        let playbooks = self.world.playbooks.clone();
        let mut due: Vec<(Arc<Playbook>, Due)> = Vec::new();
        for ticker in &mut self.tickers {
            let Some(playbook) = playbooks.get(ticker.playbook) else { continue };
            let said = ticker.due(now, playbook.on_missed);
            if let (true, Some(last)) = (said != Due::default(), ticker.last) {
                let (audit, key) = (self.shared.audit.clone(), ticker.key(&self.world.target.name, &playbook.name));
                tokio::spawn(async move { audit.fired(key, last).await });
            }
            if said.run.is_some() || said.missed > 0 {
                due.push((playbook.clone(), said));
            }
        }
        for (playbook, said) in due {
            self.answer(&playbook, said);
        }
        if self.quiet.due().is_some_and(|at| at <= now) {
            self.flush_quiet();
        }
    }

    fn answer(&mut self, playbook: &Arc<Playbook>, due: Due) {
        self.quiet.missed(&playbook.name, due.missed);
        let Some(trigger) = due.run else { return };
        let busy = self.runs.values().any(|live| live.run.brief.playbook.name == playbook.name);
        match (busy, playbook.on_overlap) {
            (false, _) => self.begin(playbook.clone(), trigger, "daemon".to_owned(), None, None),
            (true, OnOverlap::Queue) if !self.queued.contains_key(&playbook.name) => {
                self.queued.insert(playbook.name.clone(), trigger);
            }
            (true, _) => self.quiet.overlap(&playbook.name),
        }
    }

    fn ask(&mut self, asked: Asked) {
        // Dropping `reply` tells the asker that there is nobody to run it.
        if self.stopping.is_some() {
            return;
        }
        // In the foreground what a crash cut off is looked after before anything new: nothing runs there afterwards.
        if !self.shared.triggers && self.runs.values().any(|live| live.run.resumed) {
            return self.patient.push(asked);
        }
        let Some(playbook) = self.world.playbook(&asked.playbook).cloned() else { return };
        let trigger = Trigger { kind: "manual".to_owned(), detail: String::new(), nominal: None };
        self.begin(playbook, trigger, asked.actor, asked.mode, Some(asked.reply));
    }

    fn begin(
        &mut self,
        playbook: Arc<Playbook>,
        trigger: Trigger,
        actor: String,
        lowered: Option<Mode>,
        reply: Option<oneshot::Sender<RunReport>>,
    ) {
        let brief = Brief {
            id: ulid::Ulid::new().to_string(),
            target: self.world.target.name.clone(),
            labels: self.world.target.labels.clone(),
            notify: self.world.notify(&playbook),
            playbook,
            policy: self.world.policy.clone(),
            trigger,
            actor,
            lowered,
            started: self.shared.clock.now(),
        };
        self.go(Run::new(brief), reply);
    }

    pub(super) fn go(&mut self, run: Run, reply: Option<oneshot::Sender<RunReport>>) {
        let id = run.brief.id.clone();
        self.runs.insert(id.clone(), Live { run, driver: self.driving.now(), stop: CancellationToken::new(), reply });
        self.happened(&id, What::Begin);
    }

    /// A run is over: its asker is told, and a queued tick of its playbook has its turn.
    pub(super) fn ended(&mut self, id: &str, end: crate::decide::run::End) {
        let Some(live) = self.runs.remove(id) else { return };
        let playbook = live.run.brief.playbook.clone();
        self.last.insert(playbook.name.clone(), end.summary.clone());
        let target = self.world.target.name.as_str();
        if end.acted > 0 || end.held > 0 {
            tracing::info!(run = id, target, playbook = playbook.name, "{}", end.summary);
        } else {
            tracing::debug!(run = id, target, playbook = playbook.name, "{}", end.summary);
        }
        if let Some(reply) = live.reply {
            let report = RunReport {
                run: id.to_owned(),
                verdict: end.verdict,
                summary: end.summary,
                acted: end.acted,
                helped: end.helped,
                failed: end.failed,
                held: end.held,
            };
            // The asker may have gone; the record has it all.
            drop(reply.send(report));
        }
        if let Some(trigger) = self.queued.remove(&playbook.name)
            && let Some(playbook) = self.world.playbook(&playbook.name).cloned()
        {
            self.begin(playbook, trigger, "daemon".to_owned(), None, None);
        }
    }

    /// Only the end of the task stops what looks up what a crash left: it sends nothing, and nobody else would.
    fn abort(&mut self, playbook: Option<&str>, why: &str, ends: bool) {
        let named = |live: &&mut Live| {
            playbook.is_none_or(|p| live.run.brief.playbook.name == p)
                && (ends || !matches!(live.run.phase, Phase::Resuming(_)))
        };
        let ids: Vec<String> = self
            .runs
            .values_mut()
            .filter(named)
            .map(|live| {
                live.stop.cancel();
                live.run.brief.id.clone()
            })
            .collect();
        for id in ids {
            self.happened(&id, What::Stop(why.to_owned()));
        }
    }

    /// Runs under way go on as they began; whatever begins from now on is of the new configuration.
    pub(super) fn change(&mut self, world: World) {
        self.driving.change(&self.shared, &world);
        self.world = world;
        self.health.try_again();
        // A changed playbook decides anew, and says so.
        self.seen.clear();
        self.queued.clear();
        self.replan();
        self.look_at_server();
    }

    /// Plans all triggers anew; ticks that lie between are not made up for.
    fn replan(&mut self) {
        let now = self.shared.clock.now();
        let triggers = if self.shared.triggers { self.world.triggers.clone() } else { Vec::new() };
        let plan = |(i, trigger, plan)| Ticker::new(i, trigger, plan, None, now, crate::playbook::OnMissed::Skip).0;
        self.tickers = triggers.into_iter().map(plan).collect();
    }

    /// Plans all triggers at the start, and makes up for what was missed since the last one, where a
    /// playbook asks for it.
    async fn set_tickers(&mut self) {
        self.replan();
        let now = self.shared.clock.now();
        let mut due = Vec::new();
        if !self.shared.triggers {
            return;
        }
        self.tickers.clear();
        for (i, trigger, plan) in self.world.triggers.clone() {
            let Some(playbook) = self.world.playbooks.get(i).cloned() else { continue };
            // Without one the ticks begin now: what was missed by a new playbook is nothing.
            let (fresh, _) = Ticker::new(i, trigger.clone(), plan.clone(), None, now, playbook.on_missed);
            let key = fresh.key(&self.world.target.name, &playbook.name);
            let last = self.shared.audit.last_fire(key).await;
            let (ticker, said) = Ticker::new(i, trigger, plan, last, now, playbook.on_missed);
            self.tickers.push(ticker);
            due.push((playbook, said));
        }
        for (playbook, said) in due {
            self.answer(&playbook, said);
        }
    }
}
