//! Pause and resume without a daemon: the order goes into the audit log, and the next start obeys it.

use super::global::{Failure, Global};
use super::output::Out;
use super::pause::covered;
use super::{reach, start};
use crate::audit::{Audit, Entry};
use crate::engine::api::PauseRequest;
use crate::http::access::Caller;
use crate::model::history::{PauseOrder, Scope};
use crate::model::record::{Draft, RecordKind};
use crate::model::{Timestamp, time};
use std::time::Duration;

/// Records a pause.
pub(super) async fn pause(global: &Global, out: &Out, request: &PauseRequest) -> Result<(), Failure> {
    check_names(global, out, &request.scope)?;
    // The record keeps microseconds, and people are shown what it keeps.
    let now = time::to_micros(Timestamp::now());
    let until = request.for_seconds.map(|s| time::after(now, Duration::from_secs(s)));
    let reason = if request.reason.is_empty() { "no reason given" } else { &request.reason };
    let audit = open(global).await?;
    let order = PauseOrder { order: "pause".to_owned(), scope: request.scope.clone(), until };
    append(audit, order, reason).await
}

/// Records the end of a pause of exactly this scope.
pub(super) async fn resume(global: &Global, scope: &Scope) -> Result<(), Failure> {
    let audit = open(global).await?;
    let pauses = audit.state().await.map(|s| s.history.pauses.clone()).unwrap_or_default();
    if !pauses.contains_key(scope) {
        audit.close().await;
        let there: Vec<String> = pauses.keys().map(covered).collect();
        let there =
            if there.is_empty() { "nothing is paused".to_owned() } else { format!("paused: {}", there.join(", ")) };
        return Err(Failure::trouble(format!("there is no pause of exactly {} ({there})", covered(scope))));
    }
    append(audit, PauseOrder { order: "resume".to_owned(), scope: scope.clone(), until: None }, "resumed").await
}

async fn open(global: &Global) -> Result<Audit, Failure> {
    start::audit(reach::data_dir(&global.config)?).await
}

async fn append(audit: Audit, order: PauseOrder, reason: &str) -> Result<(), Failure> {
    let draft = Draft {
        actor: Some(Caller::own().actor),
        target: order.scope.target.clone(),
        reason: Some(reason.to_owned()),
        // Strings and moments always serialise.
        evidence: Some(serde_json::to_value(order).unwrap_or_default()),
        ..Draft::new(RecordKind::Control)
    };
    let appended = audit.append(vec![Entry::Plain(draft)]).await;
    audit.close().await;
    appended.map(drop).map_err(|e| Failure::trouble(e.to_string()))
}

/// A pause of a name that is not there would only look like one. With a configuration that has faults
/// nobody can tell, and the pause counts more.
fn check_names(global: &Global, out: &Out, scope: &Scope) -> Result<(), Failure> {
    if *scope == Scope::default() {
        return Ok(());
    }
    let Ok(loaded) = start::loaded(&global.config) else {
        out.note("The configuration has faults (`pgmedic lint`), so nobody checked that these names are there.");
        return Ok(());
    };
    let targets: Vec<&str> = loaded.config.targets.iter().map(|t| t.name.as_str()).collect();
    let playbooks: Vec<&str> = loaded.playbooks.iter().map(|p| p.name.as_str()).collect();
    known("target", scope.target.as_deref(), &targets)?;
    known("playbook", scope.playbook.as_deref(), &playbooks)
}

fn known(what: &str, name: Option<&str>, all: &[&str]) -> Result<(), Failure> {
    match name.filter(|name| !all.contains(name)) {
        Some(name) => Err(Failure::usage(format!("there is no {what} {name} (there are: {})", all.join(", ")))),
        None => Ok(()),
    }
}
