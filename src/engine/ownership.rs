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
use std::sync::Arc;
use tokio::sync::Mutex;
use tokio_util::sync::CancellationToken;

/// A target's driver under whose looks no change of hands goes by unrecorded.
struct Witness {
    driver: Arc<dyn TargetDriver>,
    shared: Shared,
    target: String,
    notify: Vec<String>,
    channels: Arc<Vec<Channel>>,
    /// What is known; none before the first look. One look at a time records.
    known: Mutex<Option<Known>>,
}

/// As the log has it of this target, and only this witness changes it while it lives.
type Known = Option<Right>;

/// The driver of a target.
pub(super) fn driver(shared: &Shared, world: &World) -> Arc<dyn TargetDriver> {
    Arc::new(Witness {
        driver: shared.connect.driver(&world.target, world.acts()),
        shared: shared.clone(),
        target: world.target.name.clone(),
        notify: world.notify.clone(),
        channels: world.channels.clone(),
        known: Mutex::new(None),
    })
}

impl Witness {
    async fn note(&self, seen: &Ownership) -> Result<(), String> {
        let mut known = self.known.lock().await;
        let right = match &mut *known {
            Some(right) => right,
            None => known.insert(logged(&self.shared.audit, &self.target).await?),
        };
        let Some(change) = change(right.as_ref(), seen) else { return Ok(()) };
        let mut draft = self.record(&change);
        address(&self.channels, &mut draft);
        tracing::warn!("{}", draft.reason.as_deref().unwrap_or_default());
        self.shared.audit.append(vec![Entry::Plain(draft)]).await.map_err(|e| e.to_string())?;
        *right = Some(change.right(to_micros(self.shared.clock.now())));
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
                draft.notify.clone_from(&self.notify);
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
