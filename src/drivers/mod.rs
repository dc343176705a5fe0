//! The doors to what lives outside: traits here, so that a simulation can stand in.

mod act;
pub mod address;
pub mod around;
mod ask;
mod attributes;
mod certificate;
mod facts;
mod fault;
mod give_way;
pub mod live;
mod login;
mod ownership;
pub mod passwords;
mod places;
mod pooler;
mod reach;
mod rows;
mod seats;
pub mod service;
mod session;
mod settings;
mod statement;
mod tls;
mod values;

use crate::model::query::{Act, ActAnswer};
use crate::model::{Answer, Question, Server};
use async_trait::async_trait;
use tokio_util::sync::CancellationToken;

/// Why a target could not be asked or acted on.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// Nothing was sent: no connection, a full server, a wrong password.
    #[error("{0}")]
    Unreachable(String),
    /// The server refused the statement; SQLSTATE and its own words.
    #[error("{message} (SQLSTATE {sqlstate})")]
    Refused {
        /// Five characters.
        sqlstate: String,
        /// The server's message, its hint behind it.
        message: String,
    },
    /// The deadline passed; the statement was cancelled on the server, and the server confirmed that.
    #[error("cancelled after {0}")]
    TimedOut(String),
    /// Told to stop; the statement was cancelled on the server, and the server confirmed that.
    #[error("cancelled because pgmedic was told to stop")]
    Stopped,
    /// Somebody waited for a lock that the statement held; it was cancelled on the server, and the server
    /// confirmed that. Who waited.
    #[error("cancelled to give way: {0} waited for a lock that it held")]
    GaveWay(String),
    /// The connection broke after the statement was sent: what came of it is not known.
    #[error("the connection was lost after the statement was sent: {0}")]
    Lost(String),
}

/// One target: a PostgreSQL server and its PgBouncers.
///
/// Two standing connections (reading, acting) are opened when first needed and again after a loss;
/// work sessions are opened for one question or one act and closed after it.
#[async_trait]
pub trait TargetDriver: Send + Sync {
    /// One look at the server itself.
    ///
    /// # Errors
    /// When it cannot be reached or does not answer in time.
    async fn server(&self) -> Result<Server, Fault>;

    /// One question to all places that it is meant for. A place that fails is an error inside its
    /// answer: the others still answer.
    async fn ask(&self, question: &Question) -> Vec<Answer>;

    /// Sends one act. It returns when the statement ended, its deadline passed or `stop` was
    /// cancelled, and in the last two cases only after the server let go of it.
    ///
    /// # Errors
    /// [`Fault`] tells whether anything was sent.
    async fn act(&self, act: &Act, stop: &CancellationToken) -> Result<ActAnswer, Fault>;

    /// Closes all connections; the right to act is given back.
    async fn close(&self);
}

/// Makes drivers for targets.
pub trait Connect: Send + Sync {
    /// A driver for one target, not yet connected. One that acts asks for the right to act;
    /// one that only observes takes no lock.
    fn driver(&self, target: &crate::config::Target, acts: bool) -> std::sync::Arc<dyn TargetDriver>;

    /// Where such a driver would go if it connected now: to the server, and to each PgBouncer in their order. Two that
    /// are equal lead to the same place in the same way. No passwords are in it, which each connect reads anew; none
    /// for what cannot be read at this moment.
    fn leads(&self, target: &crate::config::Target) -> Vec<Option<String>>;
}
