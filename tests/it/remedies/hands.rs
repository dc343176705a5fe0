//! The plainest driver there can be: a connection for each statement. What finders and actions say is
//! sent to real servers without the engine in between.

use crate::support::{Cluster, PgBouncer};
use futures_util::stream::{self, StreamExt};
use pgmedic::actions::{Action, Judgement, Order};
use pgmedic::config::QueryText;
use pgmedic::finders::{Ask, Found};
use pgmedic::model::facts::Privileges;
use pgmedic::model::query::{Act, ActAnswer};
use pgmedic::model::{
    Answer, Candidate, Cell, Duration, Outcome, Ownership, Place, Question, Row, Server, Timestamp, Value,
};
use pgmedic::playbook::{Arg, Args, Param, ParamType};
use std::sync::{Arc, Mutex};
use tokio_postgres::types::{ToSql, Type};
use tokio_postgres::{AsyncMessage, Client, NoTls, SimpleQueryMessage};

pub struct Hands<'a> {
    cluster: &'a Cluster,
    pooler: Option<&'a PgBouncer>,
    pub server: Server,
}

impl Hands<'_> {
    pub fn of<'a>(cluster: &'a Cluster, pooler: Option<&'a PgBouncer>) -> Hands<'a> {
        let server = Server {
            version_num: i32::try_from(cluster.major()).unwrap() * 10_000,
            system_identifier: "1".to_owned(),
            timeline: 1,
            in_recovery: false,
            client_backends: 1,
            max_connections: 40,
            reserved_connections: 3,
            deadlock_timeout_milliseconds: 1_000,
            paused_by_role: None,
            privileges: Privileges { monitor: true, signal_backend: true },
            ownership: Ownership::Held,
            databases: vec!["app".to_owned(), "postgres".to_owned()],
        };
        Hands { cluster, pooler, server }
    }

    pub async fn find(&self, finder: &str, args: &Args, only: Option<&Candidate>) -> Found {
        let finder = pgmedic::finders::REGISTRY.iter().find(|f| f.spec().name == finder).unwrap();
        let ask = Ask { args, server: &self.server, only, query_text: QueryText::Redacted };
        let mut answers = Vec::new();
        for question in finder.questions(&ask) {
            answers.extend(self.ask(&question).await);
        }
        finder.read(&ask, &answers)
    }

    async fn ask(&self, question: &Question) -> Vec<Answer> {
        let (user, databases) = match &question.place {
            Place::Reading => ("pgmedic", vec!["postgres".to_owned()]),
            Place::EachDatabase => ("pgmedic", self.server.databases.clone()),
            Place::ReadIn(database) => ("pgmedic", vec![database.clone()]),
            Place::EachPooler | Place::Pooler(_) => return vec![self.console(question.name, &question.sql).await],
            place => panic!("no question belongs to {place:?}"),
        };
        let mut answers = Vec::new();
        for database in databases {
            let (client, _) = self.connect(user, &database).await;
            let rows = rows(&client, &question.sql, &question.params).await;
            let from = if question.place == Place::Reading { String::new() } else { database };
            answers.push(Answer { name: question.name, from, rows });
        }
        answers
    }

    async fn console(&self, name: &'static str, sql: &str) -> Answer {
        let client = self.pooler.expect("a pooler").connect("pgmedic", "pgbouncer").await;
        let messages = client.simple_query(sql).await.map_err(|e| format!("{e:?}"));
        let cells = |row: &tokio_postgres::SimpleQueryRow| {
            let cell = |i| row.get(i).map_or(Cell::Null, |t: &str| Cell::Text(t.to_owned()));
            Row(row.columns().iter().enumerate().map(|(i, c)| (c.name().to_owned(), cell(i))).collect())
        };
        let rows = messages.map(|all| {
            let row =
                |m: &SimpleQueryMessage| if let SimpleQueryMessage::Row(row) = m { Some(cells(row)) } else { None };
            all.iter().filter_map(row).collect()
        });
        Answer { name, from: "main".to_owned(), rows }
    }

    async fn connect(&self, user: &str, database: &str) -> (Client, Arc<Mutex<Vec<String>>>) {
        let (client, mut connection) = tokio_postgres::connect(&self.cluster.dsn(user, database), NoTls).await.unwrap();
        let warnings = Arc::new(Mutex::new(Vec::new()));
        let heard = Arc::clone(&warnings);
        tokio::spawn(async move {
            let mut messages = stream::poll_fn(move |cx| connection.poll_message(cx));
            while let Some(message) = messages.next().await {
                if let Ok(AsyncMessage::Notice(notice)) = message {
                    heard.lock().unwrap().push(notice.message().to_owned());
                }
            }
        });
        (client, warnings)
    }

    async fn act(&self, act: &Act) -> Result<ActAnswer, String> {
        let database = match &act.place {
            Place::Acting => "postgres",
            Place::WorkIn(database) => database,
            Place::Pooler(_) => {
                let rows = self.console("", &act.statement).await.rows?;
                return Ok(ActAnswer { sent: true, rows, warnings: Vec::new() });
            }
            place => panic!("no act belongs to {place:?}"),
        };
        let (client, warnings) = self.connect("pgmedic_act", database).await;
        for (name, value) in &act.settings {
            client.batch_execute(&format!("SET {name} = '{value}'")).await.map_err(|e| format!("{e:?}"))?;
        }
        if let Some(question) = &act.precondition
            && rows(&client, &question.sql, &question.params).await?.is_empty()
        {
            return Ok(ActAnswer::default());
        }
        let rows = rows(&client, &act.statement, &act.params).await?;
        let warnings = warnings.lock().unwrap().clone();
        Ok(ActAnswer { sent: true, rows, warnings })
    }

    /// Sends an action and looks for its effect, as the engine does.
    pub async fn carry_out(&self, action: &str, args: &Args, candidate: &Candidate) -> Result<Outcome, String> {
        let action = pgmedic::actions::by_name(action).unwrap();
        let order = self.order(args, candidate);
        let deed = action.deed(&order)?;
        let answer = self.act(&deed.act).await?;
        Ok(self.look(&deed.act, |seen| action.judge(&order, &answer, seen)).await)
    }

    /// Takes an action back, from the value that it found.
    pub async fn take_back(&self, action: &dyn Action, args: &Args, candidate: &Candidate) -> Outcome {
        let order = self.order(args, candidate);
        let before = action.deed(&order).unwrap().before.unwrap();
        let undo = action.undo(&order, &before).unwrap();
        let answer = self.act(&undo.act).await.unwrap();
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
            let seen = self.ask(&confirm.question).await.remove(0).rows.unwrap();
            judgement = judge(Some(&seen));
        }
    }

    fn order<'a>(&'a self, args: &'a Args, candidate: &'a Candidate) -> Order<'a> {
        let time_left = Duration::from_mins(10);
        Order { candidate, args, server: &self.server, run: "01JDQ0000000000000000000RN", playbook: "test", time_left }
    }
}

async fn rows(client: &Client, sql: &str, params: &[Value]) -> Result<Vec<Row>, String> {
    let types: Vec<Type> = params.iter().map(|p| typed(p).0).collect();
    let values: Vec<&(dyn ToSql + Sync)> = params.iter().map(|p| typed(p).1).collect();
    let statement = client.prepare_typed(sql, &types).await.map_err(|e| format!("{e:?}"))?;
    let rows = client.query(&statement, &values).await.map_err(|e| format!("{e:?}"))?;
    Ok(rows.iter().map(row).collect())
}

fn typed(value: &Value) -> (Type, &(dyn ToSql + Sync)) {
    match value {
        Value::Int4(n) => (Type::INT4, n),
        Value::Int8(n) => (Type::INT8, n),
        Value::Float8(x) => (Type::FLOAT8, x),
        Value::Text(t) => (Type::TEXT, t),
        Value::Oid(n) => (Type::OID, n),
        Value::Timestamp(t) => (Type::TIMESTAMPTZ, t),
    }
}

fn row(row: &tokio_postgres::Row) -> Row {
    let cell = |i: usize, ty: &Type| match *ty {
        Type::BOOL => row.get::<_, Option<bool>>(i).map(Cell::Bool),
        Type::INT4 => row.get::<_, Option<i32>>(i).map(|n| Cell::Int(n.into())),
        Type::INT8 => row.get::<_, Option<i64>>(i).map(Cell::Int),
        Type::OID => row.get::<_, Option<u32>>(i).map(|n| Cell::Int(n.into())),
        Type::FLOAT8 => row.get::<_, Option<f64>>(i).map(Cell::Float),
        Type::TIMESTAMPTZ => row.get::<_, Option<Timestamp>>(i).map(Cell::Time),
        _ => row.get::<_, Option<String>>(i).map(Cell::Text),
    };
    let columns = row.columns().iter().enumerate();
    Row(columns.map(|(i, c)| (c.name().to_owned(), cell(i, c.type_()).unwrap_or(Cell::Null))).collect())
}

/// Arguments as a playbook that names none would have them, and these.
pub fn args(params: &[Param], written: &[(&'static str, Arg)]) -> Args {
    let defaults = params.iter().filter_map(|p| {
        let arg = match p.ty {
            ParamType::Duration => Arg::Duration(pgmedic::model::time::parse_duration(p.default?).unwrap()),
            ParamType::Count { .. } => Arg::Count(p.default?.parse().unwrap()),
            _ => return None,
        };
        Some((p.name, arg))
    });
    Args(defaults.chain(written.iter().cloned()).collect())
}

/// As [`args`], by the finder's or action's name.
pub fn args_of(name: &str, written: &[(&'static str, Arg)]) -> Args {
    let catalogue = pgmedic::decide::catalogue();
    let params = catalogue.finder(name).map(|f| f.params).or_else(|| catalogue.action(name).map(|a| a.params));
    args(params.unwrap(), written)
}
