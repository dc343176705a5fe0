//! `pgmedic plan`.

use super::global::{Exit, Failure, Global};
use super::output::Out;
use super::{dsn, foreground, plan_text, reach};
use crate::engine::api::{PlanReport, PlanRequest};
use clap::Args;

/// Show what would be done now and why not; touches nothing
///
/// With --dsn no configuration is needed: the built-in playbooks look at your own database, read-only.
#[derive(Args, Debug)]
pub(super) struct Command {
    /// Only these playbooks
    #[arg(value_name = "PLAYBOOK")]
    playbooks: Vec<String>,
    /// Only this target
    #[arg(long, conflicts_with = "dsn")]
    target: Option<String>,
    /// Look at this server instead: a connection string (without its password: PGPASSWORD or ~/.pgpass)
    #[arg(long, value_name = "URL")]
    dsn: Option<String>,
    /// End with 2 when something would be done
    #[arg(long)]
    detailed_exitcode: bool,
}

impl Command {
    pub(super) async fn run(self, global: &Global, out: &Out) -> Result<Exit, Failure> {
        let request = PlanRequest { playbooks: self.playbooks, target: self.target };
        let reports = match &self.dsn {
            Some(dsn) => dsn::plan(dsn, &request).await?,
            None => match reach::daemon(global)? {
                Some(daemon) => daemon.plan(&request).await?,
                None => foreground::plan(global, out, &request).await?,
            },
        };
        out.list(&reports, |r| plan_text::plans(r, out.paint, out.width))?;
        Ok(exit(&reports, self.detailed_exitcode))
    }
}

fn exit(reports: &[PlanReport], detailed: bool) -> Exit {
    let blind = reports.iter().any(|r| plan_text::blind(r).is_some());
    let acts = reports.iter().any(PlanReport::would_act);
    match (blind, acts && detailed) {
        (true, _) => Exit::TROUBLE,
        (false, true) => Exit::WOULD_ACT,
        (false, false) => Exit::FINE,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn report(reason: &str, verdict: &str) -> PlanReport {
        let pool = json!({
            "key": "k", "title": "t", "kind": "pool", "pooler": "p", "database": "d", "user": "u", "waiting_clients": 1,
            "max_wait_seconds": 1.0, "active_servers": 1, "idle_servers": 0, "pool_size": 1, "own_size": false,
            "default_pool_size": 1, "pools_by_default": 1, "pools_total": 1, "direct_clients": 0, "usable_connections": 9
        });
        serde_json::from_value(json!({
            "target": "t", "playbook": "p", "about": "", "mode": "enforce", "verdict": verdict, "reason": reason,
            "guards": [], "candidates": [{"candidate": pool, "verdict": verdict, "reason": "", "guards": [], "ladder": []}]
        }))
        .unwrap()
    }

    #[test]
    fn the_exit_code_tells_scripts_what_they_asked_for() {
        assert_eq!(exit(&[report("2 found", "act")], false), Exit::FINE);
        assert_eq!(exit(&[report("2 found", "act")], true), Exit::WOULD_ACT);
        assert_eq!(exit(&[report("2 found", "observe")], true), Exit::FINE);
        let blind = [report("2 found", "act"), report("unreachable: connection refused", "skip")];
        assert_eq!(exit(&blind, true), Exit::TROUBLE, "a plan that could not look is not a plan");
    }
}
