//! Carrying out effects: each becomes a small task that reports to the mailbox.

use super::look::{self, look};
use super::target::{Live, Mail, Task, Unseen};
use super::world::address;
use crate::audit::{self, AppendError, Audit};
use crate::decide::run::{Effect, Entry, Event, Look, What};
use crate::model::history::{PAUSED_FILE, Pause, Scope};
use crate::model::time::to_micros;
use crate::model::{Candidate, Draft, Facts, History, Timestamp};
use std::path::Path;
use std::sync::Arc;

impl Task {
    /// Moves a run by one event and carries out what it asks for.
    pub(super) fn happened(&mut self, id: &str, what: What) {
        let Some(live) = self.runs.get_mut(id) else { return };
        let clock = &self.shared.clock;
        let event = Event { at: clock.now(), elapsed: clock.elapsed(), what };
        let (run, effects) = crate::decide::next(&live.run, &event);
        live.run = run;
        for effect in effects {
            self.carry_out(id, effect);
        }
    }

    /// A look came back: what it says of the target is remembered, and the run goes on.
    pub(super) fn looked(&mut self, id: &str, looked: Result<Box<(Facts, Arc<History>)>, Unseen>) {
        let Some(live) = self.runs.get(id) else { return };
        let playbook = &live.run.brief.playbook.name;
        let seen = self.seen.get(playbook).cloned().unwrap_or_default();
        // Where the target was before a reload is no news of where it is now.
        let here = self.driving.is_now(&live.driver);
        let what = match looked {
            Ok(both) => {
                let (facts, history) = *both;
                if here {
                    let news = self.health.succeeded(&self.world.target.name, self.shared.clock.now());
                    self.tell(news);
                    self.saw(&facts.server);
                }
                What::Looked(Box::new(Look { facts, history, seen }))
            }
            Err(Unseen::Failed(reason)) => {
                if here {
                    let news = self.health.failed(&self.world.target.name, &reason, self.shared.clock.now());
                    self.tell(news);
                }
                What::Blind { reason, seen }
            }
            Err(Unseen::Resting(reason)) => What::Blind { reason, seen },
            Err(Unseen::NoLog) => What::Blind { reason: "the audit log's writer is gone".to_owned(), seen },
        };
        self.happened(id, what);
    }

    fn carry_out(&mut self, id: &str, effect: Effect) {
        let Some(live) = self.runs.get(id) else { return };
        let brief = live.run.brief.clone();
        match effect {
            Effect::Find => self.send_look(id, None),
            Effect::Look(candidate) => self.send_look(id, Some(*candidate)),
            Effect::Append(entries) => self.send_append(id, entries),
            Effect::Act(errand) => {
                let (driver, clock, me) = (live.driver.clone(), self.shared.clock.clone(), self.me.clone());
                let (stop, id) = (live.stop.clone(), id.to_owned());
                tokio::spawn(async move {
                    let outcome = super::act::act(&*driver, &*clock, &brief, &errand, &stop).await;
                    report(&me, Mail::Run(id, What::Acted(outcome))).await;
                });
            }
            Effect::Recall(recall) => {
                let (driver, clock, me) = (self.driving.followed(), self.shared.clock.clone(), self.me.clone());
                let (stop, id) = (live.stop.clone(), id.to_owned());
                tokio::spawn(async move {
                    let outcome = super::act::recall(&driver, &*clock, &brief, &recall, &stop).await;
                    report(&me, Mail::Run(id, What::Acted(outcome))).await;
                });
            }
            Effect::Rest(length) => {
                let (clock, me, id) = (self.shared.clock.clone(), self.me.clone(), id.to_owned());
                let stop = live.stop.clone();
                tokio::spawn(async move {
                    // A stop ends every rest at once; the run was told before.
                    tokio::select! { () = clock.sleep(length) => {}, () = stop.cancelled() => {} }
                    report(&me, Mail::Run(id, What::Rested)).await;
                });
            }
            Effect::Remember { seen, quiet } => {
                let playbook = brief.playbook.name.clone();
                self.quiet.decisions(&playbook, quiet);
                self.seen.insert(playbook, seen);
            }
            Effect::End(end) => {
                if !live.run.recorded {
                    self.quiet.run(&brief.playbook.name);
                }
                self.ended(id, end);
            }
        }
    }

    /// Records what people should know of the target itself.
    pub(super) fn tell(&self, news: Option<Draft>) {
        let Some(mut draft) = news else { return };
        tracing::warn!("{}", draft.reason.as_deref().unwrap_or_default());
        draft.notify.clone_from(&self.world.notify);
        address(&self.world.channels, &mut draft);
        let audit = self.shared.audit.clone();
        tokio::spawn(async move { append_plain(&audit, draft).await });
    }

    /// The driver for a look of a run. It keeps the one it began with; what a crash left is looked up where the target
    /// is now, as the next start would do it, and what is then done goes where that look went, whatever a reload puts
    /// in its place meanwhile.
    fn looks_through(&mut self, id: &str) -> Option<&Live> {
        let live = self.runs.get_mut(id)?;
        if live.run.resumed {
            live.driver = self.driving.now();
        }
        Some(live)
    }

    fn send_look(&mut self, id: &str, only: Option<Candidate>) {
        let Some(live) = self.looks_through(id) else { return };
        let (driver, brief) = (live.driver.clone(), live.run.brief.clone());
        let (shared, me) = (self.shared.clone(), self.me.clone());
        // Whoever asks by hand wants to know now; a run under way must know before it goes on.
        let patient = only.is_none() && brief.trigger.kind != "manual";
        let resting = self.health.resting(shared.clock.now()).filter(|_| patient);
        tokio::spawn(async move {
            if let Some(why) = resting {
                return report(&me, Mail::Looked(brief.id.clone(), Err(Unseen::Resting(why)))).await;
            }
            let errand = look::Errand {
                target: &brief.target,
                run: &brief.id,
                labels: &brief.labels,
                playbook: &brief.playbook,
                only: only.as_ref(),
                query_text: brief.policy.query_text,
            };
            let looked = match look(&*driver, &*shared.clock, &errand).await {
                Ok(facts) => match history(&shared.audit, &shared.data_dir).await {
                    Ok(history) => Ok(Box::new((facts, history))),
                    Err(_) => Err(Unseen::NoLog),
                },
                Err(why) => Err(Unseen::Failed(why)),
            };
            report(&me, Mail::Looked(brief.id.clone(), looked)).await;
        });
    }

    fn send_append(&mut self, id: &str, entries: Vec<Entry>) {
        let now = self.shared.clock.now();
        let counts = self.quiet.take(&self.world.target.name, now).map(audit::Entry::Plain);
        let channels = self.world.channels.clone();
        let entry = |entry| match entry {
            Entry::Plain(mut draft) => {
                address(&channels, &mut draft);
                audit::Entry::Plain(*draft)
            }
            Entry::Intent(draft, bounds) => audit::Entry::Intent { draft: *draft, bounds },
        };
        let entries: Vec<audit::Entry> = entries.into_iter().map(entry).collect();
        let (audit, me, id) = (self.shared.audit.clone(), self.me.clone(), id.to_owned());
        tokio::spawn(async move {
            if let Some(counts) = counts {
                // Counts that cannot be written are lost with the hour that a crash may lose.
                drop(audit.append(vec![counts]).await);
            }
            let what = match audit.append(entries).await {
                Ok(seqs) => What::Appended(seqs),
                Err(AppendError::Refused(report)) => What::Forbidden(report),
                Err(e) => What::Unwritable(e.to_string()),
            };
            report(&me, Mail::Run(id, what)).await;
        });
    }

    /// Records the counts of what concluded nothing new.
    pub(super) fn flush_quiet(&mut self) {
        if let Some(counts) = self.quiet.take(&self.world.target.name, self.shared.clock.now()) {
            let audit = self.shared.audit.clone();
            tokio::spawn(async move { append_plain(&audit, counts).await });
        }
    }
}

/// The folded log as decisions see it: a `PAUSED` file counts as a pause of everything.
///
/// # Errors
/// When the log's writer is gone: then nothing may be decided either.
pub async fn history(audit: &Audit, data_dir: &Path) -> Result<Arc<History>, String> {
    let state = audit.state().await.ok_or("the audit log's writer is gone")?;
    Ok(with_paused_file(state.history, data_dir))
}

/// Adds the `PAUSED` file, if there is one, to the pauses of a history.
#[must_use]
pub fn with_paused_file(mut history: Arc<History>, data_dir: &Path) -> Arc<History> {
    if let Some(reason) = paused_by_file(data_dir) {
        let written = std::fs::metadata(data_dir.join("PAUSED")).and_then(|m| m.modified()).ok();
        let since = written.and_then(|at| Timestamp::try_from(at).ok()).unwrap_or(Timestamp::UNIX_EPOCH);
        let pause = Pause { actor: PAUSED_FILE.to_owned(), reason, since: to_micros(since), until: None };
        Arc::make_mut(&mut history).pauses.insert(Scope::default(), pause);
    }
    history
}

/// The first line of the file `PAUSED`, if it is there.
#[must_use]
pub fn paused_by_file(data_dir: &Path) -> Option<String> {
    let path = data_dir.join("PAUSED");
    match std::fs::symlink_metadata(&path) {
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => None,
        // What cannot be looked at is taken for a pause, as the log's writer does.
        Err(e) => Some(format!("{} cannot be looked at: {e}", path.display())),
        Ok(_) => {
            let text = std::fs::read_to_string(&path).unwrap_or_default();
            let line = text.lines().next().unwrap_or_default().trim();
            Some(if line.is_empty() { "no reason given".to_owned() } else { line.chars().take(200).collect() })
        }
    }
}

/// Appends one record; a log that cannot be written says so itself, loudly.
pub async fn append_plain(audit: &Audit, draft: Draft) {
    if let Err(e) = audit.append(vec![audit::Entry::Plain(draft)]).await {
        tracing::error!("a record could not be written: {e}");
    }
}

async fn report(me: &tokio::sync::mpsc::Sender<Mail>, letter: Mail) {
    // The task is gone only when pgmedic is; recovery reads the log then.
    drop(me.send(letter).await);
}

#[cfg(test)]
mod tests;
