//! The audit log as the outbox sees it.

use super::outbox::{self, Deps, Ledger, Network};
use crate::audit::{Audit, Entry, Status};
use crate::config::Channel;
use crate::decide::outbox::Outbox;
use crate::model::{Draft, Timestamp};
use async_trait::async_trait;
use std::sync::Arc;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

/// The log, and what of it was seen.
struct AuditLedger {
    audit: Audit,
    status: watch::Receiver<Status>,
}

#[async_trait]
impl Ledger for AuditLedger {
    async fn waiting(&self) -> Option<Outbox> {
        self.audit.state().await.map(|state| state.outbox)
    }

    async fn changed(&mut self) {
        if self.status.changed().await.is_err() {
            // The writer is gone; `waiting` says so next time, and nothing else ever will.
            std::future::pending::<()>().await;
        }
    }

    async fn record(&self, draft: Draft) -> Result<(), String> {
        self.audit.append(vec![Entry::Plain(draft)]).await.map(drop).map_err(|e| e.to_string())
    }

    fn log_id(&self) -> String {
        self.audit.log_id()
    }
}

/// Delivers the log's messages until told to stop.
pub async fn deliver(audit: Audit, channels: watch::Receiver<Arc<Vec<Channel>>>, stop: CancellationToken) {
    let ledger = AuditLedger { status: audit.watch(), audit };
    let deps =
        Deps { channels, resolve: Arc::new(super::load::resolve), carrier: Arc::new(Network), now: Timestamp::now };
    outbox::run(ledger, deps, stop).await;
}
