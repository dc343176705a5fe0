//! What the engine does with finders and actions, without its decisions and records.

use crate::support::{Cluster, PgBouncer, driver, plain, target};
use pgmedic::actions::{Action, Judgement, Order};
use pgmedic::config::{self, QueryText};
use pgmedic::drivers::TargetDriver;
use pgmedic::finders::{Ask, Found};
use pgmedic::model::query::Act;
use pgmedic::model::{Candidate, Duration, Outcome, Row, Server};
use pgmedic::playbook::{Arg, Args, ParamType};
use std::sync::Arc;
use tokio_util::sync::CancellationToken;

/// One target, reached by two roles as in earnest.
pub struct Hands {
    driver: Arc<dyn TargetDriver>,
    pub server: Server,
}

impl Hands {
    pub async fn on(cluster: &Cluster, pooler: Option<&PgBouncer>) -> Hands {
        let mut target = target(&cluster.dsn("pgmedic", "postgres"));
        target.act_as = Some(config::Login { user: "pgmedic_act".to_owned(), password: None });
        let console = |p: &PgBouncer| config::PgBouncer {
            name: "main".to_owned(),
            dsn: plain(&p.dsn("pgmedic", "pgbouncer")),
            password: None,
        };
        target.pgbouncer = pooler.into_iter().map(console).collect();
        let driver = driver(&target, true);
        let server = driver.server().await.unwrap();
        Hands { driver, server }
    }

    pub async fn find(&self, finder: &str, args: &Args, only: Option<&Candidate>) -> Found {
        let finder = pgmedic::finders::REGISTRY.iter().find(|f| f.spec().name == finder).unwrap();
        let ask = Ask { args, server: &self.server, only, query_text: QueryText::Redacted };
        let mut answers = Vec::new();
        for question in finder.questions(&ask) {
            answers.extend(self.driver.ask(&question).await);
        }
        finder.read(&ask, &answers)
    }

    /// Sends an action and looks for its effect.
    ///
    /// # Errors
    /// Why the action cannot help this candidate.
    pub async fn carry_out(&self, action: &str, args: &Args, candidate: &Candidate) -> Result<Outcome, String> {
        let action = pgmedic::actions::by_name(action).unwrap();
        let order = self.order(args, candidate);
        let deed = action.deed(&order)?;
        let answer = self.driver.act(&deed.act, &CancellationToken::new()).await.unwrap();
        Ok(self.look(&deed.act, |seen| action.judge(&order, &answer, seen)).await)
    }

    /// Takes an action on what was found back, as it is seen now.
    pub async fn take_back(&self, action: &dyn Action, found: &Candidate, now: &Candidate) -> Outcome {
        let args = Args::default();
        let before = action.deed(&self.order(&args, found)).unwrap().before.unwrap();
        let order = self.order(&args, now);
        let undo = action.undo(&order, &before).unwrap();
        let answer = self.driver.act(&undo.act, &CancellationToken::new()).await.unwrap();
        self.look(&undo.act, |seen| action.judge_undo(&order, &before, &answer, seen)).await
    }

    async fn look(&self, act: &Act, judge: impl Fn(Option<&[Row]>) -> Judgement) -> Outcome {
        let mut judgement = judge(None);
        let confirm = act.confirm.as_ref().unwrap();
        let started = std::time::Instant::now();
        loop {
            match judgement {
                Judgement::Ended(outcome) => return outcome,
                Judgement::NotYet(outcome) if started.elapsed() > confirm.within => return outcome,
                Judgement::NotYet(_) => tokio::time::sleep(confirm.every).await,
            }
            let seen = self.driver.ask(&confirm.question).await.remove(0).rows.unwrap();
            judgement = judge(Some(&seen));
        }
    }

    fn order<'a>(&'a self, args: &'a Args, candidate: &'a Candidate) -> Order<'a> {
        let time_left = Duration::from_mins(10);
        Order { candidate, args, server: &self.server, run: "01JDQ0000000000000000000RN", playbook: "test", time_left }
    }
}

/// Arguments of a finder or an action as a playbook that names none would have them, and these.
pub fn args_of(name: &str, written: &[(&'static str, Arg)]) -> Args {
    let catalogue = pgmedic::decide::catalogue();
    let params = catalogue.finder(name).map(|f| f.params).or_else(|| catalogue.action(name).map(|a| a.params));
    let defaults = params.unwrap().iter().filter_map(|p| {
        let arg = match p.ty {
            ParamType::Duration => Arg::Duration(pgmedic::model::time::parse_duration(p.default?).unwrap()),
            ParamType::Count { .. } => Arg::Count(p.default?.parse().unwrap()),
            _ => return None,
        };
        Some((p.name, arg))
    });
    Args(defaults.chain(written.iter().cloned()).collect())
}
