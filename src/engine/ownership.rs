//! Who else has or had the right to act on a target: seen by every look, recorded before anything is decided by it.

use super::health::told;
use super::target::Shared;
use super::world::{World, address};
use crate::audit::{Audit, Entry};
use crate::config::Channel;
use crate::drivers::{Fault, TargetDriver};
use crate::model::query::{Act, ActAnswer};
use crate::model::record::{Draft, RecordKind};
use crate::model::right::{Change, Right, change};
use crate::model::time::to_micros;
use crate::model::{Answer, Ownership, Question, Server};
use async_trait::async_trait;
use std::sync::{Arc, PoisonError};
use tokio::sync::Mutex;
use tokio_util::sync::CancellationToken;

/// A target's driver under whose looks no change of hands goes by unrecorded.
pub(super) struct Witness {
    driver: Arc<dyn TargetDriver>,
    shared: Shared,
    target: String,
    /// Who hears of it; a reload may change that.
    told: std::sync::Mutex<Told>,
    /// What is known; none before the first look. One look at a time records.
    known: Mutex<Option<Known>>,
    /// The target that was last seen to act in this one's place, since the start.
    sibling: Mutex<Option<String>>,
}

/// Channels by name, and what each of them wants.
type Told = (Vec<String>, Arc<Vec<Channel>>);

/// As the log has it of this target, and only this witness changes it while it lives.
type Known = Option<Right>;

impl Witness {
    /// The driver of a target, not connected yet.
    pub(super) fn new(shared: &Shared, world: &World) -> Witness {
        Witness {
            driver: shared.connect.driver(&world.target, world.acts()),
            shared: shared.clone(),
            target: world.target.name.clone(),
            told: std::sync::Mutex::new((world.notify.clone(), world.channels.clone())),
            known: Mutex::new(None),
            sibling: Mutex::new(None),
        }
    }

    /// From now on others hear of it.
    pub(super) fn hears(&self, world: &World) {
        *self.told.lock().unwrap_or_else(PoisonError::into_inner) = (world.notify.clone(), world.channels.clone());
    }

    fn told(&self) -> Told {
        self.told.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    async fn note(&self, seen: &Ownership) -> Result<(), String> {
        self.note_sibling(seen).await?;
        let mut known = self.known.lock().await;
        let right = match &mut *known {
            Some(right) => right,
            None => known.insert(logged(&self.shared.audit, &self.target).await?),
        };
        let Some(change) = change(right.as_ref(), seen) else { return Ok(()) };
        let mut draft = self.record(&change);
        address(&self.told().1, &mut draft);
        tracing::warn!("{}", draft.reason.as_deref().unwrap_or_default());
        self.shared.audit.append(vec![Entry::Plain(draft)]).await.map_err(|e| e.to_string())?;
        *right = Some(change.right(to_micros(self.shared.clock.now())));
        Ok(())
    }

    /// Two targets that are one server are a slip of the pen: people are told at each start, not a daemon's log alone.
    async fn note_sibling(&self, seen: &Ownership) -> Result<(), String> {
        let mut known = self.sibling.lock().await;
        match seen {
            Ownership::Sibling(other) if known.as_ref() != Some(other) => {
                let target = &self.target;
                let headline = format!("target {target} is the same server as target {other}: only {other} acts there");
                let lines = vec![format!(
                    "{target} goes on deciding and recording, and touches nothing. Make one target of the two, or \
                     write `mode: observe` for one of them."
                )];
                let mut draft = told(target, &headline, lines);
                let (notify, channels) = self.told();
                draft.notify = notify;
                address(&channels, &mut draft);
                tracing::warn!("{headline}");
                self.shared.audit.append(vec![Entry::Plain(draft)]).await.map_err(|e| e.to_string())?;
                *known = Some(other.clone());
            }
            Ownership::Held | Ownership::Elsewhere(_) => *known = None,
            _ => {}
        }
        Ok(())
    }

    /// That another one acts there is no news to wake anybody for; that this one took over is: a daemon is gone.
    fn record(&self, change: &Change) -> Draft {
        let target = &self.target;
        match change {
            Change::StandsBy { holder } => {
                let mut draft = Draft {
                    target: Some(target.clone()),
                    actor: Some("daemon".to_owned()),
                    reason: Some(format!(
                        "target {target}: another session holds the right to act ({holder}); this pgmedic stands by"
                    )),
                    ..Draft::new(RecordKind::Lifecycle)
                };
                change.put_into(&mut draft);
                draft
            }
            Change::TookOver { holder } => {
                let headline = format!("target {target}: took over from another pgmedic");
                let lines = vec![
                    format!("It held the right to act and is gone from there: {holder}."),
                    "What it did last is in its own log. Here each playbook acts after 5m, or after its cooldown if \
                     that is longer; for an hour half of each hourly limit counts as spent."
                        .to_owned(),
                ];
                let mut draft = told(target, &headline, lines);
                change.put_into(&mut draft);
                draft.notify = self.told().0;
                draft
            }
        }
    }
}

async fn logged(audit: &Audit, target: &str) -> Result<Known, String> {
    let state = audit.state().await.ok_or("the audit log's writer is gone")?;
    Ok(state.history.rights.get(target).cloned())
}

#[async_trait]
impl TargetDriver for Witness {
    async fn server(&self) -> Result<Server, Fault> {
        let mut server = self.driver.server().await?;
        if let Err(why) = self.note(&server.ownership).await {
            // Nothing is done on what is not in the log; looking goes on.
            server.ownership = Ownership::Unknown(format!("that it changed hands cannot be recorded: {why}"));
        }
        Ok(server)
    }

    async fn ask(&self, question: &Question) -> Vec<Answer> {
        self.driver.ask(question).await
    }

    async fn act(&self, act: &Act, stop: &CancellationToken) -> Result<ActAnswer, Fault> {
        self.driver.act(act, stop).await
    }

    async fn close(&self) {
        self.driver.close().await;
    }
}
