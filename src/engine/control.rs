//! The engine's answers to people and programs.

use super::api::{Control, PauseRequest, PlanReport, PlanRequest, Refusal, RunReport, RunRequest, Status, WhyReport};
use super::daemon::Core;
use super::orders;
use super::peek::{chosen, peek};
use crate::audit::query::{Filter, Listing, QueryError, Visit};
use crate::model::history::Scope;
use crate::model::time::in_words;
use crate::model::{History, Verdict};
use async_trait::async_trait;
use std::sync::Arc;

#[async_trait]
impl Control for Core {
    async fn status(&self) -> Status {
        self.status_now().await
    }

    async fn plan(&self, request: PlanRequest) -> Result<Vec<PlanReport>, Refusal> {
        let worlds = self.live.lock().await.worlds.clone();
        let history = self.history().await?;
        let mut reports = Vec::new();
        for (world, playbooks) in chosen(&worlds, &request)? {
            // Connections of its own, which take no lock: the target task's stay its own.
            let driver = self.shared.connect.driver(&world.target, false);
            for playbook in playbooks {
                reports.push(peek(&*driver, &*self.shared.clock, world, playbook, &history).await);
            }
            driver.close().await;
        }
        Ok(reports)
    }

    async fn run(&self, request: RunRequest, actor: &str) -> Result<RunReport, Refusal> {
        self.run_by_hand(request, actor).await
    }

    async fn why(&self, playbook: &str, target: &str) -> Result<WhyReport, Refusal> {
        let request = PlanRequest { playbooks: vec![playbook.to_owned()], target: Some(target.to_owned()) };
        let Some(plan) = self.plan(request).await?.pop() else {
            let request = RunRequest { playbook: playbook.to_owned(), target: target.to_owned(), mode: None };
            return Err(self.live.lock().await.unknown_playbook(&request));
        };
        let lines = self.why_lines(&plan).await;
        Ok(WhyReport { plan, lines })
    }

    async fn pause(&self, request: PauseRequest, actor: &str) -> Result<(), Refusal> {
        self.pause_by(request, actor).await
    }

    async fn resume(&self, scope: Scope, actor: &str) -> Result<(), Refusal> {
        let live = self.live.lock().await;
        let history = self.shared.audit.state().await.map(|s| s.history).unwrap_or_default();
        if !history.pauses.contains_key(&scope) {
            let there: Vec<String> = history.pauses.keys().map(orders::in_words).collect();
            let there =
                if there.is_empty() { "nothing is paused".to_owned() } else { format!("paused: {}", there.join(", ")) };
            return Err(Refusal::Invalid(format!(
                "there is no pause of exactly {} ({there})",
                orders::in_words(&scope)
            )));
        }
        self.append_told(&live, orders::resume(&scope, actor, &live.loaded.config.notify)).await
    }

    fn records(&self, filter: &Filter, visit: Visit) -> Result<Listing, QueryError> {
        self.shared.audit.list(filter, visit)
    }

    async fn reload(&self, actor: &str) -> Result<String, Refusal> {
        self.reload_by(actor).await
    }
}

impl Core {
    async fn history(&self) -> Result<Arc<History>, Refusal> {
        super::carry::history(&self.shared.audit, &self.shared.data_dir).await.map_err(Refusal::Unavailable)
    }

    /// When it is next due, what it did last, what would have to change.
    async fn why_lines(&self, plan: &PlanReport) -> Vec<String> {
        let mut lines = Vec::new();
        let now = self.shared.clock.now();
        let standings = self.standings().await;
        if let Some(standing) = standings.iter().find(|s| s.target.name == plan.target) {
            lines.push(match standing.next.get(&plan.playbook) {
                Some(at) => format!("Next due at {at:.0}, in {}.", in_words(crate::model::time::since(*at, now))),
                None => "It has no trigger here: it runs only by hand.".to_owned(),
            });
            if let Some(last) = standing.last.get(&plan.playbook) {
                lines.push(format!("Its last run: {last}."));
            }
        }
        lines.push(match plan.verdict {
            Verdict::Act if plan.would_act() => "Its next run acts.".to_owned(),
            Verdict::Quiet => "There is nothing to do: the finder lists no candidate.".to_owned(),
            Verdict::Observe => format!("To let it act, raise the ceiling that holds it: {}.", plan.reason),
            Verdict::Hold => "It waits for a person at each step.".to_owned(),
            _ => format!("What stands against it: {}.", plan.reason),
        });
        lines
    }
}
