//! The whole engine: one task per target, one for messages, and what people may ask of it.

use super::api::{PauseRequest, Refusal, RunReport, RunRequest, Status};
use super::carry::append_plain;
use super::clock::{Clock, System};
use super::configured;
use super::leaving::Leaving;
use super::load::Loaded;
use super::recovery::{Occasion, recover};
use super::target::{self, Asked, Mail, Shared, Standing};
use super::world::{World, address};
use crate::audit::{self, Audit};
use crate::config::Channel;
use crate::drivers::Connect;
use crate::model::record::{Draft, Notice, RecordKind};
use crate::model::{Labels, Timestamp};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use tokio::sync::{Mutex, mpsc, oneshot, watch};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// Reads configuration and playbooks again; all faults, rendered, when there are any.
pub type Reload = Arc<dyn Fn() -> Result<Loaded, String> + Send + Sync>;

/// What an engine is started with.
pub struct Setup {
    /// Configuration and playbooks.
    pub loaded: Loaded,
    /// Reads them again.
    pub reload: Reload,
    /// The log.
    pub audit: Audit,
    /// Makes drivers.
    pub connect: Arc<dyn Connect>,
    /// The target of the one run in the foreground; none for the daemon, whose triggers run.
    pub foreground: Option<String>,
}

/// A running engine.
pub struct Daemon {
    pub(super) core: Arc<Core>,
}

/// What its orders work on.
pub(super) struct Core {
    pub(super) shared: Shared,
    pub(super) reload: Reload,
    pub(super) started: Timestamp,
    pub(super) live: Mutex<Live>,
}

/// What a reload replaces.
pub(super) struct Live {
    pub(super) loaded: Loaded,
    pub(super) worlds: Vec<World>,
    pub(super) tasks: BTreeMap<String, (mpsc::Sender<Mail>, JoinHandle<()>)>,
    /// Tasks of targets that a reload removed and that did not end in time.
    leaving: Leaving,
    channels: watch::Sender<Arc<Vec<Channel>>>,
    outbox: JoinHandle<()>,
    /// Ends the messages and the watch over the clock.
    chores: CancellationToken,
}

impl Daemon {
    /// Starts everything. What a crash cut off is taken up again first.
    ///
    /// # Errors
    /// A configuration that cannot be planned; a log that cannot be written.
    pub async fn start(setup: Setup) -> Result<Daemon, Refusal> {
        let Setup { loaded, reload, audit, connect, foreground } = setup;
        let triggers = foreground.is_none();
        let worlds = World::of(&loaded).map_err(Refusal::Invalid)?;
        let clock: Arc<dyn Clock> = Arc::new(System);
        let data_dir = Arc::new(loaded.config.data_dir.clone());
        let shared = Shared { audit, clock, connect, triggers, data_dir };
        let started = shared.clock.now();
        let occasion = foreground.as_deref().map_or(Occasion::Start, Occasion::Foreground);
        let cut_off = recover(&shared.audit, &loaded, &worlds, occasion, &*shared.clock).await;
        let mut cut_off = cut_off.map_err(Refusal::Unavailable)?;
        let state =
            shared.audit.state().await.ok_or_else(|| Refusal::Unavailable("the log's writer is gone".into()))?;
        let mut records = vec![lifecycle(&shared, &loaded)];
        let wider = configured::since_record(&state.live, &loaded, &worlds, started);
        if let Some(wider) = wider {
            records.push(configured::record(&loaded, &worlds, "daemon", "configuration loaded", &wider, started));
        }
        let entries = records.into_iter().map(audit::Entry::Plain).collect();
        shared.audit.append(entries).await.map_err(|e| Refusal::Unavailable(e.to_string()))?;
        let task = |w: &World| {
            let cut_off = cut_off.remove(&w.target.name).unwrap_or_default();
            (w.target.name.clone(), target::spawn(w.clone(), shared.clone(), cut_off))
        };
        let tasks = worlds.iter().map(task).collect();
        let chores = CancellationToken::new();
        let (channels, configured) = watch::channel(Arc::new(loaded.config.channels.clone()));
        let outbox = tokio::spawn(super::ledger::deliver(shared.audit.clone(), configured, chores.clone()));
        let live =
            Live { loaded, worlds, tasks, leaving: Leaving::default(), channels, outbox, chores: chores.clone() };
        let core = Arc::new(Core { shared, reload, started, live: Mutex::new(live) });
        tokio::spawn(super::chores::watch_clock(core.shared.clone(), core.notify().await, chores.clone()));
        tokio::spawn(super::alarm::watch(core.clone(), chores.clone()));
        tokio::spawn(super::leaving::watch(core.clone(), chores));
        Ok(Daemon { core })
    }

    /// What people may ask of it.
    #[must_use]
    pub fn control(&self) -> Arc<dyn super::api::Control> {
        self.core.clone()
    }

    /// Begins nothing new, sees through what is under way, and closes everything, within 10 s.
    pub async fn stop(self, why: &str) {
        let mut live = self.core.live.lock().await;
        for (mail, _) in live.tasks.values() {
            drop(mail.send(Mail::Stop(why.to_owned())).await);
        }
        let tasks = std::mem::take(&mut live.tasks);
        let told = tasks.into_iter().map(|(name, (_, task))| (name, task)).collect();
        live.leaving.let_end(told, &*self.core.shared.clock).await;
        if live.leaving.still().next().is_some() {
            tracing::warn!("some runs did not end in time; the next start looks after them");
        }
        if !self.core.shared.triggers {
            super::chores::drain(&self.core.shared).await;
        }
        live.chores.cancel();
        if let Err(e) = (&mut live.outbox).await {
            tracing::error!("the message task ended badly: {e}");
        }
        append_plain(
            &self.core.shared.audit,
            Draft {
                reason: Some(format!("stopped: {why}")),
                actor: Some("daemon".to_owned()),
                ..Draft::new(RecordKind::Lifecycle)
            },
        )
        .await;
        self.core.shared.audit.clone().close().await;
    }
}

impl Core {
    /// Channels that hear of the daemon's own events.
    pub(super) async fn notify(&self) -> Vec<String> {
        self.live.lock().await.loaded.config.notify.clone()
    }

    /// Asks every target task how it stands.
    pub(super) async fn standings(&self) -> Vec<Standing> {
        let mails: Vec<_> = self.live.lock().await.tasks.values().map(|(mail, _)| mail.clone()).collect();
        let mut all = Vec::new();
        for mail in mails {
            let (reply, answer) = oneshot::channel();
            if mail.send(Mail::Status(reply)).await.is_ok()
                && let Ok(standing) = answer.await
            {
                all.push(standing);
            }
        }
        all
    }

    /// One run by hand, to its end.
    pub(super) async fn run_by_hand(&self, request: RunRequest, actor: &str) -> Result<RunReport, Refusal> {
        let mail = {
            let live = self.live.lock().await;
            let world = live.world(&request.target)?;
            let playbook = world.playbook(&request.playbook).ok_or_else(|| live.unknown_playbook(&request))?;
            if !playbook.enabled {
                return Err(Refusal::Invalid(format!("playbook `{}` is disabled (`enabled: false`)", playbook.name)));
            }
            live.tasks.get(&request.target).map(|(mail, _)| mail.clone())
        };
        let gone = || Refusal::Unavailable("pgmedic is stopping".to_owned());
        let (reply, answer) = oneshot::channel();
        let asked = Asked { playbook: request.playbook, actor: actor.to_owned(), mode: request.mode, reply };
        mail.ok_or_else(gone)?.send(Mail::Ask(asked)).await.map_err(|_| gone())?;
        answer.await.map_err(|_| gone())
    }

    /// Records an order to pause, and stops what it covers if that was asked for.
    pub(super) async fn pause_by(&self, request: PauseRequest, actor: &str) -> Result<(), Refusal> {
        let live = self.live.lock().await;
        live.check_scope(&request.scope)?;
        let now = self.shared.clock.now();
        let draft = super::orders::pause(&request, actor, now, &live.loaded.config.notify);
        self.append_told(&live, draft).await?;
        if request.abort {
            let why = format!("paused by {actor}");
            for (name, (mail, _)) in &live.tasks {
                if request.scope.target.as_ref().is_none_or(|t| t == name) {
                    drop(mail.send(Mail::Abort(request.scope.playbook.clone(), why.clone())).await);
                }
            }
        }
        Ok(())
    }

    /// Appends one record whose message goes to the channels that want it.
    pub(super) async fn append_told(&self, live: &Live, mut draft: Draft) -> Result<(), Refusal> {
        address(&live.loaded.config.channels, &mut draft);
        let appended = self.shared.audit.append(vec![audit::Entry::Plain(draft)]).await;
        appended.map(drop).map_err(|e| Refusal::Unavailable(e.to_string()))
    }

    /// Reads everything again: all or nothing.
    pub(super) async fn reload_by(&self, actor: &str) -> Result<String, Refusal> {
        let mut live = self.live.lock().await;
        let reload = self.reload.clone();
        let loaded = tokio::task::spawn_blocking(move || reload()).await;
        let loaded = loaded.map_err(|e| Refusal::Unavailable(e.to_string()))?;
        let in_place = |l: Loaded| {
            let same = l.config.data_dir == live.loaded.config.data_dir;
            same.then_some(l).ok_or_else(|| "`data_dir` cannot change while pgmedic runs: stop it first".to_owned())
        };
        let planned: Result<(Vec<World>, Loaded), String> =
            loaded.and_then(in_place).and_then(|l| Ok((World::of(&l)?, l)));
        let (worlds, loaded) = match planned {
            Ok(both) => both,
            Err(faults) => {
                let draft = super::orders::refused_reload(actor, &faults, &live.loaded.config.notify);
                self.append_told(&live, draft).await?;
                return Err(Refusal::Invalid(faults));
            }
        };
        let said = super::orders::changes(&live.loaded, &loaded);
        let now = self.shared.clock.now();
        let wider = configured::wider((&live.loaded, &live.worlds), (&loaded, &worlds), now);
        let record = configured::record(&loaded, &worlds, actor, &said, &wider, now);
        let appended = self.shared.audit.append(vec![audit::Entry::Plain(record)]).await;
        appended.map_err(|e| Refusal::Unavailable(e.to_string()))?;
        let said = configured::with_wider(said, &wider);
        self.take_over(&mut live, worlds, loaded).await;
        Ok(said)
    }

    async fn take_over(&self, live: &mut Live, worlds: Vec<World>, loaded: Loaded) {
        let now: BTreeSet<&String> = worlds.iter().map(|w| &w.target.name).collect();
        let mut alone: BTreeSet<String> =
            now.iter().filter(|name| !live.tasks.contains_key(**name)).map(|name| (*name).clone()).collect();
        let gone: Vec<String> = live.tasks.keys().filter(|name| !now.contains(name)).cloned().collect();
        let mut told = Vec::new();
        for name in gone {
            if let Some((mail, task)) = live.tasks.remove(&name) {
                drop(mail.send(Mail::Stop("the target was removed from the configuration".to_owned())).await);
                told.push((name, task));
            }
        }
        // Those of earlier reloads are not waited for again.
        live.leaving.let_end(told, &*self.shared.clock).await;
        alone.extend(live.ended());
        for name in live.leaving.still() {
            tracing::warn!("target {name}: what is under way there did not end in time; it records its end itself");
            alone.remove(name);
        }
        // Whatever the log holds open belongs to a task or gets its end here, as at a start.
        let occasion = Occasion::Reload { targets: &alone, before: &live.worlds };
        let mut left = recover(&self.shared.audit, &loaded, &worlds, occasion, &*self.shared.clock)
            .await
            .inspect_err(|why| tracing::error!("what was left at {alone:?} waits for the next start: {why}"))
            .unwrap_or_default();
        for world in &worlds {
            let name = &world.target.name;
            if let Some((mail, _)) = live.tasks.get(name) {
                drop(mail.send(Mail::World(Box::new(world.clone()))).await);
            } else {
                let task = target::spawn(world.clone(), self.shared.clone(), left.remove(name).unwrap_or_default());
                live.tasks.insert(name.clone(), task);
            }
        }
        // A new value opens channels again that had closed themselves.
        live.channels.send_replace(Arc::new(loaded.config.channels.clone()));
        (live.worlds, live.loaded) = (worlds, loaded);
    }

    /// What is going on.
    pub(super) async fn status_now(&self) -> Status {
        let standings = self.standings().await;
        super::orders::status(self, standings).await
    }
}

impl Live {
    /// Targets whose tasks have left: whatever the log holds open there is nobody's any more. One that a reload has
    /// brought back since has a task whose runs are under way.
    pub(super) fn ended(&mut self) -> BTreeSet<String> {
        let mut ended = self.leaving.ended();
        for name in ended.iter().filter(|name| self.tasks.contains_key(*name)) {
            tracing::warn!("target {name} is back already: what its removed task may have left open waits for a start");
        }
        ended.retain(|name| !self.tasks.contains_key(name));
        ended
    }
}

fn lifecycle(shared: &Shared, loaded: &Loaded) -> Draft {
    let how = if shared.triggers { "started" } else { "started in the foreground" };
    let crashed = shared.audit.started_after_crash();
    let mut draft = Draft {
        actor: Some("daemon".to_owned()),
        reason: Some(if crashed {
            format!("{how} after a crash: up to an hour of counts of quiet runs is missing before this record")
        } else {
            how.to_owned()
        }),
        evidence: Some(serde_json::json!({"version": env!("CARGO_PKG_VERSION"), "pid": std::process::id()})),
        ..Draft::new(RecordKind::Lifecycle)
    };
    if crashed {
        draft.notify.clone_from(&loaded.config.notify);
        draft.set_notice(&own_notice(
            "crash",
            "pgmedic was started after a crash",
            vec!["What was under way is looked after; nothing is repeated by itself.".to_owned()],
        ));
        address(&loaded.config.channels, &mut draft);
    }
    draft
}

/// A message about pgmedic itself.
#[must_use]
pub fn own_notice(incident: &str, headline: &str, lines: Vec<String>) -> Notice {
    Notice {
        event: "daemon".to_owned(),
        incident: format!("daemon {incident}"),
        headline: headline.to_owned(),
        lines,
        severity: None,
        owner: None,
        runbook_url: None,
        labels: Labels::new(),
    }
}
