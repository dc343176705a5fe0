//! `plan --dsn`: the built-in playbooks against any server, without a configuration.

use super::global::Failure;
use super::start;
use crate::config::{Ceilings, Config, Limits, QueryText, Target, Text};
use crate::decide::catalogue;
use crate::engine::api::{PlanReport, PlanRequest, Refusal};
use crate::engine::load::{Loaded, Sources, builtin};
use crate::engine::peek;
use crate::model::{History, Kind, Mode, Protect, Verdict};
use crate::playbook::Playbook;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;
use tracing_subscriber::filter::LevelFilter;

/// A person is waiting.
const DEADLINE: Duration = Duration::from_secs(10);
/// What the only target is called.
const NAME: &str = "database";

/// What would be done there now: each playbook by itself, so that a slow one hides no other.
pub(super) async fn plan(dsn: &str, request: &PlanRequest) -> Result<Vec<PlanReport>, Failure> {
    start::logging(LevelFilter::WARN);
    let url = dsn.starts_with("postgresql://") || dsn.starts_with("postgres://");
    if !url && !dsn.contains('=') {
        let what = "--dsn wants a connection string, for example postgresql://me@db1/postgres or \"host=db1 user=me\"";
        return Err(Failure::usage(what));
    }
    let loaded = Loaded {
        config: config(dsn),
        playbooks: builtin(&catalogue()),
        changed: BTreeMap::new(),
        warnings: Vec::new(),
        sources: Sources::default(),
    };
    let names = if request.playbooks.is_empty() {
        loaded.playbooks.iter().map(|p| p.name.clone()).collect()
    } else {
        request.playbooks.clone()
    };
    let each = names.iter().map(|name| one(&loaded, name));
    let plans: Result<Vec<Vec<PlanReport>>, Refusal> = futures_util::future::join_all(each).await.into_iter().collect();
    Ok(plans?.into_iter().flatten().map(|report| without_poolers(&loaded, report)).collect())
}

/// "Nothing found" would be a lie where nobody could look: a connection string names no PgBouncer.
fn without_poolers(loaded: &Loaded, mut report: PlanReport) -> PlanReport {
    let pools = |p: &Playbook| p.name == report.playbook && p.find.finder.kind == Kind::Pool;
    if report.verdict == Verdict::Quiet && loaded.playbooks.iter().any(pools) {
        report.reason =
            String::from("not looked at: a connection string names no PgBouncer, `pgbouncer` in pgmedic.yaml does");
    }
    report
}

async fn one(loaded: &Loaded, playbook: &str) -> Result<Vec<PlanReport>, Refusal> {
    let request = PlanRequest { playbooks: vec![playbook.to_owned()], target: None };
    let live = start::live();
    let looked = tokio::time::timeout(DEADLINE, peek::plan(loaded, &live, &request, &History::default())).await;
    looked.unwrap_or_else(|_| Ok(vec![late(loaded, playbook)]))
}

fn late(loaded: &Loaded, playbook: &str) -> PlanReport {
    let about = loaded.playbooks.iter().find(|p| p.name == playbook).map(|p| p.about.clone());
    PlanReport {
        target: NAME.to_owned(),
        playbook: playbook.to_owned(),
        about: about.unwrap_or_default(),
        mode: Mode::Observe,
        verdict: Verdict::Skip,
        reason: format!("unreachable: no answer within {} s", DEADLINE.as_secs()),
        guards: Vec::new(),
        candidates: Vec::new(),
        beyond_limit: 0,
        unreadable: Vec::new(),
    }
}

/// All defaults and one target. Nothing here can act, whatever the mode; with the highest ceilings the
/// plan names what the playbooks themselves say.
fn config(dsn: &str) -> Config {
    let target = Target { mode: Mode::Enforce, ..Target::new(NAME, Text::Plain(dsn.to_owned().into())) };
    Config {
        revision: None,
        mode: Mode::Enforce,
        data_dir: PathBuf::new(),
        timezone: "UTC".to_owned(),
        notify: Vec::new(),
        socket_roles: BTreeMap::new(),
        targets: vec![target],
        target_files: Vec::new(),
        protect: Protect::default(),
        limits: Limits::default(),
        ceilings: Ceilings::default(),
        windows: BTreeMap::new(),
        freezes: Vec::new(),
        channels: Vec::new(),
        query_text: QueryText::default(),
        playbook_files: Vec::new(),
        digest: String::new(),
        text: String::new(),
        file: PathBuf::new(),
    }
}
