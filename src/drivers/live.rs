//! Targets as they really are: PostgreSQL and PgBouncer over the network.

use super::around::Around;
pub use super::around::Variables;
use super::login::{self, Extra, Login};
use super::ownership::{self, Claim};
use super::seats::{Seat, Seats};
use super::session::{Instance, Session};
use super::settings::Purpose;
use super::{Connect, Fault, TargetDriver, facts};
use crate::config::{Target, Text};
use crate::model::query::{Act, ActAnswer};
use crate::model::{Answer, Names, Ownership, Question, Server};
use async_trait::async_trait;
use secrecy::{ExposeSecret, SecretString};
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, PoisonError};
use tokio::sync::Mutex;
use tokio_util::sync::CancellationToken;

/// Reads a text of the configuration; its errors name the reference, never a secret.
pub type Resolve = Arc<dyn Fn(&Text) -> Result<SecretString, String> + Send + Sync>;

/// Makes drivers for real targets.
#[derive(Clone)]
pub struct Live {
    resolve: Resolve,
    around: Around,
    /// Of the log that this process writes, for its sessions to be told apart from those of others.
    log: Option<i64>,
    seats: Seats,
}

impl Live {
    /// Secrets are resolved anew at each connect.
    #[must_use]
    pub fn new(resolve: Resolve) -> Live {
        Live { resolve, around: Around::default(), log: None, seats: Seats::default() }
    }

    /// The identity of the log that records what is done: another daemon has another one. Without it every other
    /// session is taken for another daemon's.
    #[must_use]
    pub fn with_log(mut self, log: &str) -> Live {
        self.log = Some(ownership::log_key(log));
        self
    }

    /// Relative paths in connection strings are seen from this folder: that of the configuration file.
    #[must_use]
    pub fn relative_to(mut self, base: impl Into<PathBuf>) -> Live {
        self.around.base = base.into();
        self
    }

    /// Variables are looked up here instead of in the process's environment.
    #[must_use]
    pub fn with_variables(mut self, variables: Variables) -> Live {
        self.around.variables = variables;
        self
    }
}

impl Connect for Live {
    fn driver(&self, target: &Target, acts: bool) -> Arc<dyn TargetDriver> {
        // Patterns are checked where the configuration is read; should one be none all the same, then no
        // database is meant, and not all.
        let databases = (!target.databases.is_empty()).then(|| Names::parse(&target.databases).unwrap_or_default());
        Arc::new(LiveTarget {
            live: self.clone(),
            target: target.clone(),
            acts,
            databases,
            server: std::sync::Mutex::default(),
            seat: std::sync::Mutex::default(),
            reading: Mutex::default(),
            acting: Mutex::default(),
            work: Mutex::default(),
            work_reading: Mutex::default(),
        })
    }

    fn leads(&self, target: &Target) -> Vec<Option<String>> {
        let leads = |dsn: &Text| {
            let dsn = (self.resolve)(dsn).ok()?;
            login::leads(dsn.expose_secret(), &self.around).ok()
        };
        let poolers = target.pgbouncer.iter().map(|pooler| &pooler.dsn);
        std::iter::once(&target.dsn).chain(poolers).map(leads).collect()
    }
}

/// One target. Each mutex holds a place where one statement runs at a time.
pub(super) struct LiveTarget {
    live: Live,
    pub(super) target: Target,
    pub(super) acts: bool,
    /// None: all.
    pub(super) databases: Option<Names>,
    /// The server of the reading connection, the last one if it is gone. Held for no longer than a look at it.
    server: std::sync::Mutex<Option<Instance>>,
    /// On the server of the acting connection, kept over its losses. Held for no longer than a look at it.
    seat: std::sync::Mutex<Option<Seat>>,
    pub(super) reading: Mutex<Standing>,
    pub(super) acting: Mutex<Standing>,
    pub(super) work: Mutex<()>,
    pub(super) work_reading: Mutex<()>,
}

/// A connection that stays open; opened when first needed and again after a loss.
#[derive(Default)]
pub(super) struct Standing {
    session: Option<Session>,
    /// To the right to act; made once a session.
    claim: Option<Claim>,
    /// The right to act was lost with a session, and no look has told of that yet.
    lost: bool,
}

impl Standing {
    /// The session, opened if there is none, with its own settings.
    pub(super) async fn ready(&mut self, target: &LiveTarget, purpose: Purpose) -> Result<&Session, Fault> {
        if purpose == Purpose::Reading {
            return self.reading(target).await;
        }
        // The reading connection may have moved since: what is acted on is what was looked at.
        let kept = self.kept().await?.filter(|s| target.is_beside(s));
        let session = if let Some(session) = kept {
            session
        } else {
            self.lost |= self.claim.take().is_some_and(|claim| claim.is_sure());
            target.open(None, purpose).await?
        };
        Ok(self.session.insert(session))
    }

    /// As [`Standing::ready`], for the connection that all others follow.
    async fn reading(&mut self, target: &LiveTarget) -> Result<&Session, Fault> {
        if let Some(session) = self.kept().await? {
            return Ok(self.session.insert(session));
        }
        let login = target.login(Purpose::Reading)?;
        let session = Session::open(&login, &login.database, Purpose::Reading).await?;
        target.moved(&session);
        Ok(self.session.insert(session))
    }

    async fn kept(&mut self) -> Result<Option<Session>, Fault> {
        let Some(session) = self.session.take().filter(|s| !s.is_gone()) else { return Ok(None) };
        // Here and not behind the statement that wanted others: also when its caller gave up on it.
        session.set_back().await?;
        Ok(Some(session))
    }

    /// Lets go of a session that a fault has made useless.
    pub(super) fn check<T>(&mut self, result: Result<T, Fault>) -> Result<T, Fault> {
        let lost = matches!(result, Err(Fault::Lost(_) | Fault::Unreachable(_)));
        if lost || self.session.as_ref().is_some_and(Session::is_gone) {
            self.session = None;
        }
        result
    }

    /// For a look: takes the right to act, or looks whether it is still held.
    async fn own(&mut self, target: &LiveTarget) -> Result<Ownership, Fault> {
        let held = self.try_own(target).await;
        let sure = self.claim.is_some_and(|claim| claim.is_sure());
        if held.is_err() && !sure {
            self.session = None;
        }
        let held = self.check(held)?;
        self.lost = false;
        Ok(held)
    }

    /// For an act: whether the right to act is here without a break since the target was last looked at. Somebody
    /// else may have had it in a break, and only a look tells of that.
    pub(super) async fn keep(&mut self, target: &LiveTarget) -> Result<Ownership, Fault> {
        self.ready(target, Purpose::Acting).await?;
        if !self.lost {
            return self.own(target).await;
        }
        let why = "the acting connection was lost, and with it the right to act; the next look asks for it again";
        Err(Fault::Unreachable(why.to_owned()))
    }

    /// The session that was just seen to hold the right to act; never a new one, which would not hold it.
    pub(super) fn owner(&self) -> Result<&Session, Fault> {
        let held = self.session.as_ref().filter(|s| !s.is_gone());
        held.ok_or_else(|| {
            Fault::Unreachable("the acting connection was lost, and with it the right to act".to_owned())
        })
    }

    async fn try_own(&mut self, target: &LiveTarget) -> Result<Ownership, Fault> {
        self.ready(target, Purpose::Acting).await?;
        let Standing { session: Some(session), claim, .. } = self else {
            return Err(Fault::Unreachable("there is no acting connection".to_owned()));
        };
        let claim = match claim {
            Some(claim) => claim,
            None => claim.insert(Claim::new(&facts::system_identifier(session).await?, target.live.log)),
        };
        // Before the lock: of two targets on one server the second must not even ask for it.
        match target.sit(&session.server) {
            Ok(()) => ownership::hold(session, claim).await,
            Err(other) => Ok(Ownership::Sibling(other)),
        }
    }
}

impl LiveTarget {
    /// Reads the connection string and its secrets anew.
    pub(super) fn login(&self, purpose: Purpose) -> Result<Login, Fault> {
        let acts = matches!(purpose, Purpose::Acting | Purpose::Work);
        let act_as = self.target.act_as.as_ref().filter(|_| acts);
        let extra = match act_as {
            Some(other) => (Some(other.user.clone()), other.password.as_ref()),
            None => (None, self.target.password.as_ref()),
        };
        self.read_login(&self.target.dsn, extra.0, extra.1)
    }

    /// A session where the reading connection is: several hosts, a balancer or a name with several addresses
    /// may lead elsewhere, and what was looked at in one server must not be done in another.
    ///
    /// # Errors
    /// When it cannot be opened, or only in another server.
    pub(super) async fn open(&self, database: Option<&str>, purpose: Purpose) -> Result<Session, Fault> {
        let seat = self.reading.lock().await.reading(self).await?.seat.clone();
        let mut login = self.login(purpose)?;
        login.stay_at(&seat);
        let session = Session::open(&login, database.unwrap_or(&login.database), purpose).await?;
        if self.is_beside(&session) {
            return Ok(session);
        }
        let why = format!(
            "the login {} reached another server than the one that was looked at ({}): nothing is sent there. Name \
             each server by its own host and port, not by a balancer",
            login.title(),
            seat.address.map_or(seat.title.clone(), |a| format!("{} at {a}", seat.title)),
        );
        Err(Fault::Unreachable(why))
    }

    /// Whether a session is in the same server as the reading connection.
    fn is_beside(&self, session: &Session) -> bool {
        let server = self.server.lock().unwrap_or_else(PoisonError::into_inner);
        server.as_ref().is_none_or(|server| *server == session.server)
    }

    /// Whether this target is the one that may ask for the right to act on a server; else the one that may.
    fn sit(&self, server: &Instance) -> Result<(), String> {
        let mut seat = self.seat.lock().unwrap_or_else(PoisonError::into_inner);
        if seat.as_ref().is_some_and(|seat| seat.is_on(server)) {
            return Ok(());
        }
        *seat = None;
        *seat = Some(self.live.seats.take(server, &self.target.name)?);
        Ok(())
    }

    fn moved(&self, session: &Session) {
        *self.server.lock().unwrap_or_else(PoisonError::into_inner) = Some(session.server.clone());
    }

    /// The console of one pooler.
    pub(super) fn console(&self, pooler: &crate::config::PgBouncer) -> Result<Login, Fault> {
        self.read_login(&pooler.dsn, None, pooler.password.as_ref())
    }

    /// Where each console is. One whose login cannot be read now is left out: that look does not tell where it is.
    fn poolers(&self) -> BTreeMap<String, String> {
        let place = |pooler: &crate::config::PgBouncer| {
            let login = self.console(pooler).ok()?;
            let places: Vec<&str> = login.places.iter().map(|p| p.title.as_str()).collect();
            Some((pooler.name.clone(), places.join(",")))
        };
        self.target.pgbouncer.iter().filter_map(place).collect()
    }

    fn read_login(&self, dsn: &Text, user: Option<String>, password: Option<&Text>) -> Result<Login, Fault> {
        let resolve = |text: &Text| (self.live.resolve)(text);
        let read = || {
            let password = password.map(resolve).transpose()?;
            login::read(resolve(dsn)?.expose_secret(), Extra { user, password }, &self.live.around)
        };
        read().map_err(Fault::Unreachable)
    }

    async fn ownership(&self) -> Ownership {
        if !self.acts {
            return Ownership::NotNeeded;
        }
        // Looking and recording go on without the acting connection; acting does not.
        let held = self.acting.lock().await.own(self).await;
        held.unwrap_or_else(|fault| Ownership::Unknown(fault.to_string()))
    }

    fn acting_user(&self) -> Result<String, Fault> {
        match &self.target.act_as {
            Some(login) => Ok(login.user.clone()),
            None => Ok(self.login(Purpose::Reading)?.user),
        }
    }
}

#[async_trait]
impl TargetDriver for LiveTarget {
    async fn server(&self) -> Result<Server, Fault> {
        let acting_user = self.acting_user()?;
        let mut server = {
            let mut reading = self.reading.lock().await;
            let session = reading.ready(self, Purpose::Reading).await?;
            let looked = facts::look(session, &acting_user, self.databases.as_ref()).await;
            reading.check(looked)?
        };
        server.ownership = self.ownership().await;
        server.poolers = self.poolers();
        Ok(server)
    }

    async fn ask(&self, question: &Question) -> Vec<Answer> {
        super::ask::ask(self, question).await
    }

    async fn act(&self, act: &Act, stop: &CancellationToken) -> Result<ActAnswer, Fault> {
        super::act::act(self, act, stop).await
    }

    async fn close(&self) {
        *self.reading.lock().await = Standing::default();
        *self.acting.lock().await = Standing::default();
        *self.seat.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }
}
